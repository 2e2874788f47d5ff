"""The data order of #1716: sequences of each rank's own shards, shuffled (sp8192-spec, "Data order").

Every rank draws by PCG64 seeded with its rank, so the order is a function of rank, ranks and draws: a step is found
again by drawing anew from the beginning, some 15 µs a sequence, and nothing needs to be saved.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tritgolf.data.shards import Tokens, open_shard
from tritgolf.errors import InputError

MICRO_BATCHES = 8  # of a step, over all ranks


class Place(NamedTuple):
    """Where a sequence begins: which of the rank's own shards, and at which of its tokens."""

    shard: int
    start: int


class Draws:
    """The endless order of one rank's sequences. ``lengths``: the tokens of each of its own shards."""

    def __init__(self, lengths: Sequence[int], rank: int, context: int) -> None:
        self.lengths, self.rank, self.context = lengths, rank, context
        self._restart()

    def take(self, first: int, count: int) -> list[Place]:
        """Sequences ``first`` to ``first + count − 1`` of the order; those after the last ones cost no replay."""
        if first < self._done:
            self._restart()
        while self._done < first:
            self._draw()
        return [self._draw() for _ in range(count)]

    def _restart(self) -> None:
        self._generator = np.random.Generator(np.random.PCG64(self.rank))
        self._done = 0
        self._refill()

    def _refill(self) -> None:
        """A new phase and a new permutation of every shard. ``_starts`` are used from the end."""
        self._starts = [self._starts_of(length) for length in self.lengths]
        self._left = np.array([len(starts) for starts in self._starts], dtype=np.float64)

    def _starts_of(self, length: int) -> npt.NDArray[np.int64]:
        latest = min(self.context - 1, max(0, length - self.context - 1))
        phase = int(self._generator.integers(0, latest + 1)) if latest else 0
        count = (length - 1 - phase) // self.context
        return phase + self.context * self._generator.permutation(count)

    def _draw(self) -> Place:
        if not self._left.any():
            self._refill()
        shard = int(self._generator.choice(len(self._left), p=self._left / self._left.sum()))
        self._left[shard] -= 1
        self._done += 1
        return Place(shard, int(self._starts[shard][int(self._left[shard])]))


class ShuffledSequences:
    """Batches in the order of #1716. Rank r of W reads shards r, r + W … in name order."""

    def __init__(
        self, paths: Iterable[str | Path], *, batch_tokens: int, context: int, vocab_size: int | None = None
    ) -> None:
        self.context, self.sequences = context, batch_tokens // context
        self._shards = [open_shard(path, vocab_size) for path in sorted(Path(path) for path in paths)]
        self._draws: dict[tuple[int, int], Draws] = {}

    def batch(self, step: int, rank: int, world: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Inputs and targets of ``rank`` in ``step`` (from 0): int64 (sequences, context) each."""
        own = self.sequences // world
        rows = np.stack(self._rows(step * own, own, rank, world)).astype(np.int64)
        return rows[:, :-1], rows[:, 1:]

    def after(self, steps: int, count: int, world: int) -> Tokens:
        """``count`` tokens of the sequences that rank 0 of ``world`` would read after ``steps`` steps, uint16."""
        first, wanted = steps * (self.sequences // world), -(-count // self.context)
        return np.concatenate([row[:-1] for row in self._rows(first, wanted, 0, world)])[:count]

    def _rows(self, first: int, count: int, rank: int, world: int) -> list[Tokens]:
        """``context + 1`` tokens of each of ``rank``'s sequences ``first`` … ``first + count − 1``."""
        own = self._shards[rank::world]
        if (rank, world) not in self._draws:
            check_shards(len(self._shards), world)
            lengths = [len(shard) for shard in own]
            self._check_lengths(lengths, rank)
            self._draws[rank, world] = Draws(lengths, rank, self.context)
        places = self._draws[rank, world].take(first, count)
        return [own[place.shard][place.start : place.start + self.context + 1] for place in places]

    def _check_lengths(self, lengths: list[int], rank: int) -> None:
        if max(lengths) <= self.context:
            raise InputError(
                f"shards of rank {rank}",
                f"hold at most {max(lengths)} tokens each, too few for {self.context} and a last target",
                "make the shards again, longer ones",
            )


def shuffled_world_sizes(batch_tokens: int, context: int) -> list[int]:
    """World sizes that divide the micro-batches of a step, and its sequences."""
    sequences = batch_tokens // context
    return [world for world in range(1, MICRO_BATCHES + 1) if MICRO_BATCHES % world == sequences % world == 0]


def check_shards(shards: int, world: int) -> None:
    """``InputError`` where some of ``world`` ranks would have no shard."""
    if shards < world:
        raise InputError(
            f"world size {world}",
            f"leaves ranks without a shard to draw sequences from: it is more than the {shards} training shards",
            f"use at most {shards} ranks, or make smaller shards",
        )
