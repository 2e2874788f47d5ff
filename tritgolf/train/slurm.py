"""SLURM around a training job, by its own commands and variables: several nodes, and another turn after this one."""

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tritgolf.errors import InputError
from tritgolf.streams import say


@dataclass(frozen=True)
class Nodes:
    """The machines of one training job, in rank order: ranks meet at the first, and this is number ``index``."""

    hosts: tuple[str, ...]
    index: int


def allocated_nodes() -> Nodes:
    """The nodes of this task's step, as ``srun`` tells them. Raises ``InputError`` outside of one."""
    names = ("SLURM_JOB_NODELIST", "SLURM_NNODES", "SLURM_NODEID")
    found = [os.environ.get(name, "") for name in names]
    if not all(found):
        missing = ", ".join(name for name, value in zip(names, found, strict=True) if not value)
        raise InputError("the environment", f"lacks SLURM's {missing}", "start one task a node with srun")
    hosts, count, index = _hosts(found[0]), int(found[1]), int(found[2])
    if len(hosts) != count or not 0 <= index < count:
        raise InputError(
            f"SLURM_JOB_NODELIST {found[0]}",
            f"names {len(hosts)} nodes; SLURM_NNODES is {count} and SLURM_NODEID {index}",
            "start one task on every node of the job: srun --nodes=N --ntasks=N --ntasks-per-node=1",
        )
    return Nodes(hosts, index)


def on_every_node(plan: Path, processes: int, nodes: int) -> list[str]:
    """A command that starts ``processes`` ranks on each of the job's nodes, of which this machine is the first.

    ``--overlap`` and ``--cpu-bind=none``: a step may not take cores from the job that waits for it, nor be given one.
    Raises ``InputError`` outside of a job.
    """
    if "SLURM_JOB_ID" not in os.environ or shutil.which("srun") is None:
        what = f"{nodes} nodes are asked for outside of a SLURM job"
        raise InputError("resources of training", what, "run with --profile profiles/slurm, or on one node")
    srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--overlap", "--cpu-bind=none"]
    node = [sys.executable, "-m", "tritgolf.train.node", str(plan), str(processes), str(_free_port())]
    return [*srun, "--kill-on-bad-exit=1", *node]


def signal_steps() -> None:
    """Send SIGTERM to all steps of this job: ``srun`` itself would not pass it on but kill them."""
    subprocess.run(["scancel", "--signal=TERM", os.environ["SLURM_JOB_ID"]], check=False)


def may_requeue() -> bool:
    """Whether this is a job of SLURM's that it has not begun to end: one that is being cancelled stays so."""
    job = os.environ.get("SLURM_JOB_ID")
    return job is not None and _said("squeue", "--noheader", f"--jobs={job}", "--format=%T") == "RUNNING"


def requeue() -> None:
    """Have SLURM end this job, this process with it, and run it again later."""
    _said("scontrol", "requeue", os.environ["SLURM_JOB_ID"])


def _hosts(listed: str) -> tuple[str, ...]:
    """Host names of a list such as ``node[1-3],login``."""
    if "[" not in listed:
        return tuple(listed.split(","))
    names = _said("scontrol", "show", "hostnames", listed)
    if names is None:
        raise InputError(f"SLURM_JOB_NODELIST {listed}", "scontrol cannot tell its hosts", "see the message above")
    return tuple(names.split())


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("", 0))
        return int(found.getsockname()[1])


def _said(*command: str) -> str | None:
    """What a command of SLURM says; None, and its complaint among our messages, where it fails or is not there."""
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        say(f"{' '.join(command)}: {error}", "stderr")
        return None
