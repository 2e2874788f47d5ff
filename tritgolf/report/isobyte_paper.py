"""``docs/isobyte.md``: which weights fill the bytes best, as a short paper, every number from ``measured/``.

The prose is ``captions/isobyte_paper.md`` and states no result of ours: figures, the sentences about them and tables
are set in where it names a part, made of the runs that are kept. What was not measured is said to be so. All tables are
on the page of ``isobyte_tables``.
"""

import dataclasses
import math
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd

from tritgolf.report.entropy import entropy_figure, entropy_in_words, read_entropies
from tritgolf.report.experiment_kinds import KINDS
from tritgolf.report.experiment_settings import Experiment, Isobyte, Levers
from tritgolf.report.experiments import FILE, load_experiment
from tritgolf.report.full_size import FullSize, full_size_blocks, read_full_size
from tritgolf.report.isobyte_answer import LEVEL, answer_in_words
from tritgolf.report.isobyte_plot import isobyte_figure
from tritgolf.report.isobyte_table import TERNARY, nearest_of_others, ranked_points
from tritgolf.report.lever_plot import lever_figure
from tritgolf.report.lever_table import lever_table
from tritgolf.report.notes import NOT_MEASURED
from tritgolf.report.pages import Block, Picture, Shown, fill
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.starts import read_starts, starts_in_words, starts_table
from tritgolf.report.statistics import LEAST_P, format_mean_std, format_p, format_value, mean
from tritgolf.report.style import save

SAME_BYTES = 0.01  # of the base's, within which a change's are taken for the same
POINTS_MISSING = NOT_MEASURED.format("`snakemake compared --config experiment=isobyte` makes it.")
LEVERS_MISSING = NOT_MEASURED.format("`snakemake compared --config experiment=levers` makes it.")
STARTS_MISSING = NOT_MEASURED.format("`benchmarks/stages.py train` makes it.")
BYTES_MISSING = NOT_MEASURED.format("`benchmarks/entropy.py` makes it.")

Kept = tuple[str, Experiment, dict[str, Run]]
"""A kept experiment's folder's name, what it compares, and its runs by record."""


def isobyte_paper(template: str, measured: Path, figures: Path) -> list[Block]:
    """The paper's blocks, of what is kept in ``measured``; writes the figures it shows into ``figures``.

    ``KeyError`` for a part that ``template`` names and that there isn't.
    """
    points, levers = cache(partial(_point_tables, measured)), cache(partial(_lever_tables, measured))
    full_size = cache(partial(read_full_size, measured))
    parts = {
        "points": lambda: _points(points(), figures),
        "levers": lambda: _levers(levers(), figures),
        "starts": lambda: _starts(measured),
        "answer": lambda: _answer(points(), levers(), full_size()),
        "best": lambda: full_size_blocks(full_size()),
        "bytes": lambda: _bytes(measured / "entropy", figures),
    }
    return fill(template, lambda name: parts[name]())


def kept_experiments(measured: Path, kind: type[Experiment]) -> list[Kept]:
    """The kept experiments of a kind, with their folders' names; of those at equal bytes the smallest first."""
    found = [(path.parent.name, *load_experiment(path.parent)) for path in sorted(measured.glob(f"*/{FILE}"))]
    kept = [(name, experiment, runs) for name, experiment, runs in found if isinstance(experiment, kind)]
    return sorted(kept, key=lambda one: one[1].bytes if isinstance(one[1], Isobyte) else 0)


def trained_on(runs: dict[str, Run]) -> str:
    """A sentence: the machines of the runs."""
    machines = dict.fromkeys(seed.made_by.machine for run in runs.values() for seed in run.seeds)
    return f"Trained on {', '.join(machines)}."


def _point_tables(measured: Path) -> list[tuple[Kept, Table]]:
    """The kept experiments of points, each with its table."""
    kept = kept_experiments(measured, Isobyte)
    return [((name, one, runs), KINDS[one.kind].table(one, runs)) for name, one, runs in kept]


def _lever_tables(measured: Path) -> list[tuple[Kept, Table]]:
    """The kept experiments of levers, each with its table."""
    return [((name, one, runs), lever_table(one, runs)) for name, one, runs in kept_experiments(measured, Levers)]


