"""Processes that compute one job together: started by torchrun, watched, and ended with the one that started them.

A rank tells a final failure, one that trying again would only repeat, in a file of the job's folder; who started it
reads it there. What the ranks are to each other is in ``tritgolf.ranks``.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tritgolf.errors import BAD_INPUT, InputError
from tritgolf.files import read_json, write_json
from tritgolf.heartbeat import Watch

EXIT_PREEMPTED = 75  # EX_TEMPFAIL
FAILURE = "failure.json"
LAUNCHED = "TRITGOLF_LAUNCHED"  # in the environment of ranks whose final failures a launcher prints
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_LIBC = ctypes.CDLL(None)  # loaded here: nothing should be between fork and exec


def ranks_command(module: str, plan: Path, processes: int) -> list[str]:
    """The command that runs ``python -m module plan`` in so many ranks of this machine."""
    worker = ["-m", module, str(plan)]
    if processes == 1:
        return [sys.executable, *worker]
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", *worker]


def write_failure(folder: Path, error: InputError) -> int:
    """Leave ``error`` to the launcher of this rank, or print it where there is none; returns the exit code."""
    write_json(folder / FAILURE, {"error": [error.where, error.what, error.fix]})
    if LAUNCHED not in os.environ:
        print(f"error: {error}", file=sys.stderr)
    return BAD_INPUT


def read_failure(folder: Path) -> InputError | None:
    """The error that a rank left with ``write_failure``; None if none did."""
    path = folder / FAILURE
    return InputError(*read_json(path)["error"]) if path.exists() else None


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it ends (on Linux; elsewhere it lives on).

    A rank that outlived a killed launcher would hold its GPU and write into the folder of the run that continues.
    """
    with contextlib.suppress(AttributeError, OSError):
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run_ranks(command: list[str], watch: Watch, pass_on: Callable[[], None] | None = None) -> tuple[int, bool]:
    """Run a command that starts ranks, passing SIGTERM on to it, or as ``pass_on`` does.

    Returns its exit code and whether SIGTERM came. Ends it when one of its ranks hangs; ``SystemExit(75)`` by Ctrl-C.
    """
    terminated: list[int] = []
    previous = signal.signal(signal.SIGTERM, lambda number, _frame: terminated.append(number))
    environment = os.environ | {LAUNCHED: "1"}
    # In the child before it runs: one system call, and there are no threads here.
    child = subprocess.Popen(command, env=environment, preexec_fn=die_with_parent)  # noqa: PLW1509

    def forward(number: int, _frame: object) -> None:
        terminated.append(number)
        if pass_on is None:
            child.send_signal(number)
        elif len(terminated) == 1:  # it may well come back to this process
            pass_on()

    signal.signal(signal.SIGTERM, forward)
    if terminated:  # it came before there was anyone to pass it on to
        child.terminate()
    try:
        return _wait(child, watch, child.kill if pass_on is None else child.terminate), bool(terminated)
    except KeyboardInterrupt:
        child.send_signal(signal.SIGTERM)
        child.wait()
        raise SystemExit(EXIT_PREEMPTED) from None
    finally:
        signal.signal(signal.SIGTERM, previous)


def _wait(child: subprocess.Popen[bytes], watch: Watch, end: Callable[[], None]) -> int:
    """The exit code of ``child``, which ``end`` ends when a rank hangs, and all ranks with it."""
    while True:
        try:
            return child.wait(watch.interval)
        except subprocess.TimeoutExpired:
            hung = watch.hung()
        if hung:
            print(f"{hung}; ending all ranks", file=sys.stderr, flush=True)
            end()  # torchrun is killed, as it would wait for a stopped rank; srun kills its tasks when told to end
            return child.wait()
