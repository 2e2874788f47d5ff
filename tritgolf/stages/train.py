"""The training stage: lock, launch, publish checkpoints, curve and facts. Safe to run again after any interruption."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tritgolf import checkpoint
from tritgolf.artifact.kinds import MAX_ELEMENTS
from tritgolf.config.models import ModelConfig
from tritgolf.config.train import TrainConfig
from tritgolf.data.batches import check_ranks
from tritgolf.data.loader import validation_tokens
from tritgolf.data.manifest import Manifest, payload_digest, verify_shards
from tritgolf.devices import assigned_gpus
from tritgolf.errors import InputError
from tritgolf.evaluate.bytes import bits_per_byte, token_bytes
from tritgolf.files import atomic_path, read_json, write_json
from tritgolf.model.counts import parameter_counts, trained_parameters
from tritgolf.provenance import envelope, trained_on
from tritgolf.streams import say
from tritgolf.torch_devices import check_gpus, found_here
from tritgolf.train import launch
from tritgolf.train.earlier import TRAINED, trained_with
from tritgolf.train.live import CURVE, finished, keep_finished, locked
from tritgolf.train.plan import Plan
from tritgolf.train.training_log import read_curve

SAMPLED = 1_000_000  # validation tokens that say how many bytes a token has


def train_stage(
    *,
    record: str,
    seed: int,
    model: ModelConfig,
    train: TrainConfig,
    shards: Path,
    live: Path,
    checkpoints: dict[str, Path],
    curve: Path,
    facts: Path,
    processes: int,
    nodes: int = 1,
    device: str | None = None,
    log: Path | None = None,
) -> None:
    """Train ``record`` with ``seed`` on ``processes`` ranks, on each of ``nodes`` nodes, and write its outputs.

    ``live`` is the folder of states while it runs, and keeps what outputs are made from until ``clear_finished``.
    ``checkpoints`` maps names (``step_000100`` … ``final``) to files. A second process with the same ``live`` waits for
    the first and takes over what it made. ``device`` is ``cpu``, ``cuda``, or None: GPUs where there are any, else
    one process on the CPU. ``log`` gets a line a minute while it trains. Raises ``InputError`` where torch cannot use
    the GPUs that are meant.
    """
    manifest = verify_shards(shards)
    _check_first(record, model, train, shards, manifest, processes * nodes)
    plan = Plan(f"{record} seed {seed}", model, train, seed, shards, live)
    trained = _trained_with(plan, manifest)
    configuration = plan.configuration(trained["shards"])
    gpus = processes if nodes == 1 and device != "cpu" else 0  # on several nodes, the scheduler assigns them
    with locked(live), assigned_gpus(gpus) as held:
        if _is_published(configuration, facts, [*checkpoints.values(), curve]):
            return
        if run := finished(live, configuration):
            again = f"its outputs are made again (to train anew, delete {live})"
            say(f"{plan.label}: is trained already; {again}", "stderr")
        else:
            if gpus and (held or gpus > 1 or device == "cuda"):
                check_gpus(gpus, found_here())  # on several nodes, each rank does
                device = "cuda"
            checkpoint.delete_others(live, configuration)
            told = {TRAINED: trained, "log": log and str(log), "bpb_of_a_nat": _bpb_of_a_nat(model, shards, manifest)}
            run = launch.train({**_plan_json(replace(plan, device=device)), **told}, processes, nodes)
        digests = launch.publish(live, checkpoints)
        metrics = _metrics(run, read_curve(live / CURVE), model, digests)
        _copy(live / CURVE, curve)
        written = _envelope(record, run, metrics, train, trained)
        write_json(facts, {**written, "configuration": configuration, TRAINED: trained})
        keep_finished(live, list(checkpoints))


def _bpb_of_a_nat(model: ModelConfig, shards: Path, manifest: Manifest) -> float | None:
    """Bits per byte of a loss of one nat a token of the validation text; None where nothing tells its bytes."""
    if raw := manifest.raw_bytes("validation"):
        return bits_per_byte(1.0, manifest.tokens("validation"), raw)
    tokenizer = shards.with_name("tokenizer") / "tokenizer.model"
    if not tokenizer.exists():
        return None
    tokens = validation_tokens(shards, model.context, model.vocab_size)[:SAMPLED]
    return bits_per_byte(1.0, len(tokens) - 1, int(token_bytes(tokenizer).byte_counts(tokens[:-1], tokens[1:]).sum()))


def _trained_with(plan: Plan, manifest: Manifest) -> dict[str, Any]:
    settings = {"model": plan.model.model_dump(mode="json"), "train": plan.train.model_dump(mode="json")}
    return trained_with({**settings, "seed": plan.seed}, manifest.dataset, payload_digest(manifest))


def _envelope(
    record: str, run: dict[str, Any], metrics: dict[str, Any], train: TrainConfig, trained: dict[str, Any]
) -> dict[str, Any]:
    """What ``train.json`` says of a ``run`` that was ``trained`` so (``_trained_with``)."""
    payload = {key: metrics[key] for key in ("steps", "tokens", "stop_reason", "final_loss", "weights_digest")}
    if train.seconds is not None:
        payload = {"weights_digest": metrics["weights_digest"]}
    return envelope(
        "train",
        record=record,
        seed=trained["seed"],
        checkpoint=None,
        step=run["steps"],
        metrics=metrics,
        payload=payload,
        configuration=[trained[key] for key in ("model", "train", "seed")],
        inputs={"shards": trained["shards"]},
        made_by=_made_by(run),
    )


def _check_first(
    record: str, model: ModelConfig, train: TrainConfig, shards: Path, manifest: Manifest, world: int
) -> None:
    """What could not be stored, scored or divided among ranks is told before it is trained, and by one process."""
    if manifest.vocab_size != model.vocab_size:
        raise InputError(
            shards,
            f"holds tokens of a vocabulary of {manifest.vocab_size}, the model has {model.vocab_size}",
            f"put {manifest.vocab_size} in the record's model.vocab_size, or give it a dataset of another vocabulary",
        )
    trained = trained_parameters(model)
    if trained > MAX_ELEMENTS:
        what = f"has a model of {trained:,} parameters, and an artifact holds at most {MAX_ELEMENTS:,}"
        raise InputError(f"record {record}", what, "make its model smaller")
    validation_tokens(shards, model.context, model.vocab_size)
    check_ranks(train, model.context, world, len(manifest.of("train")))


def _made_by(run: dict[str, Any]) -> dict[str, Any] | None:
    """What made a finished training; None for one of a version that did not say it."""
    made_by, stretches = run.get("made_by"), run.get("trained_on")
    return trained_on(made_by, stretches) if made_by and stretches else made_by


def _metrics(
    run: dict[str, Any], lines: list[dict[str, Any]], model: ModelConfig, digests: dict[str, str]
) -> dict[str, Any]:
    paces = [line["step_ms"] for line in lines[1:]] or [line["step_ms"] for line in lines]
    kept = ("steps", "tokens", "stop_reason", "training_seconds", "compile_seconds", "attention", "world")
    return {
        **{key: run[key] for key in kept},
        "step_ms": {
            "median": float(np.median(paces)),
            "mean": 1000 * run["training_seconds"] / run["steps"],
            "p10": float(np.percentile(paces, 10)),
            "p90": float(np.percentile(paces, 90)),
        },
        "phase_ms": _phases(lines),
        "parameters": parameter_counts(model),
        "final_loss": lines[-1]["loss"],
        **{key: lines[-1][key] for key in ("zero_fraction", "record_zero_fraction") if key in lines[-1]},
        "weights_digest": digests,
    }


def _phases(lines: list[dict[str, Any]]) -> dict[str, float] | None:
    """Medians over the logged steps; None for a curve from before they were measured."""
    timed = [line["phase_ms"] for line in lines if line.get("phase_ms")]
    return {phase: float(np.median([times[phase] for times in timed])) for phase in timed[0]} if timed else None


def _plan_json(plan: Plan) -> dict[str, Any]:
    return {
        "label": plan.label,
        "model": plan.model.model_dump(mode="json"),
        "train": plan.train.model_dump(mode="json"),
        "seed": plan.seed,
        "shards": str(plan.shards),
        "live": str(plan.live),
        "hang_seconds": plan.hang_seconds,
        "device": plan.device,
    }


def _is_published(configuration: str, facts: Path, outputs: list[Path]) -> bool:
    """Whether another process, for which this one waited, has already written all outputs of the same run."""
    if not facts.exists() or not all(path.exists() for path in outputs):
        return False
    return bool(read_json(facts).get("configuration") == configuration)


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        temporary.write_bytes(source.read_bytes())
