"""A page of prose, tables and figures, written once and rendered as Markdown and as self-contained HTML.

Prose is CommonMark with tables. An HTML page holds all that it shows, figures as SVG with their text as text; only
links to files beside it (a table as CSV, a figure as PDF) leave it. No page needs a script.
"""

import html
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from tritgolf.report.rendering import HEAD, STYLE, Table

PLACE = re.compile(r"<!-- ([a-z0-9_ ]+) -->")
DOCTYPE = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL)
SIZE = re.compile(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"|(<svg[^>]*?) height="[^"]*"')
NAMES = re.compile(r'(\bid="|url\(#|href="#)')
PAGE_STYLE = """
* {box-sizing: border-box}
body {font: 16px/1.55 system-ui, sans-serif; color: #1b1f24; background: #fff; margin: 0}
main {max-width: 78rem; margin: 0 auto; padding: 1.2rem 1.5rem 4rem}
h1 {font-size: 1.55rem; line-height: 1.25; margin: .2rem 0 .6rem}
h2 {font-size: 1.25rem; margin: 2.4rem 0 .6rem; border-top: 1px solid #d8dee4; padding-top: 1.4rem}
h3 {font-size: 1.05rem; margin: 2rem 0 .4rem}
p, li {max-width: 46rem; overflow-wrap: break-word}
a {color: #0059a8}
code {background: #f6f8fa; padding: 0 .25em; overflow-wrap: anywhere}
pre {overflow-x: auto; background: #f6f8fa; padding: .7em 1em} pre code {padding: 0}
nav {font-size: .9rem; color: #57606a}
dl.facts {display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .35rem 1.5rem}
dl.facts div {display: flex; gap: .6rem} dl.facts dt {color: #57606a; min-width: 4.6rem} dl.facts dd {margin: 0}
dl.facts {font-size: .9rem; margin: .8rem 0} dl.facts dd {overflow-wrap: anywhere}
figure {margin: 1rem 0 1.6rem} figure svg {display: block; width: 100%; max-width: 46rem; height: auto}
figure svg * {stroke-linejoin: round; stroke-linecap: butt}
figcaption, .caption {font-size: .9rem; color: #57606a; max-width: 46rem}
.files {font-size: .85rem; margin: .2rem 0}
.tritgolf {padding: 0; font-size: .86rem} .tritgolf table {margin: .4rem 0}
.words td {white-space: normal} .words th, .words td {text-align: left}
details {font-size: .88rem; color: #57606a; margin: .6rem 0} summary {cursor: pointer}
details li {max-width: 60rem; overflow-wrap: anywhere}
.beside > * {min-width: 0} .beside figure {margin-top: 0}
@media (min-width: 70rem) {.beside {display: grid; grid-template-columns: 1.4fr 1fr; gap: 2rem; align-items: start}}
@media (max-width: 40rem) {main {padding: .8rem .9rem 3rem} body {font-size: 15px} h1 {font-size: 1.3rem}}
"""
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
MARKDOWN.add_render_rule("table_open", lambda *_: '<div class="tritgolf words"><div class="scroll"><table>')
MARKDOWN.add_render_rule("table_close", lambda *_: "</table></div></div>")


@dataclass(frozen=True)
class Shown:
    """A table, with what is said of it below; ``files``: where it lies; ``notes``: whether its own notes are shown."""

    table: Table
    caption: str
    files: tuple[Path, ...] = ()
    notes: bool = False


@dataclass(frozen=True)
class Picture:
    """An SVG file, with what is said of it below; ``files``: where the figure and its data lie."""

    path: Path
    caption: str
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What → its words."""

    rows: dict[str, str]


@dataclass(frozen=True)
class Heading:
    """A heading that a link ``#name`` leads to."""

    text: str
    name: str
    level: int


@dataclass(frozen=True)
class Beside:
    """Two columns where the screen is wide, else the second below the first."""

    first: "Sequence[Block]"
    second: "Sequence[Block]"


Block = str | Shown | Picture | Facts | Heading | Beside


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
            case Facts(rows):
                parts.append("\n".join(f"- {what}: {words}" for what, words in rows.items()))
            case Heading(text, _, level):
                parts.append(f"{'#' * level} {text}")
            case Beside(first, second):
                parts.append(as_markdown([*first, *second], folder).strip())
            case str(prose):
                parts.append(prose)
    return "\n\n".join(parts) + "\n"


def as_html(blocks: Sequence[Block], title: str, folder: Path | None = None) -> str:
    """The page as one HTML file that holds its figures; ``folder``: where it will lie, for links to files."""
    body = "\n".join(_html_block(block, folder) for block in blocks)
    head = f"{HEAD}<title>{html.escape(title)}</title><style>{STYLE}{PAGE_STYLE}</style>"
    return (
        f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n'
    )


def _html_block(block: Block, folder: Path | None) -> str:
    match block:
        case Shown(table, caption, files, notes):
            listed = "".join(f"<li>{html.escape(note)}</li>" for note in table.notes) if notes else ""
            more = f"<details><summary>How these figures are counted</summary><ul>{listed}</ul></details>"
            shown = f'<div class="tritgolf">{table.html_cells()}</div>{_files(files, folder)}{_caption("p", caption)}'
            return shown + (more if notes else "")
        case Picture(path, caption, files):
            image = inline_svg(path.read_text(encoding="utf-8"), path.stem, caption)
            return f"<figure>{image}{_files(files, folder)}{_caption('figcaption', caption)}</figure>"
        case Facts(rows):
            each = (f"<div><dt>{_inline(what)}</dt><dd>{_inline(words)}</dd></div>" for what, words in rows.items())
            return f'<dl class="facts">{"".join(each)}</dl>'
        case Heading(text, name, level):
            return f'<h{level} id="{html.escape(name)}">{_inline(text)}</h{level}>'
        case Beside(first, second):
            columns = ("".join(_html_block(inner, folder) for inner in column) for column in (first, second))
            return f'<div class="beside">{"".join(f"<div>{column}</div>" for column in columns)}</div>'
        case str(prose):
            return str(MARKDOWN.render(prose))


def inline_svg(text: str, name: str, label: str) -> str:
    """An SVG file to be set into a page: as wide as its place, its ids begun with ``name``, told by ``label``."""
    drawing = SIZE.sub(lambda found: found[1] or found[2], DOCTYPE.sub("", text), count=1).strip()
    drawing = NAMES.sub(lambda found: f"{found[1]}{name}-", drawing)
    return drawing.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)


def _files(files: Sequence[Path], folder: Path | None) -> str:
    """Links to files, each named by its kind: ``CSV · PDF``."""
    if not files or folder is None:
        return ""
    links = (
        f'<a href="{html.escape(Path(os.path.relpath(path, folder)).as_posix())}">{path.suffix[1:].upper()}</a>'
        for path in files
    )
    return f'<p class="files">{" · ".join(links)}</p>'


def _caption(tag: str, caption: str) -> str:
    return f'<{tag} class="caption">{_inline(caption)}</{tag}>' if caption else ""


def _inline(text: str) -> str:
    return str(MARKDOWN.renderInline(" ".join(text.split())))
