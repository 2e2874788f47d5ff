"""``docs/isobyte.md``: which weights fill the bytes best, as a short paper, every number from ``measured/``.

The prose is ``captions/isobyte_paper.md`` and states no result of ours: figures, the sentences about them and tables
are set in where it names a part, made of the runs that are kept. What was not measured is said to be so. All tables are
on the page of ``isobyte_tables``.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from tritgolf.report.entropy import entropy_figure, entropy_in_words, read_entropies
from tritgolf.report.experiment_kinds import KINDS
from tritgolf.report.experiment_settings import Experiment, Isobyte, Levers
from tritgolf.report.experiments import FILE, load_experiment
from tritgolf.report.full_size import FullSize, full_size_blocks, read_full_size
from tritgolf.report.isobyte_answer import answer_in_words, each_once
from tritgolf.report.isobyte_plot import isobyte_figure
from tritgolf.report.isobyte_table import TERNARY, nearest_of_others, ranked_points
from tritgolf.report.lever_plot import lever_figure
from tritgolf.report.lever_table import lever_table
from tritgolf.report.notes import NOT_MEASURED
from tritgolf.report.pages import Block, Picture, Shown, fill
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.starts import read_starts, starts_in_words, starts_table
from tritgolf.report.statistics import LEAST_P, LEVEL, format_mean_std, format_p, format_value, mean
from tritgolf.report.style import save

SAME_BYTES = 0.05  # of the base's, within which a change's are not worth a word
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
    main = _main([kept for kept, _ in levers])[0] if levers else None
    told = [
        f"*{one.title}.* {levers_in_words(table.frame, named=False)}"
        for (name, one, _), table in levers
        if name == main or _on_ladder(table.frame).any()
    ]
    return [said, *told]


def _main(kept: Sequence[Kept]) -> Kept:
    """Of several experiments of a kind the one that is shown: that with the most rows."""
    return max(kept, key=lambda one: len(one[1].rows))


def _points(points: Sequence[tuple[Kept, Table]], figures: Path) -> list[Block]:
    if not points:
        return [POINTS_MISSING]
    frames = [(one, table.frame) for (_, one, _), table in points if isinstance(one, Isobyte)]
    shown = {found.experiment.title for found in each_once(frames)}
    said = [f"- *{one.title}.* {points_in_words(frame)}" for one, frame in frames if one.title in shown]
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
        equal = "On the same text" if series == "text" else f"At equal {series}"
        words = f"{equal} **{best['what']}** scores best, {best['artifact_bpb']:.4f} BPB."
        if near := [f"{point['what']} ({_p(point['p'])})" for point in points[1:] if point["p"] >= LEVEL]:
            words += f" It can't be told from {_each(near)}."
        verb = "win" if best["bits"] == TERNARY else "lose"
        if other := nearest_of_others(points):
            words += f" Ternary weights {verb} by {other['over_best']:.4f}, {_told(other['p'])}."
        sentences.append(words)
    return " ".join(sentences)


def _told(p: float) -> str:
    if pd.isna(p):
        return "which one seed can't tell from nothing"
    return f"which is {'' if p < LEVEL else 'not '}significant ({_p(p)})"


def _p(p: float) -> str:
    """``p = 0.285``, or that it is below what the test can tell."""
    return f"p {format_p(p).replace('<', '< ')}" if p < LEAST_P else f"p = {format_p(p)}"


def _levers(levers: Sequence[tuple[Kept, Table]], figures: Path) -> list[Block]:
    if not levers:
        return [LEVERS_MISSING]
    said = [f"- *{experiment.title}.* {levers_in_words(table.frame)}" for (_, experiment, _), table in levers]
    tables = {name: table for (name, _, _), table in levers}
    name, *_ = _main([kept for kept, _ in levers])
    path = figures / f"{name}.svg"
    save(lever_figure(tables[name]), path.with_suffix(""), formats=["svg"])
    caption = (
        f"`{name}`: what each change gains; mean and standard deviation, a dot a seed. A gain within the grey band "
        "can't be told from nothing."
    )
    return ["\n".join(said), Picture(path, caption)]


def _starts(measured: Path) -> list[Block]:
    starts = read_starts(measured)
    return [starts_in_words(starts_table(starts).frame)] if starts else [STARTS_MISSING]


def levers_in_words(frame: pd.DataFrame, named: bool = True) -> str:
    """What changes gain alone; and where some are made one on top of the other, how far these get.

    Of the rows of a ``lever_table``, but for those that are ``apart``. ``named``: with those that can be told.
    """
    on_ladder = _on_ladder(frame)
    alone = frame[~on_ladder & ~frame["is_base"] & ~frame["apart"]]
    size = frame.loc[frame["is_base"], "artifact_bytes"].mean()
    said = [_alone_in_words(alone, size, named)] if len(alone) else []
    return " ".join([*said, *([_ladder_in_words(frame, named)] if on_ladder.any() else [])])


def _on_ladder(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows are of changes that are made one on top of the other; the base is none."""
    base = frame.loc[frame["is_base"], "record"].iloc[0]
    on_top = frame[frame["against"] != base]
    return frame["record"].isin({*on_top["record"], *on_top["against"]})


