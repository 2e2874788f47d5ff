"""Records side by side: several of ours, and ours beside the published figures."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from tritgolf.report.columns import (
    BPB_DECIMALS,
    GAP_DECIMALS,
    Cell,
    adapts,
    cells,
    counting_of_weights,
    marked,
    methods_of,
    pure_counting,
    shown_windows,
)
from tritgolf.report.frames import seed_frame
from tritgolf.report.hardware import machines_note, on_several, pace_by_hardware, summed_up
from tritgolf.report.notes import counted_in_words, in_headline, made_from
from tritgolf.report.published import OF_THE_TEXT, Figure, PublishedSystem
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.seed_columns import columns_of
from tritgolf.report.statistics import NOT_KNOWN, format_mean_std, format_value, mean, sample_std
from tritgolf.report.tables import figure_names, yes_no
from tritgolf.report.words import enumerated

OTHER_TEXT = "Scored on {} here, on {} there: no score can be compared across the two, so no difference is given."


def records_table(runs: Sequence[Run]) -> Table:
    """A row a record of one command: its seeds' mean ± sample standard deviation of every published figure."""
    frames = [seed_frame(run) for run in runs]
    columns = _record_cells(runs)
    rows = [_summary_row(run, frame) for run, frame in zip(runs, frames, strict=True)]
    not_known = {column.heading: NOT_KNOWN for column in columns}
    shown = [not_known | cells(run, frame, columns) for run, frame in zip(runs, frames, strict=True)]
    texts = sorted({run.facts.dataset for run in runs})
    several_texts = (f"The records were scored on different texts ({', '.join(texts)}): compare no BPB across them.",)
    return Table(
        title="Records of the last command",
        frame=pd.DataFrame(rows),
        cells=pd.DataFrame(shown),
        notes=(
            f"Mean ± sample standard deviation over seeds. {_z_loss_in_words(runs)} Bytes that BPB divide by: "
            "published, those of the normalized text, as the published code counts them, or raw. The CSV has both.",
            "These are the records that the last command named; the results of other records stay in "
            "results/RECORD/tables.",
            *(several_texts if len(texts) > 1 else ()),
            *(note for frame in frames for note in machines_note(frame)),
            *made_from(runs, in_headline),
        ),
        left=("record", "mode", "text", "bytes"),
    )


def published_table(run: Run, published: PublishedSystem) -> Table:
    """The published figures of the record's source beside ours, figure by figure, each counted as published.

    Where the text differs, the rows of scores say "other text" instead of a difference: BPB of two texts can't be
    compared.
    """
    theirs, ours, figures = published.seeds, seed_frame(run), published.figures
    same_text = run.facts.dataset == figures.dataset
    headings = (
        f"published ({published.system}, seeds: {len(theirs)}, text: {figures.dataset})",
        f"here (seeds: {len(ours)}, text: {run.facts.dataset})",
    )
    marks = {column.name: column.mark for column in columns_of(run)}
    rows, shown = [], []
    for name, figure in figures.figures.items():
        values = theirs[name].dropna().tolist()
        row = _published_row(figure, values, ours, same_text)
        of_theirs = f" ({figures.marks[name]})" if name in figures.marks else ""
        here = _here(figure, ours, marks.get(figure.figure, ""))
        texts = (format_mean_std(values, figure.decimals) + of_theirs, here)
        rows.append(row)
        shown.append(
            {
                "figure": figure.heading,
                **dict(zip(headings, texts, strict=True)),
                "difference": _difference(figure, row),
            }
        )
    return Table(
        title=f"{run.facts.heading}: published figures and this run",
        frame=pd.DataFrame(rows),
        cells=pd.DataFrame(shown),
        notes=(
            f"Mean ± sample standard deviation over seeds. {figures.note}",
            *(() if same_text else (OTHER_TEXT.format(run.facts.dataset, figures.dataset),)),
            *machines_note(ours),
            *made_from([run], lambda _: "published"),
        ),
        left=("figure",),
    )


def _values(ours: pd.DataFrame, figure: Figure) -> pd.Series:
    """Our seeds' values of a published figure; none where this run doesn't have it."""
    return ours[figure.figure].dropna() if figure.figure in ours else pd.Series(dtype=float)


def _published_row(figure: Figure, published: list[float], ours: pd.DataFrame, same_text: bool) -> dict[str, Any]:
    """A figure on both sides, in full: ``published`` has a value a seed, ``ours`` is a ``seed_frame``."""
    of_seeds, known = _values(ours, figure), figure.figure in ours
    measured = ours.loc[of_seeds.index]
    here, std = (summed_up(measured, figure.figure, each) if known else math.nan for each in (mean, sample_std))
    comparable = same_text or figure.unit != OF_THE_TEXT
    return {
        "figure": figure.heading,
        "published_mean": mean(published),
        "published_std": sample_std(published),
        "published_seeds": len(published),
        "mean": here,
        "std": std,
        "seeds": len(of_seeds),
        "difference": here - mean(published) if comparable else math.nan,
        "same_text": same_text,
    }


