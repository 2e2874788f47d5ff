"""Records that an experiment makes of one by changes it states: ``BASE@CHANGE``, settings laid over the base."""

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from tritgolf.config.settings import Settings, merge, read_yaml, validate
from tritgolf.config.types import check
from tritgolf.errors import InputError

MARK = "@"  # between a record's name and a change's, as before a run's


class Change(Settings):
    """One change, ``what`` it is in words, and the settings that it lays over the base."""

    what: str
    over: dict[str, Any] = Field(min_length=1)


class Changes(Settings):
    """``base``: the record that is changed; ``storage``: the storage choice that is compared; ``what``: it in words.

    Each of ``changes`` is made alone. ``ladder`` names some of them, which are also made one on top of the other.
    """

    base: str
    storage: str
    what: str
    changes: dict[str, Change] = Field(min_length=1)
    ladder: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _rungs_are_changes(self) -> "Changes":
        for name in self.ladder:
            check(name in self.changes, "ladder", name, f"of the changes: {', '.join(self.changes)}")
        check(len(set(self.ladder)) == len(self.ladder), "ladder", list(self.ladder), "different changes")
        return self

    @property
    def rungs(self) -> dict[str, tuple[str, ...]]:
        """Name of each rung of the ladder → the changes up to it."""
        return {f"ladder{n}_{name}": self.ladder[:n] for n, name in enumerate(self.ladder, 1)}

    @property
    def records(self) -> dict[str, tuple[str, ...]]:
        """Every record → the changes that make it of the base, which is the first and has none."""
        alone = {name: (name,) for name in self.changes}
        made = {f"{self.base}{MARK}{name}": names for name, names in (alone | self.rungs).items()}
        return {self.base: (), **made}

    def over(self, record: str) -> dict[str, Any]:
        """What is laid over the base for ``record``. ``InputError`` if it is none of ``records``."""
        if record not in self.records:
            raise InputError(f"record {record!r}", "is none of the experiment", f"it has {', '.join(self.records)}")
        found: dict[str, Any] = {}
        for name in self.records[record]:
            found = merge(found, self.changes[name].over)
        return found

    def in_words(self, record: str) -> str:
        """What ``record`` is: a change, or the last one of a rung."""
        names = self.records[record]
        if not names:
            return self.what
        on_top = record.partition(MARK)[2] in self.rungs
        return f"… and {self.changes[names[-1]].what}" if on_top and len(names) > 1 else self.changes[names[-1]].what


def changes_of(path: Path) -> Changes | None:
    """The changes that the experiment at ``path`` states (its key ``changed``); None if it states none."""
    changed = read_yaml(path).get("changed")
    return None if changed is None else validate(Changes, changed, f"{path}: changed")
