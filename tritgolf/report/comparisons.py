"""Records side by side: several of ours, and ours beside the published figures."""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tritgolf.errors import InputError
from tritgolf.report.frames import seed_frame
from tritgolf.report.hardware import machines_note, on_several, pace_by_hardware, summed_up
from tritgolf.report.notes import counted_in_words, in_headline, made_from
from tritgolf.report.record_facts import published_system
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.statistics import format_mean_std, format_value, mean, sample_std
from tritgolf.report.tables import BPB_DECIMALS, GAP_DECIMALS, figure_names, headline, yes_no

PUBLISHED_DATASET = "fineweb"
# (row, column of the published figures, column of seed_frame, decimals, whether it depends on the text)
PUBLISHED_FIGURES = (
    ("steps", "steps", "steps", 0, False),
    ("ms/step", "ms_per_step", "ms_per_step", 1, False),
    ("sliding BPB", "sliding_bpb", "sliding_bpb_published_bytes", BPB_DECIMALS, True),
    ("val BPB, with z-loss", "val_bpb", "val_record_bpb", BPB_DECIMALS, True),
    ("RT BPB, with z-loss", "rt_bpb", "rt_record_bpb", BPB_DECIMALS, True),
    ("RT gap, with z-loss", "rt_gap", "rt_gap_record_bpb", BPB_DECIMALS, True),
    ("artifact bytes", "artifact_bytes", "artifact_bytes", 0, False),
    ("total bytes", "total_bytes", "total_bytes", 0, False),
)
OTHER_TEXT = "Scored on {} here, on {} there: no score can be compared across the two, so no difference is given."


def records_table(runs: Sequence[Run]) -> Table:
    """A row a record of one command: its seeds' mean ± sample standard deviation of every published figure."""
    rows, shown = [], []
    frames = [seed_frame(run) for run in runs]
    for run, frame in zip(runs, frames, strict=True):
        names = headline(run.facts)
        rows.append(_summary_row(run, frame))
        shown.append(
            {
                "record": run.facts.name,
                "mode": run.facts.label,
                "text": run.facts.dataset,
                "seeds": str(len(frame)),
                "steps": format_value(mean(frame["steps"]), 0),
                "ms/step": pace_by_hardware(frame),
                "bytes": counted_in_words(run, frame),
                "sliding BPB": format_mean_std(frame[names["sliding_bpb"]], BPB_DECIMALS),
                "val BPB": format_mean_std(frame[names["val_bpb"]], BPB_DECIMALS),
                "RT BPB": format_mean_std(frame[names["rt_bpb"]], BPB_DECIMALS),
                "RT gap": format_mean_std(frame[names["rt_gap"]], GAP_DECIMALS, signed=True),
                "largest artifact": format_value(frame["artifact_bytes"].max(), 0),
                "fits": yes_no(bool(frame["fits_limit"].all())),
            }
        )
    texts = sorted({run.facts.dataset for run in runs})
    several_texts = (f"The records were scored on different texts ({', '.join(texts)}): compare no BPB across them.",)
    return Table(
        title="Records of the last command",
        frame=pd.DataFrame(rows),
        cells=pd.DataFrame(shown),
        notes=(
            "Mean ± sample standard deviation over seeds. Faithful records, and those as written: val BPB, RT BPB and "
            "RT gap include the z-loss term, and bytes are those of the normalized text, as published. Honest records: "
            "pure cross-entropy by the raw bytes of the text, where these are known. The CSV has both.",
            "These are the records that the last command named; the results of other records stay in "
            "results/RECORD/tables.",
            *(several_texts if len(texts) > 1 else ()),
            *(note for frame in frames for note in machines_note(frame)),
            *made_from(runs, in_headline),
        ),
        left=("record", "mode", "text", "bytes"),
    )


