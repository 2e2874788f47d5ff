"""Which runs at full size fit their training text better than validation text: of the paper."""

from collections.abc import Sequence
from typing import Any

import pandas as pd


def generalization_in_words(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Runs whose loss of validation text is above that of training text; nothing where none is known to be.

    Runs of averaged weights are left out: their training loss is of other weights than their score.
    """
    frame = pd.DataFrame(rows).assign(apart=lambda rows: rows["validation_nats"] - rows["training_nats"])
    frame = frame[~frame["averaged"] & ~frame["is_published"]]
    known = frame.dropna(subset="apart")
    better, others = known[known["apart"] > 0], known[known["apart"] <= 0]
    runs = [
        f"`{row['run']}` ({row['training_nats']:.3f} nats a token at the end, against {row['validation_nats']:.3f} "
        "before rounding)"
        for row in better.to_dict("records")
    ]
    if not runs:
        return []
    fit = "fit their training text" if len(runs) > 1 else "fits its training text"
    said = f"{' and '.join(runs)} {fit} better than validation text."
    every = "" if len(known) == len(frame) else ", of which both are known,"
    return [f"{said} No other run without averaged weights{every} does." if len(others) else said]
