"""The figures a submission reports, by name: out of a log, and held against each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import pstdev

from tritgolf.audit.intervals import Interval, Printed, mean_interval, rounds_to, std_interval
from tritgolf.audit.run_log import RunLog
from tritgolf.report.statistics import mean, sample_std


def figures_of(log: RunLog) -> dict[str, float]:
    """The figures of one run, as its log gives them: BPB as printed, bytes exact, ms a step = time / steps."""
    found: dict[str, float | None] = {
        "sliding_bpb": log.sliding.bpb.value if log.sliding else None,
        "val_bpb": log.final.bpb.value if log.final else None,
        "rt_bpb": log.roundtrip.bpb.value if log.roundtrip else None,
        "rt_gap": log.roundtrip.bpb.value - log.final.bpb.value if log.roundtrip and log.final else None,
        "total_bytes": float(log.budget.total) if log.budget else None,
        "steps": float(log.final.step) if log.final else None,
        "ms_per_step": log.train_ms / log.final.step if log.train_ms and log.final and log.final.step else None,
        "zero_frac": log.final.zero_fraction.value if log.final and log.final.zero_fraction else None,
    }
    return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class Comparison:
    """A printed figure against the recomputed one; ``status`` "agrees", "within rounding" or "differs"."""

    printed: Printed
    recomputed: float
    status: str
    note: str = ""

    @property
    def text(self) -> str:
        """``printed 1498, recomputed 1491.9``, with the note if there is one."""
        digits = max(self.printed.decimals, 0) + 1
        return f"printed {self.printed}, recomputed {self.recomputed:.{digits}f}" + (
            f" ({self.note})" if self.note else ""
        )


def compare(printed: Printed, recomputed: float, possible: Interval, note: str = "") -> Comparison:
    """``agrees``: the recomputed value prints so. ``within rounding``: some values behind the printed inputs do."""
    if rounds_to(recomputed, printed):
        return Comparison(printed, recomputed, "agrees")
    status = "within rounding" if possible.meets(printed.rounded) else "differs"
    return Comparison(printed, recomputed, status, note)


def compare_mean(printed: Printed, values: Sequence[Printed]) -> Comparison:
    """A printed mean against that of the printed values."""
    return compare(printed, mean(v.value for v in values), mean_interval([v.interval for v in values]))


def compare_std(printed: Printed, values: Sequence[Printed]) -> Comparison:
    """A printed standard deviation against the sample one of the printed values; a population one is noted."""
    numbers = [v.value for v in values]
    population = pstdev(numbers)
    note = (
        f"the population std, {population:.{printed.decimals + 1}f}, prints so"
        if rounds_to(population, printed)
        else ""
    )
    return compare(printed, sample_std(numbers), std_interval([v.interval for v in values], ddof=1), note)
