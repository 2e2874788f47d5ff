"""How commands print: JSON for programs, aligned lines for people."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tritgolf.files import json_text


def print_json(facts: Any) -> None:
    """Print ``facts`` as indented JSON, which loses no character in whatever encoding standard output has."""
    print(json_text(facts, sys.stdout.encoding or "utf-8", allow_nan=True))


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print (label, value) pairs in two aligned columns; an empty label starts a paragraph with the value as title."""
    width = max((len(label) for label, _ in facts), default=0)
    for label, value in facts:
        print(f"\n{value}" if not label else f"  {label:<{width}}  {value}")


def flatten(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted key, value) pairs."""
    pairs: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            pairs += flatten(value, f"{prefix}{key}.")
        elif value is not None:
            if _are_settings(value):
                pairs += flatten({str(place): item for place, item in enumerate(value)}, f"{prefix}{key}.")
                continue
            shown = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
            pairs.append((prefix + key, shown or "none"))
    return pairs


def _are_settings(value: Any) -> bool:
    """Whether it is a list of nested settings."""
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(item, Mapping) for item in value)
