"""The laboratory's tables: the grid, the decomposition, the gap against training length, and the mechanisms."""

import math
from collections.abc import Callable

import pandas as pd

from tritgolf.config.export import FACTORS
from tritgolf.report.laboratory import (
    REMAINDER,
    TOGETHER,
    decomposition_frame,
    grid_frame,
    length_frame,
    margin_frame,
    probe_frame,
)
from tritgolf.report.notes import made_from
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.statistics import NOT_KNOWN, format_value, format_with_error, mean, mean_error, sample_std
from tritgolf.report.tables import BPB_DECIMALS, GAP_DECIMALS

# The storages that the tables and plots of training length show; a grid that lacks one shows the others.
LENGTH_STORAGES = (
    "own", "scales_fp32", "scales_bf16", "scales_fp16", "without_decide", "without_mixes", "without_table", "lossless",
)  # fmt: skip
# What is shown of the threshold, in percent of all ternary weights: (column of the frame, heading).
THRESHOLD = (
    ("near_threshold", "weights at the threshold"),
    ("flips_fp32_weight_fp32_scale", "trits changed by FP32 weights, FP32 scales"),
    ("flips_fp32_weight_fp16_scale", "by FP32 weights, FP16 scales"),
    ("flips_bf16_weight_fp16_scale", "by BF16 weights, FP16 scales"),
)
SHOWN_CHECKPOINTS = 6
FACTOR_NAMES = {
    "scales": "format of the scales",
    "estimator": "estimator of the scales",
    "decide": "trits decided anew",
    "shrinkage": "shrinkage correction",
    "reload_dtype": "dtype of the reload",
    "table": "format of the table",
    "projections": "format of the embed projections",
    "mixes": "format of mixes and skips",
    "vectors": "format of the vectors",
    REMAINDER: "remainder (interaction)",
    TOGETHER: "all together: the record's storage",
}
UNCERTAINTY = (
    "BPB is pure cross-entropy over non-overlapping windows. ± is a standard error, paired over windows: of the mean "
    "over seeds, where there are several (as if their errors were independent). It says how well this model's gap on "
    "this text is measured, not how much models differ."
)


def grid_table(run: Run) -> Table:
    """Every storage of the grid on the last checkpoint, mean over seeds; the CSV has all checkpoints and seeds."""
    frame = grid_frame(run)
    last = frame[frame["checkpoint"] == frame["checkpoint"].iloc[-1]]
    several = last["seed"].nunique() > 1
    own, lossless = (last[last["storage"] == name].iloc[0] for name in ("own", "lossless"))
    rows = []
    needless = last["storage"].str.startswith("without_") & (last["same_as"] != "")  # a row of the grid says it
    for storage, group in last[~needless].groupby("storage", sort=False):
        row = {
            "storage": str(storage),
            "what it is": described(group.iloc[0], own, lossless),
            "RT BPB": format_value(mean(group["rt_bpb"]), BPB_DECIMALS),
            "RT gap": with_error(group["gap_bpb"], group["gap_se_bpb"]),
            **({"std over seeds": format_value(sample_std(group["gap_bpb"]), GAP_DECIMALS)} if several else {}),
            "over own storage": "own"
            if storage == "own"
            else with_error(group["over_own_bpb"], group["over_own_se_bpb"]),
            "artifact bytes": format_value(mean(group["artifact_bytes"]), 0),
            "trits changed": format_value(mean(group["trits_changed"]), 0),
            "largest weight error": f"{group['max_weight_error'].max():.2e}",
            "largest error of other numbers": f"{group['max_tensor_error'].max():.2e}",
        }
        rows.append(row)
    return Table(
        title=f"{run.facts.heading}: the ablation grid after {mean(last['step']):,.0f} steps",
        frame=frame,
        cells=pd.DataFrame(rows),
        notes=(
            "own: the record's storage. lossless: what gives back the trained model, whatever it takes. only_: the "
            "lossless storage with one decision as in own; without_: own with one decision as in the lossless one.",
            UNCERTAINTY,
            "RT gap: reloaded − trained. Over own storage: gap less that of the own storage, window by window. Largest "
            "errors: of an effective ternary weight, and of any other number, against the trained model.",
            *made_from([run]),
        ),
        left=("storage", "what it is"),
    )


