"""The report: a page of the last command, one of each record with all of its tables and figures, one of kept runs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

from tritgolf.report.catalogue import make_table
from tritgolf.report.comparisons import records_table
from tritgolf.report.identity import identity, steps
from tritgolf.report.pages import Beside, Block, Facts, Heading, Picture, Shown, as_html
from tritgolf.report.runs import Run
from tritgolf.report.statistics import NOT_KNOWN
from tritgolf.report.style import FORMATS
from tritgolf.report.tables import seeds_table

WHAT = (
    "A small language model was trained from text, written to a file, read back and scored, once for each random seed. "
    "Code and compressed weights together must fit 16,000,000 bytes, by the rules of OpenAI's "
    "[Parameter Golf](https://github.com/openai/parameter-golf). The score is *BPB*, bits per byte of validation text: "
    "lower is better."
)
WORDS = """## Words

- **val**: the trained weights, before export. **RT** (roundtrip): after export and reload. **RT gap**: RT − val.
- **sliding**: overlapping windows, so that every token is predicted from much context. **chunked**: windows side by
  side.
- **faithful**: the mode that computes what the published code computes, and adds the training-time z-loss term to val
  and RT as the published tables do. **honest**: the mode that does what the texts say, and reports pure cross-entropy.
- **as written**: a faithful run whose weights are rounded to BF16 before trits are decided, as the published source
  says.
"""
NEXT = """## What to try next

Each with the same `--config` as this run:

- `snakemake --cores all laboratory` takes the roundtrip gap apart, without training again:
  `results/{record}/laboratory.html`.
- `snakemake --cores all audit` checks these results as a published submission is checked:
  `results/{record}/audit/audit.md`.
- `snakemake --cores all bundle` makes the folder of a submission.
- `snakemake --cores 2 measured` makes the same pages of the runs that come with this project:
  `results/measured/report.html`.
"""
TABLE_SUFFIXES = ("csv", "md")
MAIN_FIGURE = "rt_gap"


@dataclass(frozen=True)
class Reported:
    """A run to be shown: ``folder`` has its ``tables`` and ``plots``, of which ``names`` are shown, in this order."""

    run: Run
    folder: Path
    names: tuple[str, ...]

    @property
    def plots(self) -> list[str]:
        """The figures among ``names``."""
        return [name for name in self.names if (self.folder / "plots" / f"{name}.svg").exists()]

    @property
    def tables(self) -> list[str]:
        """The tables among ``names``."""
        return [name for name in self.names if (self.folder / "tables" / f"{name}.csv").exists()]


def record_page(
    shown: Reported,
    titles: Mapping[str, str],
    captions: Mapping[str, str],
    published: Sequence[Path],
    up: str,
    sample: str = "",
) -> str:
    """The page of a run. ``titles``, ``captions``: by name of a table or plot; ``up``: a link to the page above.

    ``sample``: what the model wrote, if it was let.
    """
    run, table, picture = shown.run, _table(shown, captions, published), _picture(shown, captions)
    on_top = ("seeds", MAIN_FIGURE) if "seeds" in shown.tables else ()
    parts = {
        "Tables": [(name, table(name)) for name in shown.tables if name not in on_top],
        "Figures": [(name, picture(name)) for name in shown.plots if name not in on_top],
    }
    contents = [
        f"{heading}: " + " · ".join(f"[{titles[name]}](#{name})" for name, _ in of)
        for heading, of in parts.items()
        if of
    ]
    blocks: list[Block] = [up, f"# {run.facts.heading}", WHAT, *head(shown, captions), "\n\n".join(contents)]
    for heading, of in parts.items():
        blocks += [f"## {heading}"] * bool(of)
        for name, block in of:
            blocks += [Heading(titles[name], name, 3), block]
    blocks += [f"## What the first seed's artifact writes of itself\n\n{indent(sample, ' ' * 4)}"] if sample else []
    return as_html([*blocks, WORDS], f"{run.facts.name}: {run.facts.title}", shown.folder)


def head(shown: Reported, captions: Mapping[str, str], more: str = "") -> list[Block]:
    """What made a run, its table of seeds, and ``more``; beside them its main figure. As far as it has them."""
    blocks: list[Block] = [Facts({what: words for what, words in identity(shown.run).items() if words != NOT_KNOWN})]
    if "seeds" in shown.tables:
        files = _beside(shown, "tables", "seeds", TABLE_SUFFIXES)
        blocks.append(Shown(seeds_table(shown.run), "", files, notes=True))
    blocks += [more] if more else []
    if "seeds" not in shown.tables or MAIN_FIGURE not in shown.plots:
        return blocks
    return [Beside(blocks, [_picture(shown, captions)(MAIN_FIGURE)])]


def overview(
    records: Sequence[Reported], captions: Mapping[str, str], results: Path, others: Sequence[Path] = ()
) -> str:
    """The page of the last command: every record with its table and main figure, links to ``others``' pages."""
    names = [shown.run.facts.name for shown in records]
    titles = [f"{'#' if len(records) == 1 else '##'} {shown.run.facts.heading}" for shown in records]
    blocks: list[Block] = [WHAT]
    if len(records) > 1:
        files = tuple(results / "tables" / f"records.{suffix}" for suffix in TABLE_SUFFIXES)
        side_by_side = Shown(records_table([shown.run for shown in records]), captions["records"], files, notes=True)
        blocks = [f"# {len(records)} records", WHAT, side_by_side]
    for shown, title in zip(records, titles, strict=True):
        page = (shown.folder / "report.html").relative_to(results).as_posix()
        link = f"**[All tables and figures of {shown.run.facts.name}]({page})**"
        of_record = head(shown, captions, link)
        blocks = [title, *blocks, *of_record] if len(records) == 1 else [*blocks, title, *of_record]
    links = [f"- [{OTHERS[page.stem]}]({page.relative_to(results).as_posix()})" for page in others]
    blocks += ["## Other pages\n\n" + "\n".join(links)] if links else []
    return as_html([*blocks, WORDS, NEXT.format(record=names[0])], f"tritgolf: {', '.join(names)}", results)


