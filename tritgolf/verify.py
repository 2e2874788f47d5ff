"""``results/<record>/provenance.json``: what made a record's results, and the digest of every file of them.

``write_provenance`` writes it when all files are there; ``verify`` says what has changed since. Neither imports torch.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from tritgolf.config.settings import Settings, validate
from tritgolf.data.sources import compare
from tritgolf.errors import InputError
from tritgolf.files import digest_file, digest_json, read_json_of_others, write_json
from tritgolf.provenance import code, hardware, package_digest, versions

NAME = "provenance.json"
SHARDS = "data/*/shards/manifest.json"  # of a record's inputs, below results


def _inside(path: str) -> str:
    """Only files below a folder are looked at, whatever a file from elsewhere says."""
    if not path or "\0" in path or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError(f"{path!r} is not a path inside the results")
    return path


Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Inside = Annotated[str, AfterValidator(_inside)]


class Made(Settings):
    """What a metrics file says of itself: the digest of its payload, and of the package that computed it."""

    payload_digest: Digest
    package_digest: Digest


class RecordProvenance(Settings):
    """The content of ``provenance.json``.

    ``files`` are relative to the record's folder, ``inputs`` to the folder that it lies in (``results``); both map to
    the SHA-256 of the file. ``metrics``: of each metrics file. ``digest``: of everything else here.
    """

    kind: Literal["tritgolf/provenance/1"] = Field(alias="schema")
    record: str
    made: str
    command: tuple[str, ...]
    code: dict[str, Any]
    versions: dict[str, str]
    hardware: dict[str, Any]
    configuration: dict[str, Any]
    configuration_digest: Digest
    inputs: dict[Inside, Digest]
    metrics: dict[Inside, Made]
    files: dict[Inside, Digest]
    digest: Digest


@dataclass
class Verification:
    """What ``verify`` found in what ``command`` made. ``changed`` and ``missing`` are errors, ``notes`` only inform."""

    recorded: int
    command: tuple[str, ...]
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether every recorded file is as it was recorded."""
        return not self.changed and not self.missing

    @property
    def lost(self) -> list[str]:
        """The record's own files that differ; what else changed was read (``../…``, or a text's whole path)."""
        return [name for name in (*self.changed, *self.missing) if not name.startswith(("../", "/"))]


def write_provenance(
    path: Path, *, record: str, command: list[str], configuration: dict[str, Any], inputs: list[Path], files: list[Path]
) -> None:
    """Write ``path`` = ``results/<record>/provenance.json`` about ``files``, all below its folder, and ``inputs``."""
    names = {file.relative_to(path.parent).as_posix(): file for file in sorted(files)}
    facts = {
        "schema": "tritgolf/provenance/1",
        "record": record,
        "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
        "code": code(),
        "versions": versions(),
        "hardware": hardware(),
        "configuration": configuration,
        "configuration_digest": digest_json(configuration),
        "inputs": {file.relative_to(path.parent.parent).as_posix(): digest_file(file) for file in sorted(inputs)},
        "metrics": {name: made for name, file in names.items() if (made := _made(file))},
        "files": {name: digest_file(file) for name, file in names.items()},
    }
    write_json(path, {**facts, "digest": digest_json(facts)})


def read_provenance(folder: Path) -> RecordProvenance:
    """The provenance of a record's results. Raises ``InputError`` if it is missing, damaged, or of another form."""
    path = folder / NAME
    if not path.is_file():
        fix = "give the folder of a finished record (snakemake writes the file last)"
        raise InputError(folder, f"has no {NAME}", fix)
    raw = read_json_of_others(path)
    if not isinstance(raw, dict):
        raise InputError(path, "is no provenance of ours", "delete it and run snakemake")
    found = validate(RecordProvenance, raw, path)
    damaged = InputError(path, "is damaged: it does not have the digest it states", "delete it and run snakemake")
    try:
        if digest_json({key: value for key, value in raw.items() if key != "digest"}) != found.digest:
            raise damaged
    except ValueError:  # NaN or half a character, which JSON can spell but we never write
        raise damaged from None
    return found


def verify(folder: Path) -> Verification:
    """Compare every file of ``folder`` (``results/<record>``) with what its ``provenance.json`` records.

    And the user's text with what its corpus was made of, where that is beside the record (``results/data/<text>``).
    """
    recorded = read_provenance(folder)
    found = Verification(recorded=len(recorded.files), command=recorded.command)
    for name, digest in recorded.files.items():
        if not (folder / name).is_file():
            found.missing.append(name)
        elif digest_file(folder / name) != digest:
            found.changed.append(name)
    for name, digest in recorded.inputs.items():
        path = folder.absolute().parent / name
        if not path.is_file():
            found.notes.append(f"input {name} is not here to be compared")
        elif digest_file(path) != digest:
            found.changed.append(f"../{name}")
        if PurePosixPath(name).match(SHARDS):
            _compare_sources(path.parents[1] / "corpus", folder.absolute().parent.parent, found)
    found.notes += _drift(recorded)
    return found


def _compare_sources(corpus: Path, working: Path, found: Verification) -> None:
    """Compare the user's files, from the folder ``working`` on, with what ``results/data/TEXT/corpus`` was made of."""
    sources = compare(corpus, working)
    found.changed += [name if name.startswith("/") else f"../../{name}" for name in sources.changed]
    if sources.changed:
        text = f"{corpus.parent.name}: its corpus was made of what was there before"
        found.notes.append(f"{text}; to make it again: touch what changed, then run snakemake")
    if sources.absent:
        of_them = f"{len(sources.absent)} of its files are" if len(sources.absent) > 1 else "one of its files is"
        found.notes.append(f"{corpus.parent.name}: {of_them} not here to be compared, as {sources.absent[0]}")


def _made(file: Path) -> dict[str, str] | None:
    """What a metrics file says of itself; None for any other file."""
    facts = read_json_of_others(file) if file.suffix == ".json" else {}
    if "payload_digest" not in facts:
        return None
    return {
        "payload_digest": facts["payload_digest"],
        "package_digest": facts["provenance"]["code"]["package_digest"],
    }


def _drift(recorded: RecordProvenance) -> Iterable[str]:
    """In which ways making the results again now might differ from how they were made."""
    now = package_digest()
    others = [name for name, made in recorded.metrics.items() if made.package_digest != now]
    if others:
        counted = f"{len(others)} of {len(recorded.metrics)} metrics files"
        yield f"{counted} were made by other code than this, as {others[0]}"
    if recorded.code.get("dirty"):
        yield f"the code had changes that commit {recorded.code.get('commit')} lacks"
    installed = versions()
    for library in sorted(recorded.versions.keys() | installed.keys()):
        before, after = recorded.versions.get(library, "absent"), installed.get(library, "absent")
        if before != after:
            yield f"{library} was {before}, is {after} now"
