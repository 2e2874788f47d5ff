"""Bits per byte: the one place where the bytes of a token are counted (record-spec, Bytes of a token).

A token counts the UTF-8 length of its piece without the leading ▁, and one more for that ▁ if the token before it is
not a control, unknown or unused one. Byte pieces count 1; control, unknown and unused pieces 0, though their loss
counts. These are bytes of the *normalized* text (NFKC, no extra whitespace), not of the raw one.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sentencepiece import SentencePieceProcessor

from tritgolf.data.tokenizer import SPACE, load_tokenizer
from tritgolf.errors import InputError


@dataclass(frozen=True)
class TokenBytes:
    """Three tables over the vocabulary, (pieces,): bytes without the space (int64), leading space, writes no text."""

    text_bytes: npt.NDArray[np.int64]
    leading_space: npt.NDArray[np.bool_]
    silent: npt.NDArray[np.bool_]

    @property
    def vocab_size(self) -> int:
        """Pieces in the vocabulary."""
        return len(self.text_bytes)

    def byte_counts(self, previous: npt.NDArray[np.integer], tokens: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Bytes of each of ``tokens`` given the token before it: int64, of their shape."""
        return self.text_bytes[tokens] + (self.leading_space[tokens] & ~self.silent[previous])


def token_bytes(model: str | Path | SentencePieceProcessor) -> TokenBytes:
    """The tables of a SentencePiece model (its path, or one already loaded)."""
    processor = model if isinstance(model, SentencePieceProcessor) else load_tokenizer(model)
    size = processor.vocab_size()
    text_bytes, leading_space, silent = np.zeros(size, np.int64), np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    for token in range(size):
        if processor.is_control(token) or processor.is_unknown(token) or processor.is_unused(token):
            silent[token] = True
        elif processor.is_byte(token):
            text_bytes[token] = 1
        else:
            piece = processor.id_to_piece(token)
            leading_space[token] = piece.startswith(SPACE)
            text_bytes[token] = len(piece.removeprefix(SPACE).encode())
    return TokenBytes(text_bytes, leading_space, silent)


def bits_per_byte(mean_nats: float, tokens: int, bytes_: int) -> float:
    """BPB = mean nats / ln 2 × tokens / bytes, for ``tokens`` scored tokens that write ``bytes_`` bytes.

    Raises ``InputError`` where nothing is written: a text of control tokens alone has no bits per byte.
    """
    if not bytes_:
        raise InputError("text to score", "holds control tokens alone, which write no bytes", "give shards of text")
    return mean_nats / math.log(2) * tokens / bytes_
