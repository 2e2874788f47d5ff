"""Every table and plot by its name: what the workflow's scripts and pages choose from."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from tritgolf.files import write_text
from tritgolf.report import laboratory_plots, laboratory_tables, plots
from tritgolf.report.comparisons import published_table
from tritgolf.report.identity import one_line
from tritgolf.report.mechanism_table import mechanism_table
from tritgolf.report.plots import Plot
from tritgolf.report.published import published_for
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.style import STYLE, head, save
from tritgolf.report.tables import checkpoints_table, roundtrip_table, seeds_table

TABLES: dict[str, Callable[[Run], Table]] = {
    "seeds": seeds_table,
    "roundtrip": roundtrip_table,
    "checkpoints": checkpoints_table,
    **laboratory_tables.TABLES,
    "mechanisms": mechanism_table,
}
PLOTS: dict[str, Plot] = {**plots.PLOTS, **laboratory_plots.PLOTS}


def make_table(name: str, run: Run, published: Sequence[str | Path]) -> Table:
    """The table ``name``; ``published``: ``published_files`` of the run's source, which the table of that name needs.

    ``InputError`` where a figure is lacking, or there is nothing published to compare with.
    """
    if name == "published":
        return published_table(run, published_for(run.facts, published))
    return TABLES[name](run)


def draw(name: str, run: Run) -> Figure:
    """The plot ``name``, in the project's style, with the run that it is of."""
    with matplotlib.rc_context(STYLE):
        figure = PLOTS[name].draw(run)
        head(figure, one_line(run))
        return figure


def write_plot(name: str, run: Run, stem: str | Path) -> None:
    """Write the plot ``name`` as ``stem``.svg, .pdf and .png, and what it shows as ``stem``.csv."""
    data = pd.concat(PLOTS[name].data(run), ignore_index=True)
    write_text(f"{stem}.csv", data.to_csv(index=False, lineterminator="\n"))
    save(draw(name, run), stem)
