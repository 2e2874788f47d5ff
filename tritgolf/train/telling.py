"""What a training says while it runs: a bar in a terminal, else a line a minute; and those lines in its log."""

import contextlib
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from tqdm import tqdm

from tritgolf.config.train import TrainConfig
from tritgolf.progress import ends_in_one_line
from tritgolf.streams import say
from tritgolf.train.loop import Preempted

FIRST, EVERY = 10.0, 60.0  # seconds until the first line, and between lines: the first says soon what it will take
BARS = 32  # places of bars below each other; further seeds share the last


class Telling:
    """Hears the lines of a curve, and tells of them.

    ``bpb_of_a_nat``: bits per byte of a loss of one nat a token, where it is known; ``log``: where the lines are kept,
    beside those on standard error; ``now``: a clock, seconds.
    """

    def __init__(
        self,
        label: str,
        train: TrainConfig,
        bpb_of_a_nat: float | None = None,
        log: Path | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.label, self.train, self.bpb_of_a_nat, self.log, self.now = label, train, bpb_of_a_nat, log, now
        self.losses: list[float] = []
        self.first: tuple[int, float] | None = None  # step and seconds of training at the first line heard
        self.due = now() + FIRST
        self.bar: tqdm[Any] | None = None

    def hear(self, line: dict[str, Any]) -> None:
        """A line of the curve; it is told of where one is due, and where it is the last."""
        self.first = self.first or (line["step"], line["training_seconds"])
        self.losses.append(line["loss"])
        words = self._words(line)
        if self.bar is not None:
            self.bar.set_postfix_str(words.partition(", ")[2], refresh=False)
            self.bar.update(line["step"] - self.bar.n)
        is_due, is_last = self.now() >= self.due, line["step"] == self.train.steps
        if is_due or is_last:
            self.due = self.now() + EVERY
            self.losses.clear()
            self.tell(words, on_screen=is_due)  # that it has ended is seen

    def tell(self, words: str, on_screen: bool = True) -> None:
        """A line of the log; on standard error too where no bar is there, and it is meant for the screen."""
        text = words if words.startswith(self.label) else f"{self.label}: {words}"
        if self.bar is None and on_screen:
            say(text, "stderr")
        if self.log is not None:
            with contextlib.suppress(OSError), self.log.open("a", encoding="utf-8") as file:  # training goes on
                print(time.strftime("%Y-%m-%d %H:%M:%S"), text, file=file)

    def _words(self, line: dict[str, Any]) -> str:
        """``step 120 of 240, loss 3.210, 1.512 BPB so far, 0:42 left``; loss: mean since the last line told."""
        loss = math.fsum(self.losses) / len(self.losses)  # sum rounds otherwise from Python 3.12 on
        parts = [f"step {line['step']:,} of {self.train.steps:,}", f"loss {loss:.3f}"]
        if self.bpb_of_a_nat:
            parts.append(f"{loss * self.bpb_of_a_nat:.3f} BPB so far")
        left = self._seconds_left(line["step"], line["training_seconds"])
        return ", ".join(parts + ([] if left is None else [f"{tqdm.format_interval(left)} left"]))

    def _seconds_left(self, step: int, seconds: float) -> float | None:
        """Seconds to the last step at the pace so far, or to the end of the time budget if that comes first."""
        began, at = self.first or (step, seconds)
        if step == began:
            return None
        left = (self.train.steps - step) * (seconds - at) / (step - began)
        return max(0.0, left if self.train.seconds is None else min(left, self.train.seconds - seconds))


@contextlib.contextmanager
def telling(told: Telling, is_main: bool) -> Iterator[Telling]:
    """Tell of a training in the block; in a terminal by a bar, each running seed's below the others'.

    Nothing hears the curve but on the main rank. That a signal stopped it is told too.
    """
    with contextlib.ExitStack() as stack:
        if is_main and sys.stderr.isatty():
            place = stack.enter_context(_place())
            told.bar = stack.enter_context(
                tqdm(total=told.train.steps, desc=told.label, unit=" steps", position=place, leave=False)
            )
        try:
            yield told
        except Preempted as stop:
            if is_main:
                told.tell(str(stop), on_screen=not ends_in_one_line())
            raise


@contextlib.contextmanager
def _place() -> Iterator[int]:
    """The first place for a bar that no other process of this terminal's command holds."""
    folder = Path(tempfile.gettempdir()) / f"tritgolf_bars_{os.getuid()}_{os.getpgrp()}"
    folder.mkdir(exist_ok=True)
    for place in range(BARS):
        lock = FileLock(folder / str(place))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        try:
            yield place
        finally:
            lock.release()
        return
    yield BARS
