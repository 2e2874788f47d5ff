"""Progress bars that are quiet when nobody is looking."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def progress(items: Iterable[Any] | None = None, *, total: int | None = None, what: str, unit: str) -> "tqdm[Any]":
    """A tqdm bar on standard error; silent when standard error is not a terminal."""
    return tqdm(items, total=total, desc=what, unit=f" {unit}", disable=not sys.stderr.isatty(), leave=False)
