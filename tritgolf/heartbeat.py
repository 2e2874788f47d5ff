"""Signs of life: each rank shows that it lives and how far it is, so that the launcher can say which one hangs.

A rank that is stopped, or waits for a dead disk, leaves all others waiting for it in a collective operation, and nobody
says so. So each rank counts the operations it has entered, and a thread of it writes this count and a beat to a file in
the live folder. A rank hangs if its beat stands still, or if it has entered fewer operations than others, which wait.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tritgolf.ranks import Ranks

LOOKS = 20  # at every rank, all without a change, before it hangs
PATTERN = "rank_*.alive"
LINE = "{:>20} {:>20}\n"


@dataclass(frozen=True)
class _Seen:
    """What a rank last showed, and for how many looks it has shown the same."""

    entered: int
    beats: int
    looks_entered: int = 0
    looks_beats: int = 0

    def after(self, before: "_Seen | None") -> "_Seen":
        if before is None:
            return self
        looks_entered = before.looks_entered + 1 if self.entered == before.entered else 0
        looks_beats = before.looks_beats + 1 if self.beats == before.beats else 0
        return _Seen(self.entered, self.beats, looks_entered, looks_beats)


@contextlib.contextmanager
def beating(live: Path, ranks: Ranks, hang_seconds: float) -> Iterator[None]:
    """Keep this rank's file in ``live`` up to date while the block runs."""
    path, ended = live / PATTERN.replace("*", str(ranks.rank)), threading.Event()

    def beat() -> None:
        beats = 0
        with contextlib.suppress(OSError), path.open("wb") as file:
            while not ended.wait(hang_seconds / LOOKS / 2):
                beats += 1  # the line is overwritten in place, which needs no room: a full disk is no hang
                os.pwrite(file.fileno(), LINE.format(ranks.entered, beats).encode(), 0)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        path.unlink(missing_ok=True)


class Watch:
    """The launcher's view of its ranks. It counts its looks, not seconds: a machine that slept has not hung."""

    def __init__(self, live: Path, hang_seconds: float) -> None:
        self.live, self.hang_seconds, self.interval = live, hang_seconds, hang_seconds / LOOKS
        self._seen: dict[int, _Seen] = {}
        for left in live.glob(PATTERN):
            left.unlink()

    def hung(self) -> str | None:
        """Look once, ``interval`` seconds after the last time; if ranks hang, which ones and what tells it."""
        shown = {rank: _Seen(*counts) for rank, counts in _read(self.live).items()}
        self._seen = {rank: seen.after(self._seen.get(rank)) for rank, seen in shown.items()}
        lifeless = [rank for rank, seen in self._seen.items() if seen.looks_beats >= LOOKS]
        if lifeless:
            return f"{_ranks(lifeless)} hangs: no sign of life for {self.hang_seconds:g} s"
        if all(seen.looks_entered >= LOOKS for seen in self._seen.values()):
            counts = [seen.entered for seen in self._seen.values()]
            behind = [rank for rank, seen in self._seen.items() if seen.entered < max(counts)]
            if behind:
                return f"{_ranks(behind)} hangs: the other ranks have waited for {self.hang_seconds:g} s"
        return None


def _read(live: Path) -> dict[int, tuple[int, int]]:
    """(operations entered, beats) by rank, of the ranks that have shown them."""
    found = {}
    for path in live.glob(PATTERN):
        with contextlib.suppress(OSError, ValueError):  # it may be going, or not be written yet
            entered, beats = map(int, path.read_text(encoding="ascii").split())
            found[int(path.stem.removeprefix("rank_"))] = (entered, beats)
    return found


def _ranks(numbers: list[int]) -> str:
    return f"rank {', '.join(map(str, sorted(numbers)))}"
