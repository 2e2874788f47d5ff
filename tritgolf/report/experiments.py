"""Several kept runs of one question, side by side: which way to train and to store costs how much.

An experiment is a folder with ``experiment.yaml`` and one run a record (``<record>/record.json`` …), below it or where
``runs`` says, all with the same seeds, text and checkpoints.
"""

import os
from pathlib import Path

from pydantic import Field

from tritgolf.errors import InputError
from tritgolf.report.metrics import Run, load_run
from tritgolf.settings import Settings, read_yaml, validate

FILE = "experiment.yaml"


class Row(Settings):
    """One line of the table: a record's weights in one of its storage choices, and what that is in words."""

    record: str
    storage: str
    what: str


class Experiment(Settings):
    """``rows[0]`` is the baseline that the others are compared with, seed by seed.

    ``runs``: folders, from that of the experiment, of the records whose run isn't kept below it.
    """

    title: str
    runs: dict[str, str] = Field(default_factory=dict)
    rows: tuple[Row, ...] = Field(min_length=2)


def read_experiment(folder: str | Path) -> tuple[Experiment, dict[str, Path]]:
    """The experiment in ``folder`` and the folders of its runs by record, in the order of its rows."""
    path = Path(folder) / FILE
    experiment = validate(Experiment, read_yaml(path), path)
    records = dict.fromkeys(row.record for row in experiment.rows)
    for record in experiment.runs:
        if record not in records:
            raise InputError(path, f"runs: no row is of {record!r}", f"records of the rows: {', '.join(records)}")
    folders = {record: path.parent / experiment.runs.get(record, record) for record in records}
    return experiment, {record: Path(os.path.normpath(folder)) for record, folder in folders.items()}


def load_experiment(folder: str | Path) -> tuple[Experiment, dict[str, Run]]:
    """The experiment in ``folder`` and its runs by record. ``InputError`` if a run is missing or has other seeds."""
    experiment, folders = read_experiment(folder)
    runs = {record: load_run(path) for record, path in folders.items()}
    seeds = {record: [seed.seed for seed in run.seeds] for record, run in runs.items()}
    wanted = seeds[experiment.rows[0].record]
    for record, found in seeds.items():
        if found != wanted:
            raise InputError(
                Path(folder) / FILE,
                f"{record} has the seeds {found}, the baseline {wanted}",
                "run the same seeds of both",
            )
    return experiment, runs
