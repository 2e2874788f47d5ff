"""The README's columns of differences."""

import re
from bisect import bisect_left
from collections.abc import Sequence

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.intervals import Interval, Printed
from tritgolf.audit.listing import first_differences
from tritgolf.audit.markdown import Table, read_tables
from tritgolf.audit.seed_tables import Cell, read_cell
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds
from tritgolf.report.statistics import format_value

COARSE = "coarse"  # how a delta can be read of figures that are rounded to more than it
MOST_COLUMNS = 100  # before one of differences, in a table that is made to be read
MOST_TRIED = 50  # figures of one precision that a difference is looked for among: all but noise of them have it
BEFORE_OR_AFTER = re.compile(r"\b(?:before|after|old|new|from|to|then|now|prev\w*|ours|this)\b|#\d+", re.IGNORECASE)
OF_ONE_UNIT = (0.5, 1.5)  # how many times the difference a wrong delta may be: nats a token are 1.6 times bits a byte
PLAIN_DELTA = re.compile(r"(?:delta|[Δδ]|diff)(?: bp[bp])?", re.IGNORECASE)  # in no unit of its own
DELTA = re.compile(r"delta|[Δδ]|^diff|improvement", re.IGNORECASE)


@SUBMISSION_CHECKS("tables.deltas", "printed deltas are differences of the table's figures")
def deltas_are_differences(submission: Submission) -> Outcome:
    """Proves that each figure in a "Delta" column is a difference that the table has, up to rounding.

    Tables differ in what a delta is to: the column before, the row before, the first or any other row. Contradicted is
    only one that must be of its own row's columns (another row's is, or they are called before and after), is about as
    large as their difference, without a unit of its own, and is no difference of the table. Any other that is none, in
    a table of which several are, leaves the check open.
    """
    compared, wrong, unread = 0, [], []
    for table in read_tables(submission.readme or ""):
        column = next((i for i, title in enumerate(table.header) if DELTA.search(title)), 0)
        if not 0 < column <= MOST_COLUMNS:
            continue
        found = [
            (row, reading)
            for row, reading in zip(table.rows, readings(table, column), strict=True)
            if _delta(row[column])
        ]
        clear = sum(bool(reading - {COARSE}) for _, reading in found)
        compared += clear
        if clear > 1 and not all(reading for _, reading in found):
            unread += _differences_of_nothing(table, column)
        read_so = any("columns" in reading for _, reading in found) or _is_before_and_after(table, column)
        if read_so and PLAIN_DELTA.fullmatch(table.header[column]):
            wrong += [_differs(row, column) for row, reading in found if not reading and _is_in_their_unit(row, column)]
    if wrong:
        return contradicted(first_differences(wrong))
    if not compared:
        return cant_tell(submission.not_in_readme("no README table with a delta column that can be read"))
    if unread:
        return cant_tell(f"{compared} deltas compared; no difference of the table: {first_differences(unread)}")
    return holds(f"{compared} deltas compared")


def _differences_of_nothing(table: Table, column: int) -> list[str]:
    """Deltas of rows with figures before them that are the difference of none of these and any figure of the table."""
    cells = [[read_cell(text) for text in row[1:column]] for row in table.rows]
    width = column - 1
    everywhere = Column([cell for of_row in cells for cell in of_row])
    return [f"{row[0]}: {delta}" for at, row in enumerate(table.rows)
            if (delta := _delta(row[column])) and any(cells[at])
            and not any(everywhere.has(delta, at * width + place) for place in range(width))]  # fmt: skip


