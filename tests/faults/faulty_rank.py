"""``tritgolf.train`` with a fault of rank 1 at the beginning of a step: faulty_rank.py FAULT STEP FOLDER PLAN.json

A fault happens once; a file in FOLDER tells that it has happened.
"""

import os
import signal
import sys
import time
from pathlib import Path

import psutil

from tritgolf.train import loop
from tritgolf.train.__main__ import main
from tritgolf.train.trainer import Trainer

FAULT, STEP, FOLDER, PLAN = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
terminated = [lambda: False]


def stopped() -> None:
    """As a debugger or a machine out of memory leaves a process: there, but without a sign of life."""
    os.kill(os.getpid(), signal.SIGSTOP)


def waiting() -> None:
    """As a dead network disk leaves a thread: the process lives, but does not come on."""
    time.sleep(3600)


def launcher() -> int:
    return psutil.Process().parents()[1].pid  # the parent is torchrun


def launcher_terminated() -> None:
    """As a cluster ends a job; goes on when that has reached this rank."""
    os.kill(launcher(), signal.SIGTERM)
    while not terminated[0]():
        time.sleep(0.01)


def launcher_killed() -> None:
    os.kill(launcher(), signal.SIGKILL)
    time.sleep(3600)


def listen(original=loop._listen_for_signals):
    terminated[0] = original()
    return terminated[0]


def faulty_step(self: Trainer, index: int, *arguments, original=Trainer.step):
    happened = FOLDER / "happened"
    if index == STEP and self.ranks.rank == 1 and not happened.exists():
        happened.write_text(str(os.getpid()))
        globals()[FAULT]()
    return original(self, index, *arguments)


loop._listen_for_signals = listen
Trainer.step = faulty_step
sys.exit(main(PLAN))