def _answer(
    points: Sequence[tuple[Kept, Table]], levers: Sequence[tuple[Kept, Table]], full_size: FullSize
) -> list[Block]:
    compared = [(one, table.frame) for (_, one, _), table in points if isinstance(one, Isobyte)]
    said = answer_in_words(compared, full_size.rows) or NOT_MEASURED.format("Nothing is kept.")
    ladders = [(one.title, table.frame) for (_, one, _), table in levers if _on_ladder(table.frame).any()]
    return [said, *(f"*{title}.* {ladder_in_words(frame)}" for title, frame in ladders)]


def _main(kept: Sequence[Kept]) -> Kept:
    """Of several experiments of a kind the one that is shown: that with the most rows."""
    return max(kept, key=lambda one: len(one[1].rows))


def _points(points: Sequence[tuple[Kept, Table]], figures: Path) -> list[Block]:
    if not points:
        return [POINTS_MISSING]
    said = [f"- *{experiment.title}.* {points_in_words(table.frame)}" for (_, experiment, _), table in points]
    tables = {name: table for (name, _, _), table in points}
    name, experiment, runs = _main([kept for kept, _ in points])
    assert isinstance(experiment, Isobyte)
    path = figures / f"{name}.svg"
    save(isobyte_figure(experiment, runs), path.with_suffix(""), formats=["svg"])
    return [
        "\n".join(said),
        Picture(path, f"`{name}`: {_POINTS_DRAWN}"),
        Shown(_shortened(tables[name]), f"{_POINTS_CAPTION} {trained_on(runs)}"),
    ]


_POINTS_DRAWN = "score against bits a weight at equal bytes, mean and standard deviation over seeds."
_POINTS_CAPTION = (
    "Of each format the method that scores best; [the others](isobyte_tables.md#which-weights-at-equal-bytes). Bits in "
    "the file: of a weight of the matrices, coded. BPB of the model reloaded from its artifact. RT gap: that less the "
    "trained weights'. p: Dunnett's one-sided test of all points against the best, which was found on the same scores."
)


def _shortened(table: Table) -> Table:
    """The best method of each format, and what a reader compares points by; ``series`` where there are several."""
    means = table.frame.groupby("record", sort=False).agg({"series": "first", "bits": "first", "artifact_bpb": "mean"})
    best = means.groupby(["series", "bits"])["artifact_bpb"].transform("min") == means["artifact_bpb"]
    columns = [
        "weights",
        "width × MLP",
        "bits in the file",
        "seeds",
        "artifact BPB",
        "RT gap",
        "bytes",
        "over the best",
        "p",
    ]
    series = ["series"] if table.cells["series"].nunique() > 1 else []
    return dataclasses.replace(table, cells=table.cells.loc[best.to_numpy(), [*series, *columns]])


def points_in_words(frame: pd.DataFrame) -> str:
    """Of each series which point is best, which can't be told from it, and how far the best ternary one is from it."""
    sentences = []
    for series, points in ranked_points(frame):
        best = points[0]
        words = f"At equal {series}, **{best['what']}** scores best, {best['artifact_bpb']:.4f} BPB."
        if near := [f"{point['what']} (p = {format_p(point['p'])})" for point in points[1:] if point["p"] >= LEVEL]:
            words += f" It can't be told from {' and '.join(near)}."
        verb = "win" if best["bits"] == TERNARY else "lose"
        if other := nearest_of_others(points):
            words += f" Ternary weights {verb} by {other['over_best']:.4f}, {_told(other['p'])}."
        sentences.append(words)
    return " ".join(sentences)


def _told(p: float) -> str:
    if pd.isna(p):
        return "which one seed can't tell from nothing"
    shown = f"p = {p:.2g}" if p >= LEAST_P else f"p < {LEAST_P:g}"
    return f"which is {'' if p < LEVEL else 'not '}significant ({shown})"


def _levers(levers: Sequence[tuple[Kept, Table]], figures: Path) -> list[Block]:
    if not levers:
        return [LEVERS_MISSING]
    said = [f"- *{experiment.title}.* {levers_in_words(table.frame)}" for (_, experiment, _), table in levers]
    tables = {name: table for (name, _, _), table in levers}
    name, *_ = _main([kept for kept, _ in levers])
    path = figures / f"{name}.svg"
    save(lever_figure(tables[name]), path.with_suffix(""), formats=["svg"])
    caption = f"`{name}`: what each change gains; mean and standard deviation, a dot a seed."
    return ["\n".join(said), Picture(path, caption)]


