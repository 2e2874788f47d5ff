"""Settings laid over others: by inheritance, or by what a command line says."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tritgolf.config.named import meant
from tritgolf.config.yaml_files import read_yaml
from tritgolf.errors import InputError

SAYS_WHICH = ("kind", "grid")  # the keys that say of which kind a mapping is
Loaded = TypeVar("Loaded")


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``base`` with ``over`` laid on top, mappings merged key by key; shares nothing that can change with either.

    A mapping that says another ``kind`` or ``grid`` than the one below it is of other keys, and takes its place, as
    one of a number ``format`` takes that of a grid, and the reverse. (Of records, where some leave it at its default,
    ``config.kinds`` knows more.)
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
    beside = path.parent / f"{parent}.yaml"
    is_another_file = beside != known[parent] and beside.is_file()
    if is_another_file and beside.read_bytes() != known[parent].read_bytes():  # a copy is no other one
        what = f"inherit: {parent!r} may be {known[parent]} or {beside}"
        raise InputError(path, what, "rename the latter, and say its new name if it is meant")
    return lay(with_ancestors(known[parent], known, lay, (*seen, path.stem)), raw)


def load_over_ancestors(
    load: Callable[[Path, Mapping[str, Path], dict[str, Any]], Loaded],
    path: Path,
    known: Mapping[str, Path],
    overrides: dict[str, Any] | None,
) -> Loaded:
    """What ``load`` makes of the file at ``path``, which inherits from ``known`` ones, and of ``overrides``.

    Its ``InputError`` names the file that has the mistake.
    """
    try:
        return load(path, known, overrides or {})
    except InputError as error:
        raise _told_of_its_file(error, path, known, lambda ancestor: load(ancestor, known, {})) from None


def _told_of_its_file(
    error: InputError, path: Path, known: Mapping[str, Path], load: Callable[[Path], object]
) -> InputError:
    """``error``, which ``load`` raised of what ``path`` holds and inherits, as told of the file that has the mistake.

    That is the furthest ancestor of which the same can be said; what is told of another file than ``path`` stays.
    """
    if not str(error).startswith(str(path)):
        return error
    seen = {path}  # of a circle there is no end
    while isinstance(name := read_yaml(path).get("inherit"), str) and known.get(name, path) not in seen:
        try:
            load(known[name])
        except InputError as earlier:
            if _after(earlier, known[name]) != _after(error, path):
                break
            error, path = earlier, known[name]
            seen.add(path)
        else:
            break
    return error


def _after(error: InputError, path: Path) -> str:
    return str(error).removeprefix(str(path))
