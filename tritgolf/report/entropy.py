"""What contexts would save of an artifact's bytes (``benchmarks/entropy.py``): a table and a figure of kept figures."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from pydantic import ValidationError

from tritgolf.errors import InputError
from tritgolf.files import read_json
from tritgolf.report.facts import Facts
from tritgolf.report.rendering import Table
from tritgolf.report.statistics import format_value
from tritgolf.report.style import COLOURS, STYLE, new_figure


class Measured(Facts):
    """The file that was measured: its bytes, what it has of each kind, and how its trits are laid out."""

    record: str
    seed: int | None
    step: int | None
    bytes: int
    bytes_by_kind: dict[str, int]
    layout: str | None = None  # older files don't say it


class Verdict(Facts):
    """By kind the shortest code and what it saves of the file; ``worth_a_coder``: whether that is 1% together."""

    best: dict[str, str]
    saved_bytes: dict[str, int]
    share_of_the_artifact: float
    worth_a_coder: bool


class Entropy(Facts):
    """Lengths in bytes by kind and context."""

    artifact: Measured
    zero_fraction: float
    code_bytes: dict[str, dict[str, float]]
    verdict: Verdict


def read_entropies(folder: Path) -> list[Entropy]:
    """Every one kept in ``folder``, by name. ``InputError`` for a file that is none."""
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def _read(path: Path) -> Entropy:
    try:
        return Entropy.model_validate(read_json(path))
    except ValidationError as error:
        key = ".".join(map(str, error.errors()[0]["loc"]))
        raise InputError(path, f"{key}: {error.errors()[0]['msg']}", "make it by benchmarks/entropy.py") from None


def entropy_table(found: Entropy) -> Table:
    """A row a kind and context: the length of its code, and what that saves of the artifact."""
    artifact = found.artifact
    rows = [
        {
            "kind": kind,
            "context": context,
            "in_file": artifact.bytes_by_kind[kind],
            "code_bytes": length,
            "saved_share": (artifact.bytes_by_kind[kind] - length) / artifact.bytes,
        }
        for kind, lengths in found.code_bytes.items()
        for context, length in lengths.items()
    ]
    frame = pd.DataFrame(rows)
    best = frame.sort_values("code_bytes").groupby("kind", sort=False).head(3).sort_index()
    cells = [
        {
            "kind": row["kind"],
            "a coder that knows": row["context"],
            "bytes now": format_value(row["in_file"], 0),
            "bytes by this code": format_value(row["code_bytes"], 0),
            "saved, of the artifact": f"{format_value(100 * row['saved_share'], 2, signed=True)}%",
        }
        for row in best.to_dict("records")
    ]
    return Table("What contexts save", frame, pd.DataFrame(cells), (), left=("kind", "a coder that knows"))


def entropy_figure(found: Sequence[Entropy], kind: str = "trits") -> Figure:
    """What each context saves of each artifact, in percent; below 0 it costs."""
    contexts = list(found[0].code_bytes[kind])
    height = 0.8 / len(found)
    with matplotlib.rc_context(STYLE):
        figure = new_figure(height=0.9 + 0.26 * len(contexts))
        axes = figure.subplots()
        for index, (one, colour) in enumerate(zip(found, COLOURS, strict=False)):
            now, whole = one.artifact.bytes_by_kind[kind], one.artifact.bytes
            saved = [100 * (now - one.code_bytes[kind][context]) / whole for context in contexts]
            places = [place + height * (index - (len(found) - 1) / 2) for place in range(len(contexts))]
            axes.barh(places, saved, color=colour, height=height, label=_named(one))
        axes.set_yticks(range(len(contexts)), contexts)
        axes.axvline(1, color="black", linestyle="--", linewidth=1.2)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set(xlabel="saved, % of the artifact", title=f"What a coder of {kind} may know")
        figure.legend(loc="outside lower center", ncols=len(found))
    return figure


def _named(one: Entropy) -> str:
    return f"{one.artifact.record}, {one.zero_fraction:.0%} zeros"


def entropy_in_words(found: Sequence[Entropy]) -> str:
    """What follows of it: whether a coder is worth its code, and of which kind."""
    sentences = []
    for one in sorted(found, key=lambda one: not one.verdict.worth_a_coder):
        worth = "worth" if one.verdict.worth_a_coder else "not worth"
        layout = f", stored as `{one.artifact.layout}`" if one.artifact.layout else ""
        sentences.append(
            f"- `{one.artifact.record}` after {one.artifact.step:,} steps, {one.zero_fraction:.0%} of its trits "
            f"zero{layout}: contexts save {one.verdict.share_of_the_artifact:.2%} of the artifact, so a coder is "
            f"**{worth}** its code."
        )
    return "\n".join(sentences)
