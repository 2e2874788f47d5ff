"""Where two settings differ, in words."""

from collections.abc import Mapping, Sequence
from typing import Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Where two nested settings differ, as ``train.steps: 24 → 32``; ``not set`` where only one of them has a value."""
    found = []
    for key in [*before, *(key for key in after if key not in before)]:
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, Mapping) or isinstance(new, Mapping):
            inner = [value if isinstance(value, Mapping) else {} for value in (old, new)]
            found += differences(inner[0], inner[1], f"{prefix}{key}.")
        else:
            found.append(f"{prefix}{key}: {_shown(old)} → {_shown(new)}")
    return found


def shortened(told: Sequence[str], most: int) -> str:
    """``told`` as a list in a sentence, and how many more there are than ``most``."""
    more = len(told) - most
    return ", ".join(told[:most]) + (f" and {more} more" if more > 0 else "")


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, str) and value.startswith("sha256:"):
        return value[: len("sha256:") + 12]
    return f"[{', '.join(map(str, value))}]" if isinstance(value, (list, tuple)) else str(value)
