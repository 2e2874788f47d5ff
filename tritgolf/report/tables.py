"""A record's tables: its seeds with the published columns, and what export and reload cost by checkpoint and storage.

Headline figures follow the record's mode: honest runs show pure cross-entropy, faithful runs show validation and
roundtrip BPB with the z-loss term, as the published tables do. The CSV always has both, each under its own name.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tritgolf.report.columns import (
    BPB_DECIMALS,
    GAP_DECIMALS,
    Cell,
    Column,
    cells,
    has_temperature,
    is_ternary,
    marked,
    methods_of,
    slides,
)
from tritgolf.report.frames import checkpoint_frame, roundtrip_frame, seed_frame
from tritgolf.report.hardware import on_several, pace_by_hardware, summed_up
from tritgolf.report.notes import headline_notes, in_headline, made_from
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.seed_columns import shown_columns
from tritgolf.report.statistics import NOT_KNOWN, format_exact, format_mean_std, format_value, mean, sample_std

SETTINGS = ("seed", "stride", "window", "code_bytes", "byte_limit")


def seeds_table(run: Run) -> Table:
    """The published table of one record: a row a seed, then mean and sample standard deviation."""
    seeds = seed_frame(run)
    frame = with_summary(seeds, by=[])
    shown = frame if len(seeds) > 1 else seeds
    columns = {column.heading: _seed_cells(column, shown, seeds) for column in shown_columns(run)}
    if on_several(seeds):
        columns["ms/step"][-2] = pace_by_hardware(seeds)
    return Table(
        title=f"{run.facts.heading}: {len(seeds)} seed{'s' * (len(seeds) != 1)}",
        frame=frame,
        cells=pd.DataFrame(columns),
        notes=(*headline_notes(run, seeds), *made_from([run], in_headline)),
        left=("seed",),
        summary_rows=len(shown) - len(seeds),
    )


ROUNDTRIP: Sequence[Cell] = (
    Cell("step", lambda _, group: format_value(mean(group["step"]), 0)),
    Cell("storage", lambda _, group: str(group["storage"].iloc[0])),
    Cell("seeds", lambda _, group: str(len(group))),
    Cell("trained BPB", lambda _, group: format_value(mean(group["trained_bpb"]), BPB_DECIMALS)),
    Cell("RT BPB", lambda _, group: format_value(mean(group["rt_bpb"]), BPB_DECIMALS)),
    Cell("RT gap", lambda _, group: format_mean_std(group["gap_bpb"], GAP_DECIMALS, signed=True, fixed=True)),
    Cell("paired SE", lambda _, group: format_exact(mean(group["gap_se_bpb"]), GAP_DECIMALS)),
    Cell("over own storage", lambda _, group: _over_own(group)),
    Cell("artifact bytes", lambda _, group: format_value(mean(group["artifact_bytes"]), 0)),
    Cell("layout", lambda _, group: "/".join(sorted(set(group["layout"])))),
    Cell("trits changed", lambda _, group: format_value(mean(group["trits_changed"]), 0), is_ternary),
    Cell("largest weight error", lambda _, group: f"{group['max_weight_error'].max():.2e}"),
    Cell("zero fraction", lambda _, group: format_value(mean(group["zero_fraction"]), 3), is_ternary),
    Cell("record's zero fraction", lambda _, group: format_value(mean(group["record_zero_fraction"]), 3), is_ternary),
)


def roundtrip_table(run: Run) -> Table:
    """A row a (checkpoint, storage): what export and reload cost, mean ± sample standard deviation over seeds."""
    frame = roundtrip_frame(run)
    of_trits = (
        "Steps, bytes, trits changed and zero fractions are means over seeds, the weight error is the largest. "
        "Zero fraction counts the trits that are stored; the record's counts with the absmean rule."
    )
    of_others = "Steps and bytes are means over seeds, the weight error is the largest."
    return Table(
        title=f"{run.facts.heading}: export and reload",
        frame=with_summary(frame, by=["checkpoint", "storage"]),
        cells=pd.DataFrame(
            [cells(run, group, ROUNDTRIP) for _, group in frame.groupby(["checkpoint", "storage"], sort=False)]
        ),
        notes=(
            "BPB is pure cross-entropy in bits per byte over non-overlapping windows. RT gap: reloaded − trained, "
            "mean ± sample standard deviation over seeds.",
            "Paired SE: standard error of one seed's gap, windows paired (mean over seeds). It says how well a gap is "
            "measured; the standard deviation says how much seeds differ.",
            "Over own storage: the gap less that of the record's own storage choice, seed by seed. A seed's storages "
            "share its weights, so this tells them apart where their gaps, which vary from seed to seed, do not.",
            of_trits if is_ternary(run) else of_others,
            *made_from([run]),
        ),
        left=("storage", "layout"),
    )


CHECKPOINTS: Sequence[Cell] = (
    Cell("step", lambda _, group: format_value(mean(group["step"]), 0)),
    Cell("seeds", lambda _, group: str(len(group))),
    Cell("chunked BPB", lambda _, group: format_mean_std(group["chunked_bpb"], BPB_DECIMALS, fixed=True)),
    Cell(
        "sliding BPB",
        lambda _, group: marked(format_mean_std(group["sliding_bpb"], BPB_DECIMALS, fixed=True), group, "sliding_mark"),
        slides,
    ),
    Cell(
        "sliding gains", lambda _, group: format_mean_std(group["sliding_gain_bpb"], BPB_DECIMALS, fixed=True), slides
    ),
    Cell("stride", lambda _, group: "/".join(str(stride) for stride in sorted(set(group["stride"]))), slides),
    Cell(
        "best temperature",
        lambda _, group: "/".join(f"{t:.2f}" for t in sorted(set(group["best_temperature"]))),
        has_temperature,
    ),
)
AFTER_SLIDING = 1 + [cell.heading for cell in CHECKPOINTS].index("sliding gains")


def checkpoints_table(run: Run) -> Table:
    """A row a checkpoint: what the record's artifact of it scores, mean ± sample standard deviation over seeds."""
    frame = checkpoint_frame(run)
    others = [_method_cell(name) for name in methods_of(run)]
    columns = [*CHECKPOINTS[:AFTER_SLIDING], *others, *CHECKPOINTS[AFTER_SLIDING:]]
    return Table(
        title=f"{run.facts.heading}: evaluation by checkpoint",
        frame=with_summary(frame, by=["checkpoint"]),
        cells=pd.DataFrame([cells(run, group, columns) for _, group in frame.groupby("checkpoint", sort=False)]),
        notes=(
            "BPB is pure cross-entropy in bits per byte of the artifact in the record's own storage, reloaded. "
            "± is the sample standard deviation over seeds.",
            *made_from([run]),
        ),
    )


