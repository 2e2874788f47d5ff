"""A page of prose, tables and figures, written once and rendered as Markdown and as self-contained HTML.

Prose is a small part of Markdown: headings, paragraphs, lists, `code`, **bold** and [links](address).
"""

import base64
import html
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tritgolf.report.rendering import STYLE, Table

PLACE = re.compile(r"<!-- ([a-z0-9_ ]+) -->")
LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
PAGE_STYLE = """
body {font: 15px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff}
body {max-width: 60em; margin: 0 auto; padding: 2em}
img {max-width: 100%} .tritgolf {padding: 0} code {background: #f6f8fa; padding: 0 .25em}
figcaption, .caption {font-size: .9em; color: #57606a}
"""


@dataclass(frozen=True)
class Shown:
    """A table, with what is said of it below."""

    table: Table
    caption: str


@dataclass(frozen=True)
class Picture:
    """An SVG file, with what is said of it below."""

    path: Path
    caption: str


Block = str | Shown | Picture


def fill(template: str, part: Callable[[str], Sequence[Block]]) -> list[Block]:
    """The prose of ``template``, with ``part(name)`` where it says ``<!-- name -->``."""
    blocks: list[Block] = []
    pieces = PLACE.split(template)
    for prose, name in zip(pieces[::2], [*pieces[1::2], None], strict=True):
        blocks += [prose.strip()] if prose.strip() else []
        blocks += part(name) if name else []
    return blocks


def as_markdown(blocks: Sequence[Block], folder: Path) -> str:
    """The page as Markdown, for a file in ``folder``: figures are linked from there."""
    parts = []
    for block in blocks:
        match block:
            case Shown(table, caption):
                parts.append(f"{table.markdown_cells()}\n\n{caption}")
            case Picture(path, caption):
                parts.append(f"![{caption}]({Path(os.path.relpath(path, folder)).as_posix()})\n\n{caption}")
            case str(prose):
                parts.append(prose)
    return "\n\n".join(parts) + "\n"


def as_html(blocks: Sequence[Block], title: str) -> str:
    """The page as one HTML file that holds its figures."""
    parts = []
    for block in blocks:
        match block:
            case Shown(table, caption):
                parts.append(
                    f'<div class="tritgolf">{table.html_cells()}</div><p class="caption">{_inline(caption)}</p>'
                )
            case Picture(path, caption):
                data = base64.b64encode(path.read_bytes()).decode()
                image = f'<img alt="{html.escape(caption)}" src="data:image/svg+xml;base64,{data}">'
                parts.append(f"<figure>{image}<figcaption>{_inline(caption)}</figcaption></figure>")
            case str(prose):
                parts += [_html_block(text) for text in re.split(r"\n{2,}", prose)]
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}{PAGE_STYLE}</style>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n{body}\n</body>\n</html>\n'


def _html_block(text: str) -> str:
    if heading := re.fullmatch(r"(#+) (.*)", text.strip(), re.DOTALL):
        level = len(heading[1])
        return f"<h{level}>{_inline(heading[2])}</h{level}>"
    if text.lstrip().startswith("- "):
        items = re.split(r"^- ", text.strip(), flags=re.MULTILINE)[1:]
        return "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + "</ul>"
    return f"<p>{_inline(text)}</p>"


def _inline(text: str) -> str:
    escaped = html.escape(" ".join(text.split()))
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)
    escaped = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", escaped)
    return LINK.sub(r'<a href="\2">\1</a>', escaped)
