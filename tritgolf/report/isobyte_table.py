"""The iso-byte experiment as a table: points at equal bytes beside the best one."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tritgolf.report.coded import coded_bits
from tritgolf.report.columns import BPB_DECIMALS, GAP_DECIMALS
from tritgolf.report.experiment_settings import Isobyte, Point, Points
from tritgolf.report.notes import made_from
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run, SeedRun
from tritgolf.report.statistics import dunnett, format_mean_std, format_p, format_value, mean

FINAL = "final"
TERNARY = 1.58  # bits


def isobyte_frame(experiment: Points, runs: dict[str, Run]) -> pd.DataFrame:
    """One row a (point, seed): sizes, scores of the trained and of the reloaded model, bytes.

    ``off_target``: by which share of them bytes are over those that were to be filled; ``over_estimate``: over the
    estimate by which the width was solved, as a factor.
    """
    frame = pd.DataFrame([_row(row, seed) for row in experiment.rows for seed in runs[row.record].seeds])
    estimates = {row.record: row.estimate for row in experiment.rows}
    frame["off_target"] = frame["artifact_bytes"] / experiment.bytes - 1
    frame["over_estimate"] = frame["artifact_bytes"] / frame["record"].map(estimates)
    return frame


def filled(experiment: Isobyte, runs: dict[str, Run]) -> dict[str, dict[str, float]]:
    """By record how well a point fills its bytes: ``off_target``, ``over_estimate`` (means of seeds), and ``width``."""
    columns = ["off_target", "over_estimate", "width"]
    means = isobyte_frame(experiment, runs).groupby("record", sort=False)[columns].mean()
    return {
        str(record): dict(zip(columns, map(float, of_record), strict=True)) for record, *of_record in means.itertuples()
    }


def _row(row: Point, seed: SeedRun) -> dict[str, Any]:
    exported, reloaded = seed.exported(FINAL, row.storage), seed.reloaded(FINAL, row.storage)
    trained = seed.train
    return {
        **row.model_dump(exclude={"storage", "estimate", "weights"}),
        "seed": seed.seed,
        "parameters": trained.parameters["trained"],
        "steps": trained.steps,
        "tokens": trained.tokens,
        "training_seconds": trained.training_seconds,
        "trained_bpb": seed.roundtrip(FINAL).trained.bpb,
        "artifact_bpb": reloaded.bpb,
        "gap_bpb": reloaded.gap_bpb,
        "artifact_bytes": exported.bytes,
        "coded_bits": coded_bits(exported, row.weights),
    }


def ranked_points(frame: pd.DataFrame) -> list[tuple[str, list[dict[Any, Any]]]]:
    """By series the points of a table's ``frame``, best first: what, bits, means, distance from the best, its p."""
    means = dict.fromkeys(("artifact_bpb", "coded_bits"), "mean")
    columns = {**dict.fromkeys(("what", "bits", "over_best", "p"), "first"), **means}
    ranked = []
    for series, found in frame.groupby("series", sort=False):
        points = found.groupby("record", sort=False).agg(columns).sort_values("over_best", kind="stable").reset_index()
        ranked.append((str(series), points.to_dict("records")))
    return ranked


def nearest_of_others(points: Sequence[dict[Any, Any]]) -> dict[Any, Any] | None:
    """Of ``points``, best first: the best ternary one, or where that is the best of all the best other; or None."""
    best_is_ternary = points[0]["bits"] == TERNARY
    return next((point for point in points if (point["bits"] == TERNARY) != best_is_ternary), None)


def isobyte_table(experiment: Isobyte, runs: dict[str, Run]) -> Table:
    """A row a point, by series; of each the significance of its distance from the best of its series."""
    frame = isobyte_frame(experiment, runs)
    against = pd.concat([_against_best(of_series) for _, of_series in frame.groupby("series", sort=False)])
    frame = frame.merge(against, on="record")
    cells = [_cells(of_point, experiment.timed) for _, of_point in frame.groupby("record", sort=False)]
    return Table(
        title=experiment.title,
        frame=frame,
        cells=pd.DataFrame(cells),
        notes=(*_notes(experiment, frame), *made_from(list(runs.values()))),
        left=("series", "weights", "trained by"),
    )


def _against_best(frame: pd.DataFrame) -> pd.DataFrame:
    """Of each record of a series: its mean score over the best one's, and the one-sided p of all of them together."""
    scores = {str(record): list(of_record["artifact_bpb"]) for record, of_record in frame.groupby("record", sort=False)}
    best = min(scores, key=lambda record: mean(scores[record]))
    others = [record for record in scores if record != best]
    p = dunnett([scores[record] for record in others], scores[best]) if others else []
    tested = pd.DataFrame({"record": others, "p": p})
    over_best = [mean(of_record) - mean(scores[best]) for of_record in scores.values()]
    return pd.DataFrame({"record": list(scores), "over_best": over_best}).merge(tested, on="record", how="left")


def _cells(point: pd.DataFrame, timed: bool) -> dict[str, str]:
    first = point.iloc[0]
    is_best = first["over_best"] == 0
    return {
        "series": f"equal {first['series']}",
        "weights": str(first["what"]),
        "width × MLP": f"{first['width']} × {first['mlp_width']}",
        "parameters": format_value(first["parameters"], 0),
        "coded bits/weight": format_value(mean(point["coded_bits"]), 2),
        "trained by": str(first["trained_by"]),
        "seeds": str(len(point)),
        "steps": format_value(mean(point["steps"]), 0),
        **({"training s": format_value(mean(point["training_seconds"]), 0)} if timed else {}),
        "trained BPB": format_mean_std(point["trained_bpb"], BPB_DECIMALS, fixed=True),
        "artifact BPB": format_mean_std(point["artifact_bpb"], BPB_DECIMALS, fixed=True),
        "RT gap": format_mean_std(point["gap_bpb"], GAP_DECIMALS, signed=True, fixed=True),
        "bytes": format_value(mean(point["artifact_bytes"]), 0),
        "off target": f"{format_value(100 * mean(point['off_target']), 2, signed=True)}%",
        "over the best": "best" if is_best else format_value(first["over_best"], BPB_DECIMALS, signed=True),
        "p": "" if is_best else format_p(first["p"]),
    }


def _notes(experiment: Isobyte, frame: pd.DataFrame) -> list[str]:
    """How figures are counted, and which artifacts are not as large as they are to be."""
    off = frame[frame["off_target"].abs() > experiment.tolerance]
    named = ", ".join(f"{row.record} seed {row.seed} {row.off_target:+.2%}" for row in off.itertuples())
    return [
        f"Each artifact is to have {experiment.bytes:,} bytes, coder and header included, within "
        f"{experiment.tolerance:.1%}: widths were solved for it. Off by more: {named or 'none'}.",
        "Mean ± sample standard deviation over seeds. BPB is pure cross-entropy in bits per byte over non-overlapping "
        "windows of validation text: of the trained weights, and of the model reloaded from its artifact. RT gap: the "
        "second less the first. Width × MLP: of the model and of its hidden layer. Coded bits/weight: of the "
        "matrices, after entropy coding, without scales.",
        "p: Dunnett's one-sided test of all points of a series against its best, with one variance of all of them. "
        "Which point is best was found on the same scores.",
        *filter(None, [experiment.note]),
    ]
