"""What submission.json states: figures, seeds and figures by seed, in whichever form, and what no form of them is."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, TypeGuard

from tritgolf.audit.intervals import Printed

SEED = re.compile(r"(?:seed[ _-]?)?(-?\d{1,12})", re.ASCII | re.IGNORECASE)
SEVERAL = re.compile(r"[\s,;]+")  # between the seeds of a text
SCORES = ("val_bpb", "val_loss", "val_bpb_std", "val_loss_std", "mean_val_bpb", "val_bpb_mean", "std_val_bpb")
SIZES = ("bytes_total", "bytes_code", "code_bytes", "artifact_bytes", "artifact_size_bytes")
COUNTED = re.compile(  # sizes that count against the limit: of code, of what is stored, of both
    r"(?:bytes_total|total_bytes|bytes_code|code_bytes|(?:total_)?(?:artifact|submission)(?:_size)?_bytes|bytes_artifact)"
    r"(?:_(?:max|mean|min|total))?|bytes_model_(?:\w*_)?(?:zlib|zstd|brotli|lzma|xz|compressed)"
)
TOTAL = "submission.json"  # what evidence calls the total that it states
SEEDS = ("seeds", "seed_results")
OF_SEEDS = re.compile(r"^(?:\d{1,2}|three|five)_?seeds?_|_(?:\d{1,2}|three|five)_?seeds?(?=_|$)", re.ASCII)
PER_SEED = re.compile(  # other names of figures by seed; a field of these names without seeds is none
    r"(?:per|by)_seed(?:_results)?|(?:per_)?seeds?_(?:scores|metrics|(?:val_)?bpbs?)|(?:results|scores|(?:val_)?bpbs?)(?:_(?:per|by)_seed)?"
)
SIZES_BY_SEED = re.compile(r"(?:(?:per|by)_seed_)?(?:artifact(?:_size)?_bytes|bytes_total)(?:_(?:per|by)_seed)?")
OF_A_SEED = re.compile(r"seed[ _-]?\d{1,12}", re.ASCII)  # a field that holds one seed's figures
WITHIN = ("results", "metrics")  # fields that may hold the others
LEAST_SEEDS = 2  # of such a field
POSSIBLE = (0.3, 10.0)  # bits a byte, where a bare number stands for a seed
MOST = 1e15  # of a figure
FEWEST_BYTES = 1000  # that a size can have: 15.7 and 16 are megabytes
SHOWN = 60  # characters of a value that evidence quotes


class Written(float):
    """A number of a JSON text that prints as it was written: 1.1800, not 1.18."""

    text: str

    def __repr__(self) -> str:
        return self.text


def as_written(text: str) -> float:
    """The number of a JSON text; a plain one where it is beyond all bounds."""
    number = Written(text)
    number.text = text
    return number if math.isfinite(number) else float(text)


def printed_of(value: object) -> Printed | None:
    """A JSON number as it would print, without an exponent; None for anything else."""
    if not is_number(value) or not abs(value) < MOST:
        return None
    return Printed(f"{Decimal(repr(value)):f}")


def size_of(value: object) -> Printed | None:
    """A size as a whole number of bytes; None for what must be megabytes, and for what is no number."""
    printed = printed_of(value)
    return printed if printed and abs(printed.value) >= FEWEST_BYTES and printed.value.is_integer() else None


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a JSON value is a number, be it NaN; ``true`` is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_count(value: object) -> TypeGuard[int]:
    """Whether a JSON value is a whole number; ``true`` is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def seed_of(value: object) -> int | None:
    """A seed as JSON has it: 42, 42.0, "42", "seed_42"; None for anything else."""
    if isinstance(value, str):
        match = SEED.fullmatch(value.strip())
        return int(match[1]) if match else None
    if not is_number(value) or not abs(value) < MOST or value != int(value):
        return None
    return int(value)


