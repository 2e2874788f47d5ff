"""Where a README's table has its seeds: in its first column, in another one, or across."""

import re

from tritgolf.audit.markdown import Table
from tritgolf.audit.seed_names import OF_SEEDS, is_of_another, seed_of
from tritgolf.audit.seeds_across import turned

OF_RUNS = re.compile(r"runs?(?: \(?seed\)?)?|trial|logs?|log file|file", re.IGNORECASE)  # whose cells name the seeds


def by_seed(table: Table) -> Table | None:
    """The table with its seeds in the first column, as plain numbers where cells name them otherwise; None if none."""
    if not table.header:
        return None
    titles = [title.strip() for title in table.header]
    if across := turned(table):
        return across
    if OF_SEEDS.fullmatch(titles[0]):
        return _named(table, is_bare=True)
    others = [at for at, title in enumerate(titles) if OF_SEEDS.fullmatch(title)]
    if len(others) == 1:
        return _named(_moved(table, others[0]), is_bare=True)
    if OF_RUNS.fullmatch(titles[0]):
        return _named(table, is_bare=False)
    return None


def _named(table: Table, is_bare: bool) -> Table:
    """The table with its first cells as plain seeds. Other names stay, but for numbers that are no seeds.

    Runs of other systems are left out, and then the rows of means as well: those may be of them, too.
    """
    named = [(seed_of(row[0], is_bare), row) for row in table.rows if not is_of_another(row[0])]
    if len(named) < len(table.rows):
        named = [(seed, row) for seed, row in named if seed]
    rows = [(seed or row[0], *row[1:]) for seed, row in named if seed or not re.match(r"\s*\d", row[0])]
    return Table(table.header, tuple(rows))


def _moved(table: Table, at: int) -> Table:
    """The table with column ``at`` before the others. A row without a seed there keeps its first cell as its name."""

    def first(row: tuple[str, ...]) -> tuple[str, ...]:
        name = row[at] if row[at].strip(" -–—") else row[0]
        return (name, *row[:at], *row[at + 1 :])

    return Table(first(table.header), tuple(map(first, table.rows)))
