"""Which files of a submission folder are read, and why others that look like its logs or texts are not.

Two levels are read, and folders of seeds within the second; symbolic links are not followed. A folder in it with a
submission.json is a submission of its own.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tritgolf.audit.logs import MAX_LOG_BYTES
from tritgolf.errors import InputError

MAX_FILES = 2000
MOST_QUOTED = 4  # differences, or logs, in one line of evidence
LOGS = (".log", ".txt", ".out")
README, JSON = "README.md", "submission.json"
ARTIFACTS = (".ptz", ".tgolf")  # the contest's, and a bundle's of ours
PACKED = re.compile(r"\.(?:gz|xz|bz2|zst|zip|tar|tgz|7z)$", re.IGNORECASE)
ARCHIVES = (".zip", ".tar", ".tgz", ".7z")
SEED = re.compile(r"(?:seed)?[_-]?\d{1,9}", re.ASCII | re.IGNORECASE)  # a folder of one seed's run
INNER = "a submission of its own"
WITHOUT_SUFFIX = re.compile(r"(?:^|[\W_])(?:logs?|train(?:ing)?|seed|stdout|output|nohup)(?=[\W_\d]|$)", re.IGNORECASE)
CALLED_A_LOG = re.compile(r"\.(?:log|out)$|(?:^|[\W_])(?:log|train)", re.IGNORECASE)


@dataclass(frozen=True)
class Listing:
    """The regular files of a folder that may be read, sorted, and (name, reason) of what is not read."""

    files: tuple[Path, ...]
    not_read: tuple[tuple[str, str], ...] = ()
    beyond: tuple[Path, ...] = ()  # files past the most that are read

    @property
    def unread_logs(self) -> tuple[str, ...]:
        """The names of what is not read and may be a log, or hold logs."""
        each = [(name, reason) for name, reason in self.not_read if not name.endswith(" files")]
        named = [name for name, reason in each if _may_hold_a_log(Path(name), reason)]
        return (*named, *(file.name for file in self.beyond if is_log(file)))

    def named(self, folder: Path, name: str) -> Path | None:
        """The file of this name in ``folder`` itself; without one, the only one that is called so in another case."""
        alike = [file for file in self.files if file.parent == folder and file.name.lower() == name.lower()]
        usual = [file for file in alike if file.name == name]
        candidates = usual or alike
        return candidates[0] if len(candidates) == 1 else None


def first_of(names: Sequence[str], most: int = 5, between: str = ", ") -> str:
    """Names in a sentence, the first of many and how many more there are."""
    return between.join([*names[:most], *([f"{len(names) - most} more"] if len(names) > most else [])])


def first_differences(texts: Sequence[str]) -> str:
    """What evidence quotes of several differences."""
    return first_of(texts, MOST_QUOTED, "; ")


def in_words(not_read: Sequence[tuple[str, str]]) -> str:
    """What is not read and why, "" for nothing."""
    return f"not read: {first_of([f'{name} ({reason})' for name, reason in not_read])}" if not_read else ""


def is_log(file: Path) -> bool:
    """Whether a file may hold a run's log, by its suffix in any case; without one by its name, as ``train_seed42``."""
    return file.suffix.lower() in LOGS or (not file.suffix and WITHOUT_SUFFIX.search(file.name) is not None)


def list_folder(path: Path) -> Listing:
    """What there is to read in ``path``; ``InputError`` for a folder that only holds submissions of their own."""
    not_read: dict[str, str] = {}
    files: list[Path] = []
    inner: list[str] = []
    for entry in _entries(path, path, not_read):
        if entry.is_dir() and not entry.is_symlink():
            within = list(_entries(entry, path, not_read))
            if any(file.name.lower() == JSON and file.is_file() for file in within):
                inner.append(entry.name)
                continue
            not_read |= {_name(file, path): "more than two folders deep" for file in _deeper(within)}
            within += [file for each in within if _is_of_a_seed(each) for file in _entries(each, path, not_read)]
            files += [file for file in within if _is_read(file, path, not_read)]
        elif _is_read(entry, path, not_read):
            files.append(entry)
    files.sort()
    _refuse_a_folder_of_submissions(path, files, inner)
    not_read |= dict.fromkeys(inner, INNER)
    if len(files) > MAX_FILES:
        not_read[f"{len(files) - MAX_FILES:,} files"] = f"more than {MAX_FILES:,}"
    return Listing(tuple(files[:MAX_FILES]), tuple(not_read.items()), tuple(files[MAX_FILES:]))


