"""Logs of the records since April (#1394, #1716 and kin): settings one a line, steps without a word before them."""

import re
from collections.abc import Sequence
from typing import Any

from tritgolf.audit.dialects import lines as common
from tritgolf.audit.dialects.base import Dialect, Pairs

SETTING = re.compile(r"([A-Za-z_]\w*): ?(.*)")
END = re.compile(r"\d{1,9}/\d{1,9} |={3}", re.ASCII)
MOST_BETWEEN = 4  # lines of something else between two settings
BARE_STEP = re.compile(r"\d{1,9}/\d{1,9} (?:train_loss|val_loss): ", re.ASCII)


def recognizes(lines: Sequence[str]) -> bool:
    """Whether its settings are a list under ``Hyperparameters:``, or its steps stand without a word before them."""
    return any(line == "Hyperparameters:" or BARE_STEP.match(line) for line in lines)


def read(lines: Sequence[str]) -> dict[str, Any]:
    """The records of the common lines, settings from the list."""
    return common.read(lines, listed_settings)


def listed_settings(lines: Sequence[str]) -> Pairs:
    """``name: value`` lines from ``Hyperparameters:`` on, up to a step, a rule or several lines that are none.

    A few may stand between: of a progress bar, of another process.
    """
    found: Pairs = {}
    start = next((at for at, line in enumerate(lines) if line == "Hyperparameters:"), len(lines))
    strange = 0
    for line in lines[start + 1 :]:
        match = SETTING.fullmatch(line)
        strange = 0 if match else strange + 1
        if strange > MOST_BETWEEN or END.match(line):
            break
        if match:
            found.setdefault(match[1], match[2])
    return found


SP8192 = Dialect("sp8192", recognizes, read)
