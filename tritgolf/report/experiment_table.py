"""The table of an experiment (``tritgolf.report.experiments``)."""

import pandas as pd

from tritgolf.errors import InputError
from tritgolf.report.experiment_settings import Experiment
from tritgolf.report.experiments import FILE
from tritgolf.report.frames import log_frame, roundtrip_frame
from tritgolf.report.notes import made_from
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.statistics import format_exact, format_mean_std, format_value, mean
from tritgolf.report.tables import BPB_DECIMALS, GAP_DECIMALS, with_summary

LATE = 0.1  # the share of the steps up to a checkpoint of which the logged batches make its training loss


def experiment_table(experiment: Experiment, runs: dict[str, Run]) -> Table:
    """A row a (step, row of the experiment): losses at equal steps, gap and bytes, and BPB against the baseline's."""
    _check_bytes(runs)
    frames = {record: _with_training_loss(run) for record, run in runs.items()}
    parts = []
    for row in experiment.rows:
        frame = frames[row.record]
        part = frame[frame["storage"] == row.storage]
        if part.empty:
            known = ", ".join(dict.fromkeys(frame["storage"]))
            raise InputError(FILE, f"rows: {row.record} has no storage {row.storage!r}", f"known: {known}")
        parts.append(part.assign(what=row.what, mode=runs[row.record].facts.label))
    baseline = parts[0].set_index(["checkpoint", "seed"])
    for part in parts:
        twin = baseline.loc[list(zip(part["checkpoint"], part["seed"], strict=True))]
        for name in ("trained_bpb", "rt_bpb", "artifact_bytes"):
            part[f"{name}_over_baseline"] = part[name].to_numpy() - twin[name].to_numpy()
    frame = pd.concat(parts).sort_values("step", kind="stable", ignore_index=True)
    by = ["checkpoint", "record", "what", "mode", "storage"]
    first = list(parts[0].iloc[0][by[1:]])
    rows = [_cells(group, is_baseline=row == first) for (_, *row), group in frame.groupby(by, sort=False)]
    return Table(
        title=experiment.title,
        frame=with_summary(frame, by),
        cells=pd.DataFrame(rows),
        notes=(
            "Mean ± sample standard deviation over seeds. BPB is pure cross-entropy in bits per byte over "
            "non-overlapping windows: of the trained model, and of the model reloaded from the artifact (RT). RT gap: "
            "reloaded − trained. Paired SE: standard error of one seed's gap, windows paired (mean over seeds).",
            "Training loss: cross-entropy in nats a token of the batches logged in the last "
            f"{LATE:.0%} of the steps up to there, the same batches in every row.",
            f"“Against the baseline” is the difference from the first row ({first[1]}; {first[2]}), seed by seed, at "
            "the same step. Seeds share data order across rows, and initial weights where sizes are alike, not the "
            "path of training.",
            *made_from(list(runs.values())),
        ),
        left=("trained and stored", "mode"),
    )


def _check_bytes(runs: dict[str, Run]) -> None:
    """``InputError`` where some scores divide by raw bytes and some by published ones: they can't be compared."""
    countings = {score.byte_counting for run in runs.values() for score in run.trained_scores}
    if len(countings) > 1:
        what = "compares scores by raw bytes with scores by published bytes"
        raise InputError(FILE, what, "evaluate the older runs again, on shards with byte counts")


def _with_training_loss(run: Run) -> pd.DataFrame:
    """The roundtrip's rows, each with the mean loss of the batches logged shortly before, nats a token."""
    rows, log = roundtrip_frame(run), log_frame(run)

    def training_loss(row: pd.Series) -> float:
        late = log["step"].between((1 - LATE) * row["step"], row["step"], inclusive="right")
        return float(log.loc[late & (log["seed"] == row["seed"]), "loss"].mean())

    return rows.assign(training_loss=rows.apply(training_loss, axis="columns"))


def _cells(group: pd.DataFrame, is_baseline: bool) -> dict[str, str]:
    def against(name: str, decimals: int) -> str:
        if is_baseline:
            return "baseline"
        return format_mean_std(group[f"{name}_over_baseline"], decimals, signed=True, fixed=True)

    return {
        "step": format_value(mean(group["step"]), 0),
        "trained and stored": str(group["what"].iloc[0]),
        "mode": str(group["mode"].iloc[0]),
        "seeds": str(len(group)),
        "training loss": format_mean_std(group["training_loss"], BPB_DECIMALS, fixed=True),
        "trained BPB": format_mean_std(group["trained_bpb"], BPB_DECIMALS, fixed=True),
        "trained BPB against the baseline": against("trained_bpb", BPB_DECIMALS),
        "RT gap": format_mean_std(group["gap_bpb"], GAP_DECIMALS, signed=True, fixed=True),
        "paired SE": format_exact(mean(group["gap_se_bpb"]), GAP_DECIMALS),
        "RT BPB against the baseline": against("rt_bpb", BPB_DECIMALS),
        "artifact bytes": format_value(mean(group["artifact_bytes"]), 0),
        "bytes against the baseline": "baseline"
        if is_baseline
        else format_value(mean(group["artifact_bytes_over_baseline"]), 0, signed=True),
    }
