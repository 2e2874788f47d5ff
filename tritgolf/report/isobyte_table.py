"""The iso-byte experiment as tables: points at equal bytes beside the best one; trials, and what they choose."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tritgolf.report.columns import BPB_DECIMALS, GAP_DECIMALS
from tritgolf.report.experiment_settings import Isobyte, Point, Trials
from tritgolf.report.notes import made_from
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run, SeedRun
from tritgolf.report.statistics import format_mean_std, format_value, holm, mean, sample_std, welch

FINAL = "final"
WEIGHTS = "published"  # of the counts of parameters: all that are trained
MOST_DIGITS = 2  # of a p


def isobyte_frame(experiment: Isobyte, runs: dict[str, Run]) -> pd.DataFrame:
    """One row a (point, seed): sizes, scores of the trained and of the reloaded model, bytes."""
    return pd.DataFrame([_row(row, seed) for row in experiment.rows for seed in runs[row.record].seeds])


def _row(row: Point, seed: SeedRun) -> dict[str, Any]:
    exported, reloaded = seed.exported(FINAL, row.storage), seed.reloaded(FINAL, row.storage)
    trained = seed.train
    return {
        **row.model_dump(exclude={"storage", "estimate"}),
        "seed": seed.seed,
        "parameters": trained.parameters["trained"],
        "steps": trained.steps,
        "tokens": trained.tokens,
        "training_seconds": trained.training_seconds,
        "trained_bpb": seed.roundtrip(FINAL).trained.bpb,
        "artifact_bpb": reloaded.bpb,
        "gap_bpb": reloaded.gap_bpb,
        "artifact_bytes": exported.bytes,
    }


def isobyte_table(experiment: Isobyte, runs: dict[str, Run]) -> Table:
    """A row a point, by series; of each the significance of its distance from the best of its series."""
    frame = isobyte_frame(experiment, runs)
    frame["off_target"] = frame["artifact_bytes"] / experiment.bytes - 1
    found = frame.groupby(["series", "record"], sort=False)
    against = pd.concat([_against_best(of_series) for _, of_series in frame.groupby("series", sort=False)])
    frame = frame.merge(against, on="record")
    cells = [_cells(of_point, against.set_index("record").loc[record]) for (_, record), of_point in found]
    return Table(
        title=experiment.title,
        frame=frame,
        cells=pd.DataFrame(cells),
        notes=(*_notes(experiment, frame), *made_from(list(runs.values()))),
        left=("series", "weights", "best"),
    )


def _against_best(frame: pd.DataFrame) -> pd.DataFrame:
    """Of each record of a series: its mean score over the best one's, one-sided p of that, and p by Holm."""
    scores = {str(record): list(of_record["artifact_bpb"]) for record, of_record in frame.groupby("record", sort=False)}
    best = min(scores, key=lambda record: mean(scores[record]))
    others = [record for record in scores if record != best]
    p = [_p_of(scores[record], scores[best]) for record in others]
    tested = pd.DataFrame({"record": others, "p": p, "p_holm": holm(p) if all(x == x for x in p) else p})
    rows = pd.DataFrame({"record": list(scores), "over_best": [mean(s) - mean(scores[best]) for s in scores.values()]})
    return rows.merge(tested, on="record", how="left")


def _p_of(scores: Sequence[float], best: Sequence[float]) -> float:
    """One-sided p that ``best`` is no better; NaN for a single seed."""
    if min(len(scores), len(best)) < 2:
        return float("nan")
    return welch(mean(scores) - mean(best), (sample_std(scores), sample_std(best)), (len(scores), len(best)))[2]