def _may_hold_a_log(file: Path, reason: str) -> bool:
    """Whether a name that is not read is a log's, an archive's, a packed log's or a folder's that is not entered."""
    if reason == INNER or file.name.lower() in (README.lower(), JSON):
        return False
    if packed := PACKED.search(file.name):
        inside = file.name[: packed.start()]
        return packed[0].lower() in ARCHIVES or is_log(Path(inside)) or bool(CALLED_A_LOG.search(inside))
    return is_log(file) or file.suffix not in (".py", *ARTIFACTS)


def files_below(folder: Path) -> list[Path]:
    """The regular files of two levels of ``folder``, sorted, whatever they are; at most ``MAX_FILES``."""
    found = sorted(path for pattern in ("*", "*/*") for path in folder.glob(pattern))
    return [path for path in found[:MAX_FILES] if path.is_file() and not path.is_symlink()]


def _entries(folder: Path, top: Path, not_read: dict[str, str]) -> Iterator[Path]:
    """What is in a folder, sorted; nothing of one that may not be read, which is told."""
    try:
        yield from sorted(folder.iterdir())
    except OSError as error:
        if folder == top:
            raise InputError(folder, f"cannot be read ({error.strerror})", "get the right to read it") from None
        not_read[_name(folder, top)] = str(error.strerror)


def _is_read(file: Path, top: Path, not_read: dict[str, str]) -> bool:
    """Whether a file is read; where one that an audit looks at isn't, why is told."""
    reason = _reason(file)
    is_text = is_log(file) or file.name.lower() in (README.lower(), JSON)
    is_linked_folder = reason == "a link" and file.is_dir()
    if reason and (is_text or file.suffix in (".py", *ARTIFACTS) or PACKED.search(file.name) or is_linked_folder):
        not_read[_name(file, top)] = reason
    return not reason


def _reason(file: Path) -> str:
    if file.is_symlink():
        return "a link"
    if not file.is_file():
        return "no regular file"
    if PACKED.search(file.name):
        return "packed"
    if not os.access(file, os.R_OK):
        return "this user may not read it"
    return f"larger than {MAX_LOG_BYTES >> 20} MiB" if is_log(file) and file.stat().st_size > MAX_LOG_BYTES else ""


def _is_of_a_seed(folder: Path) -> bool:
    """Whether a folder is one seed's, as ``seeds/42``: its files are read a level further down than others."""
    return SEED.fullmatch(folder.name) is not None and folder.is_dir() and not folder.is_symlink()


def _deeper(within: list[Path]) -> Iterator[Path]:
    """Logs in the folders below the second level, as far as two levels more."""
    for folder in within:
        if folder.is_dir() and not folder.is_symlink() and not _is_of_a_seed(folder):
            found = (file for pattern in ("*", "*/*") for file in sorted(folder.glob(pattern)))
            yield from (file for file in found if file.is_file() and CALLED_A_LOG.search(file.name) and is_log(file))


def _name(file: Path, top: Path) -> str:
    return file.relative_to(top).as_posix()


def _refuse_a_folder_of_submissions(path: Path, files: list[Path], inner: list[str]) -> None:
    """Raise where all there is lies in submissions of their own: their runs together are no submission's."""
    if not inner or any(is_log(file) or file.name.lower() == JSON for file in files):
        return
    what = f"holds no logs of its own, but {len(inner)} submission{'s' * (len(inner) != 1)} ({first_of(inner, 3)})"
    raise InputError(path, what, "audit one of these, or all of them: snakemake leaderboard (docs/running.md)")