def kept_overview(runs: Mapping[str, Run], experiments: Mapping[str, str]) -> str:
    """The page of the runs that come with this project; ``runs``, ``experiments`` (titles): by folder."""
    rows = "\n".join(
        f"| [{run.facts.heading}]({name}/report.html) | {run.facts.dataset} | {steps(run)} "
        f"| {len(run.seeds)} | {identity(run)['Hardware']} |"
        for name, run in runs.items()
    )
    blocks: list[Block] = ["# Runs that come with this project", KEPT]
    blocks.append("**[The roundtrip laboratory](roundtrip.html)**: what storing a model costs, told as a short paper.")
    blocks.append(f"## Runs\n\n| run | text | steps | seeds | hardware |\n|:--|:--|--:|--:|:--|\n{rows}")
    listed = "\n".join(f"- [{title}]({name}/tables/compared.html)" for name, title in experiments.items())
    blocks += [f"## Experiments at demo size\n\n{listed}"] if listed else []
    return as_html(blocks, "tritgolf: runs that come with this project", None)


OTHERS = {  # by the name of the page's file
    "leaderboard": "Every submission audited",
    "causality": "What the causality probes say of every way to score a text",
}
KEPT = (
    "They were trained on GPUs and are kept in `measured/` as metrics, without weights. Every table and figure here is "
    "made from those metrics by the code that makes a new run's. None was trained on FineWeb, so no score can be "
    "compared with a published one."
)


def read_captions(files: Iterable[Path]) -> dict[str, str]:
    """What is said of each table and plot, in Markdown: the captions are those of Snakemake's own report."""
    texts = {path.stem: " ".join(path.read_text(encoding="utf-8").split()) for path in files}
    return {name: text.replace("``", "`") for name, text in texts.items()}


def _beside(shown: Reported, kind: str, name: str, suffixes: Sequence[str]) -> tuple[Path, ...]:
    return tuple(shown.folder / kind / f"{name}.{suffix}" for suffix in suffixes)


def _picture(shown: Reported, captions: Mapping[str, str]) -> Callable[[str], Block]:
    def picture(name: str) -> Block:
        files = _beside(shown, "plots", name, (*FORMATS, "csv"))
        return Picture(files[0], captions[name], files)

    return picture


def _table(shown: Reported, captions: Mapping[str, str], published: Sequence[Path]) -> Callable[[str], Block]:
    def table(name: str) -> Block:
        made = make_table(name, shown.run, published)
        return Shown(made, captions[name], _beside(shown, "tables", name, TABLE_SUFFIXES), notes=True)

    return table
