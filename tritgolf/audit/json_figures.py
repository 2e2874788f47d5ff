"""The numbers of submission.json with what tells of which run they are: the submission's own, and those by seed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tritgolf.audit.intervals import Printed
from tritgolf.audit.json_facts import SIZES, every_row, printed_of, seed_of, seed_results, size_of

BY_SEED = re.compile(r"_(?:by|per)_seed$")  # a field with a figure for each seed
EXACT_FIRST = ("val_bpb_exact", "val_bpb")


@dataclass(frozen=True)
class JsonFigure:
    """A number of a field: of which seed's run (None: of the submission), with that seed's score and sizes, if stated.

    ``name``: the field's, without the words that its figures are by seed.
    """

    name: str
    printed: Printed
    seed: int | None = None
    score: Printed | None = None
    sizes: frozenset[int] = frozenset()

    def __str__(self) -> str:
        return f"{self.name} {self.printed}" + (f" of seed {self.seed}" if self.seed is not None else "")


def figures(facts: dict[str, Any] | None) -> Iterator[JsonFigure]:
    """The numbers of submission.json: its own, those in a field by seed, those beside the scores of its seeds."""
    rows = seed_results(facts)
    for name, value in (facts or {}).items():
        yield from _figure(name, value)
        if BY_SEED.search(name) and isinstance(value, dict):
            of_seeds = ((seed_of(key), figure) for key, figure in value.items())
            yield from (figure for seed, each in of_seeds if seed is not None
                        for figure in _figure(BY_SEED.sub("", name), each, seed, rows.get(seed)))  # fmt: skip
    for seed, row in every_row(facts):
        for name, value in row.items():
            yield from _figure(name, value, seed, row)


def _figure(
    name: str, value: object, seed: int | None = None, row: dict[str, Any] | None = None
) -> Iterator[JsonFigure]:
    """The number of a field, if it has one; ``row``: all figures of its seed."""
    if printed := printed_of(value):
        row = row or {}
        score = next(filter(None, (printed_of(row.get(key)) for key in EXACT_FIRST)), None)
        sizes = (size for key in SIZES if (size := size_of(row.get(key))))
        yield JsonFigure(name, printed, seed, score, frozenset(int(size.value) for size in sizes))