class Column:
    """The figures of a table's column, sorted, those of one precision together: a difference is looked up in it."""

    def __init__(self, cells: Sequence[Cell | None]) -> None:
        by_width: dict[float, list[tuple[float, int, Printed]]] = {}
        for at, cell in enumerate(cells):
            if cell:
                printed = cell.printed
                width = printed.interval.high - printed.value
                by_width.setdefault(round(width, 20), []).append((printed.value, at, printed))
        self.groups = {width: sorted(group, key=lambda entry: entry[:2]) for width, group in by_width.items()}
        self.cells = cells

    def has(self, delta: Printed, at: int) -> bool:
        """Whether the figure in row ``at`` less that of another row is ``delta``."""
        mine = self.cells[at]
        if mine is None:
            return False
        low = mine.printed.interval.low - delta.rounded.high
        high = mine.printed.interval.high - delta.rounded.low
        for width, group in self.groups.items():
            noise = width + 1e-8 * max(1.0, abs(low), abs(high))
            start = bisect_left(group, low - noise, key=lambda entry: entry[0])
            for value, other, printed in group[start : start + MOST_TRIED]:
                if value > high + noise:
                    break
                if other != at and _is_difference(delta, printed, mine.printed) and _is_resolved(delta, printed):
                    return True
        return False


def readings(table: Table, column: int) -> list[set[str]]:
    """How each row's delta can be read: "columns" of this row, "rows" of a column before it; empty if in no way.

    Figures that are rounded to more than the delta are no reading by rows, and a coarse one of this row's columns.
    """
    cells = [[read_cell(text) for text in row[1:column]] for row in table.rows]
    columns = [Column(of_rows) for of_rows in zip(*cells, strict=True)]
    return [_readings(_delta(row[column]), at, cells[at], columns) for at, row in enumerate(table.rows)]


def _readings(delta: Printed | None, at: int, row: Sequence[Cell | None], columns: Sequence[Column]) -> set[str]:
    found = set()
    values = [cell.printed for cell in row if cell]
    pairs = [(a, b) for a in values for b in values if a is not b and delta and _is_difference(delta, a, b)]
    if delta and pairs:
        found.add("columns" if any(_is_resolved(delta, figure) for pair in pairs for figure in pair) else COARSE)
    if delta and any(column.has(delta, at) for column in columns):
        found.add("rows")
    return found


def _delta(text: str) -> Printed | None:
    match = re.match(r"([+-]\d{1,18}\.\d{1,18})(?![\d.x%])", text.strip(" *†‡").replace("−", "-"), re.ASCII)
    return Printed(match[1]) if match else None


def _is_difference(delta: Printed, before: Printed, after: Printed) -> bool:
    low = after.interval.low - before.interval.high
    return Interval(low, after.interval.high - before.interval.low).meets(delta.rounded)


def _is_resolved(delta: Printed, figure: Printed) -> bool:
    """Whether a difference of so much shows in such a figure: any small one is that of two settings of 0.3."""
    return delta.value == 0 or abs(delta.value) >= 10.0**-figure.decimals


def _is_before_and_after(table: Table, column: int) -> bool:
    """Whether the two columns before the deltas are called what a difference is of, and have figures of one kind."""
    rows = [row for row in table.rows if _delta(row[column])]
    pairs = [[read_cell(text) for text in row[column - 2 : column]] for row in rows]
    named = column > 2 and all(BEFORE_OR_AFTER.search(title) for title in table.header[column - 2 : column])
    return named and all(a and b and 0 < a.printed.value < 2 * b.printed.value < 4 * a.printed.value for a, b in pairs)


def _is_in_their_unit(row: Sequence[str], column: int) -> bool:
    """Whether a delta is about as large as the difference of the two columns before it, so no percent and no nats."""
    before, after = (read_cell(text) for text in row[column - 2 : column]) if column > 2 else (None, None)
    delta = _delta(row[column])
    if not (before and after and delta):
        return True
    difference = abs(after.printed.value - before.printed.value)
    return OF_ONE_UNIT[0] * difference <= abs(delta.value) <= OF_ONE_UNIT[1] * difference


def _differs(row: Sequence[str], column: int) -> str:
    before, after = (read_cell(text) for text in row[column - 2 : column])
    delta = _delta(row[column])
    if not (before and after and delta):
        return f"{row[0]}: printed {delta}, no difference of the table"
    recomputed = format_value(after.printed.value - before.printed.value, 4, signed=True)
    return f"{row[0]}: printed {delta}, {after.printed} − {before.printed} = {recomputed}"
