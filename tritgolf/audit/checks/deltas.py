"""The README's columns of differences."""

import re
from collections.abc import Sequence

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.intervals import Interval, Printed
from tritgolf.audit.markdown import Table, read_tables
from tritgolf.audit.seed_tables import read_cell
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds
from tritgolf.report.statistics import format_value

SHOWN = 4  # differences quoted in one line of evidence
BEFORE_OR_AFTER = re.compile(r"\b(?:before|after|old|new|from|to|then|now|prev\w*|ours|this)\b|#\d+", re.IGNORECASE)
PLAIN_DELTA = re.compile(r"(?:delta|[Δδ]|diff)(?: bp[bp])?", re.IGNORECASE)  # in no unit of its own
DELTA = re.compile(r"delta|[Δδ]|^diff|improvement", re.IGNORECASE)


@SUBMISSION_CHECKS("tables.deltas", "printed deltas are differences of the table's figures")
def deltas_are_differences(submission: Submission) -> Outcome:
    """Proves that each figure in a "Delta" column is a difference that the table has, up to rounding.

    Tables differ in what a delta is to: the column before, the row before, the first or any other row. Contradicted is
    only one that must be of its own row's columns (another row's is, or they are called before and after), without a
    unit of its own, and is no difference of the table.
    """
    compared, wrong = 0, []
    for table in read_tables(submission.readme or ""):
        column = next((i for i, title in enumerate(table.header) if DELTA.search(title)), 0)
        if not column:
            continue
        found = [(row, readings(table, column, row)) for row in table.rows if _delta(row[column])]
        compared += sum(bool(reading) for _, reading in found)
        read_so = any("columns" in reading for _, reading in found) or _is_before_and_after(table, column)
        if read_so and PLAIN_DELTA.fullmatch(table.header[column]):
            wrong += [_differs(row, column) for row, reading in found if not reading]
    if wrong:
        return contradicted("; ".join(wrong[:SHOWN]))
    if not compared:
        return cant_tell(submission.not_in_readme("no README table with a delta column that can be read"))
    return holds(f"{compared} deltas compared")


def readings(table: Table, column: int, row: Sequence[str]) -> set[str]:
    """How a row's delta can be read: "columns" of this row, "rows" of the column before it; empty if in no way."""
    delta = _delta(row[column])
    if delta is None:
        return set()
    found = set()
    values = [cell.printed for text in row[1:column] if (cell := read_cell(text))]
    if any(_is_difference(delta, a, b) for a in values for b in values if a is not b):
        found.add("columns")
    for place in range(1, column):
        mine = read_cell(row[place])
        others = [cell.printed for other in table.rows if other is not row and (cell := read_cell(other[place]))]
        if mine and any(_is_difference(delta, other, mine.printed) for other in others):
            found.add("rows")
    return found


def _delta(text: str) -> Printed | None:
    match = re.match(r"([+-]\d{1,18}\.\d{1,18})(?![\d.x%])", text.strip(" *†‡").replace("−", "-"), re.ASCII)
    return Printed(match[1]) if match else None


def _is_difference(delta: Printed, before: Printed, after: Printed) -> bool:
    low = after.interval.low - before.interval.high
    return Interval(low, after.interval.high - before.interval.low).meets(delta.rounded)


def _is_before_and_after(table: Table, column: int) -> bool:
    """Whether the two columns before the deltas are called what a difference is of, and have figures of one kind."""
    rows = [row for row in table.rows if _delta(row[column])]
    pairs = [[read_cell(text) for text in row[column - 2 : column]] for row in rows]
    named = column > 2 and all(BEFORE_OR_AFTER.search(title) for title in table.header[column - 2 : column])
    return named and all(a and b and 0 < a.printed.value < 2 * b.printed.value < 4 * a.printed.value for a, b in pairs)


def _differs(row: Sequence[str], column: int) -> str:
    before, after = (read_cell(text) for text in row[column - 2 : column])
    delta = _delta(row[column])
    if not (before and after and delta):
        return f"{row[0]}: printed {delta}, no difference of the table"
    recomputed = format_value(after.printed.value - before.printed.value, 4, signed=True)
    return f"{row[0]}: printed {delta}, {after.printed} − {before.printed} = {recomputed}"
