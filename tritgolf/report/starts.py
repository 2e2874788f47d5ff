"""How runs at full size begin (``measured/starts_*.jsonl``): training losses of runs that were stopped early.

They answer what a small size cannot, which optimizers suit a large batch, in minutes of a GPU. A line a run.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field, ValidationError

from tritgolf.errors import InputError
from tritgolf.report.facts import Facts, Size
from tritgolf.report.rendering import Table
from tritgolf.report.schemas import Provenance
from tritgolf.report.statistics import format_value, mean

LAST = 5  # logged steps whose losses are averaged: one is a batch's, whose text may be easy


class Start(Facts):
    """One run: its losses by step, nats a token, the ``train`` settings it has of its own, and what made it."""

    what: str
    seed: int
    batch_tokens: Size
    settings: dict[str, Any]
    loss_by_step: dict[int, float] = Field(min_length=LAST)
    provenance: Provenance

    def loss(self, steps: Sequence[int]) -> float:
        """Mean training loss of these steps."""
        return mean(self.loss_by_step[step] for step in steps)


def read_starts(measured: Path) -> list[Start]:
    """Every one kept in ``measured``. ``InputError`` for a line that is none."""
    lines = [(path, line) for path in sorted(measured.glob("starts_*.jsonl")) for line in path.read_text().splitlines()]
    return [_read(path, line) for path, line in lines]


def _read(path: Path, line: str) -> Start:
    try:
        return Start.model_validate_json(line)
    except ValidationError as error:
        raise InputError(path, f"a line is no run's start: {str(error).splitlines()[0]}", "restore the file") from None


def compared_steps(starts: Sequence[Start]) -> list[int]:
    """The last logged steps that all of ``starts`` reached; ``ValueError`` if they share too few."""
    shared = sorted(set.intersection(*(set(start.loss_by_step) for start in starts)))
    if len(shared) < LAST:
        raise ValueError(f"the starts share {len(shared)} logged steps, {LAST} are needed")
    return shared[-LAST:]


def starts_table(starts: Sequence[Start]) -> Table:
    """A row a run: its mean loss over the last steps that all reached, and how far that is below the first's."""
    steps = compared_steps(starts)
    first = starts[0].loss(steps)
    frame = pd.DataFrame(
        [
            {
                "what": start.what,
                "seed": start.seed,
                "step": steps[-1],
                "planned_steps": start.settings["steps"],
                "tokens": steps[-1] * start.batch_tokens,
                "loss": start.loss(steps),
                "below_first": first - start.loss(steps),
            }
            for start in starts
        ]
    )
    cells = [
        {
            "trained with": row["what"],
            "steps": format_value(row["step"], 0),
            "tokens": format_value(row["tokens"], 0),
            "loss, nats a token": format_value(row["loss"], 3),
            "below the first row": format_value(row["below_first"], 3, signed=True) if n else "",
        }
        for n, row in enumerate(frame.to_dict("records"))
    ]
    return Table("How runs at full size begin", frame, pd.DataFrame(cells), (), left=("trained with",))


def starts_caption(starts: Sequence[Start]) -> str:
    """How the losses are counted, and on what they were trained."""
    machines = dict.fromkeys(start.provenance.machine for start in starts)
    return (
        f"Mean training loss of the last {LAST} logged steps that all reached, one seed, the same batches, before "
        "rates fall. A lead then need not be one at the end. "
        f"Trained on {', '.join(machines)}, some side by side, so without times."
    )
