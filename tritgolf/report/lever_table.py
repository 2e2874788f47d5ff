"""The table of an experiment of changes: what each gains over the base, seed by seed, and what it costs."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from tritgolf.errors import InputError
from tritgolf.report.experiment_settings import Lever
from tritgolf.report.frames import seed_frame
from tritgolf.report.lever_paces import paces_note, step_milliseconds
from tritgolf.report.notes import made_from
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.statistics import (
    LEVEL,
    blocked_error,
    format_mean_std,
    format_p,
    format_value,
    holm,
    least_told,
    mean,
    sample_std,
    students_p,
)
from tritgolf.report.tables import BPB_DECIMALS

TIME = "Time: milliseconds a step over the base's, medians; all rows' steps have equally many tokens."


def lever_table(experiment: Any, runs: dict[str, Run]) -> Table:
    """A row a record: sliding BPB, what it gains over the base (a rung: over the one below), p, time and bytes.

    ``experiment``: one of levers; ``runs``: by record, as ``load_experiment`` reads them. ``InputError`` where a run
    has no evaluation, or none by sliding windows.
    """
    has_paces = experiment.paces is not None
    base = experiment.rows[0].record
    frames = {record: seed_frame(run).set_index("seed") for record, run in runs.items()}
    if lacking := next((record for record, frame in frames.items() if "sliding_bpb" not in frame), None):
        fix = "name such a method in evaluate.methods of the record"
        raise InputError(f"record {lacking!r}", "has no sliding score, by which changes are compared", fix)
    medians = {record: frame["median_ms_per_step"] for record, frame in frames.items()}
    paces = {
        record: (medians[record], medians[base]) if experiment.timed else step_milliseconds(run, runs[base])
        for record, run in runs.items()
    }
    spread = _spread(experiment.rows, frames)
    frame = pd.concat(_against(row, frames, paces[row.record], base, spread) for row in experiment.rows)
    groups = [group for _, group in frame.groupby("record", sort=False)]
    alone = [float(group["gain_p"].iloc[0]) for group in groups[1:]]
    together = alone if any(map(math.isnan, alone)) else holm(alone)
    of_all = dict(zip([group["record"].iloc[0] for group in groups], [math.nan, *together], strict=True))
    frame["gain_p_holm"] = frame["record"].map(of_all)
    frame["least_told"] = least_told(*spread, len(together), LEVEL)
    frame["gain_error"], frame["degrees"] = spread
    has_times = experiment.timed or has_paces
    rows = [_cells(group, p, has_times) for group, p in zip(groups, [math.nan, *together], strict=True)]
    return Table(
        title=experiment.title,
        frame=frame,
        cells=pd.DataFrame(rows),
        notes=(
            "Sliding BPB of the artifact, pure cross-entropy, mean ± sample standard deviation over seeds. Gain: the "
            "base's BPB less the row's, seed by seed; of a row that begins with “…”, of the row before it. Seeds share "
            "data order where the order is not what changes, and initial weights where sizes are alike.",
            _tests_in_words(experiment.rows, spread, frame["least_told"].iloc[0], len(together)),
            "Bytes: of the artifact, over the base's.",
            *([TIME] if experiment.timed else []),
            *([paces_note(runs.values())] if has_paces else []),
            *([experiment.note] if experiment.note else []),
            *made_from([run for run in (runs[base], runs[base].pace) if run]),
        ),
        left=("change",),
    )


class Spread(NamedTuple):
    """How far a gain lies from its expectation by chance: its standard error in BPB, by so many degrees of freedom."""

    error: float
    degrees: int


def _spread(rows: Sequence[Lever], frames: dict[str, pd.DataFrame]) -> Spread:
    """Of a gain of any row: all rows that are not apart have one spread, less what seeds have in common."""
    scores = pd.DataFrame({row.record: frames[row.record]["sliding_bpb"] for row in rows if not row.apart}).dropna()
    deviation, degrees = blocked_error([list(column) for _, column in scores.items()])
    return Spread(deviation * math.sqrt(2 / len(scores)) if degrees else math.nan, degrees)


def _tests_in_words(rows: Sequence[Lever], spread: Spread, least: float, tests: int) -> str:
    if not spread.degrees:
        return "p: one seed tells no change from nothing."
    apart = (
        " Rows that can't be compared as the others can have their own spread." if any(r.apart for r in rows) else ""
    )
    return (
        "p: two-sided, Student's t-test of gains paired by seed, with one spread of all rows (a standard error of "
        f"{spread.error:.4f} BPB, {spread.degrees} degrees of freedom), alone and by Holm for all {tests} rows. "
        f"So a gain or loss of {least:.4f} BPB is significant.{apart}"
    )


def _against(
    row: Lever, frames: dict[str, pd.DataFrame], paces: tuple[Any, Any], first: str, spread: Spread
) -> pd.DataFrame:
    """A row a seed of a record with its differences from the base, and its gain over what it is compared with.

    ``paces``: milliseconds a step of the record and of the base.
    """
    base, own, before = frames[first], frames[row.record], frames[row.against]
    made = pd.DataFrame({"record": row.record, "what": row.what, "seed": own.index}, index=own.index)
    made["sliding_bpb"] = own["sliding_bpb"]
    made["gain_bpb"] = before["sliding_bpb"] - own["sliding_bpb"]
    made["gain_over_base_bpb"] = base["sliding_bpb"] - own["sliding_bpb"]
    error, degrees = _own_spread(made["gain_bpb"].tolist()) if row.apart else spread
    made["gain_p"] = students_p(mean(made["gain_bpb"]), error, degrees)
    made["ms_per_step"], made["base_ms_per_step"] = paces
    made["artifact_bytes"] = own["artifact_bytes"]
    made["artifact_bytes_over_base"] = own["artifact_bytes"] - base["artifact_bytes"]
    made["is_base"] = row.record == first
    made["against"] = row.against
    made["apart"] = row.apart
    return made


def _own_spread(gains: Sequence[float]) -> Spread:
    return Spread(sample_std(gains) / math.sqrt(len(gains)), len(gains) - 1)


def _cells(group: pd.DataFrame, together: float, timed: bool) -> dict[str, str]:
    is_base = bool(group["is_base"].iloc[0])
    pace = mean(group["ms_per_step"] / group["base_ms_per_step"])
    gain = format_mean_std(group["gain_bpb"], BPB_DECIMALS, signed=True, fixed=True)
    p = float(group["gain_p"].iloc[0])
    return {
        "change": str(group["what"].iloc[0]),
        "seeds": str(len(group)),
        "sliding BPB": format_mean_std(group["sliding_bpb"], BPB_DECIMALS, fixed=True),
        "gain": "base" if is_base else gain,
        "p": "" if is_base else format_p(p),
        "p, Holm": "" if is_base else format_p(together),
        **({"time": "" if math.isnan(pace) else format_value(pace, 2)} if timed else {}),
        "artifact bytes": format_value(mean(group["artifact_bytes"]), 0)
        if is_base
        else format_value(mean(group["artifact_bytes_over_base"]), 0, signed=True),
    }
