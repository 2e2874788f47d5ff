"""Where the time of a step goes: gradients, average over ranks, update. And what is wrong with it."""

import itertools
import time
from collections.abc import Mapping
from typing import Any

import torch

from tritgolf.errors import warn

PHASES = ("gradients", "average", "update")
SLOWEST, FASTEST = "gradients_of_slowest_rank", "gradients_of_fastest_rank"
TOO_MUCH = 0.2  # of a step
IN_A_ROW = 3  # logged steps of which each must complain: any single one may have met a pause of the machine


class Phases:
    """Marks of the newest step. On a GPU they are events in its queue, so that nothing waits for them.

    ``external``: a recorded step marks its phases whenever it is replayed.
    """

    def __init__(self, device: torch.device) -> None:
        on_gpu = device.type == "cuda"
        self._events = [torch.cuda.Event(enable_timing=True, external=True) for _ in (0, *PHASES)] if on_gpu else []
        self._marks: list[Any] = [*self._events] or [0] * (1 + len(PHASES))  # events, or nanoseconds
        self._ended = False

    def begin(self) -> None:
        """A step begins."""
        self._ended = False
        self._mark(0)

    def end(self, phase: str) -> None:
        """One of its ``PHASES`` has ended."""
        self._mark(1 + PHASES.index(phase))
        self._ended = phase == PHASES[-1]

    def _mark(self, place: int) -> None:
        if self._events:
            self._events[place].record()
        else:
            self._marks[place] = time.perf_counter_ns()

    def milliseconds(self) -> dict[str, float]:
        """Phase → milliseconds on the device, which must have finished the step; nothing before the first step.

        ``average`` is also the time that this rank waits for slower ones.
        """
        if not self._ended:
            return {}
        times = (
            begin.elapsed_time(end) if self._events else (end - begin) / 1e6
            for begin, end in itertools.pairwise(self._marks)
        )
        return dict(zip(PHASES, times, strict=True))


def complaint(phases: Mapping[str, float]) -> str | None:
    """What takes too much of a step of many ranks, and where to look; None if nothing does.

    ``phases``: milliseconds of one rank, with ``SLOWEST`` and ``FASTEST`` over all. A rank that is done early waits in
    its average, so only what is longer than that is the network's.
    """
    step = sum(phases[phase] for phase in PHASES)
    apart = phases[SLOWEST] - phases[FASTEST]
    if apart > TOO_MUCH * step:
        return (
            f"gradients take {phases[SLOWEST]:.0f} ms on one GPU and {phases[FASTEST]:.0f} ms on another; "
            "`nvidia-smi -q -d PERFORMANCE` shows which is throttled"
        )
    averaging = phases["average"] - (phases[SLOWEST] - phases["gradients"])
    if averaging > TOO_MUCH * step:
        return (
            f"averaging over ranks takes {averaging:.0f} of {step:.0f} ms a step; "
            "NCCL_DEBUG=INFO tells how the GPUs are connected"
        )
    return None


class SlowSteps:
    """Warns once, when ``IN_A_ROW`` logged steps in a row have something to complain of; ``active``: if at all."""

    def __init__(self, label: str, active: bool) -> None:
        self.label, self.active, self._in_a_row = label, active, 0

    def hear(self, phases: Mapping[str, float], step: int) -> None:
        """The phases of a logged step."""
        told = complaint(phases) if self.active and phases else None
        self._in_a_row = self._in_a_row + 1 if told else 0
        if self._in_a_row == IN_A_ROW:
            self.active = False
            warn(f"{self.label}, step {step:,}: {told}")