def lifted(facts: dict[str, Any]) -> dict[str, Any]:
    """The fields, and beside them those within one called "results", and means called "val_bpb_3seed_mean"."""
    inner = [facts[key] for key in WITHIN if isinstance(facts.get(key), dict)]
    found = {name: value for fields in (*reversed(inner), facts) for name, value in fields.items()}
    plain = {OF_SEEDS.sub("", name): value for name, value in found.items()}
    return {name: value for name, value in plain.items() if name in SCORES} | found


def stated_seeds(facts: dict[str, Any] | None) -> tuple[int, ...]:
    """The seeds of the first field that has any, else those with figures of their own, each once."""
    for key in SEEDS:
        if found := [seed for item in _items((facts or {}).get(key)) if (seed := seed_of(item)) is not None]:
            return tuple(dict.fromkeys(found))
    return tuple(dict.fromkeys(seed for seed, _ in every_row(facts)))


def seed_results(facts: dict[str, Any] | None) -> dict[int, dict[str, Any]]:
    """The figures by seed: of a mapping, or of a list of rows with a seed each; a bare number is a score.

    Sizes may stand in a mapping of their own. Seeds with several rows have none here: which of their runs another
    figure is of, nothing says.
    """
    facts = facts or {}
    results = {seed: dict(rows[0]) for seed, rows in _rows_by_seed(facts).items() if len(rows) == 1}
    for value in (facts[key] for key in filter(SIZES_BY_SEED.fullmatch, facts)):
        for name, size in _rows(value):
            if (seed := seed_of(name)) is not None and is_count(size):
                results.setdefault(seed, {}).setdefault("artifact_bytes", size)
    return results


def repeated_results(facts: dict[str, Any] | None) -> dict[int, list[dict[str, Any]]]:
    """The rows of seeds that have several, as of several runs."""
    return {seed: rows for seed, rows in _rows_by_seed(facts or {}).items() if len(rows) > 1}


def every_row(facts: dict[str, Any] | None) -> list[tuple[int, dict[str, Any]]]:
    """(seed, figures) of every row, be it one of several of its seed."""
    several = ((seed, row) for seed, rows in repeated_results(facts).items() for row in rows)
    return [*seed_results(facts).items(), *several]


def _rows_by_seed(facts: dict[str, Any]) -> dict[int, list[dict[str, Any]]]:
    """Seed → its rows, of the first field that has any; a field by another name has each seed once."""
    for key in [*reversed(SEEDS), *filter(PER_SEED.fullmatch, facts)]:
        rows = _rows(facts.get(key))
        found = _grouped((seed_of(name), _row(row)) for name, row in rows)
        if found and (key in SEEDS or LEAST_SEEDS <= len(found) == len(rows)):
            return found
    fields = {name: row for name, row in facts.items() if OF_A_SEED.fullmatch(name) and isinstance(row, dict)}
    return _grouped((seed_of(name), row) for name, row in fields.items())


def _grouped(rows: Iterable[tuple[int | None, dict[str, Any] | None]]) -> dict[int, list[dict[str, Any]]]:
    """Rows by their seeds; none without a seed or figures."""
    found: dict[int, list[dict[str, Any]]] = {}
    for seed, row in rows:
        if seed is not None and row is not None:
            found.setdefault(seed, []).append(row)
    return found


def listed_scores(facts: dict[str, Any] | None) -> list[Printed]:
    """The scores of the runs in a list without seeds, in whichever order."""
    lists = (value for name, value in (facts or {}).items() if name in SEEDS or PER_SEED.fullmatch(name))
    return [printed for value in lists if _are_scores(value) for score in value if (printed := printed_of(score))]


def _are_scores(value: object) -> TypeGuard[list[int | float]]:
    """Whether a value is a list of bare scores, none of them a whole number as seeds are."""
    return (
        isinstance(value, list)
        and len(value) >= LEAST_SEEDS
        and all(
            isinstance(item, float) and not item.is_integer() and POSSIBLE[0] <= item <= POSSIBLE[1] for item in value
        )
    )