def _starts(measured: Path) -> list[Block]:
    starts = read_starts(measured)
    return [starts_in_words(starts_table(starts).frame)] if starts else [STARTS_MISSING]


def levers_in_words(frame: pd.DataFrame) -> str:
    """What changes gain alone; and where some are made one on top of the other, how far these get.

    Of the rows of a ``lever_table``, but for those that are ``apart``.
    """
    on_ladder = _on_ladder(frame)
    alone = frame[~on_ladder & ~frame["is_base"] & ~frame["apart"]]
    size = frame.loc[frame["is_base"], "artifact_bytes"].mean()
    said = [_alone_in_words(alone, size)] if len(alone) else []
    return " ".join([*said, *([ladder_in_words(frame)] if on_ladder.any() else [])])


def _on_ladder(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows are of changes that are made one on top of the other; the base is none."""
    base = frame.loc[frame["is_base"], "record"].iloc[0]
    on_top = frame[frame["against"] != base]
    return frame["record"].isin({*on_top["record"], *on_top["against"]})


def ladder_in_words(frame: pd.DataFrame) -> str:
    """After which of the changes of a ladder the gain over the base is largest, and what all of them gain together."""
    rungs = frame[_on_ladder(frame) & ~frame["apart"]]
    of_records = rungs.groupby("record", sort=False)
    gains = [(str(rung["what"].iloc[0]), rung["gain_over_base_bpb"].tolist()) for _, rung in of_records]
    top = max(range(len(gains)), key=lambda place: mean(gains[place][1]))
    (what, most), (_, last) = gains[top], gains[-1]
    after = f"after {top + 1} of {len(gains)} changes one on top of the other, with **{what.removeprefix('… and ')}**"
    said = f"The gain over the base is largest, {_spread(most)}, {after}."
    return said if top + 1 == len(gains) else f"{said} All {len(gains)} together gain {_spread(last)}."


def _spread(gains: Sequence[float]) -> str:
    return f"{format_mean_std(gains, 4, signed=True, fixed=True)} BPB"


def _alone_in_words(rows: pd.DataFrame, size: float) -> str:
    """Which change gains most, which loses most, and how many differ from nothing; ``size``: the base's bytes."""
    facts = {"gain": ("gain_bpb", "mean"), "over": ("artifact_bytes_over_base", "mean")}
    tested = {"p": ("gain_p", "first"), "p_holm": ("gain_p_holm", "first")}
    changes = rows.groupby(["record", "what"], sort=False).agg(**facts, **tested).reset_index()
    found: list[dict[Any, Any]] = changes.sort_values("gain").to_dict("records")
    least, most = found[0], found[-1]
    worst = "largest loss" if least["gain"] < 0 else "smallest gain"
    alike = [change for change in found if abs(change["over"]) <= SAME_BYTES * size]
    at_same_bytes = f", {_gain(alike[-1])} within {SAME_BYTES:.0%} of the bytes" if alike and alike[-1] != most else ""
    sign = "more" if most["over"] > 0 else "fewer"
    more = f", at {abs(most['over']) / size:.0%} {sign} bytes" if at_same_bytes else ""
    extremes = f"The largest gain is {_gain(most)}{more}{at_same_bytes}; the {worst} is {_gain(least)}."
    if changes["p"].isna().any():
        return f"{extremes} One seed can tell no change from nothing."
    counts = [int((changes[p] < LEVEL).sum()) for p in ("p", "p_holm")]
    return (
        f"{extremes} Of {len(found)} changes, in {rows['seed'].nunique()} seeds, {counts[0]} are significant at "
        f"p < {LEVEL:g} where each is tested alone, {counts[1]} by Holm's p, which is given here."
    )


def _gain(change: dict[Any, Any]) -> str:
    p = change["p_holm"]
    told = "" if math.isnan(p) else f", p {'< ' if p < LEAST_P else '= '}{format_p(p).removeprefix('<')}"
    return f"{format_value(change['gain'], 4, signed=True)} BPB (**{change['what']}**{told})"


def _bytes(folder: Path, figures: Path) -> list[Block]:
    found = read_entropies(folder)
    if not found:
        return [BYTES_MISSING]
    path = figures / "entropy.svg"
    save(entropy_figure(found), path.with_suffix(""), formats=["svg"])
    return [entropy_in_words(found), Picture(path, BYTES_DRAWN)]


BYTES_DRAWN = "What a coder of trits may know, and what that saves of an artifact; the line is 1%."
