"""The rules table: what the probes say of each way to score a text, beside what the contest ruled."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import ValidationError

from tritgolf.errors import InputError
from tritgolf.files import read_json
from tritgolf.outcome import mark_of
from tritgolf.report.facts import Count, Facts, NonNegative
from tritgolf.report.rendering import Table

NOBODY = "—"
GROUPS = {"pipeline": "of the pipeline", "counterexample": "counterexample"}
NOTES = (
    "Later tokens: how far before a changed token a score moved, in tokens. Adds up to: the probabilities of all "
    "tokens that could come next, the larger of two places; more than 1 is no distribution. Scored again: scores of "
    "targets that had one, of those that the method reports; an earlier pass over the text is not among them.",
    "The probes prove that a score is invalid, not that it is valid: they look at some places of one short text. By a "
    "network of random weights, {layers} layers over {vocab_size} pieces, and {tokens} random tokens, through the "
    "code that scores a record; SLOT takes 8 of its 24 steps.",
    "Contest: rulings by maintainers of Parameter Golf up to 2026-05-02, published/rulings.csv; — where nobody ruled.",
)


class Leak(Facts):
    """A token at ``changed`` moved the score at ``moved``."""

    changed: Count
    moved: Count


class LaterTokens(Facts):
    """The first probe: its worst ``leak``, if there is any."""

    leak: Leak | None
    repeatable: bool


class OwnToken(Facts):
    """The second probe, in one place: what all probabilities add up to."""

    total: NonNegative


class Probed(Facts):
    """What the probes measured of a method."""

    causal: bool | None
    later_tokens: LaterTokens
    own_token: tuple[OwnToken, ...]
    scored_again: Count


class RuleRow(Facts):
    """A way to score; ``mechanism``: what rulings call it."""

    name: str
    mechanism: str
    group: Literal["pipeline", "counterexample"]
    causality: Probed


class Network(Facts):
    """The network that was probed with."""

    layers: Count
    vocab_size: Count


class RuleMetrics(Facts):
    """Metrics of ``causality.json``."""

    model: Network
    tokens: Count
    rows: tuple[RuleRow, ...]


def read_rulings(path: str | Path) -> dict[str, dict[str, str]]:
    """Mechanism → its row: verdict, ruling, date, reason."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return {row["mechanism"]: row for row in csv.DictReader(file)}


def read_rules(path: str | Path) -> RuleMetrics:
    """The metrics of ``causality.json``; ``InputError`` for a file that is none."""
    raw = read_json(path)
    try:
        return RuleMetrics.model_validate(raw["metrics"])
    except (KeyError, TypeError, ValidationError):
        raise InputError(path, "is no table of what probes say", "delete it and run the target causality") from None


def causality_table(metrics: RuleMetrics, rulings: Mapping[str, Mapping[str, str]]) -> Table:
    """A row a way to score. ``InputError`` for a mechanism that ``rulings`` don't have."""
    rows = [_row(row, _ruling(row, rulings)) for row in metrics.rows]
    return Table(
        title="Which scores are valid: the probes, and the contest",
        frame=pd.DataFrame(rows),
        cells=pd.DataFrame([_cells(row) for row in rows]),
        notes=tuple(note.format(**metrics.model.model_dump(), tokens=metrics.tokens) for note in NOTES),
        left=("way to score", "what it is", "probes", "contest", "ruled in"),
    )


def _ruling(row: RuleRow, rulings: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    if not row.mechanism:
        return {"verdict": NOBODY, "ruling": NOBODY, "date": NOBODY}
    if row.mechanism not in rulings:
        raise InputError("published/rulings.csv", f"has no row {row.mechanism!r}", "restore it from the repository")
    return rulings[row.mechanism]


def _row(row: RuleRow, ruling: Mapping[str, str]) -> dict[str, object]:
    probed, leak = row.causality, row.causality.later_tokens.leak
    return {
        "name": row.name,
        "group": row.group,
        "causal": probed.causal,
        "leak_reaches_back": leak.changed - leak.moved if leak else 0,
        "largest_total": max((own.total for own in probed.own_token), default=None),
        "scored_again": probed.scored_again,
        "mark": mark_of({"causality": {"causal": probed.causal, "scored_again": probed.scored_again}}),
        "mechanism": row.mechanism,
        "contest": ruling["verdict"],
        "ruled_in": ruling["ruling"],
        "ruled_on": ruling["date"],
    }


def _cells(row: dict[str, object]) -> dict[str, str]:
    reach, total = row["leak_reaches_back"], row["largest_total"]
    return {
        "way to score": str(row["name"]),
        "what it is": GROUPS[str(row["group"])],
        "later tokens": f"{reach} back" if reach else "clean",
        "adds up to": NOBODY if total is None else f"{total:.2f}",
        "scored again": str(row["scored_again"]),
        "probes": "can't tell" if row["causal"] is None else str(row["mark"]) or "pass",
        "contest": str(row["contest"]),
        "ruled in": str(row["ruled_in"]),
    }
