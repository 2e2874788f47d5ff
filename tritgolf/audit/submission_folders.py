"""Which folders below one are submissions, at whatever depth, and which of its folders are not read, and why.

Told by names alone, but for a .txt, which is a log if a run is in it. Symbolic links are not followed.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tritgolf.audit.facts import NAME as FACTS
from tritgolf.audit.listing import JSON, README
from tritgolf.audit.logs import MAX_LOG_BYTES, read_runs
from tritgolf.audit.submission import OTHER_README, read_submission
from tritgolf.errors import InputError

NAMED_JSON = re.compile(r"submission\w*\.json", re.IGNORECASE)
NOTHING = "no README.md, submission.json or log"


@dataclass(frozen=True)
class Found:
    """The submissions below a folder, sorted, and (name, reason) of the folders in it that are not read."""

    folders: tuple[Path, ...]
    not_read: tuple[tuple[str, str], ...] = ()


def find_submissions(folder: str | Path) -> Found:
    """Every submission below ``folder``; ``InputError`` where it is no folder, or holds none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(folder, "is not a folder", "name a folder whose folders are submissions")
    try:
        within = _within(folder, folder)
    except OSError as error:
        raise InputError(folder, f"cannot be read ({error.strerror})", "get the right to read it") from None
    if not within.found:
        name, reason = next(iter(within.not_read.items()), ("", ""))
        left_out = f"; not read: {name} ({reason})" if name else ""
        raise InputError(
            folder, f"holds no submission folders{left_out}", "name a folder whose folders are submissions"
        )
    return Found(tuple(sorted(within.found)), tuple(sorted(within.not_read.items())))


def check_submissions(folder: str | Path) -> None:
    """Raise ``InputError`` where no folder below ``folder`` can be audited, before the last leaderboard goes."""
    problems = []
    for path in find_submissions(folder).folders:
        try:
            if not any(_is_readme(file) or NAMED_JSON.fullmatch(file.name) for file in _files(path)):
                read_submission(path)
        except InputError as error:
            problems.append(error)
        else:
            return
    raise problems[-1]


@dataclass(frozen=True)
class _Within:
    """What is at or below a folder: submissions, each with whether it has a text and runs, and what is not read."""

    found: dict[Path, bool]
    not_read: dict[str, str]


def _within(folder: Path, top: Path) -> _Within:
    """The submissions in the folders of ``folder``."""
    found: dict[Path, bool] = {}
    not_read: dict[str, str] = {}
    for entry in sorted(folder.iterdir()):
        if not entry.is_dir() or entry.name.startswith("."):
            continue
        name = entry.relative_to(top).as_posix()
        if entry.is_symlink():
            not_read[name] = "a link"
            continue
        try:
            below = _at(entry, top)
        except OSError as error:
            not_read[name] = str(error.strerror)
            continue
        found |= below.found
        not_read |= below.not_read
    return _Within(found, not_read)


def _at(folder: Path, top: Path) -> _Within:
    """The submission that ``folder`` is, with those that lie in it; where it only groups others, these."""
    files = _files(folder)
    has_text = any(map(_is_readme, files))
    has_json = any(NAMED_JSON.fullmatch(file.name) for file in files)
    has_logs = not has_json and any(map(_is_log, files))
    has_script = has_text and any(file.suffix == ".py" for file in files)
    if has_json or has_logs or has_script:
        inner = dict.fromkeys(_with_json(folder), True)
        return _Within({folder: has_json or (has_text and has_logs)} | inner, {})
    within = _within(folder, top)
    if has_text and not any(within.found.values()):  # what lies in it are its own logs
        return _Within({folder: bool(within.found)}, {})
    if within.found or within.not_read:
        return within
    return _Within({}, {folder.relative_to(top).as_posix(): NOTHING if any(folder.iterdir()) else "empty"})


def _with_json(folder: Path) -> Iterator[Path]:
    """The folders in a submission that are submissions of their own: those with a submission.json."""
    for path in sorted(folder.rglob(JSON)):
        if path.parent != folder and path.is_file() and not _is_linked(path, folder):
            yield path.parent


def _is_linked(path: Path, top: Path) -> bool:
    return any(part.is_symlink() for part in (path, *path.parents) if part != top and top in part.parents)


def _files(folder: Path) -> list[Path]:
    """The regular files of a folder; Git's and other hidden ones are none of a submission's."""
    return [file for file in sorted(folder.iterdir())
            if file.is_file() and not file.is_symlink() and not file.name.startswith(".")]  # fmt: skip


def _is_readme(file: Path) -> bool:
    return file.name.lower() == README.lower() or OTHER_README.fullmatch(file.name) is not None


def _is_log(file: Path) -> bool:
    """Whether a file is a log by its name, or a .txt with a run in it."""
    if file.suffix.lower() in (".log", ".out") or file.name == FACTS:
        return True
    if file.suffix.lower() != ".txt" or file.stat().st_size > MAX_LOG_BYTES or not os.access(file, os.R_OK):
        return False
    return any(run.is_readable for run in read_runs(file))


def names_of(folders: Iterable[Path], top: Path) -> dict[Path, str]:
    """Each submission's name: its folder's, or, where several folders are called so, the path below ``top``."""
    folders = list(folders)
    alike = [path.name for path in folders]
    return {path: path.name if alike.count(path.name) == 1 else path.relative_to(top).as_posix() for path in folders}
