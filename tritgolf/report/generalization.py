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
    words = [
        f"`{row['run']}` fits its training text better than validation text: {row['training_nats']:.3f} nats a token "
        f"at the end, against {row['validation_nats']:.3f} before rounding."
        for row in better.to_dict("records")
    ]
    if words and len(others):
        every = "all other runs" if len(known) == len(frame) else "all other runs of which both are known"
        words.append(f"In {every} without averaged weights validation loss is below training loss.")
    return [" ".join(words)] if words else []
