"""The leaderboard's rule as a test: better by 0.005 nats at p < 0.01, from per-seed values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tritgolf.audit.contest import RECORD_LEVEL, RECORD_MARGIN_NATS
from tritgolf.report.statistics import format_value, mean, sample_std, welch

MAX_SEEDS = 1000


@dataclass(frozen=True)
class WelchTest:
    """A one-sided Welch t-test of mean(old) − mean(new) > ``margin``; lower is better, values in one unit.

    ``difference``: mean(old) − mean(new). ``seeds_needed``: the fewest seeds a side at which the same means and sample
    standard deviations would pass at ``level``; None if no number would (the difference is not above the margin), or
    more than ``MAX_SEEDS``.
    """

    difference: float
    margin: float
    level: float
    statistic: float
    degrees: float
    p: float
    seeds_needed: int | None

    @property
    def passes(self) -> bool:
        """Whether the improvement beyond the margin is significant."""
        return self.p < self.level

    def __str__(self) -> str:
        needed = "no number of seeds" if self.seeds_needed is None else f"{self.seeds_needed} seeds a side"
        difference = format_value(self.difference, 4, signed=True)
        return (
            f"difference {difference}, margin {self.margin:g}: one-sided Welch t = {format_value(self.statistic, 2)} "
            f"({self.degrees:.1f} degrees), p = {self.p:.2g}; "
            f"with these means and stds {needed} would pass p < {self.level:g}"
        )


def improvement(
    new: Sequence[float],
    old: Sequence[float],
    margin: float = RECORD_MARGIN_NATS,
    level: float = RECORD_LEVEL,
) -> WelchTest:
    """Test whether ``new`` is lower than ``old`` by more than ``margin``; at least two finite values a side.

    The null hypothesis is mean(old) − mean(new) ≤ margin (Welch 1947: unequal variances). Raises ``ValueError`` for
    fewer values. Two sides without any spread are decided by the difference alone.
    """
    if min(len(new), len(old)) < 2 or not all(map(math.isfinite, [*new, *old])):
        raise ValueError("a t-test needs at least two finite values on each side")
    difference = mean(old) - mean(new)
    spreads = sample_std(new), sample_std(old)
    statistic, degrees, p = welch(difference - margin, spreads, (len(new), len(old)))
    return WelchTest(
        difference, margin, level, statistic, degrees, p, _seeds_needed(difference - margin, spreads, level)
    )


def _seeds_needed(excess: float, spreads: tuple[float, float], level: float) -> int | None:
    if excess <= 0:
        return None
    return next((n for n in range(2, MAX_SEEDS + 1) if welch(excess, spreads, (n, n))[2] < level), None)
