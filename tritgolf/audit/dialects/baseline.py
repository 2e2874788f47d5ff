"""Logs of the contest's own script and what grew from it by small steps: ``step:7/20000 train_loss:…``, int8 + zlib."""

from collections.abc import Sequence
from typing import Any

from tritgolf.audit.dialects import lines as common
from tritgolf.audit.dialects.base import Dialect


def recognizes(lines: Sequence[str]) -> bool:
    """Whether a line says that the model was scored after int8 and zlib, or that the contest's loop stopped."""
    return any(line.startswith(("final_int8_", "Serialized model int8", "val_bpb:enabled")) for line in lines)


def read(lines: Sequence[str]) -> dict[str, Any]:
    """The records of the common lines, settings from the lines before the first step."""
    return common.read(lines, common.header_settings)


BASELINE = Dialect("baseline", recognizes, read)
