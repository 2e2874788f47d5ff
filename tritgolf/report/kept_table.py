"""The table of kept runs in ``measured/README.md``: what each is, from its own files."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from tritgolf.report.columns import methods_of
from tritgolf.report.experiment_settings import Experiment
from tritgolf.report.laboratory import laboratory_checkpoints
from tritgolf.report.pages import Block, Shown, fill
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.statistics import NOT_KNOWN, format_value

LEFT = ("run", "record", "steps", "trained on", "code", "scored", "taken apart")
CAPTION = (
    "Trained on: — where the training's own files didn't come back. Code: the commit that trained, or that measured "
    "where no training log is kept; changed since: its files differed from it. Scored: strides of sliding windows, and "
    "other methods. Taken apart: the number of checkpoints at which storages were compared."
)


def kept_page(
    template: str, runs: Mapping[str, Run], experiments: Mapping[str, tuple[Experiment, Mapping[str, Run]]]
) -> list[Block]:
    """The page's blocks: the prose of ``template`` with its two tables; ``KeyError`` for an unknown place."""
    parts: dict[str, Sequence[Block]] = {
        "runs": [Shown(kept_table(runs), CAPTION)],
        "experiments": [Shown(experiments_table(experiments), "From each folder's `experiment.yaml`.")],
    }
    return fill(template, parts.__getitem__)


def kept_table(runs: Mapping[str, Run]) -> Table:
    """A row a run, by the name of its folder."""
    rows = [{"run": f"[`{name}`]({name}/notebook.md)", **_row(run)} for name, run in sorted(runs.items())]
    frame = pd.DataFrame(rows)
    return Table("Kept runs", frame, frame, (), left=LEFT)


def experiments_table(experiments: Mapping[str, tuple[Experiment, Mapping[str, Run]]]) -> Table:
    """A row an experiment, by the name of its folder: its title and the records that it compares."""
    rows = [
        {
            "experiment": f"[`{name}`]({name}/notebook.md)",
            "what": experiment.title,
            "records": ", ".join(f"`{name}`" for name in runs),
            "seeds": _listed(str(seed.seed) for run in runs.values() for seed in run.seeds),
        }
        for name, (experiment, runs) in sorted(experiments.items())
    ]
    frame = pd.DataFrame(rows)
    return Table("Kept experiments", frame, frame, (), left=tuple(frame.columns))


def _row(run: Run) -> dict[str, str]:
    made_by = [seed.made_by for seed in run.seeds]
    trained = [of.provenance for of in run.sources if of.stage == "train"]
    return {
        "record": f"`{run.facts.name}`, {run.facts.label}",
        "seeds": _listed(str(seed.seed) for seed in run.seeds),
        "steps": _steps(run),
        "trained on": _listed(of.machine for of in trained) or NOT_KNOWN,
        "code": "; ".join(dict.fromkeys(_commit(of.code) for of in made_by)),
        "scored": _scored(run) or NOT_KNOWN,
        "taken apart": _taken_apart(run) or NOT_KNOWN,
    }


def _steps(run: Run) -> str:
    """After how many steps the last checkpoints of its seeds are: runs of equal seconds can make several numbers."""
    last = [max(seed.steps_of.values()) for seed in run.seeds]
    return " to ".join(dict.fromkeys(format_value(steps, 0) for steps in (min(last), max(last))))


def _commit(code: Mapping[str, object]) -> str:
    commit = str(code.get("commit") or "")[:7] or NOT_KNOWN
    return f"{commit}, changed since" if code.get("dirty") else commit


def _scored(run: Run) -> str:
    evaluations = [of for seed in run.seeds for of in seed.evaluations.values()]
    strides = _listed(f"sliding {of.sliding.stride}" if of.sliding else "chunked" for of in evaluations)
    return ", ".join(filter(None, [strides, *methods_of(run)]))


def _taken_apart(run: Run) -> str:
    """At how many checkpoints storages were compared, and how."""
    laboratories, roundtrips = laboratory_checkpoints(run), {name for seed in run.seeds for name in seed.roundtrips}
    counts = {
        "roundtrip": len(roundtrips),
        "laboratory": len(laboratories),
        "probes": len({name for seed in run.seeds for name in seed.probes}),
    }
    return ", ".join(f"{name} of {count}" for name, count in counts.items() if count)


def _listed(names: Iterable[str]) -> str:
    """The different names, in their order."""
    return ", ".join(dict.fromkeys(names))