def decomposition_table(run: Run) -> Table:
    """A row a storage decision, a column a checkpoint: what it costs alone; then what its removal takes back."""
    frame = decomposition_frame(run)
    steps = shown_checkpoints(frame)
    last = list(steps)[-1]
    rows = []
    for part in dict.fromkeys(frame["part"]):
        of_part = frame[frame["part"] == part]
        row = {"decision": FACTOR_NAMES.get(part, part)}
        for checkpoint, step in steps.items():
            group = of_part[of_part["checkpoint"] == checkpoint]
            row[f"alone, step {step:,.0f}"] = with_error(group["gap_bpb"], group["gap_se_bpb"])
        group = of_part[of_part["checkpoint"] == last].dropna(subset=["taken_back_bpb"])
        row["taken back at the end"] = with_error(group["taken_back_bpb"], group["taken_back_se_bpb"])
        rows.append(row)
    return Table(
        title=f"{run.facts.heading}: where the roundtrip gap comes from",
        frame=frame,
        cells=pd.DataFrame(rows),
        notes=(
            "Alone: the gap of the lossless storage with this one decision as in the record. The remainder is the gap "
            "of all together less the sum of the single ones. Taken back: what the record's gap shrinks by when this "
            "decision alone is made lossless.",
            UNCERTAINTY,
            *made_from([run]),
        ),
        left=("decision",),
        summary_rows=1,
    )


def length_table(run: Run) -> Table:
    """A row a checkpoint: true zero fraction, amplification, and the gap of the chosen storages."""
    lengths, grid = length_frame(run), grid_frame(run)
    storages = [name for name in LENGTH_STORAGES if name in set(grid["storage"])]
    rows = []
    for checkpoint, group in lengths.groupby("checkpoint", sort=False):
        row = {
            "step": format_value(mean(group["step"]), 0),
            "zero fraction": format_value(mean(group["zero_fraction"]), 4),
            "1/(1 − z)": format_value(mean(group["absmean_amplification"]), 3),
            "1/√(1 − z)": format_value(mean(group["rms_amplification"]), 3),
        }
        for column, heading in THRESHOLD:
            if column in group and group[column].notna().any():
                row[heading] = f"{format_value(100 * mean(group[column]), 3)} %"
        for storage in storages:
            found = grid[(grid["checkpoint"] == checkpoint) & (grid["storage"] == storage)]
            row[f"gap, {storage}"] = with_error(found["gap_bpb"], found["gap_se_bpb"])
        rows.append(row)
    chosen = grid[grid["storage"].isin(storages)]
    wide = chosen.pivot_table(index=["checkpoint", "seed"], columns="storage", values="gap_bpb", sort=False)
    wide.columns = [f"{storage}_gap_bpb" for storage in wide.columns]
    return Table(
        title=f"{run.facts.heading}: roundtrip gap against training length",
        frame=lengths.merge(wide.reset_index(), on=["checkpoint", "seed"]),
        cells=pd.DataFrame(rows),
        notes=(
            "z: share of zero among the trits that the trained model uses. The published text explains the gap by a "
            "correction that divides by 1 − z; that of absmean scales does (#640), that of rms scales divides by its "
            "root (#920). At the threshold: |w| within 2⁻⁸ of s/2, where a rounding decides the trit. Trits changed: "
            "those that differ from the forward pass's if they are decided from weights and scales rounded so.",
            UNCERTAINTY,
            *made_from([run]),
        ),
    )


def mechanism_table(run: Run) -> Table:
    """A row a mechanism: where the trained numbers are, and between which settings that were tried it broke."""
    probes, margins = probe_frame(run), margin_frame(run)
    rows = []
    last = probes[probes["checkpoint"] == probes["checkpoint"].iloc[-1]]
    here = margins[margins["checkpoint"] == last["checkpoint"].iloc[0]]
    for keys, group in last.groupby(["parameter", "kind", "choice"], sort=False):
        parameter, kind, choice = map(str, keys)
        start = 0 if parameter == "shift" else group["at"].min()
        mildest, pushed = group[group["at"] == start], group[group["at"] != start]
        furthest = (
            pushed[pushed["at"] == pushed.groupby("at")["gap_bpb"].mean().abs().idxmax()] if len(pushed) else pushed
        )
        place = here[(here["kind"] == kind) & (here["format"] == choice)]
        rows.append(
            {
                "mechanism": _mechanism_name(parameter, kind, choice),
                "trained numbers": _range(place),
                "largest is below the end by": _binades(place, "binades_above"),
                "smallest is above subnormals by": _binades(place, "binades_to_subnormal"),
                "gap where training is": with_error(mildest["gap_bpb"], mildest["gap_se_bpb"]),
                "breaks": _breaks(parameter, group, start),
                "largest gap when pushed": with_error(furthest["gap_bpb"], furthest["gap_se_bpb"]),
            }
        )
    limit = probes["break_bpb"].iloc[0]
    return Table(
        title=f"{run.facts.heading}: how far each mechanism is from breaking",
        frame=probes,
        cells=pd.DataFrame(rows),
        notes=(
            f"Each mechanism by itself, everything else lossless. It is broken where it moves the gap by more than "
            f"{limit:g} BPB from where training is, up or down. Breaks: between the last setting at which every seed "
            "held and the first at which one did not, of those that were tried; on a side that isn't named none broke. "
            "Largest gap: the furthest from zero; below zero the reload scored better than what was stored.",
            "Shift: the numbers are stored 2^k times as large and scaled back after reload. Crowding: weights are "
            "pushed to 2^-k of their distance from the threshold. Zeros: the smallest weights are set to zero.",
            UNCERTAINTY,
            *made_from([run]),
        ),
        left=("mechanism", "trained numbers", "breaks"),
    )