def _cells(point: pd.DataFrame, against: pd.Series) -> dict[str, str]:
    first = point.iloc[0]
    is_best = against["over_best"] == 0
    return {
        "series": f"equal {first['series']}",
        "weights": str(first["what"]),
        "width × MLP": f"{first['width']} × {first['mlp_width']}",
        "parameters": format_value(first["parameters"], 0),
        "rates ×": f"{first['rate']:g}",
        "seeds": str(len(point)),
        "steps": format_value(mean(point["steps"]), 0),
        "training s": format_value(mean(point["training_seconds"]), 0),
        "trained BPB": format_mean_std(point["trained_bpb"], BPB_DECIMALS, fixed=True),
        "artifact BPB": format_mean_std(point["artifact_bpb"], BPB_DECIMALS, fixed=True),
        "RT gap": format_mean_std(point["gap_bpb"], GAP_DECIMALS, signed=True, fixed=True),
        "bytes": format_value(mean(point["artifact_bytes"]), 0),
        "off target": f"{format_value(100 * mean(point['off_target']), 2, signed=True)}%",
        "over the best": "best" if is_best else format_value(against["over_best"], BPB_DECIMALS, signed=True),
        "p": "" if is_best else _p_in_words(against["p"]),
        "p, Holm": "" if is_best else _p_in_words(against["p_holm"]),
    }


def _p_in_words(p: float) -> str:
    return format_value(p, 4) if not p < 1e-4 else f"{p:.0e}"


def _notes(experiment: Isobyte, frame: pd.DataFrame) -> list[str]:
    """How figures are counted, and which artifacts are not as large as they are to be."""
    off = frame[frame["off_target"].abs() > experiment.tolerance]
    named = ", ".join(f"{row.record} seed {row.seed} {row.off_target:+.2%}" for row in off.itertuples())
    return [
        f"Each artifact is to have {experiment.bytes:,} bytes, coder and header included, within "
        f"{experiment.tolerance:.1%}: widths were solved for it. Off by more: {named or 'none'}.",
        "Mean ± sample standard deviation over seeds. BPB is pure cross-entropy in bits per byte over non-overlapping "
        "windows of validation text: of the trained weights, and of the model reloaded from its artifact.",
        "p: one-sided Welch test that the best point of the series is no better; by Holm for all tests of a series. The "
        "best point was found on the same scores.",
    ]


def trials_table(experiment: Trials, runs: dict[str, Run]) -> Table:
    """A row a trial; of those for one choice the best on the text held aside is marked."""
    frame = isobyte_frame(experiment, runs)
    frame["over_estimate"] = frame["artifact_bytes"] / frame["record"].map({r.record: r.estimate for r in experiment.rows})
    best = _best_records(frame)
    frame["chosen"] = frame["record"].isin(best)
    cells = [
        {
            "weights": str(of_trial["what"].iloc[0]),
            "rates ×": f"{of_trial['rate'].iloc[0]:g}",
            "seeds": str(len(of_trial)),
            "steps": format_value(mean(of_trial["steps"]), 0),
            "artifact BPB, text held aside": format_mean_std(of_trial["artifact_bpb"], BPB_DECIMALS, fixed=True),
            "bytes over the estimate": f"{format_value(100 * (mean(of_trial['over_estimate']) - 1), 2, signed=True)}%",
            "chosen": "yes" if record in best else "",
        }
        for record, of_trial in frame.groupby("record", sort=False)
    ]
    texts = ", ".join(sorted({run.facts.dataset for run in runs.values()}))
    return Table(
        title=experiment.title,
        frame=frame,
        cells=pd.DataFrame(cells),
        notes=(
            f"Scored on a part of the training text that no trial reads ({texts}); the validation text is not read.",
            "Estimate: the bytes of normal weights, ideally coded, without a header.",
            *made_from(list(runs.values())),
        ),
        left=("weights", "chosen"),
    )


def choices(experiment: Trials, runs: dict[str, Run]) -> dict[str, dict[str, float]]:
    """What the trials chose: by format and method the rate, and its artifact's bytes over the estimate."""
    frame = trials_table(experiment, runs).frame
    chosen = frame[frame["chosen"]].groupby(["of", "rate"], sort=False)["over_estimate"].mean()
    return {str(of): {"rate": float(rate), "over_estimate": float(over)} for (of, rate), over in chosen.items()}


def _best_records(frame: pd.DataFrame) -> set[str]:
    """Of each choice the record with the lowest mean score."""
    means = frame.groupby(["of", "record"], sort=False)["artifact_bpb"].mean().reset_index()
    return set(means.loc[means.groupby("of")["artifact_bpb"].idxmin(), "record"])
