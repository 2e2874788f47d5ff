"""Which runs at full size fit their training text better than validation text: of the paper."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tritgolf.report.words import enumerated


def generalization_in_words(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Runs whose loss of validation text is above that of training text; nothing where none is known to be.

    Losses are means of seeds. Runs of averaged weights are left out: their training loss is of other weights than their
    score.
    """
    frame = pd.DataFrame(rows)
    frame = frame[~frame["averaged"] & ~frame["is_published"]]
    frame = frame.groupby("run", as_index=False)[["training_nats", "validation_nats"]].mean()
    frame["apart"] = frame["validation_nats"] - frame["training_nats"]
    known = frame.dropna(subset="apart")
    better, others = known[known["apart"] > 0], known[known["apart"] <= 0]
    if better.empty:
        return []
    losses = enumerated(
        f"{row['training_nats']:.3f} and {row['validation_nats']:.3f} (`{row['run']}`)"
        for row in better.to_dict("records")
    )
    count = len(better)
    runs, their = ("1 run fits", "Its") if count == 1 else (f"{count} runs fit", "Their")
    said = (
        f"{runs} training text better than validation text. {their} nats a token, at the end of training and of "
        f"validation text before anything is stored, are {losses}."
    )
    if others.empty:
        return [said]
    every = "" if len(known) == len(frame) else ", as far as both are known"
    more = " to ".join(dict.fromkeys(f"{-apart:.3f}" for apart in (others["apart"].max(), others["apart"].min())))
    return [f"{said} In the other runs without averaged weights training text has {more} nats more{every}."]