def published_table(run: Run, published: pd.DataFrame) -> Table:
    """The published figures of the record's source beside ours, figure by figure, each counted as published.

    ``published``: as ``read_published`` has it. Where the text differs, the rows of scores say "other text" instead of
    a difference: BPB of two texts can't be compared.
    """
    system = published_system(run.facts.source)
    theirs, ours = published[published["system"] == system], seed_frame(run)
    if theirs.empty:
        known = ", ".join(sorted(set(published["system"])))
        raise InputError(f"record {run.facts.name!r}", f"has no published figures ({system})", f"there are: {known}")
    same_text = run.facts.dataset == PUBLISHED_DATASET
    headings = (
        f"published ({system}, seeds: {len(theirs)}, text: {PUBLISHED_DATASET})",
        f"here (seeds: {len(ours)}, text: {run.facts.dataset})",
    )
    pairs = [_published_row(figure, theirs, ours, same_text) for figure in PUBLISHED_FIGURES]
    rows = [row for row, _ in pairs]
    shown = [
        {"figure": row["figure"], **dict(zip(headings, cells, strict=False)), "difference": cells[-1]}
        for row, cells in pairs
    ]
    return Table(
        title=f"{run.facts.heading}: published figures and this run",
        frame=pd.DataFrame(rows),
        cells=pd.DataFrame(shown),
        notes=(
            "Mean ± sample standard deviation over seeds. On both sides val BPB, RT BPB and RT gap include the z-loss "
            "term, as published; sliding BPB is pure cross-entropy. Bytes are counted as the published code does, on "
            "both sides.",
            *(() if same_text else (OTHER_TEXT.format(run.facts.dataset, PUBLISHED_DATASET),)),
            *machines_note(ours),
            *made_from([run], lambda _: "published"),
        ),
        left=("figure",),
    )


def _published_row(
    figure: tuple[str, str, str, int, bool], published: pd.DataFrame, ours: pd.DataFrame, same_text: bool
) -> tuple[dict[str, object], tuple[str, str, str]]:
    """A figure of ``PUBLISHED_FIGURES`` on both sides: in full, and as shown (published, here, difference)."""
    title, published_name, own_name, decimals, of_the_text = figure
    first, second = published[published_name].dropna().tolist(), ours[own_name].dropna().tolist()
    here, std = (summed_up(ours.dropna(subset=[own_name]), own_name, of_seeds) for of_seeds in (mean, sample_std))
    difference = here - mean(first) if same_text or not of_the_text else math.nan
    row: dict[str, object] = {
        "figure": title,
        "published_mean": mean(first),
        "published_std": sample_std(first),
        "published_seeds": len(first),
        "mean": here,
        "std": std,
        "seeds": len(second),
        "difference": difference,
        "same_text": same_text,
    }
    by_hardware = own_name == "ms_per_step" and on_several(ours)
    shown = pace_by_hardware(ours, lambda paces: format_mean_std(paces, decimals)) if by_hardware else ""
    told = "other text" if of_the_text and not same_text else format_value(difference, decimals, signed=True)
    return row, (format_mean_std(first, decimals), shown or format_mean_std(second, decimals), told)


def _summary_row(run: Run, frame: pd.DataFrame) -> dict[str, object]:
    """Mean and sample standard deviation of every figure of a record's seeds, and its facts."""
    row: dict[str, object] = {"record": run.facts.name, "mode": run.facts.label, "dataset": run.facts.dataset}
    row |= {"seeds": len(frame), "fits_limit": bool(frame["fits_limit"].all())}
    for name in figure_names(frame):
        row |= {f"{name}_mean": summed_up(frame, name, mean), f"{name}_std": summed_up(frame, name, sample_std)}
    return row


def read_published(path: str | Path) -> pd.DataFrame:
    """Published figures, a row a seed (``published/seeds.csv``): system, seed and the published columns."""
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(path, f"cannot be read as CSV ({error})", "restore it from the repository") from None
    missing = sorted({"system", *(name for _, name, *_ in PUBLISHED_FIGURES)} - set(frame.columns))
    if missing:
        raise InputError(path, f"lacks the columns {', '.join(missing)}", "restore it from the repository")
    return frame
