"""The live folder of a run: who trains there, and what stays of a finished training until its outputs are safe.

Snakemake deletes the outputs of a job that was running when it was killed, also if the job lived on and ended well. So
what the outputs were made from stays here until a Snakemake has seen them made (``clear_finished``).
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from tritgolf.files import read_json, write_json
from tritgolf.streams import say

FINISHED, CURVE, PLAN = "finished.json", "metrics.jsonl", "plan.json"


@contextlib.contextmanager
def locked(live: Path) -> Iterator[None]:
    """Hold the lock of a run's live folder; wait, saying so, while another process trains there."""
    live.mkdir(parents=True, exist_ok=True)
    lock, owner = _lock(live), live.with_name(f".{live.name}.owner")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        process = owner.read_text() if owner.exists() else "unknown"
        waiting = f"waiting until it is done; its losses: {live / CURVE}"
        say(f"{live}: process {process} is already training here; {waiting}", "stderr")
        lock.acquire()
    try:
        live.mkdir(exist_ok=True)
        owner.write_text(str(os.getpid()))
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def finish(live: Path, facts: dict[str, Any], made_by: dict[str, Any]) -> None:
    """Say that training is done, with its ``facts`` (its configuration's digest among them) and what made it."""
    write_json(live / FINISHED, {**facts, "made_by": made_by})


def finished(live: Path, configuration: str) -> dict[str, Any] | None:
    """The facts of the training of ``configuration`` that is done, if that is what lies in ``live``."""
    path = live / FINISHED
    facts = read_json(path) if path.exists() else {}
    return dict(facts) if facts.get("configuration") == configuration else None


def keep_finished(live: Path, checkpoints: list[str]) -> None:
    """Delete what only an unfinished training needs, its full states above all."""
    kept = {FINISHED, CURVE, PLAN, *(f"{name}.safetensors" for name in checkpoints)}
    for path in live.iterdir():
        if path.name not in kept:
            with contextlib.suppress(OSError):  # a file system may still hold it: training is done all the same
                path.unlink()


def clear_finished(live: Path) -> None:
    """Delete ``live`` if its training is done and nobody is at work there."""
    if not (live / FINISHED).exists():
        return
    with contextlib.suppress(Timeout), _lock(live).acquire(timeout=0):
        shutil.rmtree(live, ignore_errors=True)


def _lock(live: Path) -> FileLock:
    """Beside the folder: in it, it would be deleted with the folder under the process that waits."""
    return FileLock(live.with_name(f".{live.name}.lock"))
