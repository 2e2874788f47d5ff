"""``docs/isobyte_tables.md``: all tables of what the paper of ``isobyte_paper`` tells, with how they are counted."""

from functools import cache, partial
from pathlib import Path

from tritgolf.report.entropy import entropy_table, read_entropies
from tritgolf.report.experiment_kinds import KINDS
from tritgolf.report.experiment_settings import Experiment, Isobyte, Levers
from tritgolf.report.full_size import each_seed, read_full_size
from tritgolf.report.isobyte_paper import (
    BYTES_MISSING,
    LEVERS_MISSING,
    POINTS_MISSING,
    kept_experiments,
    levers_told,
    trained_on,
)
from tritgolf.report.notes import NOT_MEASURED
from tritgolf.report.pages import Block, Shown, fill
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.starts import read_starts, starts_caption, starts_table
from tritgolf.report.test_time_rates import KeptRates, rates_caption, rates_in_words, rates_table

RATES_MISSING = NOT_MEASURED.format("`benchmarks/stages.py evaluate` makes it.")
STARTS_MISSING = NOT_MEASURED.format("`benchmarks/stages.py train` makes it.")


def isobyte_tables(template: str, measured: Path) -> list[Block]:
    """The page's blocks, of what is kept in ``measured``; ``KeyError`` for a part that there isn't."""
    full_size = cache(partial(read_full_size, measured))
    parts = {
        "points": lambda: _tables(measured, Isobyte, POINTS_MISSING),
        "levers": lambda: [*levers_told(measured), *_tables(measured, Levers, LEVERS_MISSING)],
        "starts": lambda: _starts(measured),
        "bytes": lambda: _bytes(measured / "entropy"),
        "runs": lambda: each_seed(full_size()),
        "rates": lambda: _rates(full_size().rates),
    }
    return fill(template, lambda name: parts[name]())


def _tables(measured: Path, kind: type[Experiment], missing: str) -> list[Block]:
    blocks: list[Block] = []
    told: set[str] = set()
    for _, experiment, runs in kept_experiments(measured, kind):
        table = KINDS[experiment.kind].table(experiment, runs)
        blocks += [f"### {experiment.title}", Shown(table, _notes(table, runs, told))]
    return blocks or [missing]


def _notes(table: Table, runs: dict[str, Run], told: set[str]) -> str:
    """How a table's figures are counted, but for what was ``told``, and on which machines its runs were trained."""
    counted = [note for note in table.notes if not note.startswith(tuple(runs)) and note not in told]
    told.update(counted)
    return " ".join([*counted, trained_on(runs)])


def _starts(measured: Path) -> list[Block]:
    starts = read_starts(measured)
    return [Shown(starts_table(starts), starts_caption(starts))] if starts else [STARTS_MISSING]


def _rates(kept: list[KeptRates]) -> list[Block]:
    return [Shown(rates_table(kept), rates_caption(kept)), *rates_in_words(kept)] if kept else [RATES_MISSING]


def _bytes(folder: Path) -> list[Block]:
    blocks: list[Block] = []
    for one in read_entropies(folder):
        blocks += [f"### `{one.artifact.record}`", Shown(entropy_table(one), "The three shortest codes of each kind.")]
    return blocks or [BYTES_MISSING]
