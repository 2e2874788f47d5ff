"""How long steps of levers take, where their own trainings shared a machine: of short runs that each had one alone.

A folder of paces has a run a record of the experiment, of the base and of whichever levers were timed:
``<record>/record.json`` and ``<record>/seed<k>/train/train.json``.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tritgolf.config.differences import differences, shortened
from tritgolf.errors import InputError
from tritgolf.files import read_json
from tritgolf.report.metrics import load_run
from tritgolf.report.runs import Run
from tritgolf.report.statistics import format_value, mean

OWN = ("name", "title", "dataset", "seeds", "laid_over")  # of a timed run's record.json; and its train.steps


def with_paces(runs: dict[str, Run], folders: Mapping[str, Path], paces: Path, path: Path) -> dict[str, Run]:
    """``runs`` by record, the base's first; each with the run in the folder ``paces`` that timed it, if one did.

    ``folders``: of the runs; ``path``: the experiment's file. ``InputError`` where the folder or its run of the base is
    missing, or a run there has other settings than the record, or can't be compared with the base's.
    """
    base = next(iter(runs))
    if not paces.is_dir():
        raise InputError(path, f"paces: there is no folder {paces}", "keep the timed runs there, or leave paces out")
    if not (paces / base).is_dir():
        raise InputError(path, f"paces: {paces} has no run of the base, {base}", "keep one: times are over the base's")
    timed = {record: _timed(paces / record, folders[record]) for record in runs if (paces / record).is_dir()}
    wanted, seeds = _timed_with(timed[base]), _seeds(timed[base])
    for record, pace in timed.items():
        if other := [seed for seed in _seeds(pace) if seed not in seeds]:
            problem = f"has the seeds {_listed(other)}, the base's run only {_listed(seeds)}"
            raise InputError(paces / record, problem, "time the base with them too: times are compared seed by seed")
        for what, found in _timed_with(pace).items():
            if found != wanted[what]:
                problem = f"has the {what} {found}, the base's run {wanted[what]}"
                raise InputError(paces / record, problem, f"time both with the same {what}")
    return {record: replace(run, pace=timed.get(record)) for record, run in runs.items()}


def step_milliseconds(run: Run, base: Run) -> tuple[float, float]:
    """Milliseconds of training a step of ``run`` and of ``base``, all steps alike; NaN where ``run`` was not timed.

    Of the seeds that ``run`` was timed with, both.
    """
    if not run.pace or not base.pace:
        return math.nan, math.nan
    seeds = _seeds(run.pace)
    own, of_base = ([s.train.step_ms.mean for s in of.seeds if s.seed in seeds] for of in (run.pace, base.pace))
    return mean(own), mean(of_base)


def paces_note(runs: Iterable[Run]) -> str:
    """How times over the base's were measured; ``runs``: those of ``with_paces``."""
    paces = [run.pace for run in runs]
    told = _timed_with(next(pace for pace in paces if pace))
    seeds = sorted({seed for pace in paces if pace for seed in _seeds(pace)})
    which = f"seed {seeds[0]}" if len(seeds) == 1 else f"one or more of the seeds {_listed(seeds)}, paired by seed"
    missing = "" if all(paces) else " Rows without one were not timed."
    return (
        f"Time: training seconds a step over the base's, means of {told['steps']} steps of {which}, each run alone on "
        f"{told['hardware']}, compilation not counted; all rows' steps have equally many tokens.{missing}"
    )


def _timed(place: Path, of: Path) -> Run:
    """The timed run in ``place``; ``InputError`` where its settings are not those of the run in the folder ``of``."""
    run, own, wanted = load_run(place), place / "record.json", of / "record.json"
    if changed := differences(_compared(read_json(wanted)), _compared(read_json(own))):
        problem = f"is not of {wanted}'s settings ({shortened(changed, 2)})"
        raise InputError(own, problem, "time the record as it is but for its steps, or leave this run out")
    return run


def _compared(record: dict[str, Any]) -> dict[str, Any]:
    """Of a resolved record what a run that times it must have too."""
    kept = {key: value for key, value in record.items() if key not in OWN}
    return kept | {"train": {key: value for key, value in record.get("train", {}).items() if key != "steps"}}


def _timed_with(pace: Run) -> dict[str, str]:
    """What two timed runs must have in common for their times to be compared, in words."""
    trained = [seed.train for seed in pace.seeds]
    return {
        "text": pace.facts.dataset,
        "steps": _listed(format_value(train.steps, 0) for train in trained),
        "tokens a step": _listed(format_value(train.tokens / train.steps, 0) for train in trained),
        "hardware": _listed(seed.made_by.machine for seed in pace.seeds),
    }


def _seeds(pace: Run) -> list[int]:
    return [seed.seed for seed in pace.seeds]


def _listed(values: Iterable[object]) -> str:
    """The different values, in their order."""
    return ", ".join(dict.fromkeys(map(str, values)))
