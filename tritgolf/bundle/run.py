"""What the script of a submission does: train, export, reload, score and log. ``torchrun`` starts it, or plain Python.

It is the package's own code, called as the stages call it; ``main`` gets the settings of the record (``record.py``)
that the script holds. A stopped run continues with the same command. Everything it writes is in ``--out``.
"""

import argparse
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from tritgolf import checkpoint
from tritgolf.artifact.calibration import TrainingRun
from tritgolf.artifact.container import read_artifact
from tritgolf.bundle import log
from tritgolf.bundle.plain import with_manifest
from tritgolf.bundle.record import BundledRecord
from tritgolf.config.types import seed_of
from tritgolf.data.manifest import check_tokenizer, payload_digest, verify_shards
from tritgolf.errors import one_line_errors
from tritgolf.evaluate.load import trained_network
from tritgolf.evaluate.text import validation_text
from tritgolf.files import write_json
from tritgolf.model.counts import trained_parameters
from tritgolf.ranks import Ranks, joined_ranks
from tritgolf.stages.evaluate import EvaluationData, evaluated
from tritgolf.stages.export import Origin, write_storages
from tritgolf.streams import say
from tritgolf.train.live import CURVE
from tritgolf.train.loop import Preempted, run
from tritgolf.train.plan import Plan
from tritgolf.train.training_log import read_curve

EXIT_PREEMPTED = 75  # EX_TEMPFAIL, as in ``train.__main__``


def main(settings: dict[str, Any], code_bytes: int, arguments: list[str] | None = None) -> int:
    """Run the record of these ``settings``; ``code_bytes``: the size of the script. Returns the exit code."""
    with one_line_errors():
        asked = _parser().parse_args(arguments)
        record = BundledRecord.model_validate(settings).with_stop(asked.steps, asked.seconds)
        torch.set_num_threads(record.train.cpu_threads)
        out = Path(asked.out or f"seed{asked.seed}")
        plan = Plan(
            f"{record.name} seed {asked.seed}", record.model, record.train, asked.seed, asked.data, out / "live",
            device=asked.device,
        )  # fmt: skip
        plan.live.mkdir(parents=True, exist_ok=True)
        try:
            with joined_ranks(plan.hang_seconds, plan.device) as ranks:
                plan = replace(plan, shards=_shards(plan, asked.tokenizer, ranks))
                facts = _trained(record, plan, asked.tokenizer, ranks)
                trained = _exported(record, plan, facts, asked.tokenizer, out, code_bytes) if ranks.is_main else {}
                _score(record, plan, facts, asked.tokenizer, ranks.of_first(trained), ranks)
        except Preempted as stop:
            say(str(stop))
            return EXIT_PREEMPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser, given = argparse.ArgumentParser(), os.environ.get
    parser.add_argument("--data", type=Path, default=Path(given("DATA_PATH", "shards")), help="folder of shards")
    parser.add_argument("--tokenizer", type=Path, default=Path(given("TOKENIZER_PATH", "tokenizer.model")))
    parser.add_argument("--seed", type=seed_of, default=given("SEED", "42"))
    parser.add_argument("--out", type=Path, help="folder (default: seedN)")
    parser.add_argument("--steps", type=int, help="instead of the record's")
    parser.add_argument("--seconds", type=float, help="instead of the record's")
    parser.add_argument("--device", choices=("cpu", "cuda"))
    return parser


def _shards(plan: Plan, tokenizer: Path, ranks: Ranks) -> Path:
    """The folder that is trained on: the main rank puts one together where the given one has no manifest."""
    links = plan.live.with_name("shards")
    made = with_manifest(plan.shards, tokenizer, plan.model.vocab_size, links) if ranks.is_main else links
    return ranks.of_first(made)


def _trained(record: BundledRecord, plan: Plan, tokenizer: Path, ranks: Ranks) -> dict[str, Any]:
    """Facts of the finished training; the main rank checks data and states first and writes the log."""
    if ranks.is_main:
        digest = payload_digest(verify_shards(plan.shards))
        check_tokenizer(plan.shards, tokenizer)
        checkpoint.latest(plan.live, plan.configuration(digest))  # before the log of other settings would be begun anew
        model, train = (settings.model_dump(mode="json") for settings in (plan.model, plan.train))
        count = trained_parameters(plan.model)
        _tell(
            plan, log.opening(record.name, model, train, parameters=count, world=ranks.world, seed=plan.seed), anew=True
        )
        _tell(plan, (log.step_line(line, plan.train.steps) for line in read_curve(plan.live / CURVE)))
    return run(plan, ranks, lambda line: _tell(plan, [log.step_line(line, plan.train.steps)]))


def _exported(
    record: BundledRecord, plan: Plan, run: dict[str, Any], tokenizer: Path, out: Path, code_bytes: int
) -> dict[str, Any]:
    """Score the trained weights and write the artifact; tell the log. What ``result.json`` says of them."""
    model, train, export = record.model, record.train, record.export
    weights = checkpoint.load(plan.live / "final.safetensors")
    text = validation_text(plan.shards, tokenizer, model, record.evaluate.batch_sequences, train.z_loss)
    score = text.score(trained_network(model, weights.tensors, train.attention), "trained")[1].as_dict()
    _tell(plan, log.trained(score, read_curve(plan.live / CURVE)[-1], run, train))
    calibration = TrainingRun(plan.seed, train, run["world"], plan.shards)
    exported = write_storages(
        Origin(record.name, plan.seed, "final"), weights, model, export, calibration, out, train.cpu_threads
    )
    stored = exported.entries[export.own_storage]
    _tell(plan, log.sizes(stored, code=code_bytes, limit=export.byte_limit, grids=record.grids))
    return {"weights_digest": weights.facts["digest"], "trained": score, "stored": stored, "code_bytes": code_bytes}


def _score(
    record: BundledRecord, plan: Plan, run: dict[str, Any], tokenizer: Path, result: dict[str, Any], ranks: Ranks
) -> None:
    """Reload the artifact and score it by the record's methods, on all ranks; tell the log and ``result.json``."""
    out = plan.live.parent
    artifact = read_artifact(out / result["stored"]["file"])
    data, steps = EvaluationData(plan.shards, tokenizer), {"steps": run["steps"], "world": run["world"]}
    scores = evaluated(artifact, record.model, record.train, record.evaluate, data, **steps, ranks=ranks)[0]
    if ranks.is_main:
        _tell(plan, log.scored(scores, record.grids))
        write_json(out / "result.json", result | {"evaluate": scores, "run": run})


def _tell(plan: Plan, lines: Iterable[str], anew: bool = False) -> None:
    """Print ``lines`` and append them to the run's log, or begin it ``anew``."""
    path = plan.live.with_name(f"train_seed{plan.seed}.log")
    with path.open("w" if anew else "a", encoding="utf-8") as file:
        for line in lines:
            say(line)
            print(line, file=file, flush=True)
