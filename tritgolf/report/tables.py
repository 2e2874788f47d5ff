"""A record's tables: its seeds with the published columns, and what export and reload cost by checkpoint and storage.

Headline figures follow the record's mode: honest runs show pure cross-entropy, faithful runs show validation and
roundtrip BPB with the z-loss term, as the published tables do. The CSV always has both, each under its own name.
"""

import math

import numpy as np
import pandas as pd

from tritgolf.report.frames import checkpoint_frame, roundtrip_frame, seed_frame
from tritgolf.report.hardware import on_several, pace_by_hardware, summed_up
from tritgolf.report.notes import headline_notes, in_headline, made_from
from tritgolf.report.record_facts import RecordFacts
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.statistics import NOT_KNOWN, format_exact, format_mean_std, format_value, mean, sample_std

BPB_DECIMALS, GAP_DECIMALS = 4, 6
SETTINGS = ("seed", "stride", "window", "code_bytes", "byte_limit")


def seeds_table(run: Run) -> Table:
    """The published table of one record: a row a seed, then mean and sample standard deviation."""
    seeds = seed_frame(run)
    names = headline(run.facts)
    columns: dict[str, tuple[str, int | None]] = {
        "seed": ("seed", None),
        "steps": ("steps", 0),
        "ms/step": ("ms_per_step", 1),
        "sliding BPB": (names["sliding_bpb"], BPB_DECIMALS),
        "val BPB": (names["val_bpb"], BPB_DECIMALS),
        "RT BPB": (names["rt_bpb"], BPB_DECIMALS),
        "RT gap": (names["rt_gap"], BPB_DECIMALS),
        "artifact bytes": ("artifact_bytes", 0),
        "fits": ("fits_limit", None),
    }
    frame = with_summary(seeds, by=[])
    shown = frame if len(seeds) > 1 else seeds
    cells = {
        header: [
            _cell(value, decimals, signed=header == "RT gap" and seed != "std")
            for seed, value in zip(shown["seed"], shown[name], strict=True)
        ]
        for header, (name, decimals) in columns.items()
    }
    if on_several(seeds):
        cells["ms/step"][-2] = pace_by_hardware(seeds)
    return Table(
        title=f"{run.facts.heading}: {len(seeds)} seed{'s' * (len(seeds) != 1)}",
        frame=frame,
        cells=pd.DataFrame(cells),
        notes=(*headline_notes(run, seeds), *made_from([run], in_headline)),
        left=("seed",),
        summary_rows=len(shown) - len(seeds),
    )


def roundtrip_table(run: Run) -> Table:
    """A row a (checkpoint, storage): what export and reload cost, mean ± sample standard deviation over seeds."""
    frame = roundtrip_frame(run)
    rows = []
    for (_, storage), group in frame.groupby(["checkpoint", "storage"], sort=False):
        rows.append(
            {
                "step": format_value(mean(group["step"]), 0),
                "storage": str(storage),
                "seeds": str(len(group)),
                "trained BPB": format_value(mean(group["trained_bpb"]), BPB_DECIMALS),
                "RT BPB": format_value(mean(group["rt_bpb"]), BPB_DECIMALS),
                "RT gap": format_mean_std(group["gap_bpb"], GAP_DECIMALS, signed=True, fixed=True),
                "paired SE": format_exact(mean(group["gap_se_bpb"]), GAP_DECIMALS),
                "over own storage": "own"
                if group["is_own_storage"].all()
                else format_mean_std(group["gap_over_own_bpb"], GAP_DECIMALS, signed=True, fixed=True),
                "artifact bytes": format_value(mean(group["artifact_bytes"]), 0),
                "layout": "/".join(sorted(set(group["layout"]))),
                "trits changed": format_value(mean(group["trits_changed"]), 0),
                "largest weight error": f"{group['max_weight_error'].max():.2e}",
                "zero fraction": format_value(mean(group["zero_fraction"]), 3),
                "record's zero fraction": format_value(mean(group["record_zero_fraction"]), 3),
            }
        )
    return Table(
        title=f"{run.facts.heading}: export and reload",
        frame=with_summary(frame, by=["checkpoint", "storage"]),
        cells=pd.DataFrame(rows),
        notes=(
            "BPB is pure cross-entropy in bits per byte over non-overlapping windows. RT gap: reloaded − trained, "
            "mean ± sample standard deviation over seeds.",
            "Paired SE: standard error of one seed's gap, windows paired (mean over seeds). It says how well a gap is "
            "measured; the standard deviation says how much seeds differ.",
            "Over own storage: the gap less that of the record's own storage choice, seed by seed. A seed's storages "
            "share its weights, so this tells them apart where their gaps, which vary from seed to seed, do not.",
            "Steps, bytes, trits changed and zero fractions are means over seeds, the weight error is the largest. "
            "Zero fraction counts the trits that are stored; the record's counts with the absmean rule.",
            *made_from([run]),
        ),
        left=("storage", "layout"),
    )


def checkpoints_table(run: Run) -> Table:
    """A row a checkpoint: what the record's artifact of it scores, mean ± sample standard deviation over seeds."""
    frame = checkpoint_frame(run)
    rows = [
        {
            "step": format_value(mean(group["step"]), 0),
            "seeds": str(len(group)),
            "chunked BPB": format_mean_std(group["chunked_bpb"], BPB_DECIMALS, fixed=True),
            "sliding BPB": format_mean_std(group["sliding_bpb"], BPB_DECIMALS, fixed=True),
            "sliding gains": format_mean_std(group["sliding_gain_bpb"], BPB_DECIMALS, fixed=True),
            "stride": "/".join(str(stride) for stride in sorted(set(group["stride"]))),
            "best temperature": "/".join(f"{t:.2f}" for t in sorted(set(group["best_temperature"]))),
        }
        for _, group in frame.groupby("checkpoint", sort=False)
    ]
    return Table(
        title=f"{run.facts.heading}: evaluation by checkpoint",
        frame=with_summary(frame, by=["checkpoint"]),
        cells=pd.DataFrame(rows),
        notes=(
            "BPB is pure cross-entropy in bits per byte of the artifact in the record's own storage, reloaded. "
            "± is the sample standard deviation over seeds.",
            *made_from([run]),
        ),
    )


def headline(facts: RecordFacts) -> dict[str, str]:
    """Which columns of ``seed_frame`` a record's headline figures come from; z-loss goes with published bytes alone."""
    pure = "bpb_published_bytes" if facts.headline_bytes == "published" else "bpb"
    counted = "record_bpb" if facts.headline_z_loss else pure
    return {
        "sliding_bpb": f"sliding_{pure}",
        "val_bpb": f"val_{counted}",
        "rt_bpb": f"rt_{counted}",
        "rt_gap": f"rt_gap_{counted}",
    }


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


def _cell(value: object, decimals: int | None, signed: bool) -> str:
    """One formatted figure; words (``decimals`` None) as they are, what a summary row leaves out empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "" if decimals is None else NOT_KNOWN
    if isinstance(value, bool | np.bool_):
        return yes_no(bool(value))
    if decimals is None:
        return str(value)
    return (format_exact if signed else format_value)(float(str(value)), decimals, signed)
