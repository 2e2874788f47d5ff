"""Changes of one record, each alone and some on top of each other: their records are made from one YAML."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from tritgolf.config.settings import Settings, merge, validate
from tritgolf.config.types import check
from tritgolf.errors import InputError
from tritgolf.experiments.own_files import OwnFiles


class Change(Settings):
    """One change, ``what`` it is in words, and the settings that it lays ``over`` the base.

    ``apart``: not like for like, so that tables have it and sentences about them don't.
    """

    what: str
    apart: bool = False
    over: dict[str, Any] = Field(min_length=1)


class LeversConfig(Settings):
    """``base``: the record that is changed; ``storage``: the storage choice that is compared; ``what``: it in words.

    Each of ``changes`` is made alone. ``ladder`` names some of them, which are also made one on top of the other.
    """

    kind: Literal["levers"]
    title: str
    base: str
    storage: str
    what: str
    changes: dict[str, Change] = Field(min_length=1)
    ladder: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _rungs_are_changes(self) -> "LeversConfig":
        for name in self.ladder:
            check(name in self.changes, "ladder", name, f"of the changes: {', '.join(self.changes)}")
        check(len(set(self.ladder)) == len(self.ladder), "ladder", list(self.ladder), "different changes")
        return self


def write_levers(raw: dict[str, Any], path: Path, part: str, own: OwnFiles) -> None:
    """Write the records of the changes in ``raw``, which ``path`` holds, and what compares them.

    ``InputError`` for changes that are not sound, and for a ``part``: there are none.
    """
    levers = validate(LeversConfig, raw, path)
    if part:
        raise InputError(f"experiment {own.name + '/' + part!r}", "is unknown", f"{own.name} has no parts")
    own.write_record(own.name + "_base", {"inherit": levers.base, "title": levers.what})
    rows = [_row(own.name + "_base", levers, levers.what, own.name + "_base")]
    for name, change in levers.changes.items():
        rows.append(_written(f"{own.name}_{name}", levers, change, change.over, own, own.name + "_base"))
    below: str = own.name + "_base"
    over: dict[str, Any] = {}
    for number, name in enumerate(levers.ladder, 1):
        change = levers.changes[name]
        over = merge(over, change.over)
        on_top = change if number == 1 else change.model_copy(update={"what": f"… and {change.what}"})
        rows.append(_written(f"{own.name}_rung{number}_{name}", levers, on_top, over, own, below))
        below = rows[-1]["record"]
    own.write_experiment({"kind": "levers", "title": levers.title, "rows": rows})


def _written(
    record: str, levers: LeversConfig, change: Change, over: dict[str, Any], own: OwnFiles, against: str
) -> dict[str, Any]:
    """The row of ``record``, whose file is written and sound."""
    own.write_record(record, {"inherit": levers.base, "title": f"{levers.what}: {change.what}", **over})
    own.load_record(record)
    apart = {"apart": True} if change.apart else {}
    return _row(record, levers, change.what, against) | apart


def _row(record: str, levers: LeversConfig, what: str, against: str) -> dict[str, Any]:
    return {"record": record, "storage": levers.storage, "what": what, "against": against}
