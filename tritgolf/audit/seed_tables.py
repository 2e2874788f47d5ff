"""The README's tables by seed: which figure a column holds, what a cell says, which run a row is of."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from tritgolf.audit.column_titles import SCORES, STEP_TIMES, is_a_stage, kind_of, unit_of, words
from tritgolf.audit.figures import figures_of
from tritgolf.audit.intervals import Printed, in_ten_thousands
from tritgolf.audit.markdown import Table, read_tables
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.scores import agrees, same, stages, stages_of
from tritgolf.audit.seed_column import by_seed

OF_SOMETHING_ELSE = re.compile(
    r"\b(?:previous|prior|earlier|old(?:er)?|baselines?|ablations?|abandoned|failed|negative|rejected|without|w/o"
    r"|reference (?:results?|runs?|scores?|record)|source record|superseded|obsolete|outdated|change ?log)\b",
    re.IGNORECASE,
)
SUMMARY = re.compile(r"[^\W\d_]+")  # words of a row's name
MEAN_WORDS = words("mean avg average std sd stdev of over the all our ours seed seeds run runs n three sigma σ")
STD_WORDS = words("std sd stdev standard dev deviation sample population pop n sigma σ of over seeds runs")
GROUPS = "[ _'\u00a0\u2009\u202f]"  # what stands between thousands, if no comma does
WHOLE = rf"\d{{1,3}}(?:{GROUPS}\d{{3}}){{1,5}}|\d{{1,3}}(?:,\d{{3}}){{1,5}}|\d{{1,18}}"
CELL = re.compile(
    rf"(?P<about>[~≈<>≤≥]?)\s*(?P<number>[-+−]?(?:{WHOLE})(?:\.\d{{1,18}})?)\s*"
    r"(?P<unit>MiB|MB|KiB|[Kk]B|K|k|ms|min|s|h|bytes|B|M)?(?!\w|[.,]\d)",
    re.ASCII,
)
# What behind a cell's first figure makes it one of another measure: a word, a percent sign, a power of ten.
MEASURE = re.compile(r"\s*(?:(?!(?:bp[bp]|nats|steps?)\b)[^\W\d_]|[%\u2030×^*’'\u2032])", re.IGNORECASE)
SPREAD = re.compile(r"(?P<sign>±|\+/-)\s*(?P<beside>0?\.\d{1,18})|(?:std|σ)[\s:=]*(?P<named>0?\.\d{1,18})", re.ASCII)
PLANNED = re.compile(r"[—–\-.… ?\ufffd]*|tbd|tba|pending|todo|n/?a", re.IGNORECASE)  # a cell of a run that there isn't
BRACKETED = re.compile(r"\(\s*(0?\.\d{1,18})\s*\)", re.ASCII)  # in a row that is called "mean (std)"
RANGE = re.compile(
    r"(?!\s*\+/-)\s*[^\s\d|]{0,6}\s*(?:–|—|-|−|/|\bto\b|\.\.)\s*\d"
)  # behind a cell's first figure: there is a second
LIKELY_BPB, DECIMALS = (0.3, 1.4), 4  # of a score whose unit nothing tells: losses are larger
# Unit → how many bytes or seconds it may be. MB and KB are 2²⁰ and 2¹⁰ for some.
UNITS: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(("MB", "M"), (1e6, 2.0**20)),
    **dict.fromkeys(("KB", "kB", "K", "k"), (1e3, 2.0**10)),
    "MiB": (2.0**20,), "KiB": (2.0**10,), "ms": (1e-3,), "min": (60.0,), "h": (3600.0,),
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A figure in a table, with its unit, be it the title's.

    ``about``: marked as approximate, the first of a range, or of a measure that isn't known. ``is_beside``: a spread
    behind a ±, which may be a standard error or half a range as well.
    """

    printed: Printed
    unit: str = ""
    about: bool = False
    is_beside: bool = False

    def is_of(self, value: float) -> bool:
        """Whether the cell can be this value (bytes, seconds), in the unit it states."""
        return any(agrees(self.printed, value / scale) for scale in UNITS.get(self.unit, (1.0,)))


