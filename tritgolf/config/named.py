"""Files of settings by their names: known ones, the user's own, and what is meant by a name that is none."""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tritgolf.errors import InputError

RESULTS_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"  # of a record or a text, and so of what is made of it
RENAME = "use letters, digits, '_', '-' and '.'"


def with_own_file(name: str, known: Mapping[str, Path]) -> tuple[str, dict[str, Path]]:
    """The name to look up and the files to look in (name → file), where ``name`` may be a file of the user's.

    ``./mine.yaml`` is ``mine``, and what lies beside it may be inherited from too. ``InputError`` where a known one
    has its name, for the path of what is no file, and for a name that the workflow can't have in paths.
    """
    path = Path(name)
    is_own = path.suffix == ".yaml" and path.is_file()
    if path.suffix == ".yaml" and not is_own and (len(path.parts) > 1 or name.startswith("./")):
        alone = f"its name alone, {path.stem}" if path.stem in known else "a name without a folder"
        raise InputError(name, "is no file", f"give the path of a YAML file, or {alone}")
    if (is_own or name in known) and not re.fullmatch(RESULTS_NAME, path.stem if is_own else name):
        raise InputError(name, "has a name that folders of results can't have", RENAME)
    if not is_own:
        return name, dict(known)
    if path.stem in known and not path.samefile(known[path.stem]):
        raise InputError(name, f"has the name of {known[path.stem]}", "give it another name")
    return path.stem, {other.stem: other for other in path.parent.glob("*.yaml")} | dict(known) | {path.stem: path}


def unknown(kind: str, name: str, known: Iterable[str], listed: str = "") -> InputError:
    """What to raise for a ``name`` that is none of ``known``. What is probably meant comes first.

    That is a file of the user's, or what ``meant`` finds. ``listed``: a shorter list.
    """
    names, own = sorted(known), Path(f"{name}.yaml")
    likely = f"did you mean ./{own}? " if own.is_file() else meant(name, names)
    return InputError(
        f"{kind} {name!r}", "is unknown", f"{likely}known {kind}s: {listed or ', '.join(names) or 'none'}"
    )


def meant(name: str, names: list[str]) -> str:
    """``did you mean …?`` with what the path ``name`` ends in, or what of ``names`` is most like it; "" without one."""
    end = Path(name).stem
    like = [end] if end in names else difflib.get_close_matches(name, names, n=1)
    return f"did you mean {like[0]}? " if like else ""


def named_file(kind: str, name: str, folder: str | Path) -> Path:
    """``folder/name.yaml``. ``InputError`` where there is none, also for a file of the user's elsewhere."""
    path, own = Path(folder) / f"{name}.yaml", Path(f"{name.removesuffix('.yaml')}.yaml")
    if path.is_file():
        return path
    if own.is_file():
        raise InputError(f"{kind} {name!r}", f"is not in {folder}", f"put it there and give its name alone, {own.stem}")
    raise unknown(kind, name, (file.stem for file in Path(folder).glob("*.yaml")))


def check_own_name(raw: dict[str, Any], name: str, path: str | Path) -> None:
    """``InputError`` where a mapping says another name than its file's, which is the one that results get."""
    if raw.get("name", name) != name:
        raise InputError(path, f"name: {raw['name']!r} is not the file's, {name}", "leave it out, or rename the file")
