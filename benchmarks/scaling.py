"""Time of a training step on 1, 2, 4, … GPUs of one machine, each with the same number of sequences.

    python benchmarks/scaling.py --shards results/data/docs_en/shards --out measured/speed/NAME.json

Starts one process a GPU. Each takes a few steps by itself (all at once: *alone_ms* has every rank's time, so that a
slow GPU is seen), then the first two together, and so on, in turn, so that a drift of the machine meets all of them;
those that have no part wait, and each number of ranks is recorded anew, untimed. *efficiency* is the time of one GPU
over the time of many, round by round: 1 where communication costs nothing, more where shared work saves more.
*phase_ms* is rank 0's, of the last step of a round.
"""

import argparse
import os
import runpy
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from options import first_batch, parser_of, record_named
from timing import ratios, summary
from torch import Tensor

from tritgolf.config.record import RecordConfig
from tritgolf.files import write_json
from tritgolf.provenance import provenance
from tritgolf.ranks import Ranks, joined_ranks
from tritgolf.train.step_timing import PHASES
from tritgolf.train.trainer import Trainer


def worlds_up_to(processes: int) -> list[int]:
    """1, 2, 4, … and ``processes`` itself."""
    powers = [1 << bit for bit in range(processes.bit_length()) if 1 << bit < processes]
    return [*powers, processes]


UNTIMED = 4  # steps: two that are called, one that is recorded, one that is replayed
Round = dict[str, float]
"""Milliseconds of a step, ``step``, and of its phases."""


def timed(trainer: Trainer, steps: int, inputs: Tensor, targets: Tensor) -> Round:
    """``steps`` steps one after the other, without waiting for the device between them; the phases are the last's."""
    trainer.ranks.synchronize()
    begin = time.perf_counter()
    for _ in range(steps):
        trainer.step(0, 1e-6, inputs, targets)
    trainer.ranks.synchronize()
    step = 1000 * (time.perf_counter() - begin) / steps
    return {"step": step, **trainer.phases.milliseconds()}


def measured(arguments: argparse.Namespace, record: RecordConfig, ranks: Ranks) -> dict[int, list[Round]]:
    """Number of ranks → each round as rank 0 sees it."""
    inputs, targets = first_batch(record, arguments.shards, arguments.sequences, ranks.device)
    worlds = worlds_up_to(ranks.world)
    groups = {world: dist.new_group(range(world)) if ranks.world > 1 else None for world in worlds}
    trainers = {
        world: Trainer(record.model, record.train, 42, Ranks(ranks.rank, world, ranks.device, group=groups[world]))
        for world in (1, ranks.world)
    }
    rounds: dict[int, list[Round]] = {world: [] for world in worlds}
    for number in range(arguments.rounds + 1):  # the first compiles
        for world in worlds:
            ranks.wait()
            if ranks.rank < world or world == 1:
                trainer = trainers[1] if world == 1 else trainers[ranks.world]
                join(trainer, world, groups[world])
                for _ in range(UNTIMED):
                    trainer.step(0, 1e-6, inputs, targets)
                found = timed(trainer, arguments.steps, inputs, targets)
                rounds[world] += [found] if number else []
    ranks.wait()
    for trainer in trainers.values():
        trainer.close()
    return rounds


def join(trainer: Trainer, world: int, group: dist.ProcessGroup | None) -> None:
    """Let a trainer of several ranks be one of these, who all do so; it records its next steps anew."""
    if trainer.ranks.world != world:
        trainer.ranks.world, trainer.ranks.group = world, group
        trainer._record()


def every_ranks(value: float, ranks: Ranks) -> list[float]:
    """``value`` of each rank, on all of them."""
    values = [0.0] * ranks.world
    values[ranks.rank] = value
    return ranks.agree(values)


def figures(rounds: list[Round], alone: list[Round]) -> dict[str, Any]:
    """Of one number of ranks, beside the rounds of one ``alone``."""
    times = [found["step"] for found in rounds]
    phases = {phase: statistics.median(found[phase] for found in rounds) for phase in PHASES}
    return {**summary(times), "phase_ms": phases, "efficiency": ratios([found["step"] for found in alone], times)}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--shards", required=True, help="a folder of .bin shards")
    parser.add_argument("--processes", type=int, default=max(1, torch.cuda.device_count()), help="default: one a GPU")
    parser.add_argument("--sequences", type=int, default=128, help="a rank's, of a step")
    parser.add_argument("--micro-batch", type=int, default=64, help="sequences at a time")
    parser.add_argument(
        "--rounds",
        type=int,
        default=5,
        metavar="N",
        help="how often each number of ranks is timed (default: %(default)s)",
    )
    parser.add_argument("--steps", type=int, default=10, help="of a round")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="JSON with all figures")
    arguments = parser.parse_args()

    if "RANK" not in os.environ:
        sys.argv = ["torchrun", "--standalone", f"--nproc-per-node={arguments.processes}", *sys.argv]
        runpy.run_module("torch.distributed.run", run_name="__main__")
        return
    record = record_named(arguments.record, overrides={"train": {"micro_batch_sequences": arguments.micro_batch}})
    with joined_ranks() as ranks:
        rounds = measured(arguments, record, ranks)
        alone = every_ranks(statistics.median(found["step"] for found in rounds[1]), ranks)
        if not ranks.is_main:
            return
    settings = {"record": arguments.record, "sequences": arguments.sequences, "micro_batch": arguments.micro_batch}
    facts = {
        "what": "scaling",
        **settings,
        "alone_ms": alone,
        "ranks": {world: figures(found, rounds[1]) for world, found in rounds.items()},
        "provenance": provenance(settings, {}),
    }
    write_json(arguments.out, facts)
    print(arguments.out.read_text())


if __name__ == "__main__":
    main()
