"""One training run on this rank, from its last sound state to its last step."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from tritgolf import checkpoint
from tritgolf.config.model import UNetConfig
from tritgolf.config.train import TrainConfig
from tritgolf.data.loader import TokenStream, plan_step, step_batch, training_stream
from tritgolf.data.manifest import load_manifest, payload_digest
from tritgolf.files import digest_json
from tritgolf.model.zeros import zero_facts
from tritgolf.progress import progress
from tritgolf.provenance import version_of
from tritgolf.train.distributed import Ranks
from tritgolf.train.divergence import check_loss, check_weights
from tritgolf.train.live import CURVE
from tritgolf.train.resume import Clock, resumed
from tritgolf.train.schedule import lr_scale, muon_momentum
from tritgolf.train.step_timing import FASTEST, SLOWEST, SlowSteps
from tritgolf.train.trainer import Trainer
from tritgolf.train.training_log import Curve

AGREE_EVERY = 10  # steps between the moments when ranks agree on time and signals (the records look at the clock so)


@dataclass(frozen=True)
class Plan:
    """What to train: ``live`` is the run's folder of states and curve, ``shards`` the folder of token shards.

    A rank hangs when it has stood still for ``hang_seconds``; all are then ended and started again. ``device`` is
    ``cpu``, ``cuda``, or None: a GPU where there is one.
    """

    label: str
    model: UNetConfig
    train: TrainConfig
    seed: int
    shards: Path
    live: Path
    hang_seconds: float = 600
    device: str | None = None

    def configuration(self, shards_digest: str) -> str:
        """Digest of the settings and data that the weights depend on.

        Not of the number of ranks: it changes the order of summation, and where tokens of a step begin only above 8.
        """
        settings = [self.model.model_dump(mode="json"), self.train.model_dump(mode="json")]
        return digest_json([version_of("train"), *settings, self.seed, shards_digest])


class Preempted(Exception):  # noqa: N818 (it is no error)
    """SIGTERM or Ctrl-C came; the state is saved and the same command continues."""


def run(plan: Plan, ranks: Ranks) -> dict[str, Any]:
    """Train, or continue; returns the facts of the finished run.

    Raises ``Preempted`` after SIGTERM or Ctrl-C, and ``InputError`` for bad input or a loss that is not finite.
    """
    terminated = _listen_for_signals()
    train = plan.train
    plan_step(train.batch_tokens, plan.model.context, ranks.world)  # an impossible world size is told before any work
    shards_digest = payload_digest(load_manifest(plan.shards))
    stream = training_stream(plan.shards, plan.model.vocab_size)
    trainer = Trainer(plan.model, train, plan.seed, ranks)
    compile_seconds = _compile(trainer, plan, stream)
    configuration = plan.configuration(shards_digest)
    facts = {"configuration": configuration, "seed": plan.seed, "label": plan.label, "world": ranks.world}
    step, clock, trained_on = resumed(trainer, plan.live, configuration)
    curve = Curve(plan.live / CURVE, kept_steps=step) if ranks.is_main else None
    bar = progress(total=train.steps, what=plan.label, unit="steps")
    bar.update(step)
    complaints = SlowSteps(plan.label, ranks.on_gpus)

    finished = _is_last(train, step, clock.elapsed)
    while not finished:
        began = time.perf_counter()
        scale = lr_scale(train, step, clock.now(step))
        losses = trainer.step(step, scale, *_batch(stream, step, plan, ranks))
        step += 1
        published = step in train.checkpoints
        logged = published or step in (1, train.steps) or step % train.log_every == 0
        saved = published or step % train.save_every_steps == 0
        pause = logged or saved or step % AGREE_EVERY == 0
        if pause:
            ranks.synchronize()
        clock.running += time.perf_counter() - began
        if not pause:
            continue
        stop = clock.agree(step, terminated())
        finished = _is_last(train, step, clock.elapsed)
        loss, nats = _agreed_losses(losses, ranks)
        told = logged or finished
        phases = _agreed_phases(trainer) if told else {}
        check_loss(loss, step, trainer.learning_rates(scale), plan.live)
        if curve is not None and told:
            curve.write(_line(step, plan, nats, loss, scale, clock, trainer, phases), train.batch_tokens)
            complaints.hear(phases, step)
        bar.update(step - bar.n)
        bar.set_postfix_str(f"loss {nats:.3f}")
        if saved or finished or stop:
            check_weights(trainer.weights(), step, trainer.learning_rates(scale), plan.live)
            now = {**facts, "step": step, "seconds": clock.elapsed, "pace": clock.pace, "trained_on": trained_on(step)}
            _save(trainer, plan, now, finished=finished, published=published)
        if told:
            ranks.wait()  # for the one that writes: else the next step of the others, and their clocks, would
        if stop and not finished:
            raise Preempted(f"{plan.label}: stopped after step {step:,}; the same command continues there")
    bar.close()
    return {
        "steps": step,
        "tokens": step * train.batch_tokens,
        "stop_reason": "steps" if step >= train.steps else "seconds",
        "training_seconds": clock.elapsed,
        "compile_seconds": compile_seconds,
        "attention": trainer.attention_name,
        "world": ranks.world,
        "configuration": configuration,
        "trained_on": trained_on(step),
    }


def _batch(stream: TokenStream, step: int, plan: Plan, ranks: Ranks) -> list[Tensor]:
    """This rank's inputs and targets of ``step``, int64 (sequences, context), on its device."""
    arrays = step_batch(
        stream,
        step,
        batch_tokens=plan.train.batch_tokens,
        context=plan.model.context,
        rank=ranks.rank,
        world=ranks.world,
    )
    tensors = [torch.from_numpy(array) for array in arrays]
    if ranks.device.type == "cuda":
        return [tensor.pin_memory().to(ranks.device, non_blocking=True) for tensor in tensors]
    return tensors