@dataclass(frozen=True)
class SeedTable:
    """A table by seed: column titles with the figure of each, seed → title → cell, and the rows of mean and std.

    ``repeated``: the rows of seeds that have several, in order. A table with such has no mean: of which of them one is,
    it doesn't say.
    """

    kinds: dict[str, str]
    rows: dict[int, dict[str, Cell]]
    mean: dict[str, Cell] = field(default_factory=dict)
    std: dict[str, Cell] = field(default_factory=dict)
    repeated: dict[int, list[dict[str, Cell]]] = field(default_factory=dict)

    @property
    def every_row(self) -> list[tuple[int, dict[str, Cell]]]:
        """(seed, cells) of every row, be it one of several of its seed."""
        return [*self.rows.items(), *((seed, row) for seed, rows in self.repeated.items() for row in rows)]

    def column(self, title: str) -> list[Printed]:
        """The cells of a column by seed, if every row has one of one unit, none approximate; empty otherwise."""
        cells = [row[title] for row in self.rows.values() if title in row]
        is_one = len({cell.unit for cell in cells}) == 1 and not any(cell.about for cell in cells)
        return [cell.printed for cell in cells] if is_one and len(cells) == len(self.rows) else []

    def has_units_of(self, title: str, cell: Cell) -> bool:
        """Whether a cell below a column has the unit of the column's rows."""
        return all(row[title].unit == cell.unit for row in self.rows.values() if title in row)


@lru_cache(maxsize=4)
def seed_tables(readme: str) -> tuple[SeedTable, ...]:
    """All tables by seed, but those under a heading or a line that says that they are of something else."""
    own = (table for table in read_tables(readme) if not OF_SOMETHING_ELSE.search(table.above))
    found = (_seed_table(table) for each in own if (table := by_seed(each)) is not None)
    return tuple(table for table in found if table is not None)


def _seed_table(table: Table) -> SeedTable | None:
    of_seeds: dict[int, list[dict[str, Cell]]] = {}
    of_some: set[int] = set()
    mean: dict[str, Cell] = {}
    std: dict[str, Cell] = {}
    for row in table.rows:
        name = row[0].strip(" .").lower()
        cells = {
            title: cell if cell.unit else replace(cell, unit=unit_of(title))
            for title, text in zip(table.header[1:], row[1:], strict=True) if (cell := read_cell(text))
        }  # fmt: skip
        seed = re.fullmatch(r"(\d{1,12})", name)
        if seed and row[1:] and all(map(PLANNED.fullmatch, row[1:])):
            continue
        if seed:
            of_seeds.setdefault(int(seed[1]), []).append(cells)
        elif re.search(r"\b(?:mean|avg|average)\b", name) and set(SUMMARY.findall(name)) <= MEAN_WORDS:
            mean, of_some = cells, {int(number) for number in re.findall(r"\d{1,12}", name)}
            std = std or _spreads(table.header, row)
        elif re.match(r"±?\s*(?:std|stdev|sd|standard dev\w*|σ)\b", name) and set(SUMMARY.findall(name)) <= STD_WORDS:
            std = cells
    named = (of_some & of_seeds.keys()) - {len(of_seeds)}  # "mean of seeds 1 and 2", but not "mean of 3"
    repeated = {seed: rows for seed, rows in of_seeds.items() if len(rows) > 1}
    if (named and named != of_seeds.keys()) or repeated:
        mean, std = {}, {}
    every_row = [row for rows in of_seeds.values() for row in rows]
    kinds = {title: kind_of(title) or _kind_of_cells(title, every_row) for title in table.header[1:]}
    rows = {seed: rows[0] for seed, rows in of_seeds.items() if seed not in repeated}
    return SeedTable(kinds, rows, mean, std, repeated) if of_seeds else None


def _kind_of_cells(title: str, rows: Sequence[dict[str, Cell]]) -> str:
    """What a column titled by a stage alone ("TTT") holds: scores, if all its figures can be no time, loss or size."""
    cells = [row[title] for row in rows if title in row]
    low, high = LIKELY_BPB
    are_scores = all(low <= cell.printed.value <= high and cell.printed.decimals >= DECIMALS and not cell.unit
                     for cell in cells)  # fmt: skip
    return "bpb" if cells and are_scores and is_a_stage(title) else ""


def read_cell(text: str) -> Cell | None:
    """The first figure of a cell ("~15.99 MB" → about 15.99, MB); None if there is none, or words stand before it."""
    match = CELL.match(text.strip())
    if not match:
        return None
    number = re.sub(rf",|{GROUPS}", "", match["number"]).replace("−", "-")
    rest = text.strip()[match.end() :]
    about = bool(match["about"] or RANGE.match(rest) or MEASURE.match(rest))
    return Cell(Printed(number), match["unit"] or "", about)


