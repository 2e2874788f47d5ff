"""The trials of the iso-byte experiment: their table, and what they choose."""

from typing import Any

import pandas as pd

from tritgolf.report.columns import BPB_DECIMALS
from tritgolf.report.experiment_settings import Trials
from tritgolf.report.isobyte_table import isobyte_frame
from tritgolf.report.notes import made_from
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.statistics import format_mean_std, format_value, mean


def trials_table(experiment: Trials, runs: dict[str, Run]) -> Table:
    """A row a trial; of those for one choice the best on the text held aside is marked."""
    frame = _trials_frame(experiment, runs)
    texts = ", ".join(sorted({run.facts.dataset for run in runs.values()}))
    return Table(
        title=experiment.title,
        frame=frame,
        cells=pd.DataFrame([_cells(of_trial) for _, of_trial in frame.groupby("record", sort=False)]),
        notes=(
            f"Scored on a part of the training text that no trial reads ({texts}); the validation text is not read.",
            "Estimate: the bytes of normal weights, ideally coded, without a header.",
            *made_from(list(runs.values())),
        ),
        left=("weights", "trained by", "chosen"),
    )


def choices(experiment: Trials, runs: dict[str, Run]) -> dict[str, dict[str, Any]]:
    """What the trials chose: by format and method the recipe, and its artifact's bytes over the estimate."""
    frame = _trials_frame(experiment, runs)
    chosen = {str(of): trial for of, trial in frame[frame["chosen"]].groupby("of", sort=False)}
    return {
        of: {"recipe": str(trial["recipe"].iloc[0]), "over_estimate": mean(trial["over_estimate"])}
        for of, trial in chosen.items()
    }


def _trials_frame(experiment: Trials, runs: dict[str, Run]) -> pd.DataFrame:
    """One row a (trial, seed), and whether it is ``chosen``."""
    frame = isobyte_frame(experiment, runs)
    means = frame.groupby(["of", "record"], sort=False)["artifact_bpb"].mean().reset_index()
    best = set(means.loc[means.groupby("of")["artifact_bpb"].idxmin(), "record"])
    frame["chosen"] = frame["record"].isin(best)
    return frame


def _cells(trial: pd.DataFrame) -> dict[str, str]:
    return {
        "weights": str(trial["what"].iloc[0]),
        "trained by": str(trial["trained_by"].iloc[0]),
        "seeds": str(len(trial)),
        "steps": format_value(mean(trial["steps"]), 0),
        "artifact BPB, text held aside": format_mean_std(trial["artifact_bpb"], BPB_DECIMALS, fixed=True),
        "bytes over the estimate": f"{format_value(100 * (mean(trial['over_estimate']) - 1), 2, signed=True)}%",
        "chosen": "yes" if trial["chosen"].all() else "",
    }