def _ladder_in_words(frame: pd.DataFrame, named: bool) -> str:
    """After which of the changes of a ladder the gain over the base is largest, and what all of them gain together."""
    base_bytes = frame.loc[frame["is_base"], "artifact_bytes"].mean()
    rungs = [_change(rung, base_bytes) for rung in _by_record(frame[_on_ladder(frame) & ~frame["apart"]])]
    top = max(range(len(rungs)), key=lambda place: mean(rungs[place].over_base))
    gained = [f"**{rung.what}**" for rung in rungs[: top + 1] if rung.p_holm < LEVEL and rung.gain > 0]
    by = f"; the steps of {_each(gained)} can be told from nothing" if gained and named else ""
    first = f"the first {top + 1} of {len(rungs)} changes gain most" if top + 1 < len(rungs) else "all gain together"
    said = f"One on top of the other, {first}, {_spread(rungs[top].over_base)}{_more_bytes(rungs[top].over)}{by}."
    return said if top + 1 == len(rungs) else f"{said} All {len(rungs)} together gain {_spread(rungs[-1].over_base)}."


class Change(NamedTuple):
    """A row of a table of levers: its gains in BPB, p by Holm, and the share of the base's bytes that it has more."""

    what: str
    gain: float
    p_holm: float
    over: float
    over_base: list[float]


def _by_record(frame: pd.DataFrame) -> list[pd.DataFrame]:
    return [rows for _, rows in frame.groupby("record", sort=False)]


def _change(rows: pd.DataFrame, base_bytes: float) -> Change:
    return Change(
        what=str(rows["what"].iloc[0]).removeprefix("… and "),
        gain=mean(rows["gain_bpb"]),
        p_holm=float(rows["gain_p_holm"].iloc[0]),
        over=mean(rows["artifact_bytes"]) / base_bytes - 1,
        over_base=rows["gain_over_base_bpb"].tolist(),
    )


def _spread(gains: Sequence[float]) -> str:
    return f"{format_mean_std(gains, 4, signed=True, fixed=True)} BPB"


def _named(change: Change) -> str:
    return f"**{change.what}** ({format_value(change.gain, 4, signed=True)}{_more_bytes(change.over)})"


def _more_bytes(over: float) -> str:
    """Where a change takes other bytes than its base, how many more or fewer."""
    return f", at {abs(over):.0%} {'more' if over > 0 else 'fewer'} bytes" if abs(over) > SAME_BYTES else ""


def _alone_in_words(rows: pd.DataFrame, base_bytes: float, named: bool) -> str:
    """Which changes gain or lose what can be told from nothing, best first; ``base_bytes``: of the base's artifact."""
    found = sorted((_change(row, base_bytes) for row in _by_record(rows)), key=lambda change: -change.gain)
    if any(math.isnan(change.p_holm) for change in found):
        extremes = f"The largest gain is of {_named(found[0])}, the least of {_named(found[-1])}."
        return f"{extremes} One seed can tell no change from nothing."
    told = [change for change in found if change.p_holm < LEVEL]
    gains, losses = ([change for change in told if (change.gain > 0) is way] for way in (True, False))
    sides = f"{_as_words(gains, ('gain', 'gains'), named)}; {_as_words(losses, ('lose', 'loses'), named)}"
    others = f"; {len(found) - len(told)} can't be told from nothing" if len(told) < len(found) else ""
    seeds = rows["seed"].nunique()
    return f"Of {len(found)} changes alone, in {seeds} seeds, {sides}{others} (Holm's p of {LEVEL:g})."


def _as_words(changes: Sequence[Change], verbs: tuple[str, str], named: bool) -> str:
    """How many changes do what ``verbs`` say, of several and of one, and which."""
    if not changes:
        return f"none {verbs[1]}"
    count = f"{len(changes)} {verbs[len(changes) == 1]}"
    return f"{count}: {_each(map(_named, changes))}" if named else count


def _each(words: Iterable[str]) -> str:
    """``a, b and c``, of words without commas of their own outside bold or brackets."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _bytes(folder: Path, figures: Path) -> list[Block]:
    found = read_entropies(folder)
    if not found:
        return [BYTES_MISSING]
    path = figures / "entropy.svg"
    save(entropy_figure(found), path.with_suffix(""), formats=["svg"])
    return [entropy_in_words(found), Picture(path, BYTES_DRAWN)]


BYTES_DRAWN = "What a coder of trits may know, and what that saves of an artifact; the line is 1%."