def _spreads(header: Sequence[str], row: Sequence[str]) -> dict[str, Cell]:
    """The stds that a row of means has behind them: ``1.1122 ± 0.0004``, ``1.1194 (std 0.0006)``.

    Bare brackets are one where the row is called "mean (std)".
    """
    found = {}
    for title, text in zip(header[1:], row[1:], strict=True):
        if (match := SPREAD.search(text)) and MEASURE.match(text[match.end() :]):
            continue  # "± 0.4 mBPB"
        if match:
            figure = Printed(match["beside"] or match["named"])
            found[title] = Cell(figure, unit_of(title), is_beside=bool(match["sign"]))
        elif re.search(r"\b(?:std|sd)\b", row[0], re.IGNORECASE) and (match := BRACKETED.search(text)):
            found[title] = Cell(Printed(match[1]), unit_of(title))
    return found


def candidates(log: RunLog, kind: str) -> dict[str, Printed]:
    """What a run prints that a column of this kind can hold: name → figure."""
    if kind in SCORES:
        return _scores(log, in_nats=kind == "nats")
    if kind == "total_bytes":
        sizes = {f"model {size.method}": size.bytes for size in log.sizes if size.what == "model" and size.method}
        return {name: Printed(str(size)) for name, size in {"total": log.total_bytes, **sizes}.items() if size}
    if kind == "code_bytes":
        return {f"code {at}": Printed(str(size)) for at, size in enumerate(log.code_bytes)}
    if kind == "seconds":
        return _seconds(log)
    if kind in STEP_TIMES:
        return _step_times(log, kind)
    value = figures_of(log).get(kind)
    return {} if value is None else {kind: Printed(f"{value:.6f}".rstrip("0").rstrip("."))}


def _scores(log: RunLog, in_nats: bool) -> dict[str, Printed]:
    """The scores of a run's stages and of its validations while training."""
    scores = {name: stage.printed(in_nats) for name, stage in stages(log).items()}
    found = {name: score for name, score in scores.items() if score}
    return found | {f"step {line.step}": line.nats if in_nats else line.bpb for line in log.validations}


def _seconds(log: RunLog) -> dict[str, Printed]:
    times = {f"evaluation {at}": seconds for at, seconds in enumerate(log.evaluation_seconds)}
    times |= {"all evaluations": sum(log.evaluation_seconds)} if log.evaluation_seconds else {}
    times |= {"training": log.train_ms / 1000} if log.train_ms else {}
    return {name: Printed(f"{seconds:.3f}") for name, seconds in times.items()}


def _step_times(log: RunLog, kind: str) -> dict[str, Printed]:
    """Training time over steps and the last average that is printed; any of them, for a column called ``step_avg``."""
    found = {"time / steps": Printed(f"{log.step_ms:.4f}")} if log.step_ms else {}
    averages = [line.average_ms for line in log.steps if line.average_ms]
    printed = averages if kind == "step_average" else averages[-1:]
    return found | {f"average {at}": average for at, average in enumerate(printed)}


def matches(cell: Cell, found: dict[str, Printed], kind: str) -> list[str]:
    """The names of the figures that a cell can be."""
    if kind in SCORES:
        return [name for name, value in found.items() if same(cell.printed, value)]
    if kind in STEP_TIMES:
        in_unit = 1e-3 if cell.unit == "s" else 1.0
        return [name for name, value in found.items() if agrees(cell.printed, value.value * in_unit)]
    if kind == "total_bytes" and cell.unit in ("", "bytes", "B"):
        return [name for name, value in found.items()
                if cell.is_of(value.value) or in_ten_thousands(value.value, cell.printed.value)]  # fmt: skip
    return [name for name, value in found.items() if cell.is_of(value.value)]


def scores_matched(row: dict[str, Cell], kinds: dict[str, str], log: RunLog) -> int:
    """How many scores of a row are those of a run's stages; one of its many validations is no sign of the run."""
    scored = [(cell, kinds[title]) for title, cell in row.items() if kinds[title] in SCORES]
    return sum(bool(stages_of(log, cell.printed, kind == "nats")) for cell, kind in scored)


def runs_of(row: dict[str, Cell], kinds: dict[str, str], logs: Sequence[RunLog]) -> list[RunLog]:
    """The runs that a row can be of, of those with its seed: which have most of its scores; none if none has any."""
    matched = {log.name: scores_matched(row, kinds, log) for log in logs}
    most = max(matched.values(), default=0)
    return [log for log in logs if most and matched[log.name] == most]


def run_of(row: dict[str, Cell], kinds: dict[str, str], logs: Sequence[RunLog]) -> RunLog | None:
    """The first run that a row can be of; None if there is none."""
    return next(iter(runs_of(row, kinds, logs)), None)