def with_error(values: pd.Series, errors: pd.Series) -> str:
    """``+0.000123 ± 0.000045``: the mean over seeds and its standard error from the seeds' own; — for no values."""
    if values.empty:
        return NOT_KNOWN
    return format_with_error(mean(values), mean_error(errors), GAP_DECIMALS)


def shown_checkpoints(frame: pd.DataFrame, most: int = SHOWN_CHECKPOINTS) -> dict[str, float]:
    """Up to ``most`` checkpoints, first and last among them, with their mean steps; in order of training."""
    steps = frame.groupby("checkpoint", sort=False)["step"].mean()
    count = min(most, len(steps))
    positions = sorted({round(i * (len(steps) - 1) / max(1, count - 1)) for i in range(count)})
    return {str(steps.index[position]): float(steps.iloc[position]) for position in positions}


def described(row: pd.Series, own: pd.Series, lossless: pd.Series) -> str:
    """The storage in full where it is one of the two that others start from, else what it changes in the nearer one."""
    if row["same_as"]:
        return f"the same as {row['same_as']}"
    changes = {name: _changes(row, start) for name, start in (("own", own), ("lossless", lossless))}
    nearest = min(changes, key=lambda name: len(changes[name]))
    if row["storage"] in changes:
        return ", ".join(_word(factor, row[factor]) for factor in FACTORS if factor != "estimator")
    return f"{nearest} but for {', '.join(changes[nearest])}"


def _changes(row: pd.Series, start: pd.Series) -> list[str]:
    return [_word(factor, row[factor]) for factor in FACTORS if row[factor] != start[factor]]


def _word(factor: str, value: object) -> str:
    if factor == "shrinkage":
        return "shrinkage correction" if value else "no shrinkage correction"
    words = {"decide": "trits by", "estimator": "estimator", "reload_dtype": "reload in"}
    return f"{words.get(factor, factor)} {value}"


def _mechanism_name(parameter: str, kind: str, choice: str) -> str:
    if parameter == "shift":
        return f"{kind} in {choice}: range"
    if parameter == "crowding":
        return f"trits decided by {choice}: threshold flips"
    return f"{choice} scales, shrinkage, BF16 reload: zeros"


def _range(margins: pd.DataFrame) -> str:
    if margins.empty:
        return NOT_KNOWN
    return f"{margins['smallest'].min():.2g} … {margins['largest'].max():.2g}"


def _binades(margins: pd.DataFrame, column: str) -> str:
    return NOT_KNOWN if margins.empty else f"{format_value(margins[column].min(), 1)} binades"


def _breaks(parameter: str, group: pd.DataFrame, start: float) -> str:
    """Between which settings the first seed breaks on either side of ``start``, the mildest; else where none did."""
    seeds = group.groupby("at")["seed"].nunique()
    tried_by_all = seeds.index[seeds == seeds.max()]
    found = []
    for broken in (group["below"].max(), group["above"].min()):
        if not math.isnan(broken):
            inside = [at for at in tried_by_all if min(start, broken) < at < max(start, broken)]
            held = min([start, *inside], key=lambda at: abs(at - broken))
            found.append(f"between {_setting(parameter, held)} and {_setting(parameter, broken)}")
    return "; ".join(found) or "not at " + ", ".join(_setting(parameter, at) for at in seeds.index if at != start)


def _setting(parameter: str, at: float) -> str:
    if parameter == "zeros":
        return f"{100 * at:g}%"
    exponent = at if parameter == "shift" else -at  # crowding halves distances
    return f"×2^{exponent:g}".replace("-", "−") if at else "×1"


TABLES: dict[str, Callable[[Run], Table]] = {
    "laboratory": grid_table,
    "decomposition": decomposition_table,
    "training_length": length_table,
    "mechanisms": mechanism_table,
}
