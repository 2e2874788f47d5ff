"""Tables and figures out of a README, and tables back into Markdown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tritgolf.audit.intervals import Printed

FIGURE = re.compile(r"[-+−]?\d[\d,]*(?:\.\d+)?", re.ASCII)


@dataclass(frozen=True)
class Table:
    """A Markdown table: cells are plain text, emphasis removed; every row has as many cells as the header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@lru_cache(maxsize=4)
def read_tables(text: str) -> tuple[Table, ...]:
    """All pipe tables of a Markdown text, in order."""
    tables: list[Table] = []
    block: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.lstrip().startswith("|"):
            block.append([_plain(cell) for cell in line.strip().strip("|").split("|")])
        elif block:
            if len(block) > 2 and all(re.fullmatch(r":?-+:?", cell) for cell in block[1]):
                header, rows = block[0], [row for row in block[2:] if len(row) == len(block[0])]
                tables.append(Table(tuple(header), tuple(tuple(row) for row in rows)))
            block = []
    return tuple(tables)


def figure(cell: str) -> Printed | None:
    """The first number of a cell ("15,993,853 bytes" → 15993853); None if there is none."""
    match = FIGURE.search(cell)
    return Printed(match[0].replace(",", "").replace("−", "-")) if match else None


def write_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, pipes in cells escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def _plain(cell: str) -> str:
    return re.sub(r"[*`]|<[^>]*>", "", cell).strip()
