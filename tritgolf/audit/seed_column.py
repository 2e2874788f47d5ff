"""Where a README's table has its seeds: in its first column, in another one, or in its header."""

import re

from tritgolf.audit.markdown import Table

OF_SEEDS = re.compile(r"(?:rng |random |train(?:ing)? )?seeds?(?: ?(?:#|no\.?|id))?", re.IGNORECASE)  # a title
OF_RUNS = re.compile(r"runs?(?: \(?seed\)?)?|trial|logs?|log file|file", re.IGNORECASE)  # whose cells name the seeds
NAMED = re.compile(r"(?:train(?:ing)?[_-])?seeds?[ _=:#-]{0,2}(\d{1,12})(?:\.(?:log|txt))?", re.ASCII | re.IGNORECASE)
BRACKETED = re.compile(r".*\(seed[ _=:#-]{1,2}(\d{1,12})\)", re.ASCII | re.IGNORECASE)
BARE = re.compile(r"s?(\d{1,12})", re.ASCII | re.IGNORECASE)
REST = re.compile(r"\s*(?:\(.*|[†‡\u00a7*\u204e¹²³]+)$")  # a remark, a footnote's mark
LEAST = 2  # seeds in a header that make it one of seeds


def by_seed(table: Table) -> Table | None:
    """The table with its seeds in the first column, as plain numbers where cells name them otherwise; None if none."""
    if not table.header:
        return None
    titles = [title.strip() for title in table.header]
    if sum(_seed(title, OF_SEEDS.fullmatch(titles[0]) is not None) is not None for title in titles[1:]) >= LEAST:
        table = Table(("seed", *(row[0] for row in table.rows)), tuple(zip(*[titles, *table.rows], strict=True))[1:])
        return _named(table, is_bare=True)
    if OF_SEEDS.fullmatch(titles[0]):
        return _named(table, is_bare=True)
    others = [at for at, title in enumerate(titles) if OF_SEEDS.fullmatch(title)]
    if len(others) == 1:
        return _named(_moved(table, others[0]), is_bare=True)
    if OF_RUNS.fullmatch(titles[0]):
        return _named(table, is_bare=False)
    return None


def _seed(text: str, is_bare: bool) -> str | None:
    """The seed that a cell is, "seed 42", "run 1 (seed 42)" or, where bare numbers are seeds, "42"; None for others."""
    text = text.strip(" .")
    bracketed, text = BRACKETED.fullmatch(text), REST.sub("", text)
    match = bracketed or NAMED.fullmatch(text) or (BARE.fullmatch(text) if is_bare else None)
    return match[1] if match else None


def _named(table: Table, is_bare: bool) -> Table:
    """The table with its first cells as plain seeds. Other names stay, but for numbers that are no seeds."""
    rows = []
    for row in table.rows:
        seed = _seed(row[0], is_bare)
        if seed is None and re.match(r"\s*\d", row[0]):
            continue
        rows.append((seed or row[0], *row[1:]))
    return Table(table.header, tuple(rows))


def _moved(table: Table, at: int) -> Table:
    """The table with column ``at`` before the others. A row without a seed there keeps its first cell as its name."""

    def first(row: tuple[str, ...]) -> tuple[str, ...]:
        name = row[at] if row[at].strip(" -–—") else row[0]
        return (name, *row[:at], *row[at + 1 :])

    return Table(first(table.header), tuple(map(first, table.rows)))
