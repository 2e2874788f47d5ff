"""The record's data order as a pure function of the step: nothing to save, nothing to restore, any world size.

Shards are read in name order as one endless stream, wrapped at its end. In a micro-step every rank takes its own
contiguous span of ``local + 1`` tokens (inputs all but the last, targets all but the first), rank after rank, so a
micro-step consumes world × (local + 1) tokens (record-spec, Training: data order).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tritgolf.data.byte_counts import open_sidecar
from tritgolf.data.manifest import Manifest, Split, load_manifest
from tritgolf.data.shards import Tokens, open_shard
from tritgolf.errors import InputError

MICRO_STEPS_OF_ALL_RANKS = 8  # the record accumulates max(1, 8 // world) micro-steps a rank


class Plan(NamedTuple):
    """How a step's tokens are shared: ``micro_steps`` a rank, each of ``local_tokens`` targets."""

    world: int
    micro_steps: int
    local_tokens: int

    @property
    def tokens_per_micro_step(self) -> int:
        """Stream tokens that all ranks together consume in a micro-step."""
        return self.world * (self.local_tokens + 1)

    @property
    def tokens_per_step(self) -> int:
        """Stream tokens that all ranks together consume in a step."""
        return self.micro_steps * self.tokens_per_micro_step


class TokenStream:
    """The tokens of shards, in name order, end to end, for ever. Shards are mapped, not loaded."""

    def __init__(self, paths: Iterable[str | Path], vocab_size: int | None = None) -> None:
        self.paths = sorted(Path(path) for path in paths)
        if not self.paths:
            raise InputError("token stream", "has no shards", "give at least one .bin file")
        self._shards = [open_shard(path, vocab_size) for path in self.paths]
        self._ends = np.cumsum([len(shard) for shard in self._shards])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def take(self, start: int, count: int) -> Tokens:
        """``count`` tokens from position ``start`` (modulo the length) on, uint16; wraps as often as it must."""
        parts = []
        while count > 0:
            start %= len(self)
            index = int(np.searchsorted(self._ends, start, side="right"))
            shard = self._shards[index]
            offset = start - (int(self._ends[index]) - len(shard))
            part = shard[offset : offset + count]
            parts.append(part)
            start, count = start + len(part), count - len(part)
        return np.concatenate(parts) if parts else np.empty(0, np.uint16)


def plan_step(batch_tokens: int, context: int, world: int) -> Plan:
    """Share the sequences of a step over ``world`` ranks.

    Micro-steps a rank are max(1, 8 // world), or, where a small batch cannot be cut so, the largest number below
    that divides the rank's sequences. Raises ``InputError`` naming the world sizes that divide the sequences.
    """
    if world not in (allowed := allowed_world_sizes(batch_tokens, context)):
        raise InputError(
            f"world size {world}",
            f"does not divide the {batch_tokens // context} sequences of a step (batch_tokens {batch_tokens})",
            f"use one of {', '.join(map(str, allowed))}",
        )
    sequences = batch_tokens // context // world
    most = max(1, MICRO_STEPS_OF_ALL_RANKS // world)
    micro_steps = max(count for count in range(1, most + 1) if sequences % count == 0)
    return Plan(world, micro_steps, sequences // micro_steps * context)


def allowed_world_sizes(batch_tokens: int, context: int) -> list[int]:
    """World sizes that divide the sequences of a step."""
    sequences = batch_tokens // context
    return [world for world in range(1, sequences + 1) if sequences % world == 0]


def step_batch(
    stream: TokenStream, step: int, *, batch_tokens: int, context: int, rank: int, world: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Inputs and targets of ``rank`` in step ``step`` (from 0): two int64 arrays (sequences, context).

    The sequences of the rank's micro-steps follow each other; each micro-step has ``plan.local_tokens // context``.
    """
    plan = plan_step(batch_tokens, context, world)
    inputs, targets = [], []
    for micro_step in range(plan.micro_steps):
        start = step * plan.tokens_per_step + micro_step * plan.tokens_per_micro_step + rank * (plan.local_tokens + 1)
        span = stream.take(start, plan.local_tokens + 1).astype(np.int64)
        inputs.append(span[:-1])
        targets.append(span[1:])
    return np.concatenate(inputs).reshape(-1, context), np.concatenate(targets).reshape(-1, context)


def tokens_consumed(steps: int, *, batch_tokens: int, context: int, world: int) -> int:
    """Stream tokens behind the data position after ``steps`` steps: where the next training token is."""
    return steps * plan_step(batch_tokens, context, world).tokens_per_step


def training_files(folder: str | Path) -> list[Path]:
    """The training shards of a shards folder, in name order; ``InputError`` if it or its manifest is wrong."""
    return _paths(folder, load_manifest(folder), "train")


def validation_tokens(folder: str | Path, context: int, vocab_size: int | None = None) -> Tokens:
    """All validation tokens of a shards folder, uint16; ``InputError`` if they don't fill two windows and a target."""
    paths = _paths(folder, load_manifest(folder), "validation")
    tokens = np.concatenate([open_shard(path, vocab_size) for path in paths])
    check_window(tokens, context, folder)
    return tokens


def validation_byte_counts(folder: str | Path) -> npt.NDArray[np.uint16] | None:
    """The raw UTF-8 bytes of every validation token of a shards folder, uint16; None where they are not known."""
    manifest = load_manifest(folder)
    if manifest.raw_bytes("validation") is None:
        return None
    sidecars = [(shard.byte_counts.file, shard.tokens) for shard in manifest.of("validation") if shard.byte_counts]
    return np.concatenate([open_sidecar(Path(folder) / file, tokens) for file, tokens in sidecars])


def check_window(tokens: Tokens, context: int, where: str | Path) -> None:
    """``InputError`` unless ``tokens`` hold two windows of ``context`` inputs and as many targets.

    Of one window alone no standard error can be told.
    """
    if len(tokens) < 2 * context + 1:
        raise InputError(
            where,
            f"has {len(tokens)} validation tokens, too few for two windows of {context} (and the last target)",
            "use more text or a larger validation split",
        )


def _paths(folder: str | Path, manifest: Manifest, split: Split) -> list[Path]:
    files = manifest.files(split)
    if not files:
        raise InputError(folder, f"has no {split} shards", "make the shards again")
    return [Path(folder) / file for file in files]
