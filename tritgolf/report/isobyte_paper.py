"""``docs/isobyte.md``: which weights fill the bytes best, as a short paper, every number from ``measured/``.

The prose is ``captions/isobyte_paper.md`` and states no result of ours: figures, the sentences about them and tables
are set in where it names a part, made of the runs that are kept. What was not measured is said to be so. All tables are
on the page of ``isobyte_tables``.
"""

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import pandas as pd

from tritgolf.report.entropy import entropy_figure, entropy_in_words, read_entropies
from tritgolf.report.experiment_kinds import KINDS
from tritgolf.report.experiment_settings import Experiment, Isobyte, Levers
from tritgolf.report.experiments import FILE, load_experiment, settings_of
from tritgolf.report.full_size import FullSize, full_size_blocks, read_full_size
from tritgolf.report.isobyte_answer import answer_in_words
from tritgolf.report.isobyte_compared import CAPTION as COMPARED
from tritgolf.report.isobyte_compared import compared_points, compared_table
from tritgolf.report.isobyte_parts import parts_in_words
from tritgolf.report.isobyte_plot import isobyte_figure
from tritgolf.report.lever_plot import lever_figure
from tritgolf.report.lever_table import lever_table
from tritgolf.report.lever_words import base_of, levers_in_words, on_ladder, together_in_words
from tritgolf.report.notes import NOT_MEASURED
from tritgolf.report.pages import Block, Picture, Shown, fill
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.style import save
from tritgolf.report.words import enumerated

POINTS_MISSING = NOT_MEASURED.format("`snakemake compared --config experiment=isobyte` makes it.")
LEVERS_MISSING = NOT_MEASURED.format("`snakemake compared --config experiment=levers` makes it.")
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
        "answer": lambda: _answer(points(), levers(), full_size()),
        "best": lambda: full_size_blocks(full_size()),
        "bytes": lambda: _bytes(measured / "entropy", figures),
    }
    return fill(template, lambda name: parts[name]())


def kept_experiments(measured: Path, kind: type[Experiment]) -> list[Kept]:
    """The kept experiments of a kind, with their folders' names; of those at equal bytes the smallest first."""
    found = [path.parent for path in sorted(measured.glob(f"*/{FILE}")) if isinstance(settings_of(path), kind)]
    kept = [(folder.name, *load_experiment(folder)) for folder in found]
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
    said = answer_in_words(_frames(points), full_size.rows) or NOT_MEASURED.format("Nothing is kept.")
    told: dict[str, list[str]] = {}  # what is said of one base, below the title of the first
    for (_, one, _), table in _told(levers):
        said_of_it = levers_in_words(table.frame, named=False)
        told.setdefault(base_of(table.frame), [f"*{one.title}.*"]).append(said_of_it)
    return [said, *(" ".join(sentences) for sentences in told.values())]


def _frames(points: Sequence[tuple[Kept, Table]]) -> list[tuple[Isobyte, pd.DataFrame]]:
    return [(one, table.frame) for (_, one, _), table in points if isinstance(one, Isobyte)]


def _main(kept: Sequence[Kept]) -> Kept:
    """Of several experiments of a kind the one that is shown: that with the most rows."""
    return max(kept, key=lambda one: len(one[1].rows))


def _points(points: Sequence[tuple[Kept, Table]], figures: Path) -> list[Block]:
    if not points:
        return [POINTS_MISSING]
    tables = {name: table for (name, _, _), table in points}
    name, experiment, runs = _main([kept for kept, _ in points])
    assert isinstance(experiment, Isobyte)
    path = figures / f"{name}.svg"
    save(isobyte_figure(experiment, runs), path.with_suffix(""), formats=["svg"])
    against = compared_table(compared_points(_frames(points)))
    return [
        Shown(against, COMPARED),
        Picture(path, f"`{name}`: {_POINTS_DRAWN} {trained_on(runs)}"),
        *filter(None, [parts_in_words(tables[name].frame)]),
    ]


_POINTS_DRAWN = (
    "score against bits a weight at equal bytes, mean and standard deviation over seeds. An arrow stands for a point "
    "beyond the edge. Where no bar shows, it is smaller than the mark."
)


def _told(levers: Sequence[tuple[Kept, Table]]) -> list[tuple[Kept, Table]]:
    """Those that the paper tells of: the experiment with the most changes, and of ladders that of the largest model."""
    names = [_main([kept for kept, _ in levers])[0]] if levers else []
    ladders = {name: table.frame for (name, *_), table in levers if on_ladder(table.frame).any()}
    names += sorted(ladders, key=lambda name: ladders[name]["artifact_bytes"].max())[-1:]
    return [one for one in levers if one[0][0] in names]


def _levers(levers: Sequence[tuple[Kept, Table]], figures: Path) -> list[Block]:
    if not levers:
        return [LEVERS_MISSING]
    told = _told(levers)
    name, *_ = _main([kept for kept, _ in levers])
    [alone] = [table for (of, *_), table in told if of == name]
    base = base_of(alone.frame)
    ladders = {of: table for (of, *_), table in told if of != name and base_of(table.frame) == base}
    said = [words for table in ladders.values() if (words := together_in_words(alone.frame, table.frame))]
    path = figures / f"{name}.svg"
    save(lever_figure(alone, *ladders.values()), path.with_suffix(""), formats=["svg"])
    caption = (
        f"`{name}`: what each change gains{' alone' * bool(ladders)}; mean and standard deviation, a dot a seed. A bar "
        "within the grey band is not significant."
    )
    caption += "".join(
        f" Diamonds: what it gains on top of those before it (`{ladder}`), filled where that is significant."
        for ladder in ladders
    )
    if left_out := alone.frame.loc[alone.frame["apart"], "what"].unique().tolist():
        caption += f" Not drawn, as it can't be compared with the others: {enumerated(left_out)}."
    return [*said, Picture(path, caption)]


def levers_told(measured: Path) -> list[Block]:
    """What the tables of levers that the paper tells of say, each in a sentence of a list."""
    told = _told(_lever_tables(measured))
    said = [f"- *{one.title}.* {levers_in_words(table.frame)}" for (_, one, _), table in told]
    return ["\n".join(said)] if said else []


def _bytes(folder: Path, figures: Path) -> list[Block]:
    found = read_entropies(folder)
    if not found:
        return [BYTES_MISSING]
    path = figures / "entropy.svg"
    save(entropy_figure(found), path.with_suffix(""), formats=["svg"])
    return [entropy_in_words(found), Picture(path, BYTES_DRAWN)]


BYTES_DRAWN = "What a coder of trits may know, and what that saves of an artifact; the line is 1%."
