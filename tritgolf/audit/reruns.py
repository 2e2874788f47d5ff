"""Others' reruns of submissions, from a CSV that lies beside these: evidence of another kind than logs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tritgolf.audit.published import read_csv
from tritgolf.errors import InputError

NOTES = "repro_notes.csv"
COLUMNS = ("by", "claimed", "reproduced", "source", "facts")


@dataclass(frozen=True)
class Rerun:
    """Somebody's rerun of a submission: who, what they got, in their words; evidence of a kind of its own."""

    by: str
    claimed: str
    reproduced: str
    source: str
    facts: str


@dataclass(frozen=True)
class Reruns:
    """The reruns of each submission, and (folder's name, reason) of those that are of none that is surely meant."""

    of: Mapping[Path, tuple[Rerun, ...]]
    not_read: tuple[tuple[str, str], ...] = ()


def read_notes(folder: Path) -> list[dict[str, str]]:
    """The notes of reruns in ``folder``, if there are any; damaged ones are an ``InputError``."""
    path = folder / NOTES
    notes = read_csv(path) if path.is_file() else []
    if missing := [name for name in ("folder", *COLUMNS) if notes and name not in notes[0]]:
        raise InputError(path, f"has no column {', '.join(missing)}", f"its columns are folder, {', '.join(COLUMNS)}")
    return notes


def reruns_of(folder: Path, names: Mapping[Path, str]) -> Reruns:
    """The notes in ``folder`` by the submission they are of: its name (``names``), or its path below ``folder``."""
    found: dict[Path, list[Rerun]] = {path: [] for path in names}
    not_read: dict[str, str] = {}
    for note in read_notes(folder):
        meant = list(_meant(note["folder"], folder, names))
        for path in meant:
            found[path].append(Rerun(*(note[name] for name in COLUMNS)))
        if not meant and any(path.name == note["folder"] for path in names):
            not_read[f"{NOTES}, {note['folder']}"] = "several folders are called so; name the path"
    return Reruns({path: tuple(each) for path, each in found.items()}, tuple(not_read.items()))


def _meant(told: str, folder: Path, names: Mapping[Path, str]) -> Iterator[Path]:
    return (path for path, name in names.items() if told in (name, path.relative_to(folder).as_posix()))
