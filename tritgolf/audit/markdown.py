"""Tables and figures out of a README, and tables back into Markdown."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tritgolf.audit.intervals import Printed

FIGURE = re.compile(r"[-+−]?\d[\d,]*(?:\.\d+)?", re.ASCII)
RULE_LINE = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?")  # the line below a header
PICTURES = re.compile(r"^[\u2600-\u27bf\u2b50-\u2b55\ufe0f\U0001f300-\U0001faff\s]+")
QUOTED = re.compile(r"^[\s>]+")  # before a line
SPANS = re.compile(r"(?:row|col)span", re.IGNORECASE)
HTML_TABLE, HTML_ROW, HTML_CELL = (re.compile(rf"<{tag}\b", re.IGNORECASE) for tag in ("table", "tr", "t[hd]"))
HEADING = re.compile(r"#{1,6}(?=\s)|<h(?P<level>\d)\b|.{0,40}<summary\b", re.IGNORECASE)
LONGEST_HEADING = 200  # characters of one that are read
FOLDED = 7  # the level of a summary, below all headings
HTML_END = re.compile(r"</(?:table|tr|t[hd])", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """A Markdown table: cells are plain text, emphasis removed; every row has as many cells as the header.

    ``above``: the headings that it stands under, and the line before it.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    above: str = ""


def headings_above(lines: Iterable[str]) -> Iterator[str]:
    """For each line the headings that it stands under, itself among them: the nearest, and those above it but a title.

    One at the very top is of the whole text, so that no line stands under it. What folds away has its summary for a
    heading.
    """
    found: dict[int, str] = {}
    title, path, is_top = None, "", True
    for line in lines:
        content = QUOTED.sub("", line, count=1).strip()
        if match := HEADING.match(content):
            level = match[0].count("#") or int(match["level"] or FOLDED)
            above = {at: text for at, text in found.items() if at < level and text != title}
            is_of_all = is_top and level != FOLDED
            found = above if is_of_all else above | {level: content[:LONGEST_HEADING]}
            title = title or content[:LONGEST_HEADING]
            path = "\n".join(found.values())
        elif content.lower().startswith("</details"):
            found.pop(FOLDED, None)
            path = "\n".join(found.values())
        is_top = is_top and not content
        yield path


@lru_cache(maxsize=4)
def read_tables(text: str) -> tuple[Table, ...]:
    """All pipe tables of a Markdown text, in order, then its HTML tables."""
    tables: list[Table] = []
    block: list[str] = []
    above = ""
    lines = [*text.splitlines(), ""]
    for line, heading in zip(lines, headings_above(lines), strict=True):
        content = QUOTED.sub("", line, count=1).strip()
        if "|" in content:
            block.append(content)
            continue
        if block:
            tables += _pipe_table(block, f"{heading}\n{above}")
            block, above = [], ""
        above = _as_above(content) if content else above
    return (*tables, *_html_tables(text))


def _pipe_table(lines: Sequence[str], above: str) -> list[Table]:
    """The table of lines with bars, if one of them is the line below a header."""
    rule = next((at for at, line in enumerate(lines) if at and RULE_LINE.fullmatch(line)), 0)
    if not rule or rule + 1 == len(lines) or len(_cells(lines[rule])) != len(header := _cells(lines[rule - 1])):
        return []
    return [_table(header, map(_cells, lines[rule + 1 :]), above)]


def _cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line.removeprefix("|").removesuffix("|"))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], above: str = "") -> Table:
    """A table; cells that end a row and are left out are empty, but a row has two at least, and no more than titles."""
    wide = len(header)
    filled = ((*map(_plain, row), *("",) * (wide - len(row))) for row in rows if min(2, wide) <= len(row) <= wide)
    return Table(tuple(map(_plain, header)), tuple(filled), above)


def _html_tables(text: str) -> Iterator[Table]:
    """Tables of HTML; none with cells that span others."""
    before, *parts = HTML_TABLE.split(text)
    if not parts:
        return
    lines = text.split("\n")
    headings, place = list(headings_above(lines)), before.count("\n")
    for part in parts:
        lines_above = (line for line in before.split("\n")[::-1] if line.strip())
        above = f"{headings[place]}\n{_as_above(next(lines_above, ''))}"
        place += part.count("\n")
        table, _, before = part.partition("</table")
        rows = [[_html_cell(cell) for cell in HTML_CELL.split(row)[1:]] for row in HTML_ROW.split(table)[1:]]
        rows = [row for row in rows if row]
        if len(rows) > 1 and not SPANS.search(table):
            yield _table(rows[0], rows[1:], above)


def _as_above(line: str) -> str:
    """What the line before a table says of it: nothing of its own, if it is a heading."""
    return "" if HEADING.match(line) else line


def _html_cell(text: str) -> str:
    """What stands between a cell's tags, of a text that begins inside the first of them."""
    return HTML_END.split(text.partition(">")[2], maxsplit=1)[0]


def figure(cell: str) -> Printed | None:
    """The first number of a cell ("15,993,853 bytes" → 15993853); None if there is none."""
    match = FIGURE.search(cell)
    return Printed(match[0].replace(",", "").replace("−", "-")) if match else None


def write_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, pipes in cells escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def _plain(cell: str) -> str:
    """A cell's text without emphasis, links, footnotes, what is struck out, and small pictures before it."""
    text = re.sub(r"<br ?/?>|\s+", " ", cell)
    text = re.sub(r"\[\^[^\[\]]*\]|~~[^~]*~~|<[^<>]*>", "", text)
    text = re.sub(r"\[([^\[\]]*)\]\([^()]*\)", r"\1", text)
    text = re.sub(r"[*`$]", "", text).strip()
    text = re.sub(r"^(_{1,2})(.*)\1$", r"\2", text)
    return PICTURES.sub("", text).strip()
