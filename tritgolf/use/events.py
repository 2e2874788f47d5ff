"""Training logs as TensorBoard's events, read from the lines of ``metrics.jsonl``, while a run writes them or after."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from tritgolf.errors import InputError

LOG = "metrics.jsonl"
NAMES = {"loss": "loss/nats", "record_loss": "loss/with_z_loss"}


class Writer(Protocol):
    """What is asked of a ``SummaryWriter``."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None: ...  # noqa: D102

    def flush(self) -> None: ...  # noqa: D102


def logs_in(folder: Path) -> dict[str, Path]:
    """Name → log of every run below ``folder``: of one that trains the live one. ``InputError`` if there is none."""
    found = {}
    for place in ("train", "live"):
        for path in sorted(folder.rglob(f"{place}/{LOG}")):
            found[path.parents[1].relative_to(folder).as_posix()] = path
    if not found:
        raise InputError(folder, f"holds no training log ({LOG})", "give results/RECORD, or the results of several")
    return found


def scalars(line: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """(tag, value) of every number of a log's line but its step; nested ones by ``/``."""
    for name, value in line.items():
        tag = f"{prefix}{NAMES.get(name, name)}"
        if isinstance(value, Mapping):
            yield from scalars(value, f"{tag}/")
        elif isinstance(value, int | float) and tag != "step":
            yield tag, float(value)


def write_lines(path: Path, writer: Writer, offset: int = 0) -> int:
    """Write what stands in the log at ``path`` behind ``offset``, whole lines; where the next ones will begin.

    A log that became shorter is that of a run which went on from an earlier step: it is read from its beginning.
    """
    data = path.read_bytes()
    begin = offset if offset <= len(data) else 0
    end = data.rfind(b"\n") + 1
    for number, text in enumerate(data[begin:end].splitlines(), start=1 + data[:begin].count(b"\n")):
        step, line = _line(text, f"{path}, line {number}")
        for tag, value in scalars(line):
            writer.add_scalar(tag, value, step)
    writer.flush()
    return max(begin, end)


def _line(text: bytes, where: str) -> tuple[int, dict[str, Any]]:
    """A line of a log with its step. ``InputError`` for one that is damaged."""
    try:
        line = dict(json.loads(text))
        return int(line["step"]), line
    except (KeyError, OverflowError, RecursionError, TypeError, ValueError):  # ValueError: no JSON, or no UTF-8
        raise InputError(where, "is no line of a training log", "delete it, or put the run's log there") from None


def follow(folder: Path, writer_of: Callable[[str], Writer], seconds: float | None) -> None:
    """Write the events of all runs below ``folder``; with ``seconds``, look for new lines that often, without end."""
    writers: dict[str, Writer] = {}
    offsets: dict[str, int] = {}
    while True:
        for name, path in logs_in(folder).items():
            if name not in writers:
                writers[name] = writer_of(name)
            offsets[name] = write_lines(path, writers[name], offsets.get(name, 0))
        if seconds is None:
            return
        time.sleep(seconds)