def _method_cell(name: str) -> Cell:
    """The scores by an evaluation method besides windows."""

    def show(_: Run, group: pd.DataFrame) -> str:
        return marked(format_mean_std(group[f"{name}_bpb"], BPB_DECIMALS, fixed=True), group, f"{name}_mark")

    return Cell(f"{name} BPB", show)


def with_summary(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """``frame`` with two rows after each group: mean and sample standard deviation, named so in the seed column.

    Only figures are summed up: words, yes/no and settings stay empty there, and times on different hardware.
    """
    figures = figure_names(frame.drop(columns=by))
    parts = []
    for keys, group in frame.groupby(by, sort=False) if by else [((), frame)]:
        constant = {"record": group["record"].iloc[0], **dict(zip(by, keys, strict=True))}
        summary = [
            constant | {"seed": name} | {figure: summed_up(group, figure, summarize) for figure in figures}
            for name, summarize in (("mean", mean), ("std", sample_std))
        ]
        parts += [group.astype(object), pd.DataFrame(summary, dtype=object)]
    return pd.concat(parts, ignore_index=True)


def figure_names(seeds: pd.DataFrame) -> list[str]:
    """The columns that were measured, so that a mean over seeds means something."""
    return [name for name in seeds.select_dtypes("number").columns if name not in SETTINGS]


def yes_no(answer: bool) -> str:
    """How tables print a condition: what fails stands out."""
    return "yes" if answer else "NO"


def _over_own(group: pd.DataFrame) -> str:
    if group["is_own_storage"].all():
        return "own"
    return format_mean_std(group["gap_over_own_bpb"], GAP_DECIMALS, signed=True, fixed=True)


def _seed_cells(column: Column, shown: pd.DataFrame, seeds: pd.DataFrame) -> list[str]:
    """A column of the seeds' table, its summary rows last; ``shown``: ``seeds`` with these rows."""
    texts = []
    for row, (name, figure) in enumerate(zip(shown["seed"], shown[column.name], strict=True)):
        text = _cell(figure, column.decimals, signed=column.signed and name != "std")
        of_seeds = seeds.iloc[[row]] if row < len(seeds) else seeds
        texts.append(text if name == "std" else marked(text, of_seeds, column.mark))
    return texts


def _cell(value: object, decimals: int | None, signed: bool) -> str:
    """One formatted figure; words (``decimals`` None) as they are, what a summary row leaves out empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "" if decimals is None else NOT_KNOWN
    if isinstance(value, bool | np.bool_):
        return yes_no(bool(value))
    if decimals is None:
        return str(value)
    return (format_exact if signed else format_value)(float(str(value)), decimals, signed)
