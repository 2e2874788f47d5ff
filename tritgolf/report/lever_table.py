"""The table of an experiment of changes: what each gains over the base, seed by seed, and what it costs."""

import math
from collections.abc import Sequence

import pandas as pd

from tritgolf.config.changes import MARK, Changes
from tritgolf.errors import InputError
from tritgolf.report.experiments import FILE, Experiment
from tritgolf.report.frames import seed_frame
from tritgolf.report.notes import made_from
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.statistics import format_mean_std, format_value, mean, sample_std
from tritgolf.report.tables import BPB_DECIMALS

LEVEL = 0.05


def paired_p(gains: Sequence[float]) -> float:
    """Two-sided p of Student's paired t-test that the mean of ``gains`` is 0; NaN for fewer than two values."""
    if len(gains) < 2:
        return math.nan
    spread = sample_std(gains)
    if spread == 0:
        return 1.0 if mean(gains) == 0 else 0.0
    from scipy import stats  # noqa: PLC0415  (a second of import, needed where records are compared alone)

    statistic = mean(gains) / (spread / math.sqrt(len(gains)))
    return float(2 * stats.t.sf(abs(statistic), len(gains) - 1))


def lever_table(experiment: Experiment, runs: dict[str, Run]) -> Table:
    """A row a record: sliding BPB, what it gains over the base (a rung: over the one before), p, time and bytes.

    ``runs``: by record, as ``load_experiment`` reads them. ``InputError`` where an experiment states no changes, or a
    run has no evaluation.
    """
    changes = experiment.changed
    if changes is None:
        raise InputError(FILE, "states no changes", "give it the key changed, or make the table compared")
    frames = {record: seed_frame(run).set_index("seed") for record, run in runs.items()}
    frame = pd.concat(_against(changes, record, frames).assign(what=changes.in_words(record)) for record in frames)
    rows = [_cells(group) for _, group in frame.groupby("record", sort=False)]
    alone = len(changes.changes)
    return Table(
        title=experiment.title,
        frame=frame,
        cells=pd.DataFrame(rows),
        notes=(
            "Sliding BPB of the artifact, pure cross-entropy, mean ± sample standard deviation over seeds. Gain: the "
            "base's BPB less the row's, seed by seed; of a row that begins with “…”, of the row before it. Seeds share "
            "data order where the order is not what changes, and initial weights where sizes are alike.",
            f"p: two-sided, Student's paired t-test, not corrected. Of {alone} changes that do nothing "
            f"{LEVEL * alone:.1f} would be below {LEVEL:g}.",
            "Time: milliseconds a step over the base's, medians; steps of all rows have equally many tokens. Bytes: of "
            "the artifact, over the base's.",
            *made_from([next(iter(runs.values()))]),
        ),
        left=("change",),
    )


def _against(changes: Changes, record: str, frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """A row a seed of ``record`` with its differences from the base, and its gain over what it is compared with."""
    base, own, before = frames[changes.base], frames[record], frames[_compared_with(changes, record)]
    made = pd.DataFrame({"record": record, "seed": own.index, "sliding_bpb": own["sliding_bpb"]}, index=own.index)
    made["gain_bpb"] = before["sliding_bpb"] - own["sliding_bpb"]
    made["gain_over_base_bpb"] = base["sliding_bpb"] - own["sliding_bpb"]
    made["gain_p"] = paired_p(made["gain_bpb"].tolist())
    made["ms_per_step"] = own["median_ms_per_step"]
    made["base_ms_per_step"] = base["median_ms_per_step"]
    made["artifact_bytes"] = own["artifact_bytes"]
    made["artifact_bytes_over_base"] = own["artifact_bytes"] - base["artifact_bytes"]
    made["is_base"] = record == changes.base
    return made


def _compared_with(changes: Changes, record: str) -> str:
    """The record that a record's gain is over: the base, or of a rung that below it."""
    rungs = list(changes.rungs)
    rung = record.partition(MARK)[2]
    place = rungs.index(rung) if rung in rungs else 0
    return f"{changes.base}{MARK}{rungs[place - 1]}" if place else changes.base


def _cells(group: pd.DataFrame) -> dict[str, str]:
    is_base = bool(group["is_base"].iloc[0])
    pace = mean(group["ms_per_step"] / group["base_ms_per_step"])
    gain = format_mean_std(group["gain_bpb"], BPB_DECIMALS, signed=True, fixed=True)
    p = float(group["gain_p"].iloc[0])
    return {
        "change": str(group["what"].iloc[0]),
        "seeds": str(len(group)),
        "sliding BPB": format_mean_std(group["sliding_bpb"], BPB_DECIMALS, fixed=True),
        "gain": "base" if is_base else gain,
        "p": "" if is_base else format_value(p, 3),
        "time": "1" if is_base else format_value(pace, 2),
        "artifact bytes": format_value(mean(group["artifact_bytes"]), 0)
        if is_base
        else format_value(mean(group["artifact_bytes_over_base"]), 0, signed=True),
    }
