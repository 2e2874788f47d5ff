"""A model out of an artifact, to be called, talked to and scored."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentencepiece import SentencePieceProcessor
from torch import Tensor, nn

from tritgolf.artifact.header import Artifact, ArtifactHeader
from tritgolf.artifact.named import artifact_of, scorable
from tritgolf.config.evaluate import SlidingSettings
from tritgolf.errors import InputError
from tritgolf.evaluate.bytes import TokenBytes, bits_per_byte, token_bytes
from tritgolf.evaluate.load import reloaded_network
from tritgolf.evaluate.methods import make_method
from tritgolf.model.network import device_of
from tritgolf.resources import records_folder
from tritgolf.use.generate import Sampling, TextStream, continuation
from tritgolf.use.tokenizers import encoded, encoded_to_score, tokenizer_of

BATCH = 16  # windows scored at a time


class Model(nn.Module):
    """The reloaded network of an artifact, in evaluation mode; ``artifact``: what was read, with its ``header``."""

    def __init__(self, artifact: Artifact, tokenizer: str | Path | None = None) -> None:
        super().__init__()
        self.artifact = scorable(artifact)
        self.network: Any = reloaded_network(artifact)
        self.given_tokenizer = tokenizer
        if tokenizer is not None:
            self.tokenizer  # noqa: B018  (a wrong one is an error at once)

    @property
    def header(self) -> ArtifactHeader:
        """What the artifact says of itself: record, seed, step, the model's settings, the tokenizer's digest."""
        return self.artifact.header

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return device_of(self.network)

    @cached_property
    def tokenizer(self) -> SentencePieceProcessor:
        """The tokenizer: the given one, else that with the artifact's digest which lies near it. ``InputError``."""
        return tokenizer_of(self.artifact, self.given_tokenizer)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (batch, positions, vocabulary), FP32, of the token after each; ``tokens``: int64 (batch, positions).

        ``InputError`` for more positions than the model's context, and for ids beyond its vocabulary.
        """
        if tokens.ndim != 2 or not 1 <= tokens.shape[1] <= self.header.model.context:
            most = self.header.model.context
            raise InputError("tokens", f"have the shape {tuple(tokens.shape)}", f"give (batch, 1 to {most} positions)")
        self._check_vocabulary(int(tokens.min()), int(tokens.max()))
        hidden = self.network(tokens)
        logits: Tensor = self.network.head().logits(hidden.flatten(0, 1))
        return logits.unflatten(0, tokens.shape)

    def stream(
        self, prompt: str = "", tokens: int = 200, *, temperature: float = 0.8, top_k: int | None = None, seed: int = 0
    ) -> Iterator[str]:
        """What follows ``prompt``, as it is written: up to ``tokens`` tokens, fewer where the document ends.

        ``temperature`` 0 takes the likeliest token. ``InputError`` for a prompt that the tokenizer can't encode.
        """
        text = encoded(self.tokenizer, prompt, "prompt")
        written = TextStream(self.tokenizer, list(text))
        sampling = Sampling(temperature, top_k, seed)
        for token in continuation(self.network, text, tokens, sampling, self.tokenizer.bos_id()):
            yield written.add(token)
        yield written.rest()

    def generate(
        self, prompt: str = "", tokens: int = 200, *, temperature: float = 0.8, top_k: int | None = None, seed: int = 0
    ) -> str:
        """All of ``stream`` in one: the continuation, without the prompt."""
        return "".join(self.stream(prompt, tokens, temperature=temperature, top_k=top_k, seed=seed))

    def bits_per_byte(self, text: str, stride: int | None = None) -> float:
        """Bits a byte of ``text``, as one document; sliding windows, ``stride`` apart (None: half a context).

        Every token is scored once. The bytes are those of the tokens ("published bytes" of an evaluation, which heads
        its report): of the text as the tokenizer keeps it, NFKC, with white space squeezed and none at either end. What
        no token tells lowers no score. An evaluation's raw bytes count all of a text, so its BPB by them is lower.
        ``InputError`` for a text without a token (empty, or white space alone), and what the tokenizer can't encode.
        """
        tokens = encoded_to_score(self.tokenizer, text, "text")
        nats = self.token_nats(tokens, stride)
        ids = np.array(tokens)
        return bits_per_byte(float(nats.mean()), len(nats), int(self._bytes.byte_counts(ids[:-1], ids[1:]).sum()))

    @cached_property
    def _bytes(self) -> TokenBytes:
        return token_bytes(self.tokenizer)

    def token_nats(self, tokens: list[int], stride: int | None = None) -> np.ndarray:
        """Nats (FP64) of each token but the first, given those before it that a sliding window shows.

        ``InputError`` for fewer than two tokens, and for ids beyond the vocabulary.
        """
        if len(tokens) < 2:
            raise InputError("tokens", f"are {len(tokens)}, and the first has no score", "give 2 or more")
        self._check_vocabulary(min(tokens), max(tokens))
        context = self.header.model.context
        chosen = max(1, context // 2) if stride is None else stride
        if not 1 <= chosen <= context:
            raise InputError("stride", f"{chosen} is not possible", f"give 1 to {context}, the window")
        method = make_method(SlidingSettings(kind="sliding", stride=chosen, rule="every_token"), BATCH)
        return method.token_nats(self.network, np.array([tokens]))[0]

    def _check_vocabulary(self, first: int, last: int) -> None:
        if first < 0 or last >= self.header.model.vocab_size:
            raise InputError("tokens", "are not all of the vocabulary", f"give 0 to {self.header.model.vocab_size - 1}")


def load(
    path: str | Path,
    tokenizer: str | Path | None = None,
    *,
    record: str | None = None,
    device: str | torch.device | None = None,
) -> Model:
    """The model of an artifact: ours, or a published one that is read (``tritgolf inspect``).

    ``tokenizer``: a SentencePiece model (None: the one near the artifact, by digest, when it is first needed).
    ``record``: of a published file, which record it is of (None: recognized by its tensors). ``device``: None for the
    GPU, if there is one, else the CPU. ``InputError``, one line, for what can't be read.
    """
    model = Model(artifact_of(path, record, records_folder()), tokenizer)
    model.eval().requires_grad_(False)
    return model if device is None else model.to(device)
