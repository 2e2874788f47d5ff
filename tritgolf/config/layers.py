"""Settings laid over others: by inheritance, or by what a command line says."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tritgolf.config.named import meant
from tritgolf.config.yaml_files import read_yaml
from tritgolf.errors import InputError

SAYS_WHICH = ("kind", "grid", "source")  # the keys that say of which kind a mapping is


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``base`` with ``over`` laid on top, mappings merged key by key; shares nothing that can change with either.

    A mapping that says another ``kind``, ``grid`` or ``source`` than the one below it is of other keys, and takes its
    place, as one of a number ``format`` takes that of a grid, and the reverse. (Of records, where some leave it at its
    default, ``config.kinds`` knows more.)
    """
    merged = copy.deepcopy(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict) and not is_another(below, value):
            merged[key] = merge(below, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def is_another(below: dict[str, Any], over: dict[str, Any]) -> bool:
    """Whether ``over`` says another kind than ``below``, and so has other keys."""
    if below.keys() | over.keys() >= {"grid", "format"}:
        return True
    return any(name in below and name in over and below[name] != over[name] for name in SAYS_WHICH)


def with_ancestors(
    path: Path,
    known: Mapping[str, Path],
    lay: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]] = merge,
    seen: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The YAML mapping at ``path`` laid over the one it names in ``inherit`` (of ``known``: name → file), and so on.

    ``lay``: how one is laid over another.
    Raises ``InputError`` for an unknown ancestor or a circle of them.
    """
    raw = read_yaml(path)
    parent = raw.pop("inherit", None)
    if parent is None:
        return raw
    if parent in seen or parent == path.stem:
        raise InputError(path, f"inherit: {parent!r} inherits from itself", "break the circle")
    if not isinstance(parent, str) or parent not in known:
        names = sorted(known)
        likely = meant(parent, names) if isinstance(parent, str) else ""
        raise InputError(path, f"inherit: {parent!r} is unknown", f"{likely}known: {', '.join(names)}")
    return lay(with_ancestors(known[parent], known, lay, (*seen, path.stem)), raw)
