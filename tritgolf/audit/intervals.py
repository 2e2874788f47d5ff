"""Arithmetic on printed numbers: what a figure rounded to n decimals can and can't have been.

A log prints ``1.1805`` for anything between 1.18045 and 1.18055. Two printed figures contradict each other only if no
values inside their intervals fit together; everything the audit flags on rounded numbers goes through here.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

MOST_CORNERS = 12  # values whose 2ⁿ corners are all looked at


class Interval(NamedTuple):
    """All values between ``low`` and ``high``, both included."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Whether ``value`` lies inside, up to floating-point noise."""
        low, high = self.with_noise
        return low <= value <= high

    @property
    def with_noise(self) -> tuple[float, float]:
        """Both ends, further out by floating-point noise."""
        noise = 1e-9 * max(1.0, abs(self.low), abs(self.high))
        return self.low - noise, self.high + noise

    def shifted(self, by: float) -> "Interval":
        """Both ends moved by ``by``."""
        return Interval(self.low + by, self.high + by)

    def meets(self, other: "Interval") -> bool:
        """Whether the two have a value in common, up to floating-point noise."""
        noise = 1e-9 * max(1.0, abs(self.low), abs(self.high))
        return self.low <= other.high + noise and other.low <= self.high + noise


@dataclass(frozen=True, slots=True)  # a log of 60 MB has two million
class Printed:
    """A number as it was printed: its text, its value, and the interval it was rounded from (integers are exact)."""

    text: str

    @property
    def value(self) -> float:
        """The printed value."""
        return float(self.text)

    @property
    def decimals(self) -> int:
        """Digits after the point."""
        return len(self.text.partition(".")[2])

    @property
    def interval(self) -> Interval:
        """Every value that prints as this text; an integer stands for itself."""
        half = 0.5 * 10.0**-self.decimals if self.decimals else 0.0
        return Interval(self.value - half, self.value + half)

    @property
    def rounded(self) -> Interval:
        """Every value that prints as this text, if an integer too was rounded (milliseconds)."""
        half = 0.5 * 10.0**-self.decimals
        return Interval(self.value - half, self.value + half)

    def __str__(self) -> str:
        return self.text.replace("-", "−")


def rounds_to(value: float, printed: Printed) -> bool:
    """Whether ``value``, rounded to as many decimals as ``printed`` has, is ``printed``."""
    return printed.rounded.contains(value)


def in_ten_thousands(value: float, stated: float) -> bool:
    """Whether a size in bytes that is stated in whole ten thousands is ``value`` rounded to these."""
    return stated % 10_000 == 0 and abs(value - stated) <= 5_000


def mean_interval(values: Sequence[Interval]) -> Interval:
    """All means that values inside the intervals can have."""
    return Interval(sum(v.low for v in values) / len(values), sum(v.high for v in values) / len(values))


def std_interval(values: Sequence[Interval], ddof: int) -> Interval:
    """All standard deviations that values inside the intervals can have (``ddof`` 1: sample, 0: population).

    The sum of squares is convex, so its largest value is at a corner of the box; its smallest is the least distance of
    one common centre to all intervals, found by bisection of the (monotone) derivative. Of more than ``MOST_CORNERS``
    values the largest is that of intervals as wide as the widest, so never too small.
    """
    degrees = len(values) - ddof
    corners = product(*values) if len(values) <= MOST_CORNERS else _corners_of_equal_widths(values)
    largest = max(_sum_of_squares(corner) for corner in corners)
    low, high = min(v.low for v in values), max(v.high for v in values)
    for _ in range(80):
        centre = (low + high) / 2
        slope = sum(centre - min(max(centre, v.low), v.high) for v in values)
        low, high = (centre, high) if slope < 0 else (low, centre)
    nearest = [min(max(low, v.low), v.high) for v in values]
    return Interval(math.sqrt(_sum_of_squares(nearest) / degrees), math.sqrt(largest / degrees))


def _corners_of_equal_widths(values: Sequence[Interval]) -> Iterator[Sequence[float]]:
    """Those that can be the furthest apart where all widths are the widest: some lowest ones low, the others high."""
    half = max(v.high - v.low for v in values) / 2
    centres = sorted((v.low + v.high) / 2 for v in values)
    for low in range(len(centres) + 1):
        yield [centre - half if place < low else centre + half for place, centre in enumerate(centres)]


def _sum_of_squares(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values)


def most_covered(intervals: Sequence[Interval]) -> Interval | None:
    """The stretch that lies in the most intervals (the first, if several tie); None without intervals."""
    lows, highs = [sorted(v.with_noise[at] for v in intervals) for at in (0, 1)]
    covered = {start: bisect_right(lows, start) - bisect_left(highs, start) for start in {v.low for v in intervals}}
    most = max(covered.values(), default=0)
    start = min((start for start, count in covered.items() if count == most), default=None)
    if start is None:
        return None
    covering = [v for v in intervals if v.contains(start)]
    return Interval(max(v.low for v in covering), min(v.high for v in covering))


def bytes_per_token(nats: Printed, bpb: Printed) -> Interval:
    """Bytes a token that a printed pair of mean nats a token and bits a byte implies: nats / (ln 2 · BPB)."""
    n, b = nats.interval, bpb.interval
    return Interval(n.low / (b.high * math.log(2)), n.high / (b.low * math.log(2)))
