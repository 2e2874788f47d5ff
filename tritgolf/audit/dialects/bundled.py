"""Logs of tritgolf's own scripts and bundles (``bundle.log``): the ternary records' style, sizes in sentences."""

from collections.abc import Sequence
from typing import Any

from tritgolf.audit.dialects import lines as common
from tritgolf.audit.dialects.base import Dialect, settings_line

FIRST_WORD = "tritgolf:"  # of its first line
RULES = frozenset(
    {"budget.megabytes", "budget.fits", "evaluation.temperature", "timing.averages", "timing.order", "timing.stop"}
)


def recognizes(lines: Sequence[str]) -> bool:
    """Whether its first line says so."""
    return any(line.startswith(FIRST_WORD) for line in lines[:1])


def read(lines: Sequence[str]) -> dict[str, Any]:
    """The records of the common lines, settings in one line."""
    return common.read(lines, settings_line)


BUNDLED = Dialect("bundled", recognizes, read, RULES)
