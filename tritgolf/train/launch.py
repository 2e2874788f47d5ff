"""Start the ranks of a run, watch them, start them again where that helps, and publish what they made.

Snakemake's retries don't look at exit codes, so the launcher decides: a killed or preempted run continues at its last
state as long as it makes progress; bad input, a loss that is not finite and a full disk are final.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from tritgolf import checkpoint
from tritgolf.errors import InputError
from tritgolf.files import read_json, write_json
from tritgolf.train import slurm
from tritgolf.train.heartbeat import Watch
from tritgolf.train.live import CURVE, FINISHED, PLAN

RESTARTS_WITHOUT_PROGRESS = 2
EXIT_PREEMPTED = 75  # EX_TEMPFAIL
STOPPED = "stopped.json"  # written by ranks that SIGTERM stopped; on other nodes it does not come to the launcher
LAUNCHED = "TRITGOLF_LAUNCHED"  # in the environment of ranks whose final failures a launcher tells
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_LIBC = ctypes.CDLL(None)  # loaded here: nothing should be between fork and exec


def train(plan: dict[str, Any], processes: int, nodes: int = 1) -> dict[str, Any]:
    """Run ``plan`` (see ``tritgolf.train.__main__``) on ``processes`` ranks of this machine; returns the run's facts.

    With ``nodes`` > 1, on so many ranks of each node of the SLURM job in which this runs. The caller holds the lock of
    the live folder (``locked``). Raises ``InputError`` where trying again cannot help, and ``SystemExit(75)`` when
    SIGTERM stopped it.
    """
    live = Path(plan["live"])
    plan_path = live / PLAN
    write_json(plan_path, plan)
    (live / FINISHED).unlink(missing_ok=True)
    first_step = checkpoint.newest_step(live)
    begin = "begins" if first_step is None else f"goes on after step {first_step:,}"
    print(f"{plan['label']}: {begin}; its losses: {live / CURVE}", file=sys.stderr, flush=True)
    failures, last_step = 0, first_step
    while True:
        for ending in ("failure.json", STOPPED):
            (live / ending).unlink(missing_ok=True)
        watch = Watch(live, plan["hang_seconds"])
        if nodes == 1:
            code, terminated = _run(_command(plan_path, processes), watch)
        else:
            code, terminated = _run(slurm.on_every_node(plan_path, processes, nodes), watch, slurm.signal_steps)
        # A Snakemake that SIGTERM stops calls even a finished job failed: the next turn publishes what is done.
        if code == 0 and not terminated and (live / FINISHED).exists():
            return dict(read_json(live / FINISHED))
        if terminated or (live / STOPPED).exists():
            _stop(plan["label"], progressed=checkpoint.newest_step(live) != first_step)
        if (live / "failure.json").exists():
            where, what, fix = read_json(live / "failure.json")["error"]
            raise InputError(where, what, fix)
        step = checkpoint.newest_step(live)
        failures = 1 if step != last_step else failures + 1
        if failures > RESTARTS_WITHOUT_PROGRESS:
            raise InputError(
                f"training {plan['label']}",
                f"its processes ended {failures} times without a new state (last exit code {code})",
                "read the messages above; the last good state is kept and the same command continues there",
            )
        last_step = step
        print(f"{plan['label']}: a rank ended with exit code {code}; continuing at the last state", file=sys.stderr)


def _stop(label: str, *, progressed: bool) -> NoReturn:
    """End as SIGTERM asks; SLURM queues it again where it may and this start ``progressed``, else it never ends."""
    again = progressed and slurm.may_requeue()
    how = "SLURM is asked to run this job again" if again else "the same command continues"
    print(f"{label}: stopped; {how}", file=sys.stderr, flush=True)
    if again:
        slurm.requeue()
    raise SystemExit(EXIT_PREEMPTED)


def publish(live: Path, outputs: dict[str, Path]) -> dict[str, str]:
    """Copy each named checkpoint of ``live`` (``step_000100`` … ``final``) to its output; returns their digests.

    What is copied is read back and verified first, so a damaged file never becomes an output.
    """
    digests = {}
    for name, output in outputs.items():
        try:
            found = checkpoint.load(live / f"{name}.safetensors")
        except InputError as error:  # the states beside it say that training is done: only a new run makes it again
            raise InputError(error.where, error.what, f"delete {live} and run again") from None
        digests[name] = checkpoint.save(output, found.tensors, {**found.facts, "checkpoint": name})
    return digests


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it ends (on Linux; elsewhere it lives on).

    A rank that outlived a killed launcher would hold its GPU and write into the folder of the run that continues.
    """
    with contextlib.suppress(AttributeError, OSError):
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _command(plan_path: Path, processes: int) -> list[str]:
    worker = ["-m", "tritgolf.train", str(plan_path)]
    if processes == 1:
        return [sys.executable, *worker]
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", *worker]


def _run(command: list[str], watch: Watch, pass_on: Callable[[], None] | None = None) -> tuple[int, bool]:
    """Run a command, passing SIGTERM on to it, or as ``pass_on`` does; (exit code, whether SIGTERM came).

    Ends it when one of its ranks hangs.
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
