"""Logs of the records since April (#1394, #1716 and kin): settings one a line, steps without a word before them."""

import re
from collections.abc import Sequence
from typing import Any

from tritgolf.audit.dialects import lines as common
from tritgolf.audit.dialects.base import Dialect, Pairs

SETTING = re.compile(r"([A-Za-z_]\w*): ?(.*)")
BARE_STEP = re.compile(r"\d{1,9}/\d{1,9} (?:train_loss|val_loss): ", re.ASCII)


def recognizes(lines: Sequence[str]) -> bool:
    """Whether its settings are a list under ``Hyperparameters:``, or its steps stand without a word before them."""
    return any(line == "Hyperparameters:" or BARE_STEP.match(line) for line in lines)


def read(lines: Sequence[str]) -> dict[str, Any]:
    """The records of the common lines, settings from the list."""
    return common.read(lines, listed_settings)


def listed_settings(lines: Sequence[str]) -> Pairs:
    """``name: value`` lines from ``Hyperparameters:`` on, up to the first line that is none."""
    found: Pairs = {}
    listing = False
    for line in lines:
        match = SETTING.fullmatch(line) if listing else None
        if listing and not match:
            break
        if match:
            found.setdefault(match[1], match[2])
        listing = listing or line == "Hyperparameters:"
    return found


SP8192 = Dialect("sp8192", recognizes, read)
