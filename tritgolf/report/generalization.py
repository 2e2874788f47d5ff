"""Which runs at full size fit their training text better than validation text: of the paper."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tritgolf.report.words import enumerated


def generalization_in_words(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Runs whose loss of validation text is above that of training text; nothing where none is known to be.

    Runs of averaged weights are left out: their training loss is of other weights than their score.
    """
    frame = pd.DataFrame(rows).assign(apart=lambda rows: rows["validation_nats"] - rows["training_nats"])
    frame = frame[~frame["averaged"] & ~frame["is_published"]]
    known = frame.dropna(subset="apart")
    better, others = known[known["apart"] > 0], known[known["apart"] <= 0]
    if better.empty:
        return []
    runs = enumerated(f"`{name}`" for name in better["run"])
    training, validation = (
        enumerated(f"{value:.3f}" for value in better[of]) for of in ("training_nats", "validation_nats")
    )
    said = (
        f"{runs} fit training text better than validation text: {training} nats a token at the end, against "
        f"{validation} before rounding."
    )
    every = "" if len(known) == len(frame) else ", of which both are known,"
    return [f"{said} No other run without averaged weights{every} does." if len(others) else said]
