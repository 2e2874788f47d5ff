"""Where an experiment's own files lie, and how they are written: a file whose text stays the same is left alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tritgolf.config.record import RecordConfig, load_record
from tritgolf.errors import InputError
from tritgolf.files import write_text
from tritgolf.report.experiments import FILE

CHOICES = "compared.json"  # what the table of a part is made of, for records to be made of


@dataclass(frozen=True)
class OwnFiles:
    """Of the experiment ``name``, or a ``part`` of it, in ``results``.

    ``source``: what the user wrote, of which they are made. ``known``: the folder of the other records.
    """

    name: str
    source: Path
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

    def choices_file(self, part: str, of: str | None = None) -> Path:
        """Where it lies what a part of it (or ``of`` another), or itself (""), found."""
        return self.results / (of or self.name) / part / CHOICES

    @contextmanager
    def told_of(self, key: str) -> Iterator[None]:
        """What is wrong with a file made of the user's ``key`` is told of that: made files are not to be corrected."""
        try:
            yield
        except InputError as error:
            if error.where == str(self.source):
                raise
            made = Path(error.where).is_relative_to(self.folder)
            what = error.what if made else f"{error.where}: {error.what}"
            raise InputError(self.source, f"{key}: {what}", error.fix) from None

    def write_record(self, name: str, raw: dict[str, Any]) -> None:
        """Write a record of its own."""
        _write(self.record_file(name), raw, f"made from the experiment {self.name}")

    def load_record(self, name: str, over: dict[str, Any] | None = None) -> RecordConfig:
        """A record of its own, with ``over`` laid over it. ``InputError`` for one that is not sound."""
        return load_record(str(self.record_file(name)), self.known, over)

    def write_experiment(self, raw: dict[str, Any]) -> None:
        """Write what is compared."""
        _write(self.experiment, raw, f"made from the experiment {self.name}")


def _write(path: Path, raw: dict[str, Any], what: str) -> None:
    text = f"# {what}\n{yaml.safe_dump(raw, allow_unicode=True, sort_keys=False, width=118)}"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
