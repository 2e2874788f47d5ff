"""A README's text as it is read: without what no reader sees, its numbers as they are written elsewhere."""

import re
from decimal import Decimal

SPACES = re.compile("[\u00a0\u2007\u2009\u202f]")  # a word processor's, between a number and its unit
DECIMAL_POINT = re.compile(r"(?<![\d.,])\d\.\d{3,8}(?![\d.,]*\d)", re.ASCII)
DECIMAL_COMMA = re.compile(r"(?<![\d.,])(\d),(\d{4,8})(?![\d.,]*\d)", re.ASCII)  # three digits may be a thousand's
WHOLE = re.compile(  # 15.993.853, "15 993 853 bytes"
    r"(?<![\w.,])\d{1,3}(?:(?:\.\d{3}){2,5}(?![\w.,]*\d)|(?:[ _'’]\d{3}){2,5}(?= ?(?:bytes|B)\b))", re.ASCII
)
TABLE, ROW = (re.compile(rf"(?=<{tag}\b)", re.IGNORECASE) for tag in ("table", "tr"))  # where one begins
TABLE_END = re.compile(r"</table\b", re.IGNORECASE)
MARKDOWN = re.compile(r"\n[ \t]*(?:\n|[|#`])")  # within a row of HTML: it is no table of figures
SCIENTIFIC = re.compile(r"(?<![\w.])\d(?:\.\d{1,6})?[eE]-0?[1-9](?![\w.]*\d)", re.ASCII)


def as_read(text: str) -> str:
    """The text without comments, with plain spaces, with commas between thousands, decimal points, no powers of ten.

    A row of a table stands in one line, be it of HTML with a line for each cell: what a figure is of stands beside it.
    """
    text = _with_rows_in_lines(SPACES.sub(" ", _without_comments(text)))
    if len(DECIMAL_COMMA.findall(text)) > len(DECIMAL_POINT.findall(text)):
        text = DECIMAL_COMMA.sub(r"\1.\2", text)
    text = WHOLE.sub(lambda match: re.sub(r"\D", ",", match[0]), text)
    return SCIENTIFIC.sub(lambda match: f"{Decimal(match[0]):f}", text)


def _without_comments(text: str) -> str:
    """The text without HTML's comments; one without an end stays."""
    first, *rest = text.split("<!--")
    kept = [first]
    for part in rest:
        _, end, behind = part.partition("-->")
        kept.append(behind if end else f"<!--{part}")
    return "".join(kept)


def _with_rows_in_lines(text: str) -> str:
    """The text with each row of its HTML tables in a line of its own."""
    before, *tables = TABLE.split(text)
    return before + "".join(map(_with_rows_in_lines_of, tables))


def _with_rows_in_lines_of(part: str) -> str:
    """The same of a text that begins with a table; one without an end stays."""
    end = TABLE_END.search(part)
    if end is None:
        return part
    opening, *rows = ROW.split(part[: end.start()])
    in_lines = (row if MARKDOWN.search(row.rstrip()) else f"{' '.join(row.split())}\n" for row in rows)
    return opening + "".join(in_lines) + part[end.start() :]
