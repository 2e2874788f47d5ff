"""Progress: a bar in a terminal, elsewhere a line a minute, so that what is done sooner says nothing."""

import os
import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

from tritgolf.streams import say

MINUTE = 60.0
ONE_LINE = "TRITGOLF_ENDS_IN_ONE_LINE"  # in the environment of jobs whose workflow says by itself that it was stopped


def ends_in_one_line() -> bool:
    """Whether what started this process tells of a stop in one line for all jobs, so that they don't.

    A job of a cluster has a log of its own, and says it there.
    """
    return ONE_LINE in os.environ and "SLURM_JOB_ID" not in os.environ


class _Lines:
    """A stream that makes a line of what tqdm would draw over the one before."""

    def write(self, text: str) -> None:
        if text.strip():
            say(text.strip(), "stderr")

    def flush(self) -> None:
        pass


def progress(items: Iterable[Any] | None = None, *, total: int | None = None, what: str, unit: str) -> "tqdm[Any]":
    """A tqdm bar on standard error, or ``WHAT: N of M UNIT, T left`` each minute; silent on all ranks but the first."""
    silent = os.environ.get("RANK", "0") != "0"
    lines: dict[str, Any] = {"mininterval": MINUTE, "maxinterval": MINUTE, "delay": 1, "smoothing": 0, "file": _Lines()}
    lines["bar_format"] = f"{{desc}}: {{n_fmt}} of {{total_fmt}} {unit}, {{remaining}} left"
    form = {} if sys.stderr.isatty() else lines
    return tqdm(items, total=total, desc=what, unit=f" {unit}", disable=silent, leave=False, **form)
