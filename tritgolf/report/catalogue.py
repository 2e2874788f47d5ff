"""Every table and plot by its name: what the workflow's scripts and pages choose from."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from tritgolf.report import laboratory_plots, laboratory_tables, plots
from tritgolf.report.comparisons import published_table
from tritgolf.report.mechanism_table import mechanism_table
from tritgolf.report.published import published_for
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.style import STYLE
from tritgolf.report.tables import checkpoints_table, roundtrip_table, seeds_table

TABLES: dict[str, Callable[[Run], Table]] = {
    "seeds": seeds_table,
    "roundtrip": roundtrip_table,
    "checkpoints": checkpoints_table,
    **laboratory_tables.TABLES,
    "mechanisms": mechanism_table,
}
PLOTS: dict[str, Callable[[Run], Figure]] = {**plots.PLOTS, **laboratory_plots.PLOTS}


def make_table(name: str, run: Run, published: Sequence[str | Path]) -> Table:
    """The table ``name``; ``published``: ``published_files`` of the run's source, which the table of that name needs.

    ``InputError`` where a figure is lacking, or there is nothing published to compare with.
    """
    if name == "published":
        return published_table(run, published_for(run.facts, published))
    return TABLES[name](run)


def draw(name: str, run: Run) -> Figure:
    """The plot ``name``, in the project's style."""
    with matplotlib.rc_context(STYLE):
        return PLOTS[name](run)
