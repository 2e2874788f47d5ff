"""An axis of training steps: true distances, and numbers that don't run into each other."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

TICK_ROOM = 0.1  # of an axis that a number takes
TICK_LINES = 2  # of numbers below an axis
MANY_TICKS = 8  # up to so many checkpoints or temperatures each has its own tick


def step_axis(axes: Axes, steps: Sequence[float] = (), logarithmic: bool = False) -> None:
    """Training steps with thousands separators; a tick at each of ``steps`` where they are few.

    Of steps too close for their numbers to stand side by side the earlier one is named a line lower.
    """
    if logarithmic:
        axes.set_xscale("log")
    if 0 < len(steps) <= MANY_TICKS:
        axes.set_xticks(steps, _staggered(steps, logarithmic))
        axes.xaxis.set_minor_locator(NullLocator())
        return
    if not logarithmic:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.xaxis.set_major_formatter(FuncFormatter(_thousands))


def _thousands(step: float, _: object = None) -> str:
    return f"{step:,.0f}"


def _staggered(steps: Sequence[float], logarithmic: bool) -> list[str]:
    """The numbers at ``steps`` (in order), a line lower where the next is nearer than ``TICK_ROOM`` of the axis.

    Empty where the next one on that line is as near too.
    """
    places = [math.log(step) if logarithmic else step for step in steps]
    room = TICK_ROOM * (places[-1] - places[0])
    labels: list[str] = []
    named = [math.inf] * TICK_LINES  # a line: the place of the tick to the right that has its number there
    for step, place in zip(reversed(steps), reversed(places), strict=True):
        line = next((line for line, right in enumerate(named) if right - place >= room), None)
        labels.append("" if line is None else "\n" * line + _thousands(step))
        if line is not None:
            named[line] = place
    return labels[::-1]
