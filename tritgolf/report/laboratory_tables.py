"""The laboratory's tables: the grid, the decomposition, the gap against training length."""

from collections.abc import Callable, Sequence

import pandas as pd

from tritgolf.report.columns import BPB_DECIMALS, GAP_DECIMALS, Cell, cells, is_ternary
from tritgolf.report.laboratory import REMAINDER, TOGETHER, decomposition_frame, grid_frame, length_frame
from tritgolf.report.notes import made_from
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.statistics import NOT_KNOWN, format_value, format_with_error, mean, mean_error, sample_std
from tritgolf.report.storage_words import described, is_by_role

# The storages that the tables and plots of training length show; a grid that lacks one shows the others.
LENGTH_STORAGES = (
    "own", "scales_fp32", "scales_bf16", "scales_fp16", "without_decide", "without_mixes", "without_table", "lossless",
)  # fmt: skip
# The same of storages by role.
LENGTH_OF_ROLES = ("own", "nearest", "matrices_int5", "matrices_int8", "without_embedding", "lossless")
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
    "attention": "attention matrices",
    "mlp": "MLP matrices",
    "embedding": "table",
    "hash_embedding": "hash table",
    "value_embedding": "value table",
    "projection": "projections",
    "gate": "attention gates",
    "mix": "mixes, scales and skips",
    "control": "control parameters",
    REMAINDER: "remainder (interaction)",
    TOGETHER: "all together: the record's storage",
}
UNCERTAINTY = (
    "BPB is pure cross-entropy over non-overlapping windows. ± is a standard error, paired over windows: of the mean "
    "over seeds, where there are several (as if their errors were independent). It says how well this model's gap on "
    "this text is measured, not how much models differ."
)


OF_ZEROS = (
    "z: share of zero among the trits that the trained model uses. The published text explains the gap by a correction "
    "that divides by 1 − z; that of absmean scales does (#640), that of rms scales divides by its root (#920). At the "
    "threshold: |w| within 2⁻⁸ of s/2, where a rounding decides the trit. Trits changed: those that differ from the "
    "forward pass's if they are decided from weights and scales rounded so."
)
ONE_CODER = (
    "Artifact bytes: integer codes of every row are written by one range coder, whatever the record's, so that rows "
    "compare; the record's own artifact is in the table of export and reload."
)


def grid_table(run: Run) -> Table:
    """Every storage of the grid on the last checkpoint, mean over seeds; the CSV has all checkpoints and seeds."""
    frame = grid_frame(run)
    last = frame[frame["checkpoint"] == frame["checkpoint"].iloc[-1]]
    columns = _grid_cells(last)
    needless = last["storage"].str.startswith("without_") & (last["same_as"] != "")  # a row of the grid says it
    return Table(
        title=f"{run.facts.heading}: the ablation grid after {mean(last['step']):,.0f} steps",
        frame=frame,
        cells=pd.DataFrame([cells(run, group, columns) for _, group in last[~needless].groupby("storage", sort=False)]),
        notes=(
            "own: the record's storage. lossless: what gives back the trained model, whatever it takes. only_: the "
            "lossless storage with one decision as in own; without_: own with one decision as in the lossless one.",
            UNCERTAINTY,
            "RT gap: reloaded − trained. Over own storage: gap less that of the own storage, window by window. Largest "
            f"errors: of an effective {'ternary' if is_ternary(run) else 'quantized'} weight, and of any other number, "
            "against the trained model.",
            *((ONE_CODER,) if is_by_role(last) else ()),
            *made_from([run]),
        ),
        left=("storage", "what it is"),
    )


def _grid_cells(last: pd.DataFrame) -> list[Cell]:
    """The columns of the grid's table; ``last``: the rows of the last checkpoint."""
    several = last["seed"].nunique() > 1
    own, lossless = (last[last["storage"] == name].iloc[0] for name in ("own", "lossless"))
    return [
        Cell("storage", lambda _, group: str(group["storage"].iloc[0])),
        Cell("what it is", lambda _, group: described(group.iloc[0], own, lossless)),
        Cell("RT BPB", lambda _, group: format_value(mean(group["rt_bpb"]), BPB_DECIMALS)),
        Cell("RT gap", lambda _, group: with_error(group["gap_bpb"], group["gap_se_bpb"])),
        Cell("std over seeds", _std_over_seeds, lambda _: several),
        Cell("over own storage", _over_own),
        Cell("artifact bytes", lambda _, group: format_value(mean(group["artifact_bytes"]), 0)),
        Cell("trits changed", lambda _, group: format_value(mean(group["trits_changed"]), 0), is_ternary),
        Cell("largest weight error", lambda _, group: f"{group['max_weight_error'].max():.2e}"),
        Cell("largest error of other numbers", lambda _, group: f"{group['max_tensor_error'].max():.2e}"),
    ]


def _std_over_seeds(_: Run, group: pd.DataFrame) -> str:
    return format_value(sample_std(group["gap_bpb"]), GAP_DECIMALS)


def _over_own(_: Run, group: pd.DataFrame) -> str:
    if group["storage"].iloc[0] == "own":
        return "own"
    return with_error(group["over_own_bpb"], group["over_own_se_bpb"])


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
    """A row a checkpoint: the gap of the chosen storages; of ternary weights zero fraction and amplification too."""
    lengths, grid = length_frame(run), grid_frame(run)
    storages = length_storages(grid)
    rows = []
    for checkpoint, group in lengths.groupby("checkpoint", sort=False):
        row = cells(run, group, LENGTH)
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
        notes=(*((OF_ZEROS,) if is_ternary(run) else ()), UNCERTAINTY, *made_from([run])),
    )


def length_storages(grid: pd.DataFrame) -> list[str]:
    """The storages of the grid that are shown over training. ``grid``: ``grid_frame``."""
    chosen = LENGTH_OF_ROLES if is_by_role(grid) else LENGTH_STORAGES
    return [name for name in chosen if name in set(grid["storage"])]


def _shares(column: str, heading: str) -> Cell:
    """A share of all ternary weights, in percent, of the runs that counted it."""

    def counted(run: Run) -> bool:
        return is_ternary(run) and column in (lengths := length_frame(run)) and bool(lengths[column].notna().any())

    def show(_: Run, group: pd.DataFrame) -> str:
        shares = group[column].dropna()
        return NOT_KNOWN if shares.empty else f"{format_value(100 * mean(shares), 3)} %"

    return Cell(heading, show, counted)


LENGTH: Sequence[Cell] = (
    Cell("step", lambda _, group: format_value(mean(group["step"]), 0)),
    Cell("zero fraction", lambda _, group: format_value(mean(group["zero_fraction"]), 4), is_ternary),
    Cell("1/(1 − z)", lambda _, group: format_value(mean(group["absmean_amplification"]), 3), is_ternary),
    Cell("1/√(1 − z)", lambda _, group: format_value(mean(group["rms_amplification"]), 3), is_ternary),
    *(_shares(column, heading) for column, heading in THRESHOLD),
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


TABLES: dict[str, Callable[[Run], Table]] = {
    "laboratory": grid_table,
    "decomposition": decomposition_table,
    "training_length": length_table,
}
