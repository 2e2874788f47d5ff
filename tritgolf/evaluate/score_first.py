"""Score-first test-time training (#1716): each chunk of the text is scored, then trained on, by a copy of the network.

Every target is scored once, by weights that have seen earlier targets alone: a window belongs to the chunk in which its
first scored target lies, so all targets of a chunk have their score before it is trained on.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from tritgolf.config.evaluate import ScoreFirstSettings
from tritgolf.data.shards import Tokens
from tritgolf.evaluate.windowed import Adaptation, Scorer, Scores, joined
from tritgolf.evaluate.windows import Windows
from tritgolf.model.loss import nats_of
from tritgolf.model.network import Network, device_of

MOMENTUM = 0.9
CLIP_NORM = 1.0


class Ranks(Protocol):
    """Processes that share windows and sequences: ``train.distributed.Ranks`` and ``gather``."""

    rank: int
    world: int

    def average_(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by its mean over ranks."""

    def gather(self, value: Any) -> list[Any]:
        """The ``value`` of every rank, in rank order, on every rank."""
        ...


class Alone:
    """One process by itself."""

    rank, world = 0, 1

    def average_(self, tensors: list[Tensor]) -> None:
        """The mean of one."""

    def gather(self, value: Any) -> list[Any]:
        """That of one."""
        return [value]


@dataclass(frozen=True)
class ScoreFirst(Adaptation):
    """The adaptation by its settings; the result is the same for any number of ``ranks``, but for rounding."""

    settings: ScoreFirstSettings
    ranks: Ranks
    kind: str = "score_first"

    def score(
        self, network: Network, tokens: Tokens, groups: Sequence[Windows], scorer: Scorer
    ) -> tuple[Scores, Network]:
        """As ``Adaptation`` says."""
        adapted = copy.deepcopy(network)
        parameters = [parameter.requires_grad_() for parameter in adapted.parameters()]
        optimizer = torch.optim.SGD(parameters, lr=self.settings.lr, momentum=MOMENTUM)
        chunks = chunks_of(groups, self.settings.chunk_tokens)
        parts: list[Scores] = []
        for number, chunk in enumerate(chunks):
            self._one_chunk(adapted, optimizer, tokens, (number, len(chunks)), chunk, scorer, parts)
        of_ranks = self.ranks.gather(parts)
        return joined([part for shares in zip(*of_ranks, strict=True) for part in shares]), adapted

    def for_probe(self, context: int) -> "ScoreFirst":
        """Chunks of two windows: half of the probe's text."""
        short = self.settings.model_copy(update={"chunk_tokens": min(self.settings.chunk_tokens, 2 * context)})
        return replace(self, settings=short)

    def _one_chunk(
        self,
        adapted: Network,
        optimizer: torch.optim.SGD,
        tokens: Tokens,
        place: tuple[int, int],
        chunk: list[Windows],
        scorer: Scorer,
        parts: list[Scores],
    ) -> None:
        """Score a chunk, then train on it, unless it is the last. ``place``: its number, and how many there are."""
        parts += [scorer(adapted, tokens, self._share(windows)) for windows in chunk]
        if place[0] < place[1] - 1:
            self.train(adapted, optimizer, tokens, place)

    def _share(self, windows: Windows) -> Windows:
        """The contiguous share of ``windows`` that is this rank's."""
        rows = slice(*(len(windows.starts) * (self.ranks.rank + end) // self.ranks.world for end in (0, 1)))
        return windows._replace(starts=windows.starts[rows], firsts=windows.firsts[rows])

    def train(self, adapted: Network, optimizer: torch.optim.SGD, tokens: Tokens, place: tuple[int, int]) -> None:
        """One step of SGD an epoch over all sequences of a chunk; ranks take contiguous shares of them."""
        (number, chunks), context, device = place, adapted.model.context, device_of(adapted)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(self.settings.lr, number, chunks)
        first, count = number * self.settings.chunk_tokens, self.settings.chunk_tokens // context
        text = np.asarray(tokens[first : first + count * context + 1], dtype=np.int64)
        begin, end = (count * (self.ranks.rank + side) // self.ranks.world for side in (0, 1))
        # A rank without a sequence computes one all the same, at no weight: all ranks have gradients to average.
        begin, end, weight = (begin, end, (end - begin) * self.ranks.world / count) if end > begin else (0, 1, 0.0)
        inputs, targets = (
            torch.from_numpy(text[shift : shift + count * context].reshape(count, context)[begin:end]).to(device)
            for shift in (0, 1)
        )
        for _ in range(self.settings.epochs):
            optimizer.zero_grad(set_to_none=True)
            logits = adapted.head().logits(adapted(inputs).flatten(0, 1))
            (weight * nats_of(logits, targets.flatten())[0].mean()).backward()
            self.ranks.average_([p.grad for p in adapted.parameters() if p.grad is not None])
            torch.nn.utils.clip_grad_norm_(list(adapted.parameters()), CLIP_NORM)
            optimizer.step()


def learning_rate(lr: float, chunk: int, chunks: int) -> float:
    """From ``lr`` in the first chunk to 0 in the last, which is not trained on, by a cosine."""
    return lr * 0.5 * (1 + math.cos(math.pi * chunk / max(chunks - 1, 1)))


def chunks_of(groups: Sequence[Windows], chunk_tokens: int) -> list[list[Windows]]:
    """Windows by the chunk in which the first target that they score lies; each chunk's in their order."""
    count = 1 + max(int(windows.firsts[-1]) for windows in groups if len(windows.firsts)) // chunk_tokens
    chunks: list[list[Windows]] = [[] for _ in range(count)]
    for windows in groups:
        bounds = np.searchsorted(windows.firsts, np.arange(count + 1) * chunk_tokens)  # they ascend
        for chunk, begin, end in zip(chunks, bounds[:-1], bounds[1:], strict=True):
            if begin < end:
                chunk.append(windows._replace(starts=windows.starts[begin:end], firsts=windows.firsts[begin:end]))
    return chunks
