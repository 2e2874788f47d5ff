"""Time of a training step of several records, in turn, in each phase of their runs.

    python benchmarks/in_turn.py ternary_v2 int6_recurrent --of 4 --out measured/speed/NAME.json

Starts one process a GPU, all of them together, whatever their number; each takes the part of a step that it would have
of ``--of`` ranks, so a step here does as much work a GPU as one there. Tokens are random: no time depends on them.
Rounds go through all records and phases; a phase is recorded anew, untimed, whenever it is entered. Where the published
code of a record was timed beside the published or this project's ``ternary_v2`` on other cards of the kind, its times
are scaled by ``ternary_v2`` here, round by round: *times_faster* is their ratio to those measured.
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
from energy import joules
from options import record_named
from timing import ratios, summary
from torch import Tensor

from tritgolf.config.record import RecordConfig
from tritgolf.files import write_json
from tritgolf.provenance import provenance
from tritgolf.ranks import Ranks, joined_ranks
from tritgolf.train.schedule import phases
from tritgolf.train.step_timing import PHASES
from tritgolf.train.trainer import Trainer

REFERENCE = "ternary_v2"
# Milliseconds of a step on four H100s of one host: the published code of a record by phase, this project's REFERENCE.
PUBLISHED = {"int6_recurrent": {"first": 216.0, "recurrence": 319.0}}
REFERENCE_THERE = 154.3
NAMES = ("first", "recurrence")  # of the phases, in their order
UNTIMED = 4  # steps after a phase is entered: compiling, recording, and one that is replayed
Round = dict[str, float]


class Run:
    """A record's trainer and this rank's part of a step of it."""

    def __init__(self, record: RecordConfig, of: int, ranks: Ranks) -> None:
        self.record, self.ranks = record, ranks
        self.trainer = Trainer(record.model, record.train, 42, ranks)
        self.phases = dict(zip(NAMES, phases(record.train), strict=False))
        context = record.model.context
        self.sequences = record.train.batch_tokens // (context * of)
        generator = torch.Generator().manual_seed(ranks.rank)
        text = torch.randint(record.model.vocab_size, (self.sequences, context + 1), generator=generator)
        self.batch: tuple[Tensor, Tensor] = (
            text[:, :-1].contiguous().to(ranks.device),
            text[:, 1:].contiguous().to(ranks.device),
        )

    def timed(self, phase: str, steps: int) -> Round:
        """Milliseconds of one of ``steps`` steps, of the parts of the last, and what a step drew of this rank's GPU."""
        self.trainer.enter(self.phases[phase])
        for _ in range(UNTIMED):
            self.trainer.step(0, 1.0, *self.batch)
        self.ranks.synchronize()
        self.ranks.wait()
        before, begin = joules(), time.perf_counter()
        for _ in range(steps):
            self.trainer.step(0, 1.0, *self.batch)
        self.ranks.synchronize()
        step, after = 1000 * (time.perf_counter() - begin) / steps, joules()
        drawn = {} if before is None or after is None else {"joules": (after - before) / steps}
        return {"step": step, **drawn, **self.trainer.phases.milliseconds()}


def figures(rounds: list[Round], published: float | None, reference: list[Round]) -> dict[str, Any]:
    """Of one phase of a record."""
    times = [found["step"] for found in rounds]
    parts = {part: statistics.median(found[part] for found in rounds) for part in PHASES}
    found: dict[str, Any] = {**summary(times), "phase_ms": parts}
    if all("joules" in one for one in rounds):
        found["joules_of_a_gpu"] = statistics.median(one["joules"] for one in rounds)
    if published is not None and reference:
        scaled = [published * there["step"] / REFERENCE_THERE for there in reference]
        found |= {"published_ms": published, "published_scaled": summary(scaled), "times_faster": ratios(scaled, times)}
    return found


def measured(runs: dict[str, Run], rounds: int, steps: int) -> dict[str, dict[str, list[Round]]]:
    """Record → phase → rounds; the first round, which compiles, is left out."""
    found: dict[str, dict[str, list[Round]]] = {name: {phase: [] for phase in run.phases} for name, run in runs.items()}
    for index in range(rounds + 1):
        for name, run in runs.items():
            for phase in run.phases:
                timed = run.timed(phase, steps)
                if index:
                    found[name][phase].append(timed)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", nargs="+", metavar="RECORD", help="names of records, such as ternary_v2")
    parser.add_argument("--processes", type=int, default=max(1, torch.cuda.device_count()), help="default: one a GPU")
    parser.add_argument("--of", type=int, default=4, metavar="N", help="ranks that share a step (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=10, metavar="N", help="of a round (default: %(default)s)")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="JSON with all figures")
    arguments = parser.parse_args()

    if "RANK" not in os.environ:
        sys.argv = ["torchrun", "--standalone", f"--nproc-per-node={arguments.processes}", *sys.argv]
        runpy.run_module("torch.distributed.run", run_name="__main__")
        return
    with joined_ranks() as ranks:
        runs = {name: Run(record_named(name), arguments.of, ranks) for name in arguments.records}
        rounds = measured(runs, arguments.rounds, arguments.steps)
        if not ranks.is_main:
            return
    reference = rounds.get(REFERENCE, {}).get("first", [])
    facts = {
        "what": "records in turn",
        "processes": arguments.processes,
        "share_of": arguments.of,
        "records": {
            name: {
                "sequences_of_a_rank": runs[name].sequences,
                **{
                    phase: figures(found, PUBLISHED.get(name, {}).get(phase), reference)
                    for phase, found in by_phase.items()
                },
            }
            for name, by_phase in rounds.items()
        },
        "provenance": provenance({name: run.record.model_dump(mode="json") for name, run in runs.items()}, {}),
    }
    write_json(arguments.out, facts)
    print(arguments.out.read_text())


if __name__ == "__main__":
    main()
