"""In which order a network's layers run, and which of the runs are the U-Net's encoder. Imports no torch."""

from collections.abc import Sequence
from typing import NamedTuple

from tritgolf.config.transformer import TransformerConfig


class Runs(NamedTuple):
    """Layers (0-based) in the order they run; each encoder run gives a skip, the last given is the first taken."""

    encoder: Sequence[int]
    decoder: Sequence[int]


def runs_of(model: TransformerConfig, recurrence: bool) -> Runs:
    """Every layer once or, with ``recurrence``, the repeated ones again and again; the first half encodes (#1716)."""
    order = list(range(model.layers))
    if recurrence and model.recurrence is not None:
        first, last = model.recurrence.layers
        order[first:first] = order[first : last + 1] * model.recurrence.loops
    half = len(order) // 2
    return Runs(order[:half], order[half:])


def skip_rows(model: TransformerConfig) -> int:
    """How many skips there are when all repeated layers run: rows of the skips' weights and gates."""
    return len(runs_of(model, recurrence=True).encoder)
