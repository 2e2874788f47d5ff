"""The user's files that a corpus was made of, as its ``corpus.json`` records them, and which of them changed since.

A file may be replaced by one with an older time (``cp -p``, ``rsync -a``, ``tar``), which Snakemake takes for no news.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from tritgolf.config.settings import Settings, validate
from tritgolf.data.find import printable
from tritgolf.files import digest_file, read_json_of_others

FACTS = "corpus.json"


class SourceFile(Settings):
    """What a file was when it was read."""

    bytes: Annotated[int, Field(ge=0)]
    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class CorpusInputs(Settings):
    """The key ``inputs`` of ``corpus.json``, which those of other kinds of text, and of older versions, lack."""

    inputs: dict[str, SourceFile] = Field(default_factory=dict)


@dataclass
class Compared:
    """Recorded files that ``changed``, by path, and those that are ``absent``: not there, or not to be read."""

    changed: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def input_facts(files: Iterable[Path]) -> dict[str, Any]:
    """Size and digest of each of ``files``: what ``corpus.json`` has as ``inputs``."""
    return {printable(path): {"bytes": path.stat().st_size, "digest": digest_file(path)} for path in files}


def recorded_inputs(corpus: Path) -> dict[str, SourceFile]:
    """What the corpus of a folder was made of, by paths from the working folder on; empty where it doesn't say.

    ``InputError`` for a ``corpus.json`` that is damaged.
    """
    path = corpus / FACTS
    facts = read_json_of_others(path) if path.is_file() else {}
    inputs = facts.get("inputs", {}) if isinstance(facts, dict) else None
    return validate(CorpusInputs, {"inputs": inputs}, path).inputs


def resized(corpus: Path, files: Iterable[str]) -> list[str]:
    """Those of ``files`` whose size is another than when the corpus was made; quick, as none is read."""
    before = recorded_inputs(corpus)
    known = ((path, before.get(printable(path))) for path in files)
    return [path for path, was in known if was is not None and Path(path).stat().st_size != was.bytes]


def compare(corpus: Path, working: Path) -> Compared:
    """All files that the corpus was made of, from the folder ``working`` on, with what they are now.

    Only regular files are read, and those alone whose size is the recorded one.
    """
    found = Compared()
    for name, was in recorded_inputs(corpus).items():
        path = working / name
        try:
            if not path.is_file():
                found.absent.append(name)
            elif path.stat().st_size != was.bytes or digest_file(path) != was.digest:
                found.changed.append(name)
        except OSError:  # no right to read it, or a name longer than any file's
            found.absent.append(name)
    return found
