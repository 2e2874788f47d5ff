"""Where an experiment's own files lie, and how they are written: a file whose text stays the same is left alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tritgolf.config.record import RecordConfig, load_record
from tritgolf.errors import InputError
from tritgolf.files import read_json, write_text
from tritgolf.report.experiments import FILE

CHOICES = "compared.json"  # what the table of a part is made of, for records to be made of


@dataclass(frozen=True)
class OwnFiles:
    """Of the experiment ``name``, or a ``part`` of it, in ``results``. ``known``: the folder of the other records."""

    name: str
    results: Path
    part: str
    known: Path

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.results / self.name / self.part

    @property
    def experiment(self) -> Path:
        """The file that says what is compared."""
        return self.folder / FILE

    def record_file(self, name: str) -> Path:
        """The file of one of its records."""
        return self.folder / "records" / f"{name}.yaml"

    def write_record(self, name: str, raw: dict[str, Any]) -> None:
        """Write a record of its own."""
        _write(self.record_file(name), raw, f"made from the experiment {self.name}")

    def load_record(self, name: str) -> RecordConfig:
        """A record of its own. ``InputError`` for one that is not sound."""
        return load_record(str(self.record_file(name)), self.known)

    def write_experiment(self, raw: dict[str, Any]) -> None:
        """Write what is compared."""
        _write(self.experiment, raw, f"made from the experiment {self.name}")

    def choices(self, part: str, of: str | None = None) -> dict[str, dict[str, Any]]:
        """What a part of it (or ``of`` another), or itself (""), found. ``InputError`` where that is not done."""
        name = of or self.name
        path = self.results / name / part / CHOICES
        if not path.exists():
            fix = f"first: snakemake compared --config experiment={name}{part and '/'}{part}"
            raise InputError(f"experiment {self.name!r}", f"has no choices yet: {path} is not there", fix)
        found: dict[str, dict[str, Any]] = read_json(path)
        return found


def _write(path: Path, raw: dict[str, Any], what: str) -> None:
    text = f"# {what}\n{yaml.safe_dump(raw, allow_unicode=True, sort_keys=False, width=118)}"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
