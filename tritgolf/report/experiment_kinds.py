"""What is made of an experiment, by its kind: a table of each, and what else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tritgolf.files import write_json
from tritgolf.report.experiment_settings import Experiment
from tritgolf.report.experiment_table import experiment_table
from tritgolf.report.isobyte_plot import isobyte_figure
from tritgolf.report.isobyte_table import filled, isobyte_table
from tritgolf.report.isobyte_trials import choices, trials_table
from tritgolf.report.lever_table import lever_table
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.style import save

Write = Callable[[Any, dict[str, Run], Path], None]


class Kind(NamedTuple):
    """``table`` of the experiment and its runs; ``beside`` writes its other files, beside the table's."""

    table: Callable[[Any, dict[str, Run]], Table]
    beside: Write | None = None


def _write_figure_and_bytes(experiment: Any, runs: dict[str, Run], stem: Path) -> None:
    save(isobyte_figure(experiment, runs), stem)
    write_json(stem.with_suffix(".json"), filled(experiment, runs))


def _write_choices(experiment: Any, runs: dict[str, Run], stem: Path) -> None:
    write_json(stem.with_suffix(".json"), choices(experiment, runs))


KINDS: dict[str, Kind] = {
    "rows": Kind(experiment_table),
    "isobyte": Kind(isobyte_table, _write_figure_and_bytes),
    "isobyte_trials": Kind(trials_table, _write_choices),
    "levers": Kind(lever_table),
}


def write_experiment(experiment: Experiment, runs: dict[str, Run], stem: Path) -> None:
    """Write ``stem``.csv, .md and .html, and what its kind has beside them."""
    kind = KINDS[experiment.kind]
    kind.table(experiment, runs).write(stem)
    if kind.beside:
        kind.beside(experiment, runs, stem)
