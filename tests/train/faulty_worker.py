"""``tritgolf.train`` with one fault at the beginning of one step: faulty_worker.py FAULT STEP FOLDER PLAN.json

A fault happens once; a file in FOLDER tells the next worker that it has happened. ``kill_shared`` trains as ranks on
GPUs do.
"""

import os
import resource
import signal
import sys
import time
from pathlib import Path

from tritgolf.ranks import Ranks
from tritgolf.train import loop
from tritgolf.train.__main__ import main
from tritgolf.train.trainer import Trainer

FAULT, STEP, FOLDER, PLAN = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
terminated = [lambda: False]


def kill(_: Trainer) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


kill_shared = kill


def stop(_: Trainer) -> None:
    """Stop the launcher, as a cluster does, and wait until it has passed that on."""
    os.kill(os.getppid(), signal.SIGTERM)
    end = time.monotonic() + 60
    while not terminated[0]() and time.monotonic() < end:
        time.sleep(0.01)


def diverge(trainer: Trainer) -> None:
    trainer.network.vocab_bias.data.fill_(float("nan"))


def full(_: Trainer) -> None:
    """No file may grow beyond 20 kB from here on: a real error in the middle of a write."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def hang(_: Trainer) -> None:
    (FOLDER / "hanging").write_text(str(os.getpid()))
    time.sleep(3600)


def listen(original=loop._listen_for_signals):
    terminated[0] = original()
    return terminated[0]


def faulty_step(self, index, *arguments, original=Trainer.step):
    happened = FOLDER / "happened"
    if index == STEP and not happened.exists():
        happened.touch()
        globals()[FAULT](self)
    return original(self, index, *arguments)


if FAULT == "kill_shared":
    Ranks.on_gpus = property(lambda ranks: ranks.world > 1)
loop._listen_for_signals = listen
Trainer.step = faulty_step
sys.exit(main(PLAN))
