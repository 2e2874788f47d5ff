"""Renders a rebuilt seed table: the published figures with every one that differs marked."""

import math

import pandas as pd

from tritgolf.audit.published import Mark, SeedTable, marks, recomputed
from tritgolf.report.rendering import Table
from tritgolf.report.statistics import NOT_KNOWN

SIGNS = {"agrees": "", "within rounding": " ‡", "differs": " †"}
ROWS = {"mean": "mean, printed", "std": "std, printed"}


def rebuilt_table(table: SeedTable) -> Table:
    """Per-seed values, recomputed mean and sample std, printed mean and std; † and ‡ mark what differs."""
    found = list(marks(table))
    signs = {(mark.row, mark.figure): SIGNS[mark.comparison.status] for mark in found}
    cells, frame = [], []
    for seed, row in table.seeds.items():
        values = {figure: row.get(figure) for figure in table.figures}
        cells.append(
            {"row": f"seed {seed}"}
            | {f: f"{v}{signs.get((str(seed), f), '')}" if v else NOT_KNOWN for f, v in values.items()}
        )
        frame.append({"row": str(seed)} | {f: v.value if v else math.nan for f, v in values.items()})
    for position, name in enumerate(("mean", "sample std")):
        numbers = {figure: recomputed(table, figure)[position] for figure in table.figures}
        cells.append({"row": name} | {f: f"{v:.{_decimals(table, f) + 1}f}" for f, v in numbers.items()})
        frame.append({"row": name} | numbers)
    for name, title in ROWS.items():
        if name in table.printed:
            row = table.printed[name]
            cells.append(
                {"row": title}
                | {f: f"{row[f]}{signs.get((name, f), '')}" if f in row else NOT_KNOWN for f in table.figures}
            )
            frame.append({"row": title} | {f: row[f].value if f in row else math.nan for f in table.figures})
    summary_rows = len(cells) - len(table.seeds)
    title = f"Published figures of {table.system}, recomputed"
    headings = {figure: f"{figure} ({mark})" for figure, mark in table.marks.items()}
    shown = pd.DataFrame(cells).rename(columns=headings)
    return Table(title, pd.DataFrame(frame), shown, _notes(table, found), left=("row",), summary_rows=summary_rows)


def differences(table: SeedTable) -> pd.DataFrame:
    """Every comparison as a row: system, row, figure, printed, recomputed, status, note, source."""
    columns = ["system", "row", "figure", "printed", "recomputed", "status", "note", "source"]
    rows = [
        (
            table.system,
            m.row,
            m.figure,
            m.comparison.printed.text,
            m.comparison.recomputed,
            m.comparison.status,
            m.comparison.note,
            m.source,
        )
        for m in marks(table)
    ]
    return pd.DataFrame(rows, columns=columns)


def _notes(table: SeedTable, found: list[Mark]) -> tuple[str, ...]:
    if not table.printed and not table.logs:
        return ("Per-seed values as published; no printed summary row or log to hold them against.",)
    differing = [mark for mark in found if mark.comparison.status != "agrees"]
    notes = [
        f"{mark.row}, {mark.figure}{SIGNS[mark.comparison.status]}: {mark.comparison.text}; from the {mark.source}."
        for mark in differing
    ]
    legend = (
        "† differs from the recomputed figure; ‡ differs, but values that round to the printed seeds' could give it."
    )
    counted = f"{len(found)} printed figures recomputed, {len(differing)} differ. Stds are sample ones (n − 1)."
    return (counted, legend, *notes) if differing else (counted,)


def _decimals(table: SeedTable, figure: str) -> int:
    return max(printed.decimals for printed in table.column(figure))
