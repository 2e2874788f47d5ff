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
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.submission import log_files, read_logs
from tritgolf.errors import InputError
from tritgolf.report.published import SEEDS, read_figures, systems
from tritgolf.report.statistics import mean, sample_std

FOLDER = Path("published")
# What a log of the ternary systems gives of a seed.
FIGURES = ("steps", "ms_per_step", "sliding_bpb", "val_bpb", "rt_bpb", "rt_gap", "total_bytes")
SUMMARY = "summary.csv"  # the printed mean and standard deviation, beside the seeds


@dataclass(frozen=True)
class SeedTable:
    """A system's published table: seed → figure → printed value, the printed summary rows, and the logs if any.

    ``marks``: figure → what is said beside scores that are no valid ones.
    """

    system: str
    figures: tuple[str, ...]
    seeds: dict[int, dict[str, Printed]]
    printed: dict[str, dict[str, Printed]] = field(default_factory=dict)
    logs: tuple[RunLog, ...] = ()
    marks: dict[str, str] = field(default_factory=dict)

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


def table_systems(folder: str | Path = FOLDER) -> list[str]:
    """The systems whose printed table can be recomputed."""
    return [system for system in systems(folder) if read_figures(Path(folder) / system).table]


def read_seed_table(system: str, folder: str | Path = FOLDER) -> SeedTable:
    """The published table of ``system``; an unknown one is an ``InputError``."""
    place, known = Path(folder) / system, table_systems(folder)
    if system not in known:
        raise InputError(place, f"has no published table of {system!r}", f"known: {', '.join(known)}")
    stated = read_figures(place)
    figures = stated.table
    seeds = {int(row["seed"]): _printed(row, figures) for row in read_csv(place / SEEDS)}
    summary = place / SUMMARY
    printed = {row["row"]: _printed(row, figures) for row in read_csv(summary)} if summary.is_file() else {}
    return SeedTable(system, figures, seeds, printed, read_logs(place) if log_files(place) else (), stated.marks)


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