def _items(value: object) -> list[object]:
    """What can be seeds of a field: the keys of a mapping, a list's items or its rows' seeds, the parts of a text."""
    if isinstance(value, dict):
        return list(value)
    if isinstance(value, list):
        return [item.get("seed") if isinstance(item, dict) else item for item in value]
    return [part for part in SEVERAL.split(value) if part] if isinstance(value, str) else []


def _rows(value: object) -> list[tuple[object, object]]:
    """(seed, figures) of a mapping or a list of rows."""
    if isinstance(value, dict):
        return list(value.items())
    return [(item.get("seed"), item) for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _row(value: object) -> dict[str, Any] | None:
    if isinstance(value, dict):
        return value
    return {"val_bpb": value} if is_number(value) and POSSIBLE[0] <= value <= POSSIBLE[1] else None


def counted_sizes(facts: dict[str, Any] | None) -> dict[str, int]:
    """Every stated size that the limit binds, by its field, those by seed among them."""
    fields = [(f"submission.json {name}" if name != "bytes_total" else TOTAL, name, value)
              for name, value in (facts or {}).items()]  # fmt: skip
    fields += [(f"submission.json {name} of seed {seed}", name, value)
               for seed, row in every_row(facts) for name, value in row.items()]  # fmt: skip
    counted: dict[str, int] = {}
    for where, name, value in fields:
        if COUNTED.fullmatch(name) and is_number(value) and size_of(value):
            counted[where] = max(int(value), counted.get(where, 0))  # of several runs of a seed the largest
    return counted


def impossible(facts: dict[str, Any]) -> list[str]:
    """Figures that are numbers and no score or size can be: NaN, infinite, beyond all bounds; by their field."""
    return [f"{name} is {_shown(value)}" for name, value in _figures(facts)
            if is_number(value) and not abs(value) < MOST]  # fmt: skip


def unread(facts: dict[str, Any]) -> list[str]:
    """Fields that hold something else than their figures, and so are held against nothing; each with what it holds."""
    found = [
        f"{name} is {_shown(value)}"
        for name, value in _figures(facts)
        if value is not None and (not is_number(value) or (name.split()[0] in SIZES and not size_of(value)))
    ]
    empty = [f"{key} is {_shown(facts[key])}" for key in SEEDS if facts.get(key) in ([], {}, "")]
    return [*found, *empty, *unread_seeds(facts)]


def unread_seeds(facts: dict[str, Any] | None) -> list[str]:
    """What the fields of seeds have that is no seed, or no figures of one, and seeds that are named twice."""
    return [problem for key in SEEDS if (value := (facts or {}).get(key)) not in (None, [], {}, "")
            and not (key == "seed_results" and _are_scores(value))
            for problem in _of_seeds(key, (facts or {})[key])]  # fmt: skip


def _of_seeds(key: str, value: object) -> Iterator[str]:
    items = _items(value)
    seeds = [seed_of(item) for item in items]
    if not items:
        yield f"{key} is {_shown(value)}"
    yield from (f"{key} has {_shown(item)}" for item, seed in zip(items, seeds, strict=True) if seed is None)
    yield from (f"{key} names {seed} {n} times" for seed, n in Counter(seeds).items() if n > 1 and seed is not None)
    yield from (f"{key} of {seed_of(name)} is {_shown(row)}" for name, row in _rows(value)
                if seed_of(name) is not None and _row(row) is None)  # fmt: skip


def _figures(facts: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """(field, value) of every field for a figure that is there, those by seed among them."""
    for name in (*SCORES, *SIZES):
        if name in facts:
            yield name, facts[name]
    for seed, row in every_row(facts):
        yield from ((f"{name} of seed {seed}", row[name]) for name in (*SCORES, *SIZES) if name in row)


def _shown(value: object) -> str:
    """A value as evidence quotes it: on one line, its first characters."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
