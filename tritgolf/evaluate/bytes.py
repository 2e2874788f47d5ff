"""Bits per byte: the one place where the bytes of a token are counted, in two ways.

*Raw*: the UTF-8 bytes of the text that the token stands for (``tritgolf.data.byte_counts``). *Published*: what the
published code counts by token ids alone (record-spec, Bytes of a token): the UTF-8 length of the token's piece, a ▁ in
it counted as the space that it stands for, and a leading one only if the token before it is not a control, unknown or
unused one. Byte pieces count 1; control and unused pieces 0, though their loss counts. These are bytes of the
*normalized* text (NFKC, no extra whitespace): where raw ones are known they decide.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sentencepiece import SentencePieceProcessor

from tritgolf.config.types import ByteCounting
from tritgolf.data.byte_counts import unknown_tokens
from tritgolf.data.spaces import SPACE, first_space_counts
from tritgolf.data.tokenizer import load_tokenizer
from tritgolf.errors import InputError


@dataclass(frozen=True)
class TokenBytes:
    """The published counting: tables over the vocabulary, (pieces,).

    Bytes without a leading space (int64), whether there is one, whether the token is of no text (a space behind it is
    the tokenizer's own), whether it is the unknown one (None: there is none).
    """

    text_bytes: npt.NDArray[np.int64]
    leading_space: npt.NDArray[np.bool_]
    silent: npt.NDArray[np.bool_]
    unknown: npt.NDArray[np.bool_] | None = None

    @property
    def vocab_size(self) -> int:
        """Pieces in the vocabulary."""
        return len(self.text_bytes)

    def byte_counts(self, previous: npt.NDArray[np.integer], tokens: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Bytes of each of ``tokens`` given the token before it: int64, of their shape.

        Raises ``InputError`` for unknown tokens: a tokenizer without byte pieces doesn't say what they stand for.
        """
        if self.unknown is not None and (found := int(np.count_nonzero(self.unknown[tokens]))):
            raise unknown_tokens("text", found, tokens.size)
        return self.text_bytes[tokens] + (self.leading_space[tokens] & ~self.silent[previous])


class Bytes(NamedTuple):
    """Bytes of the same tokens by both countings; ``raw`` is None where it is not known."""

    raw: int | None
    published: int

    @property
    def counted(self) -> int:
        """What bits per byte divide by: raw bytes wherever they are known."""
        return self.published if self.raw is None else self.raw

    @property
    def counting(self) -> ByteCounting:
        """Which of the two that is."""
        return "published" if self.raw is None else "raw"


@dataclass(frozen=True)
class TextBytes:
    """Both countings of one text: the tokenizer's ``pieces``, and the ``raw`` bytes of each token (uint16) or None."""

    pieces: TokenBytes
    raw: npt.NDArray[np.uint16] | None = None

    def of(self, tokens: npt.NDArray[np.integer], targets: npt.NDArray[np.int64]) -> Bytes:
        """Bytes of the tokens behind the positions ``targets`` of the text ``tokens``."""
        published = int(self.pieces.byte_counts(tokens[targets], tokens[targets + 1]).sum())
        raw = None if self.raw is None else int(self.raw[targets + 1].sum(dtype=np.int64))
        return Bytes(raw, published)


def token_bytes(model: str | Path | SentencePieceProcessor) -> TokenBytes:
    """The tables of a SentencePiece model (its path, or one already loaded).

    Raises ``InputError`` for a model whose tokens don't tell their bytes (``tritgolf.data.spaces``).
    """
    processor = model if isinstance(model, SentencePieceProcessor) else load_tokenizer(model)
    where = "tokenizer" if isinstance(model, SentencePieceProcessor) else model
    own_first_space = not first_space_counts(processor, where)
    size = processor.vocab_size()
    text_bytes, leading_space = np.zeros(size, np.int64), np.zeros(size, np.bool_)
    silent, unknown = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    for token in range(size):
        unknown[token] = processor.is_unknown(token)
        if processor.is_control(token) or unknown[token] or processor.is_unused(token):
            silent[token] = own_first_space
        elif processor.is_byte(token):
            text_bytes[token] = 1
        else:
            piece = processor.id_to_piece(token)
            leading_space[token] = piece.startswith(SPACE)
            text_bytes[token] = len(piece.replace(SPACE, " ").encode()) - leading_space[token]
    return TokenBytes(text_bytes, leading_space, silent, unknown)


def bits_per_byte(mean_nats: float, tokens: int, bytes_: int) -> float:
    """BPB = mean nats / ln 2 × tokens / bytes, for ``tokens`` scored tokens that write ``bytes_`` bytes.

    Raises ``InputError`` where nothing is written: a text of control tokens alone has no bits per byte.
    """
    if not bytes_:
        raise InputError("text to score", "holds control tokens alone, which write no bytes", "give shards of text")
    return mean_nats / math.log(2) * tokens / bytes_


def unigram_bpb(tokens: npt.NDArray[np.integer], sizes: TextBytes) -> float:
    """Bits per byte of an oracle that knows how often each target occurs and nothing else: a model must beat it."""
    targets = np.asarray(tokens[1:])
    counts = np.unique(targets, return_counts=True)[1]
    shares = counts / counts.sum()
    nats = float(-(shares * np.log(shares)).sum())
    return bits_per_byte(nats, len(targets), sizes.of(tokens, np.arange(len(targets))).counted)
