"""Where the time of a step goes: gradients, average over ranks, update."""

import time

import torch

PHASES = ("gradients", "average", "update")


class Phases:
    """Marks of the newest step. On a GPU they are events in its queue, so that nothing waits for them."""

    def __init__(self, device: torch.device) -> None:
        self._events = (
            [torch.cuda.Event(enable_timing=True) for _ in range(1 + len(PHASES))] if device.type == "cuda" else []
        )
        self._nanoseconds: list[int] = []
        self._marks = 0

    def begin(self) -> None:
        """A step begins."""
        self._marks = 0
        self._nanoseconds.clear()
        self.mark()

    def mark(self) -> None:
        """Its next phase has ended."""
        if self._events:
            self._events[self._marks].record()
        else:
            self._nanoseconds.append(time.perf_counter_ns())
        self._marks += 1

    def milliseconds(self) -> dict[str, float]:
        """Phase → milliseconds on the device, which must have finished the step; nothing before the first step.

        ``average`` is also the time that this rank waits for slower ones.
        """
        if self._marks <= len(PHASES):
            return {}
        if self._events:
            times = [begin.elapsed_time(end) for begin, end in zip(self._events, self._events[1:], strict=False)]
        else:
            times = [(end - begin) / 1e6 for begin, end in zip(self._nanoseconds, self._nanoseconds[1:], strict=False)]
        return dict(zip(PHASES, times, strict=True))
