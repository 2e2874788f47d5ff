"""README tables whose runs are columns: their seeds stand in the header, or in a row called "seed" below it."""

import re
from collections.abc import Iterator, Sequence

from tritgolf.audit.column_titles import SCORES, is_a_stage, kind_of
from tritgolf.audit.markdown import Table
from tritgolf.audit.seed_names import OF_SEEDS, is_of_another, seed_of

ABOVE_SEEDS = re.compile(r".{1,30}[/\\↓]\s?(?:seeds?)(?: ?→)?", re.IGNORECASE)  # "Metric / Seed": seeds stand beside it
A_RUN = re.compile(r"(?:run|trial|replica(?:te)?)[ _]?#?\w{1,3}|#\d{1,3}", re.IGNORECASE | re.ASCII)  # as a title
A_SEED = re.compile(r"\(?\bseeds?[ _=:#-]{0,2}(\d{1,12})\b\)?", re.IGNORECASE | re.ASCII)  # within a title
LEAST = 2  # seeds in a header that make it one of seeds


def turned(table: Table) -> Table | None:
    """The table with a row for each of its seeds, as plain numbers, and its rows as columns; None if none are across.

    Titles of other columns ("Mean") become the names of their rows; what is of another system is left out, and then
    the means as well, which may be of that, too.
    """
    titles, rows = _titles(table)
    seeds = dict(enumerate(_seeds(titles, rows)))
    others = {at for at, title in enumerate(titles) if is_of_another(title)}
    of_seeds = [at for at, seed in seeds.items() if seed is not None and at not in others]
    measures = {_measure(titles[at]) for at in of_seeds}
    if len(of_seeds) + len(others) < LEAST or len(measures) != 1:  # with two measures, a seed has two columns
        return None
    rows = [row for row in rows if _may_be_of(row[0], *measures)]
    summaries = [at for at, title in enumerate(titles) if at and seeds[at] is None and not title[:1].isdigit()]
    columns = [*of_seeds, *([] if others else summaries)]
    turned_rows = ((seeds[at] or titles[at], *(row[at] for row in rows)) for at in columns)
    return Table(("seed", *(row[0] for row in rows)), tuple(turned_rows))


def _titles(table: Table) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """A table's titles and its rows; where the titles are runs, the row of their seeds in place of them."""
    titles = [title.strip() for title in table.header]
    runs = [at for at, title in enumerate(titles) if at and A_RUN.fullmatch(title)]
    for place, row in enumerate(table.rows if len(runs) >= LEAST else ()):
        if OF_SEEDS.fullmatch(row[0].strip()) and all(seed_of(row[at], is_bare=True) for at in runs):
            found = [row[at] if at in (0, *runs) else title for at, title in enumerate(titles)]
            return found, (*table.rows[:place], *table.rows[place + 1 :])
    return titles, table.rows


def _seeds(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str | None]:
    """The seed of each column, None for those that are no seed's.

    Bare numbers are seeds beside a title that says so, above rows of which one at least is a measure: else they may be
    strides, and the seeds stand in the rows.
    """
    says_so = OF_SEEDS.fullmatch(titles[0]) or ABOVE_SEEDS.fullmatch(titles[0])
    is_bare = bool(says_so) and any(kind_of(row[0]) or is_a_stage(row[0]) for row in rows)
    yield None
    yield from (_seed(title, is_bare) for title in titles[1:])


def _seed(title: str, is_bare: bool) -> str | None:
    """The seed of a column, be it with the measure that the whole column is of: "Seed 42 BPB"."""
    within = A_SEED.search(title)
    return seed_of(title, is_bare) or (within[1] if within and _measure(title) else None)


def _measure(title: str) -> str:
    """The score that a column's title names beside its seed; "" if none."""
    rest = A_SEED.sub("", title).strip(" -–—:,")
    return rest if kind_of(rest) in SCORES else ""


def _may_be_of(name: str, measure: str) -> bool:
    """Whether a row's figures can be what the titles tell: scores are no sizes, even of a "final artifact"."""
    return not measure or kind_of(name) in ("", kind_of(measure))
