"""The README's tables by seed: which figure a column holds, what a cell says, which run a row is of."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from tritgolf.audit.figures import figures_of
from tritgolf.audit.intervals import Printed
from tritgolf.audit.log_lines import RunLog
from tritgolf.audit.markdown import Table, read_tables
from tritgolf.audit.scores import agrees, same, stages

# What a column may be titled (lower case); the first that matches decides. "" is not compared with logs: differences,
# figures of other systems, limits and what is left of them, sizes and losses that no log counts as its own.
TITLES: tuple[tuple[str, str], ...] = (
    ("", r"gain|delta|Δ|δ|diff|penalty|improve|\bvs\b|source|p-?value"),
    (
        "",
        r"#\d{2,}|\bpr\b|sota|base(?:line)?\b|previous|\bprior\b|merged|\bold\b|\brecord\b|reference|original|claimed",
    ),
    ("", r"target|limit|headroom|margin|slack|spare|\bleft\b|under"),
    ("", r"\braw\b|uncompressed|payload|memory|peak|vram|param|train(?:ing)?[_ ]loss"),
    ("rt_gap", r"(?:\brt\b|round ?-?trip).*gap|gap.*(?:\brt\b|round ?-?trip)"),
    ("", r"gap"),
    ("step_average", r"step_avg"),
    ("ms_per_step", r"ms ?/ ?step|ms_per_step|ms per step"),
    ("steps", r"^(?:train )?steps?$"),
    ("seconds", r"time|seconds|\btrain ms\b|\beval ms\b|ends by"),
    ("code_bytes", r"\bcode\b"),
    ("total_bytes", r"artifact|bytes|total|size"),
    ("zero_frac", r"zero"),
    ("nats", r"loss|\bnats\b"),
    ("bpb", r"bpb|bpp|sliding|round ?-?trip|^rt\b|^val$|\bs\d+\b"),
)
GROUPS = "[ _'\u00a0\u2009\u202f]"  # what stands between thousands, if no comma does
WHOLE = rf"\d{{1,3}}(?:{GROUPS}\d{{3}}){{1,5}}|\d{{1,3}}(?:,\d{{3}}){{1,5}}|\d{{1,18}}"
CELL = re.compile(
    rf"(?P<about>[~≈<>≤≥]?)\s*(?P<number>[-+−]?(?:{WHOLE})(?:\.\d{{1,18}})?)\s*"
    r"(?P<unit>MiB|MB|KB|K|k|ms|s|h|bytes|B|M)?(?!\w|[.,]\d)",
    re.ASCII,
)
SPREAD = re.compile(r"±\s*(0?\.\d{1,18})|\(std\s*(0?\.\d{1,18})\)", re.ASCII)
RANGE = re.compile(
    r"\s*[^\s\d|]{0,6}\s*(?:–|—|-|−|/|\bto\b|\.\.)\s*\d"
)  # behind a cell's first figure: there is a second
UNITS = {"MB": 1e6, "MiB": 2.0**20, "M": 1e6, "KB": 1e3, "K": 1e3, "k": 1e3, "ms": 1e-3}
SCORES = ("bpb", "nats")
STEP_TIMES = ("step_average", "ms_per_step")


@dataclass(frozen=True)
class Cell:
    """A figure in a table, with its unit; ``about``: marked as approximate, or the first of a range."""

    printed: Printed
    unit: str = ""
    about: bool = False

    def is_of(self, value: float) -> bool:
        """Whether the cell can be this value, in the unit it states; MB may be 10⁶ or 2²⁰ bytes."""
        scales = (1e6, 2.0**20) if self.unit in ("MB", "M") else (UNITS.get(self.unit, 1.0),)
        return any(agrees(self.printed, value / scale) for scale in scales)


@dataclass(frozen=True)
class SeedTable:
    """A table by seed: column titles with the figure of each, seed → title → cell, and the rows of mean and std."""

    kinds: dict[str, str]
    rows: dict[int, dict[str, Cell]]
    mean: dict[str, Cell] = field(default_factory=dict)
    std: dict[str, Cell] = field(default_factory=dict)

    def column(self, title: str) -> list[Printed]:
        """The cells of a column by seed, if every row has one; empty otherwise."""
        cells = [row[title] for row in self.rows.values() if title in row]
        return [cell.printed for cell in cells] if len(cells) == len(self.rows) else []


def kind_of(title: str) -> str:
    """Which figure a column of this title holds; "" for none that logs have."""
    return next((name for name, pattern in TITLES if re.search(pattern, title.strip().lower())), "")


@lru_cache(maxsize=4)
def seed_tables(readme: str) -> tuple[SeedTable, ...]:
    """All tables whose first column is the seed."""
    found = (_seed_table(table) for table in read_tables(readme))
    return tuple(table for table in found if table is not None)


def _seed_table(table: Table) -> SeedTable | None:
    if not table.header or not re.fullmatch(r"seeds?", table.header[0].strip().lower()):
        return None
    rows: dict[int, dict[str, Cell]] = {}
    mean: dict[str, Cell] = {}
    std: dict[str, Cell] = {}
    for row in table.rows:
        name = row[0].strip(" .").lower()
        cells = {
            title: cell for title, text in zip(table.header[1:], row[1:], strict=True) if (cell := read_cell(text))
        }
        seed = re.fullmatch(r"(\d{1,12})(?: ?\(.*)?", name)
        if seed:
            rows[int(seed[1])] = cells
        elif re.search(r"\b(?:mean|avg|average)\b", name):
            mean = cells
            std = std or _spreads(table.header, row)
        elif name.startswith("std"):
            std = cells
    kinds = {title: kind_of(title) for title in table.header[1:]}
    return SeedTable(kinds, rows, mean, std) if rows else None


def read_cell(text: str) -> Cell | None:
    """The first figure of a cell ("~15.99 MB" → about 15.99, MB); None if there is none, or words stand before it."""
    match = CELL.match(text.strip())
    if not match:
        return None
    number = re.sub(rf",|{GROUPS}", "", match["number"]).replace("−", "-")
    about = bool(match["about"]) or RANGE.match(text.strip()[match.end() :]) is not None
    return Cell(Printed(number), match["unit"] or "", about)


def _spreads(header: Sequence[str], row: Sequence[str]) -> dict[str, Cell]:
    """The stds that a row of means has behind them: ``1.1122 ± 0.0004``, ``1.1194 (std 0.0006)``."""
    found = {title: SPREAD.search(text) for title, text in zip(header[1:], row[1:], strict=True)}
    return {title: Cell(Printed(match[1] or match[2])) for title, match in found.items() if match}


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
    found = {name: stage.nats if in_nats else stage.bpb for name, stage in stages(log).items()}
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
        return [name for name, value in found.items() if agrees(cell.printed, value.value)]
    return [name for name, value in found.items() if cell.is_of(value.value)]


def scores_matched(row: dict[str, Cell], kinds: dict[str, str], log: RunLog) -> int:
    """How many scores of a row are a run's."""
    scored = [(cell, kinds[title]) for title, cell in row.items() if kinds[title] in SCORES]
    return sum(bool(matches(cell, candidates(log, kind), kind)) for cell, kind in scored)


def run_of(row: dict[str, Cell], kinds: dict[str, str], logs: Sequence[RunLog]) -> RunLog | None:
    """The run of a row, of those with its seed: the one that has most of its scores; None if none has any."""
    best = max(logs, key=lambda log: scores_matched(row, kinds, log), default=None)
    return best if best is not None and scores_matched(row, kinds, best) else None
