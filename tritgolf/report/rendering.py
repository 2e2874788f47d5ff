"""A table that is computed once and written as CSV (every figure, full precision), Markdown, HTML and terminal text.

The CSV is the table's frame as it is; the others show ``cells``: the columns a reader wants, already formatted. Notes
follow the cells. ``digest`` covers the frame without times and provenance: equal runs have equal digests anywhere.
"""

import html
import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tabulate import tabulate  # type: ignore[import-untyped]

from tritgolf.files import digest_json, write_text

# What differs between two equal runs: clocks (as columns, also of means, or as a row's figure), and what made them.
TIMES = ("ms_per_step", "median_ms_per_step", "ms/step", "training s", "evaluation s")
SECONDS = "_seconds"  # the end of all columns of seconds
PROVENANCE = ("hardware", "torch", "package_digest", "commit", "sources")

# Of every page: as wide as the screen.
HEAD = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
STYLE = """
.tritgolf {font: 13px/1.45 system-ui, sans-serif; color: #1b1f24; background: #fff; padding: 1.2em}
.tritgolf h1 {font-size: 1.25em; margin: 0 0 .8em}
.tritgolf .scroll {overflow-x: auto}
.tritgolf table {border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0}
.tritgolf th, .tritgolf td {padding: .3em .6em; text-align: right; white-space: nowrap; border: 0}
.tritgolf th {border-bottom: 2px solid #1b1f24; font-weight: 600; vertical-align: bottom; white-space: normal}
.tritgolf td {border-bottom: 1px solid #d8dee4}
.tritgolf tr.summary td {font-weight: 600; background: #f6f8fa; white-space: normal}
.tritgolf .left {text-align: left}
.tritgolf ul {font-size: .88em; color: #57606a; padding-left: 1.2em; margin: 1em 0 0; max-width: 75em}
.tritgolf li {overflow-wrap: anywhere}
"""


def is_time(name: str) -> bool:
    """Whether a column, or the figure of that name, is a time: it differs between equal runs."""
    return name in TIMES or name.endswith(SECONDS)


@dataclass(frozen=True)
class Table:
    """``frame``: every figure. ``cells``: what is shown, strings only; ``left``: its columns of words, set left;
    ``summary_rows``: how many of its last rows sum up the others."""

    title: str
    frame: pd.DataFrame
    cells: pd.DataFrame
    notes: tuple[str, ...]
    left: tuple[str, ...] = ()
    summary_rows: int = 0

    @property
    def digest(self) -> str:
        """Digest of the frame without times and provenance; the order of its rows counts, that of its columns not."""
        times = [name for name in self.frame.columns if is_time(str(name).removesuffix("_mean").removesuffix("_std"))]
        payload = self.frame.drop(columns=[*times, *PROVENANCE], errors="ignore")
        if "figure" in payload:
            payload = payload[~payload["figure"].isin(TIMES)]
        return digest_json(json.loads(payload.to_json(orient="records", double_precision=15)))

    def csv(self) -> str:
        """All figures at full precision (shortest text that reads back to the same number)."""
        return self.frame.to_csv(index=False, lineterminator="\n")

    def markdown(self) -> str:
        """A document with title, table and notes."""
        notes = "\n".join(f"- {note}" for note in self._notes())
        return f"# {self.title}\n\n{self._tabulate('pipe')}\n\n{notes}\n"

    def terminal(self, widest_heading: int | None = None) -> str:
        """Aligned text without notes; headings wider than ``widest_heading`` characters stand in several lines."""
        return self._tabulate("simple", widest_heading)

    def html(self) -> str:
        """A self-contained page; its style is confined to its own element, so that it can also be set into another."""
        return (
            f'<!doctype html>\n<html lang="en">\n<head>{HEAD}<title>{html.escape(self.title)}</title>\n'
            f"<style>{STYLE}</style></head>\n<body>\n"
            f'<div class="tritgolf">\n<h1>{html.escape(self.title)}</h1>\n{self.html_cells()}\n'
            f"<ul>\n{self._html_notes()}\n</ul>\n</div>\n</body>\n</html>\n"
        )

    def html_cells(self) -> str:
        """The cells alone, to be set into a page that has ``STYLE``."""
        first_summary = len(self.cells) - self.summary_rows
        rows = [
            f"<tr{' class=summary' if number >= first_summary else ''}>{self._html_row('td', row)}</tr>"
            for number, row in enumerate(self.cells.itertuples(index=False, name=None))
        ]
        head = self._html_row("th", list(self.cells.columns))
        body = "\n".join(rows)
        return f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'

    def markdown_cells(self) -> str:
        """The cells alone as a Markdown table."""
        return self._tabulate("pipe")

    def write(self, stem: str | Path) -> None:
        """Write ``stem``.csv, ``stem``.md and ``stem``.html, each atomically."""
        for suffix, text in (("csv", self.csv()), ("md", self.markdown()), ("html", self.html())):
            write_text(f"{stem}.{suffix}", text)

    def _notes(self) -> tuple[str, ...]:
        return *self.notes, f"Digest of all figures but times: {self.digest}."

    def _tabulate(self, style: str, widest_heading: int | None = None) -> str:
        alignment = ["left" if column in self.left else "right" for column in self.cells.columns]
        rows = self.cells.to_numpy().tolist()
        headings = list(self.cells.columns)
        if widest_heading:
            headings = [textwrap.fill(heading, widest_heading, break_long_words=False) for heading in headings]
        return str(tabulate(rows, headings, style, disable_numparse=True, colalign=alignment))

    def _html_notes(self) -> str:
        return "\n".join(f"<li>{html.escape(note)}</li>" for note in self._notes())

    def _html_row(self, tag: str, texts: Sequence[str]) -> str:
        columns = zip(self.cells.columns, texts, strict=True)
        return "".join(
            f"<{tag}{' class=left' if column in self.left else ''}>{html.escape(text)}</{tag}>"
            for column, text in columns
        )
