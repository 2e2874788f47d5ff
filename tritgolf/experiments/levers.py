"""Changes of one record, each alone and some on top of each other: their records are made from one YAML."""

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from tritgolf.config.layers import merge
from tritgolf.config.record import RecordConfig, known_records, load_record
from tritgolf.config.settings import Settings, validate
from tritgolf.config.types import check
from tritgolf.errors import InputError
from tritgolf.experiments.names import check_keys, check_over, without_absent
from tritgolf.experiments.own_files import OwnFiles
from tritgolf.report.experiment_settings import ON_TOP


class Change(Settings):
    """One change, ``what`` it is in words, and the settings that it lays ``over`` the base.

    ``apart``: not like for like, so that tables have it and sentences about them don't.
    """

    what: str
    apart: bool = False
    over: dict[str, Any]


class LeversConfig(Settings):
    """``base``: the record that is changed; ``storage``: the storage choice that is compared; ``what``: it in words.

    Each of ``changes`` is made alone, but one that is null. ``ladder`` names some of them, which are also made one on
    top of the other.
    """

    kind: Literal["levers"]
    title: str
    base: str
    storage: str
    what: str
    changes: dict[str, Change] = Field(min_length=1)
    ladder: tuple[str, ...] = ()

    @field_validator("changes", mode="before")
    @classmethod
    def _without_absent(cls, changes: Any) -> Any:
        return without_absent(changes)

    @model_validator(mode="after")
    def _changes_are_apart(self) -> "LeversConfig":
        check_keys("changes", self.changes)
        for name, change in self.changes.items():
            check(bool(change.over), f"changes.{name}.over", "{}", "what the change lays over the base")
            check_over(f"changes.{name}.over", change.over)
            taken = re.fullmatch(r"base|rung\d+_.*", name) is not None
            check(not taken, "changes", repr(name), "another name: the base's record or a rung's is called so")
        return self

    @model_validator(mode="after")
    def _rungs_are_changes(self) -> "LeversConfig":
        for name in self.ladder:
            check(name in self.changes, "ladder", name, f"of the changes: {', '.join(self.changes)}")
        check(len(set(self.ladder)) == len(self.ladder), "ladder", list(self.ladder), "different changes")
        return self


def write_levers(raw: dict[str, Any], path: Path, part: str, own: OwnFiles) -> list[str]:
    """Write the records of the changes in ``raw``, which ``path`` holds, and what compares them; the texts they read.

    ``InputError`` for changes that are not sound, and for a ``part``: there are none.
    """
    levers = validate(LeversConfig, raw, path)
    if part:
        raise InputError(f"experiment {own.name + '/' + part!r}", "is unknown", f"{own.name} has no parts")
    texts = [_base_of(levers, own).dataset]
    base = f"{own.name}_base"
    own.write_record(base, {"inherit": levers.base, "title": levers.what})
    rows = [_row(base, levers, levers.what, base)]
    for name, change in levers.changes.items():
        record = f"{own.name}_{name}"
        with own.told_of(f"changes.{name}.over"):
            texts.append(_write_changed(record, levers, change.what, change.over, own).dataset)
        rows.append(_row(record, levers, change.what, base, change.apart))
    below, over = base, dict[str, Any]()
    for number, name in enumerate(levers.ladder, 1):
        change, record = levers.changes[name], f"{own.name}_rung{number}_{name}"
        what = change.what if number == 1 else f"{ON_TOP}{change.what}"
        over = merge(over, change.over)
        with own.told_of(f"ladder, all up to {name}"):
            texts.append(_write_changed(record, levers, what, over, own).dataset)
        rows.append(_row(record, levers, what, below, change.apart))
        below = record
    own.write_experiment({"kind": "levers", "title": levers.title, "rows": rows})
    return texts


def _base_of(levers: LeversConfig, own: OwnFiles) -> RecordConfig:
    """The record that is changed, which is of the known ones."""
    if levers.base not in (known := known_records(own.known)):
        raise InputError(own.source, f"base: {levers.base!r} is unknown", f"known records: {', '.join(known)}")
    record = load_record(levers.base, own.known)
    _check_storage(levers, record, own)
    return record


def _write_changed(record: str, levers: LeversConfig, what: str, over: dict[str, Any], own: OwnFiles) -> RecordConfig:
    """Write ``record``, the base with ``over`` laid over it, which is sound and scored in the storage compared."""
    own.write_record(record, {"inherit": levers.base, "title": f"{levers.what}: {what}", **over})
    changed = own.load_record(record)
    _check_storage(levers, changed, own)
    return changed


def _check_storage(levers: LeversConfig, record: RecordConfig, own: OwnFiles) -> None:
    """``InputError`` for a storage that the table would not show: sliding scores are of a record's own alone."""
    stored = record.export.own_storage
    if levers.storage != stored:
        what = f"storage: {levers.storage!r} is not the one that {record.name} is scored in"
        raise InputError(own.source, what, f"write {stored}, its export.own_storage")


def _row(record: str, levers: LeversConfig, what: str, against: str, apart: bool = False) -> dict[str, Any]:
    row = {"record": record, "storage": levers.storage, "what": what, "against": against}
    return row | ({"apart": True} if apart else {})
