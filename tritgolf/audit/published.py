"""The published figures (``published/``) and the seed tables rebuilt from them.

A rebuilt table has the per-seed values, their recomputed mean and sample standard deviation, the printed ones, and a
mark at every printed figure that is not what the others give.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tritgolf.audit.figures import Comparison, compare, compare_mean, compare_std, figures_of
from tritgolf.audit.intervals import Interval, Printed
from tritgolf.audit.log_lines import RunLog
from tritgolf.audit.submission import read_logs
from tritgolf.errors import InputError
from tritgolf.report.statistics import mean, sample_std

FOLDER = Path("published")
TABLE_SYSTEMS = ("pr640", "pr920", "pr1716", "pr1722")
FIGURES = ("steps", "ms_per_step", "sliding_bpb", "val_bpb", "rt_bpb", "rt_gap", "total_bytes")


@dataclass(frozen=True)
class SeedTable:
    """A system's published table: seed → figure → printed value, the printed summary rows, and the logs if any."""

    system: str
    figures: tuple[str, ...]
    seeds: dict[int, dict[str, Printed]]
    printed: dict[str, dict[str, Printed]] = field(default_factory=dict)
    logs: tuple[RunLog, ...] = ()

    def column(self, figure: str) -> list[Printed]:
        """The per-seed values of a figure that were printed."""
        return [row[figure] for row in self.seeds.values() if figure in row]


@dataclass(frozen=True)
class Mark:
    """A printed cell held against what the other figures give: ``row`` is a seed, "mean" or "std"."""

    row: str
    figure: str
    comparison: Comparison
    source: str


def read_seed_table(system: str, folder: str | Path = FOLDER) -> SeedTable:
    """The published table of ``system``; an unknown one is an ``InputError``."""
    folder = Path(folder)
    rows = [row for row in read_csv(folder / "seeds.csv") if row["system"] == system]
    if rows:
        seeds = {int(row["seed"]): _printed(row, FIGURES) for row in rows}
        summary, logs = folder / f"{system}_summary.csv", folder / system
        printed = {row["row"]: _printed(row, FIGURES) for row in read_csv(summary)} if summary.is_file() else {}
        return SeedTable(system, FIGURES, seeds, printed, read_logs(logs) if logs.is_dir() else ())
    path = folder / f"{system}_seeds.csv"
    if not path.is_file():
        raise InputError(path, f"no published seeds of {system!r}", f"known: {', '.join(TABLE_SYSTEMS)}")
    rows = read_csv(path)
    if "stage" in rows[0]:  # one row a stage and seed: stages become columns
        stages = tuple(dict.fromkeys(row["stage"] for row in rows))
        by_seed: dict[int, dict[str, Printed]] = {}
        for row in rows:
            by_seed.setdefault(int(row["seed"]), {})[row["stage"]] = Printed(row["val_bpb"])
        return SeedTable(system, stages, by_seed)
    figures = tuple(key for key in rows[0] if key != "seed")
    return SeedTable(system, figures, {int(row["seed"]): _printed(row, figures) for row in rows})


def marks(table: SeedTable) -> Iterator[Mark]:
    """Every printed figure that can be recomputed, with the comparison: seeds against logs, summaries against seeds."""
    logs = {log.seed: figures_of(log) for log in table.logs}
    for seed, row in table.seeds.items():
        for figure, printed in row.items():
            if figure in logs.get(seed, {}):
                value = logs[seed][figure]
                yield Mark(str(seed), figure, compare(printed, value, Interval(value, value)), "log")
    for figure in table.figures:
        column = table.column(figure)
        if len(column) < 2:
            continue
        for row_name, compare_row in (("mean", compare_mean), ("std", compare_std)):
            if figure in table.printed.get(row_name, {}):
                yield Mark(row_name, figure, compare_row(table.printed[row_name][figure], column), "seeds")


def recomputed(table: SeedTable, figure: str) -> tuple[float, float]:
    """Mean and sample standard deviation of a figure over the seeds."""
    values = [printed.value for printed in table.column(figure)]
    return mean(values), sample_std(values)


def read_csv(path: str | Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header; one that is missing or ragged is an ``InputError``."""
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, f"cannot be read as CSV ({error})", "restore the published file") from None
    if not rows or any(None in row or None in row.values() for row in rows):
        raise InputError(path, "is empty or has rows of another length than its header", "restore the published file")
    return rows


def _printed(row: dict[str, str], figures: tuple[str, ...]) -> dict[str, Printed]:
    return {figure: Printed(row[figure]) for figure in figures if row.get(figure)}
