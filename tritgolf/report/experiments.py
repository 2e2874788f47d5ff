"""Several kept runs of one question, side by side: which way to train and to store costs how much.

A kept experiment is a folder with ``experiment.yaml`` and one run a record (``<record>/record.json`` …), below it or
where ``runs`` says, all with the same seeds, text and checkpoints. One to be run is a file of ``records/experiments/``,
whose runs are results.
"""

import os
from dataclasses import replace
from pathlib import Path

from tritgolf.config.settings import validate
from tritgolf.config.yaml_files import read_yaml
from tritgolf.errors import InputError
from tritgolf.report.experiment_settings import SETTINGS, Experiment, Levers
from tritgolf.report.lever_paces import with_paces
from tritgolf.report.metrics import load_run
from tritgolf.report.runs import Run

FILE = "experiment.yaml"


def records_of(path: Path) -> list[str]:
    """The records of the experiment at ``path``, in the order of its rows."""
    return _records(settings_of(path))


def settings_of(path: Path) -> Experiment:
    """What the file of an experiment says, as the settings of its kind."""
    raw = read_yaml(path)
    kind = raw.get("kind", "rows")
    if not isinstance(kind, str) or kind not in SETTINGS:
        raise InputError(path, f"kind: {kind!r} is unknown", f"allowed: {', '.join(SETTINGS)}")
    return validate(SETTINGS[kind], raw, path)


def _records(experiment: Experiment) -> list[str]:
    return list(dict.fromkeys(row.record for row in experiment.rows))


def read_experiment(place: str | Path, runs: str | Path | None = None) -> tuple[Experiment, dict[str, Path]]:
    """The experiment in the folder, or the file, ``place``; the folders of its runs by record, in its rows' order.

    ``runs``: where runs are that it doesn't place itself; by default beside its file.
    """
    path = _file_of(place)
    experiment = settings_of(path)
    records = _records(experiment)
    for record in experiment.runs:
        if record not in records:
            raise InputError(path, f"runs: no row is of {record!r}", f"records of the rows: {', '.join(records)}")
    beside = path.parent if runs is None else Path(runs)
    places = {record: path.parent / place for record, place in experiment.runs.items()}
    folders = {record: places.get(record, beside / record) for record in records}
    return experiment, {record: Path(os.path.normpath(folder)) for record, folder in folders.items()}


def paces_folder(experiment: Experiment, place: str | Path) -> Path | None:
    """Where the experiment in the folder, or the file, ``place`` has the runs that timed its levers; None without."""
    if not isinstance(experiment, Levers) or experiment.paces is None:
        return None
    return Path(os.path.normpath(_file_of(place).parent / experiment.paces))


def load_experiment(place: str | Path, runs_in: str | Path | None = None) -> tuple[Experiment, dict[str, Run]]:
    """The experiment in ``folder`` and its runs by record, of levers with the runs that timed them.

    ``InputError`` if a run is missing, or was not made with the baseline's seeds, text and checkpoints; or for paces
    that don't tell what the runs take.
    """
    experiment, folders = read_experiment(place, runs_in)
    path = _file_of(place)
    runs = {record: _of_seeds(load_run(place), experiment.seeds, path) for record, place in folders.items()}
    wanted = _made_with(runs[experiment.rows[0].record])
    for record, run in runs.items():
        for what, found in _made_with(run).items():
            if found != wanted[what]:
                problem = f"{record} has the {what} {found}, the baseline {wanted[what]}"
                raise InputError(path, problem, f"run both with the same {what}")
    paces = paces_folder(experiment, place)
    return experiment, runs if paces is None else with_paces(runs, folders, paces, path)


def _file_of(place: str | Path) -> Path:
    return Path(place) if Path(place).suffix == ".yaml" else Path(place) / FILE


def _of_seeds(run: Run, seeds: tuple[int, ...] | None, path: Path) -> Run:
    """The run with these ``seeds`` alone, all of which it must have; as it is for None."""
    if seeds is None:
        return run
    found = {seed.seed: seed for seed in run.seeds}
    if missing := [seed for seed in seeds if seed not in found]:
        raise InputError(path, f"seeds: {run.facts.name} has no {missing[0]}", f"it has {', '.join(map(str, found))}")
    return replace(run, seeds=tuple(found[seed] for seed in seeds))


def _made_with(run: Run) -> dict[str, object]:
    """What two runs must have in common for a comparison seed by seed."""
    seeds = [seed.seed for seed in run.seeds]
    checkpoints = {seed.seed: sorted(seed.roundtrips) for seed in run.seeds}
    return {"seeds": seeds, "text": run.facts.dataset, "checkpoints": checkpoints}
