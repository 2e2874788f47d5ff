"""Progress bars that are quiet when nobody is looking."""

import os
import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def progress(items: Iterable[Any] | None = None, *, total: int | None = None, what: str, unit: str) -> "tqdm[Any]":
    """A tqdm bar on standard error; silent when that is not a terminal, and on all ranks (torchrun's) but the first."""
    silent = not sys.stderr.isatty() or os.environ.get("RANK", "0") != "0"
    return tqdm(items, total=total, desc=what, unit=f" {unit}", disable=silent, leave=False)
