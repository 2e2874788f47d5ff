"""One training run on this rank, from its last sound state to its last step. Reads top to bottom."""

import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from tritgolf.config import ModelConfig, TrainConfig
from tritgolf.data.loader import TokenStream, step_batch
from tritgolf.data.shards import load_manifest
from tritgolf.errors import InputError
from tritgolf.files import digest_json
from tritgolf.progress import progress
from tritgolf.provenance import hardware
from tritgolf.train import checkpoint
from tritgolf.train.curve import Curve
from tritgolf.train.distributed import Ranks
from tritgolf.train.schedule import lr_scale
from tritgolf.train.trainer import Trainer
from tritgolf.train.zeros import zero_fractions

STAGE_VERSION = 1  # raised when the meaning of a run changes; part of the configuration digest
AGREE_EVERY = 10  # steps between the moments when ranks agree on time, loss and signals (the record's own rhythm)


@dataclass(frozen=True)
class Plan:
    """What to train: ``live`` is the run's folder of states and curve, ``shards`` the folder of token shards."""

    label: str
    model: ModelConfig
    train: TrainConfig
    seed: int
    shards: Path
    live: Path

    def configuration(self, shards_digest: str) -> str:
        """Digest of everything that the weights depend on."""
        parts = [STAGE_VERSION, self.model.model_dump(mode="json"), self.train.model_dump(mode="json"), self.seed]
        return digest_json([*parts, shards_digest])


class Preempted(Exception):
    """SIGTERM came; the state is saved and the same command continues."""


class _Signal:
    """Remembers that SIGTERM was received."""

    def __init__(self) -> None:
        self.received = False
        signal.signal(signal.SIGTERM, self._receive)

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self.received = True


def run(plan: Plan, ranks: Ranks) -> dict[str, Any]:
    """Train, or continue; returns the facts of the finished run (on every rank).

    Raises ``Preempted`` after SIGTERM and ``InputError`` for bad input or a loss that is not finite.
    """
    stop = _Signal()
    manifest = load_manifest(plan.shards)
    stream = TokenStream.from_manifest(plan.shards, manifest, split="train", vocab_size=plan.model.vocab_size)
    configuration = plan.configuration(manifest.digest)
    trainer = Trainer(plan.model, plan.train, plan.seed, ranks)
    compile_seconds = _warm_up(trainer, plan, stream)
    state = checkpoint.latest(plan.live, configuration) if ranks.is_main or ranks.world > 1 else None
    step, elapsed, pace = 0, 0.0, 0.0
    if state is not None:
        trainer.load_state(state.tensors)
        step, elapsed, pace = int(state.facts["step"]), float(state.facts["seconds"]), float(state.facts["pace"])
    curve = Curve(plan.live / "metrics.jsonl", ranks, kept_steps=step)
    facts = {"configuration": configuration, "seed": plan.seed, "label": plan.label}
    bar = progress(total=plan.train.steps, what=plan.label, unit="steps") if ranks.is_main else None
    if bar is not None:
        bar.update(step)

    since, window = step, 0.0  # the steps since ranks last agreed on the elapsed time, and how long they took
    finished = _is_last(plan.train, step, elapsed)
    while not finished:
        scale = lr_scale(plan.train, step, elapsed + pace * (step - since))
        began = time.perf_counter()
        inputs, targets = _batch(stream, step, plan, ranks)
        loss, cross_entropy = trainer.step(step, scale, inputs, targets)
        step += 1
        curve.mark_step()
        boundary = step % AGREE_EVERY == 0 or step == plan.train.steps
        published = step in plan.train.checkpoints
        logged = step % plan.train.log_every == 0 or step == 1 or step == plan.train.steps or published
        saved = step % plan.train.save_every_steps == 0
        if not (boundary or logged or published or saved):
            window += time.perf_counter() - began
            continue
        ranks.synchronize()
        window += time.perf_counter() - began
        (elapsed, terminated) = ranks.agree([elapsed + window, float(stop.received)])
        pace = window / (step - since) if step > since else pace
        since, window = step, 0.0
        finished = _is_last(plan.train, step, elapsed)
        losses = torch.stack((loss, cross_entropy))
        ranks.average_([losses])
        total, nats = (float(value) for value in losses)
        _check_finite(total, step, trainer.learning_rates(scale), plan.live)
        if logged or finished:
            curve.write(step, plan, nats, total, scale, trainer.learning_rates(scale), elapsed, zero_fractions(trainer))
        if bar is not None:
            bar.update(step - bar.n)
            bar.set_postfix_str(f"loss {nats:.3f}")
        now = {**facts, "step": step, "seconds": elapsed, "pace": pace, "hardware": hardware()}
        if ranks.is_main and (published or finished):
            name = "final" if finished else f"step_{step:06d}"
            checkpoint.save(plan.live / f"{name}.safetensors", trainer.weights(), now)
        if saved or finished or terminated:
            if ranks.is_main:
                checkpoint.save(checkpoint.live_path(plan.live, step), trainer.state(), now)
                checkpoint.prune(plan.live)
            ranks.wait()
        if terminated and not finished:
            raise Preempted(f"{plan.label}: stopped at step {step:,}; the same command continues there")
    if bar is not None:
        bar.close()
    curve.close()
    return {
        "steps": step,
        "tokens": step * plan.train.batch_tokens,
        "stop_reason": "steps" if step >= plan.train.steps else "seconds",
        "training_seconds": elapsed,
        "compile_seconds": compile_seconds,
        "attention": trainer.attention_name,
        "world": ranks.world,
    }


def _batch(stream: TokenStream, step: int, plan: Plan, ranks: Ranks) -> tuple[torch.Tensor, torch.Tensor]:
    inputs, targets = step_batch(
        stream,
        step,
        batch_tokens=plan.train.batch_tokens,
        context=plan.model.context,
        rank=ranks.rank,
        world=ranks.world,
    )
    tensors = [torch.from_numpy(array) for array in (inputs, targets)]
    if ranks.device.type == "cuda":
        tensors = [tensor.pin_memory().to(ranks.device, non_blocking=True) for tensor in tensors]
    return tensors[0], tensors[1]


def _warm_up(trainer: Trainer, plan: Plan, stream: TokenStream) -> float:
    """Steps that only compile: weights and optimizers are put back afterwards. Seconds taken, not counted as training."""
    began = time.perf_counter()
    if trainer.ranks.device.type == "cuda" and plan.train.compile_steps:
        before = {name: tensor.clone() for name, tensor in trainer.state().items()}
        for index in range(plan.train.compile_steps):
            inputs, targets = _batch(stream, index, plan, trainer.ranks)
            trainer.step(index, 1.0, inputs, targets)
        trainer.load_state(before)
        trainer.ranks.synchronize()
    trainer.ranks.wait()
    return time.perf_counter() - began


def _is_last(train: TrainConfig, step: int, elapsed: float) -> bool:
    """Whether ``step`` steps end the run. Time is looked at every ten steps, as in the records."""
    timed_out = train.seconds is not None and elapsed >= train.seconds and step % AGREE_EVERY == 0
    return step >= train.steps or timed_out


def _check_finite(loss: float, step: int, rates: dict[str, float], live: Path) -> None:
    if loss == loss and abs(loss) != float("inf"):
        return
    told = ", ".join(f"{name} {value:.3g}" for name, value in rates.items())
    raise InputError(
        f"training, step {step:,}",
        f"the loss is {loss} ({told})",
        f"the last good state is kept in {live}; lower the learning rates and train anew",
    )


def warn(message: str) -> None:
    """One line on standard error."""
    print(message, file=sys.stderr, flush=True)