def _compile(trainer: Trainer, plan: Plan, stream: TokenStream) -> float:
    """Steps that only compile; weights and optimizers are put back. Returns their seconds: no training time."""
    began = time.perf_counter()
    if trainer.ranks.device.type == "cuda" and plan.train.compile_steps:
        before = {name: tensor.clone() for name, tensor in trainer.state().items()}
        for index in range(plan.train.compile_steps):
            trainer.step(index, 1.0, *_batch(stream, index, plan, trainer.ranks))
        trainer.load_state(before)
        trainer.ranks.synchronize()
    trainer.ranks.wait()
    return time.perf_counter() - began


def _line(
    step: int,
    plan: Plan,
    nats: float,
    loss: float,
    scale: float,
    clock: Clock,
    trainer: Trainer,
    phases: dict[str, float],
) -> dict[str, Any]:
    """One line of the curve (losses of the batch before the update that made ``step``)."""
    return {
        "step": step,
        "tokens": step * plan.train.batch_tokens,
        "loss": nats,
        "record_loss": loss,
        "lr_scale": scale,
        **trainer.learning_rates(scale),
        "muon_momentum": muon_momentum(plan.train.muon, step - 1),
        "training_seconds": clock.elapsed,
        "phase_ms": phases,
        **zero_facts(plan.model, trainer.weights()),
    }


def _save(trainer: Trainer, plan: Plan, facts: dict[str, Any], *, finished: bool, published: bool) -> None:
    """Keep the full state for resuming, and the weights alone where a checkpoint is published."""
    if trainer.ranks.is_main:
        if published or finished:
            name = "final" if finished else f"step_{facts['step']:06d}"
            checkpoint.save(plan.live / f"{name}.safetensors", trainer.weights(), facts)
        checkpoint.save(checkpoint.live_path(plan.live, facts["step"]), trainer.state(), facts)
        checkpoint.prune(plan.live)
    trainer.ranks.wait()


def _agreed_losses(losses: tuple[Tensor, Tensor], ranks: Ranks) -> tuple[float, float]:
    mean = torch.stack(losses)
    ranks.average_([mean])
    return float(mean[0]), float(mean[1])


def _agreed_phases(trainer: Trainer) -> dict[str, float]:
    """Milliseconds of this rank's last step by phase, and of the gradients on the slowest and the fastest rank."""
    phases = trainer.phases.milliseconds()
    own = phases.get("gradients", 0.0)
    slowest, fastest = trainer.ranks.agree([own, -own])
    return {**phases, SLOWEST: slowest, FASTEST: -fastest} if phases else phases


def _is_last(train: TrainConfig, step: int, elapsed: float) -> bool:
    timed_out = train.seconds is not None and elapsed >= train.seconds and step % AGREE_EVERY == 0
    return step >= train.steps or timed_out


def _listen_for_signals() -> Callable[[], bool]:
    """A function that tells whether SIGTERM, or Ctrl-C, has come since."""
    received: list[int] = []

    def receive(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, receive)
    return lambda: bool(received)
