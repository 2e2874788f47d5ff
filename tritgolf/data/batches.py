"""What a training step reads, in the order that the record names: pure functions of the step, so nothing is saved."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tritgolf.config.train import TrainConfig
from tritgolf.data.loader import (
    TokenStream,
    plan_step,
    step_batch,
    tokens_consumed,
    training_files,
)
from tritgolf.data.shards import Tokens
from tritgolf.data.shuffled import MICRO_BATCHES, ShuffledSequences, check_shards, shuffled_world_sizes
from tritgolf.errors import InputError


class BatchSource(Protocol):
    """The batches of a training run, of any rank and any number of ranks."""

    def batch(self, step: int, rank: int, world: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Inputs and targets of ``rank`` in ``step`` (from 0): int64 (sequences, context) each."""

    def after(self, steps: int, count: int, world: int) -> Tokens:
        """``count`` training tokens, uint16, that ``world`` ranks would read after ``steps`` steps."""


class ContiguousTokens:
    """Batches of one endless stream of tokens (#640, #920, #923; see ``loader``)."""

    def __init__(
        self, paths: Iterable[str | Path], *, batch_tokens: int, context: int, vocab_size: int | None = None
    ) -> None:
        self.stream = TokenStream(paths, vocab_size)
        self.batch_tokens, self.context = batch_tokens, context

    def batch(self, step: int, rank: int, world: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """As ``BatchSource`` has it."""
        shape = {"batch_tokens": self.batch_tokens, "context": self.context}
        return step_batch(self.stream, step, **shape, rank=rank, world=world)

    def after(self, steps: int, count: int, world: int) -> Tokens:
        """As ``BatchSource`` has it."""
        first = tokens_consumed(steps, batch_tokens=self.batch_tokens, context=self.context, world=world)
        return self.stream.take(first, count)


class Order(NamedTuple):
    """A data order: what makes its batches, and the check of ``(batch_tokens, context, world, shards)``."""

    source: Callable[..., BatchSource]
    check: Callable[[int, int, int, int | None], None]


def _check_stream(batch_tokens: int, context: int, world: int, _shards: int | None) -> None:
    plan_step(batch_tokens, context, world)


def _check_shuffled(batch_tokens: int, context: int, world: int, shards: int | None) -> None:
    if world not in (allowed := shuffled_world_sizes(batch_tokens, context)):
        raise InputError(
            f"world size {world}",
            f"does not divide the {MICRO_BATCHES} micro-batches of a step",
            f"use one of {', '.join(map(str, allowed))}",
        )
    if shards is not None:
        check_shards(shards, world)


ORDERS = {
    "stream": Order(ContiguousTokens, _check_stream),
    "shuffled": Order(ShuffledSequences, _check_shuffled),
}


def batch_source(folder: str | Path, train: TrainConfig, context: int, vocab_size: int | None = None) -> BatchSource:
    """The batches that ``train`` reads from a shards folder; ``InputError`` if it or its manifest is wrong."""
    paths = training_files(folder)
    make = ORDERS[train.order].source
    return make(paths, batch_tokens=train.batch_tokens, context=context, vocab_size=vocab_size)


def check_ranks(train: TrainConfig, context: int, world: int, shards: int | None = None) -> None:
    """``InputError`` where ``world`` ranks can't share a step, or the training shards (where their number is known)."""
    ORDERS[train.order].check(train.batch_tokens, context, world, shards)