def _here(figure: Figure, ours: pd.DataFrame, mark: str) -> str:
    """Our side of a row: mean ± std over seeds, by hardware where that differs, marked where no model scores so."""
    if figure.figure == "ms_per_step" and on_several(ours):
        return pace_by_hardware(ours, lambda paces: format_mean_std(paces, figure.decimals))
    return marked(format_mean_std(_values(ours, figure), figure.decimals), ours, mark)


def _difference(figure: Figure, row: dict[str, Any]) -> str:
    if figure.unit == OF_THE_TEXT and not row["same_text"]:
        return "other text"
    return format_value(row["difference"], figure.decimals, signed=True)


def _summary_row(run: Run, frame: pd.DataFrame) -> dict[str, object]:
    """Mean and sample standard deviation of every figure of a record's seeds, and its facts."""
    row: dict[str, object] = {"record": run.facts.name, "mode": run.facts.label, "dataset": run.facts.dataset}
    row |= {"seeds": len(frame), "fits_limit": bool(frame["fits_limit"].all())}
    for name in figure_names(frame):
        row |= {f"{name}_mean": summed_up(frame, name, mean), f"{name}_std": summed_up(frame, name, sample_std)}
    return row


def _of_methods(runs: Sequence[Run]) -> list[Cell]:
    """A cell an evaluation method of any of the ``runs``, marked where it is no valid score."""

    def cell(name: str) -> Cell:
        def show(run: Run, frame: pd.DataFrame) -> str:
            scores = format_mean_std(frame[f"{name}_{pure_counting(run.facts)}"].dropna(), BPB_DECIMALS)
            return marked(scores, frame, f"{name}_mark")

        return Cell(f"{name} BPB", show, applies=lambda run: name in methods_of(run))

    return [cell(name) for name in dict.fromkeys(name for run in runs for name in methods_of(run))]


def _of_weights(stem: str, heading: str, decimals: int, signed: bool = False) -> Cell:
    def show(run: Run, frame: pd.DataFrame) -> str:
        return format_mean_std(frame[f"{stem}_{counting_of_weights(run.facts)}"], decimals, signed=signed)

    return Cell(heading, show)


def _by_windows(name: str) -> Cell:
    """The score of the network as it is by ``name``, sliding or chunked, of the runs that are shown by it."""

    def show(run: Run, frame: pd.DataFrame) -> str:
        scores = format_mean_std(frame[f"{name}_{pure_counting(run.facts)}"], BPB_DECIMALS)
        return marked(scores, frame, f"{name}_mark")

    return Cell(f"{name} BPB", show, applies=lambda run: shown_windows(run) == name)


def _z_loss_in_words(runs: Sequence[Run]) -> str:
    """Which of the ``runs`` show val and RT BPB with the z-loss term: a record says so, whatever its mode."""
    with_it = [run.facts.name for run in runs if run.facts.headline_z_loss]
    if not with_it:
        return "Val BPB, RT BPB and RT gap are pure cross-entropy."
    if len(with_it) == len(runs):
        return "Val BPB, RT BPB and RT gap include the z-loss term, as published."
    whose = enumerated(with_it)
    return (
        f"Val BPB, RT BPB and RT gap of {whose} include the z-loss term, as published; others are pure cross-entropy."
    )


def _record_cells(runs: Sequence[Run]) -> list[Cell]:
    """The columns of the records' table: those that apply to any of the ``runs``."""
    every = (*OF_RECORD, *_of_methods(runs), *OF_ARTIFACT)
    return [cell for cell in every if any(map(cell.applies, runs))]


OF_RECORD: Sequence[Cell] = (
    Cell("record", lambda run, _: run.facts.name),
    Cell("mode", lambda run, _: run.facts.label),
    Cell("text", lambda run, _: run.facts.dataset),
    Cell("seeds", lambda _, frame: str(len(frame))),
    Cell("steps", lambda _, frame: format_value(mean(frame["steps"]), 0)),
    Cell("ms/step", lambda _, frame: pace_by_hardware(frame)),
    Cell("bytes", counted_in_words),
    _by_windows("sliding"),
    _by_windows("chunked"),
)
OF_ARTIFACT: Sequence[Cell] = (
    _of_weights("val", "val BPB", BPB_DECIMALS),
    _of_weights("rt", "RT BPB", BPB_DECIMALS),
    _of_weights("rt_gap", "RT gap", GAP_DECIMALS, signed=True),
    Cell("longest evaluation s", lambda _, frame: format_value(frame["evaluation_seconds"].max(), 1), adapts),
    Cell("largest artifact", lambda _, frame: format_value(frame["artifact_bytes"].max(), 0)),
    Cell("fits", lambda _, frame: yes_no(bool(frame["fits_limit"].all()))),
)
