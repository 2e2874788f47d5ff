"""Which files a text source names, and which of those that it names are not text.

A folder or a pattern may hold anything: what isn't read of them is told. A file named by itself must be text.
"""

import fnmatch
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tritgolf.data.text import ACCEPTED, KINDS, VALUES, kind_of, why_no_documents
from tritgolf.errors import InputError

Match = Callable[[str, str], bool]  # (name, pattern)


@dataclass(frozen=True)
class Texts:
    """Files of text in order, each once; ``not_read``: what else was found → why it isn't read."""

    files: list[Path]
    not_read: dict[Path, str] = field(default_factory=dict)


def find_texts(patterns: Iterable[str]) -> Texts:
    """The files that ``patterns`` (files, folders, globs) name: pattern by pattern, each sorted.

    Folders are read recursively, linked ones too. A file that has several names is found once. Raises ``InputError``
    for a pattern that names no text, a file named by itself that is of another kind, or a damaged .json.
    """
    found: dict[Path, Path] = {}  # by its real path, since a link may give a file two names
    not_read: dict[Path, tuple[Path, str]] = {}
    for pattern in patterns:
        texts = _texts_of(pattern)
        for path in texts.files:
            found.setdefault(_real(path), path)
        for path, reason in texts.not_read.items():
            not_read.setdefault(_real(path), (path, reason))
    return Texts(list(found.values()), dict(not_read[real] for real in not_read if real not in found))


def _real(path: Path) -> Path:
    """Where the links of ``path`` lead; of links in a circle too, which ``Path.resolve`` of Python 3.11 raises at."""
    return Path(os.path.realpath(path))


def _texts_of(pattern: str) -> Texts:
    path = Path(pattern)
    if path.is_file():
        if kind_of(path) not in KINDS:
            raise InputError(path, "is not a kind of text file that can be read", ACCEPTED)
        return Texts([path])
    entries = list(_below(path, set()) if path.is_dir() else _glob(path, fnmatch.fnmatchcase))
    why = {entry: _why_not(entry) for entry in entries}
    if not path.is_dir():
        of_any_case = (entry for entry in _glob(path, _ignoring_case) if entry not in why)
        why |= {entry: "in another case than the pattern" for entry in of_any_case if _why_not(entry) is None}
    not_read = {entry: reason for entry, reason in why.items() if reason is not None}
    files = [entry for entry in why if entry not in not_read]
    if not files:
        what = f"names no text file ({list_files(not_read)})" if not_read else "names no text file"
        fix = f"put it there, or change the path in the dataset's YAML (from {Path.cwd()}); {ACCEPTED}"
        raise InputError(pattern, what, fix)
    return Texts(files, not_read)


def list_files(not_read: dict[Path, str], most: int = 5) -> str:
    """Files that aren't read and why, on one line; of many the first ones."""
    told = [f"{printable(path)}: {reason}" for path, reason in list(not_read.items())[:most]]
    more = [f"{len(not_read) - most:,} more"] if len(not_read) > most else []
    return ", ".join(told + more)


def printable(path: str | Path) -> str:
    """A path on one line that any file can hold: a name may have line ends, and bytes that are no UTF-8."""
    return re.sub(
        r"[\0-\x1f]", lambda found: f"\\x{ord(found[0]):02x}", os.fsencode(path).decode("utf-8", "backslashreplace")
    )


def _below(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """Everything below a folder but folders, sorted; linked folders too, each once, so a loop of links ends."""
    real = _real(folder)
    if real in seen:
        return
    seen.add(real)
    try:
        entries = sorted(folder.iterdir())
    except PermissionError:
        yield folder
        return
    for entry in entries:
        if entry.is_dir():
            yield from _below(entry, seen)
        else:
            yield entry


def _glob(pattern: Path, match: Match) -> Iterator[Path]:
    """What a pattern matches, sorted, and all below the folders among it. ``**`` goes into linked folders."""
    base, parts = Path(pattern.anchor), list(pattern.parts[bool(pattern.anchor) :])
    while parts and (base / parts[0]).exists():  # a folder's name may have brackets
        base /= parts.pop(0)
    if not parts:
        yield base
    elif any("**" in part for part in parts):
        yield from (path for path in _below(base, set()) if _matches(path.relative_to(base).parts, parts, match))
    elif base.is_dir():
        seen: set[Path] = set()
        for path in _matching(base, parts, match):
            yield from _below(path, seen) if path.is_dir() else [path]


def _matching(folder: Path, patterns: list[str], match: Match) -> Iterator[Path]:
    """What matches in a folder, part by part of a pattern without ``**``; the folder itself if it may not be read."""
    try:
        entries = sorted(entry for entry in folder.iterdir() if match(entry.name, patterns[0]))
    except PermissionError:
        entries, patterns = [folder], patterns[:1]
    for entry in entries:
        if len(patterns) == 1:
            yield entry
        elif entry.is_dir():
            yield from _matching(entry, patterns[1:], match)


def _matches(parts: tuple[str, ...], patterns: list[str], match: Match) -> bool:
    """Whether a path matches a pattern, part by part; ``**`` stands for any number of parts."""
    if not patterns:
        return not parts
    here = bool(parts) and (patterns[0] == "**" or match(parts[0], patterns[0]))
    if patterns[0] == "**" and _matches(parts, patterns[1:], match):
        return True
    return here and _matches(parts[1:], patterns if patterns[0] == "**" else patterns[1:], match)


def _ignoring_case(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name.lower(), pattern.lower())


def _why_not(path: Path) -> str | None:
    """Why a path that was found in a folder or by a pattern is not read; None if it is."""
    if path.is_dir():
        return "a folder that this user may not read"
    if not path.is_file():
        return "a link to nothing" if path.is_symlink() else "no regular file"
    if kind_of(path) not in KINDS:
        return f"of another kind ({path.suffix})" if path.suffix else "without a suffix that says what it is"
    return why_no_documents(path) if kind_of(path) in VALUES else None
