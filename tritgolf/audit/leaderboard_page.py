"""The audited leaderboard as a table (CSV, Markdown) and as a page that sorts, each verdict with its evidence."""

import html
from collections.abc import Sequence

import pandas as pd

from tritgolf.audit.leaderboard import Comparison, Leaderboard, Row, comparisons
from tritgolf.outcome import Verdict
from tritgolf.report.rendering import HEAD, STYLE, Table
from tritgolf.report.statistics import NOT_KNOWN, mean, sample_std

COLUMNS = ("date", "submission", "claimed BPB", "BPB from logs", "std", "runs", "largest total", "training s",
           "evaluation s", "contradicted", "holds", "can't tell", "against the record before", "reruns")  # fmt: skip
LEFT = ("date", "submission", "contradicted", "against the record before", "reruns")
NOTES = (
    "BPB from logs: mean, and sample std (n − 1), of the runs that the claimed score is of, at the stage it names.",
    "Totals, training and evaluation: the largest of those runs; evaluation adds up what a log prints of it, without "
    "diagnostics.",
    "Contradicted, holds, can't tell: checks of `tritgolf audit`; scripts are not run.",
    "Against the record before: one-sided Welch test against the best mean of earlier days on the 10-minute track; in "
    "nats a token with the margin of 0.005, across texts in BPB without one. The contest asks for p < 0.01. The day is "
    "the one that a folder's name begins with; a submission without one is compared with none.",
    "Reruns are others' words, evidence of another kind than logs.",
)
SORT = """
document.querySelectorAll('.tritgolf th').forEach((head, column) => head.addEventListener('click', () => {
  const body = head.closest('table').tBodies[0], rising = head.dataset.rising !== 'yes';
  const value = row => { const text = row.cells[column].dataset.value; return isNaN(text) ? text : Number(text); };
  head.dataset.rising = rising ? 'yes' : 'no';
  [...body.rows].sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (rising ? 1 : -1))
    .forEach(row => body.appendChild(row));
}));
"""


def leaderboard_notes(leaderboard: Leaderboard) -> tuple[str, ...]:
    """What stands below the table; last, which folders are not in it."""
    not_read = ", ".join(f"{name} ({reason})" for name, reason in leaderboard.not_read)
    return (*NOTES, *([f"Not read: {not_read}."] if not_read else []))


def leaderboard_table(leaderboard: Leaderboard) -> Table:
    """The leaderboard as a table of the report: one row a submission, in order of time."""
    rows = leaderboard.rows
    tests, notes = comparisons(rows), leaderboard_notes(leaderboard)
    cells = pd.DataFrame([_cells(row, tests.get(row.folder)) for row in rows], columns=list(COLUMNS))
    return Table("Audited leaderboard", pd.DataFrame([_figures(row) for row in rows]), cells, notes, left=LEFT)


def _figures(row: Row) -> dict[str, object]:
    """Every figure of a row, for the CSV."""
    scores, counts = row.scored.bpb, row.report.counts
    return {
        "folder": row.folder,
        "date": row.date,
        "claimed_bpb": row.claimed.value if row.claimed else None,
        "mean_bpb": mean(scores) if scores else None,
        "sample_std": sample_std(list(scores)) if len(scores) > 1 else None,
        "runs": len(scores),
        "stage": row.scored.stage,
        "max_total_bytes": max((log.total_bytes for log in row.scored.runs if log.total_bytes), default=None),
        "max_train_seconds": max((log.train_ms / 1000 for log in row.scored.runs if log.train_ms), default=None),
        "max_eval_seconds": max((round(sum(log.needed_seconds), 3) for log in row.scored.runs
                                 if log.needed_seconds), default=None),
        "vocabulary": row.text[0],
        **{verdict.value.replace(" ", "_"): count for verdict, count in counts.items()},
    }  # fmt: skip


def _cells(row: Row, comparison: Comparison | None) -> list[str]:
    figures, counts = _figures(row), row.report.counts
    wrong = [check.name for check in row.report.checks if check.verdict is Verdict.CONTRADICTED]
    return [
        row.date or NOT_KNOWN,
        row.folder,
        row.claimed.text if row.claimed else NOT_KNOWN,
        _shown(figures["mean_bpb"], ".5f"),
        _shown(figures["sample_std"], ".5f"),
        str(figures["runs"]),
        _shown(figures["max_total_bytes"], ",.0f"),
        _shown(figures["max_train_seconds"], ",.1f"),
        _shown(figures["max_eval_seconds"], ",.1f"),
        ", ".join(wrong) or "none",
        str(counts[Verdict.HOLDS]),
        str(counts[Verdict.CANT_TELL]),
        f"p = {comparison.test.p:.2g} ({comparison.unit}, {comparison.against})" if comparison else NOT_KNOWN,
        "; ".join(f"{note.by}: {note.reproduced} for {note.claimed}" for note in row.reruns) or NOT_KNOWN,
    ]


def _shown(value: object, form: str) -> str:
    return format(value, form) if isinstance(value, int | float) else NOT_KNOWN


def leaderboard_page(leaderboard: Leaderboard) -> str:
    """A self-contained page: click a heading to sort; each submission opens to its contradicted checks and reruns."""
    table, rows = leaderboard_table(leaderboard), leaderboard.rows
    head = "".join(f"<th{_side(name)}>{html.escape(name)}</th>" for name in table.cells.columns)
    body = "\n".join(
        f"<tr>{_row(list(table.cells.columns), [str(text) for text in cells], row)}</tr>"
        for cells, row in zip(table.cells.itertuples(index=False, name=None), rows, strict=True)
    )
    notes = "\n".join(f"<li>{html.escape(note)}</li>" for note in leaderboard_notes(leaderboard))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>{HEAD}<title>Audited leaderboard</title>\n'
        f"<style>{STYLE}.tritgolf th {{cursor: pointer}}</style></head>\n<body>\n<div class=tritgolf>\n"
        f"<h1>Audited leaderboard</h1>\n<div class=scroll><table>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody>\n</table></div>\n<ul>\n{notes}\n</ul>\n</div>\n<script>{SORT}</script>\n"
        "</body>\n</html>\n"
    )


def _side(column: str) -> str:
    return " class=left" if column in LEFT else ""


def _row(columns: Sequence[str], texts: Sequence[str], row: Row) -> str:
    """A row's cells, each with what it sorts by; the submission's name opens to the evidence."""
    cells = []
    for column, text in zip(columns, texts, strict=True):
        value = text.replace(",", "") if column not in LEFT else text
        shown = _with_evidence(text, row) if column == "submission" else html.escape(text)
        cells.append(f'<td{_side(column)} data-value="{html.escape(value)}">{shown}</td>')
    return "".join(cells)


def _with_evidence(text: str, row: Row) -> str:
    wrong = [finding for finding in row.report.findings if finding.verdict is Verdict.CONTRADICTED]
    evidence = [f"{finding.check}, {finding.subject}: {finding.evidence}" for finding in wrong]
    evidence += [f"rerun, {note.by} ({note.source}): {note.facts}" for note in row.reruns]
    if not evidence:
        return html.escape(text)
    items = "".join(f"<li>{html.escape(line)}</li>" for line in evidence)
    return f"<details><summary>{html.escape(text)}</summary><ul>{items}</ul></details>"
