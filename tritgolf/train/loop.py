"""One training run on this rank, from its last sound state to its last step."""

import contextlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from tritgolf import checkpoint
from tritgolf.config.train import TrainConfig
from tritgolf.data.batches import BatchSource, batch_source, check_ranks
from tritgolf.data.manifest import load_manifest, payload_digest
from tritgolf.ranks import Ranks
from tritgolf.train.divergence import check_loss, check_weights
from tritgolf.train.plan import Plan
from tritgolf.train.resume import Clock, resumed
from tritgolf.train.schedule import is_time_up, lr_scale, phase_at, progress
from tritgolf.train.step_log import StepLog, agreed_losses, agreed_times
from tritgolf.train.trainer import Trainer
from tritgolf.train.warmup import warm_up


class Preempted(Exception):  # noqa: N818 (it is no error)
    """SIGTERM or Ctrl-C came; the state is saved and the same command continues."""


def run(plan: Plan, ranks: Ranks, hear: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
    """Train, or continue; returns the facts of the finished run. ``hear`` gets each new line of the curve, on rank 0.

    Raises ``Preempted`` after SIGTERM or Ctrl-C, and ``InputError`` for bad input or a loss that is not finite.
    """
    terminated = _listen_for_signals()
    train, context = plan.train, plan.model.context
    manifest = load_manifest(plan.shards)
    check_ranks(train, context, ranks.world, len(manifest.of("train")))  # an impossible one is told before any work
    source = batch_source(plan.shards, train, context, plan.model.vocab_size)
    with contextlib.closing(Trainer(plan.model, train, plan.seed, ranks)) as trainer:
        compile_seconds = warm_up(trainer, lambda step: _batch(source, step, plan, ranks))
        configuration = plan.configuration(payload_digest(manifest))
        facts = {"configuration": configuration, "seed": plan.seed, "label": plan.label, "world": ranks.world} | {
            "tokenizer": manifest.tokenizer_digest  # for the header of an artifact
        }
        step, clock, trained_on = resumed(trainer, plan.live, configuration)
        log = StepLog(plan, trainer, step, hear)
        step = _Run(plan, trainer, source, clock, log, terminated, facts, trained_on).to_the_end(step)
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


@dataclass
class _Run:
    """What a run has at hand. ``terminated``: whether a signal came; ``trained_on``: the devices up to a step."""

    plan: Plan
    trainer: Trainer
    source: BatchSource
    clock: Clock
    log: StepLog
    terminated: Callable[[], bool]
    facts: dict[str, Any]
    trained_on: Callable[[int], list[dict[str, Any]]]

    def to_the_end(self, step: int) -> int:
        """Do all steps after ``step``; returns how many have been done."""
        train, trainer, clock, ranks = self.plan.train, self.trainer, self.clock, self.trainer.ranks
        finished = _is_last(train, step, clock.elapsed)
        share, lowest, batch = 0.0, 1.0, _batch(self.source, step, self.plan, ranks)
        while not finished:
            began = time.perf_counter()
            share = max(share, progress(train, step, clock.now(step)))  # extrapolated time may go back, a phase doesn't
            scale = lr_scale(train, step, clock.now(step))
            lowest = min(lowest, scale)
            trainer.enter(phase_at(train, share, lowest))
            losses = trainer.step(step, scale, *batch)
            step += 1
            batch = _batch(self.source, step, self.plan, ranks)  # while the GPU is at work
            pause = self._is_pause(step)
            if pause:
                ranks.watch()
                ranks.synchronize()
            clock.running += time.perf_counter() - began
            if pause:
                finished = self._pause(step, scale, losses)
        return step

    def _pause(self, step: int, scale: float, losses: tuple[Tensor, Tensor]) -> bool:
        """Agree with all ranks, write and save what is due after ``step``; whether it was the last one."""
        plan, trainer, clock = self.plan, self.trainer, self.clock
        stop = clock.agree(step, self.terminated())
        finished = _is_last(plan.train, step, clock.elapsed)
        loss, nats = agreed_losses(losses, trainer.ranks)
        logged = finished or self._is_logged(step)
        times = agreed_times(trainer) if logged else {}
        rates = trainer.learning_rates(scale)
        check_loss(loss, step, rates, plan.live)
        if logged:
            self.log.write(step, loss, nats, scale, clock.elapsed, times)
        if finished or stop or self._is_saved(step):
            check_weights(trainer.weights(), step, rates, plan.live)
            self._save(step, finished)
        if logged:
            trainer.ranks.wait()  # for the one that writes: else the next step of the others, and their clocks, would
        if stop and not finished:
            raise Preempted(f"{plan.label}: stopped after step {step:,}; the same command continues there")
        return finished

    def _is_logged(self, step: int) -> bool:
        train = self.plan.train
        return step in (1, train.steps, *train.checkpoints) or step % train.log_every == 0

    def _is_saved(self, step: int) -> bool:
        return step in self.plan.train.checkpoints or step % self.plan.train.save_every_steps == 0

    def _is_pause(self, step: int) -> bool:
        """Whether ranks agree on time and signals after ``step``."""
        return self._is_logged(step) or self._is_saved(step) or step % self.plan.train.clock_every_steps == 0

    def _save(self, step: int, finished: bool) -> None:
        """Keep the full state for resuming, and the weights alone where a checkpoint is published."""
        plan, trainer, clock = self.plan, self.trainer, self.clock
        facts = {"step": step, "seconds": clock.elapsed, "pace": clock.pace, "trained_on": self.trained_on(step)}
        facts = {**self.facts, **facts}
        trainer.gather_state()
        if trainer.ranks.is_main:
            if finished or step in plan.train.checkpoints:
                name = "final" if finished else f"step_{step:06d}"
                checkpoint.save(plan.live / f"{name}.safetensors", trainer.checkpoint_weights(), facts)
            checkpoint.save(checkpoint.live_path(plan.live, step), trainer.state(), facts)
            checkpoint.prune(plan.live)
        trainer.ranks.wait()


def _batch(source: BatchSource, step: int, plan: Plan, ranks: Ranks) -> list[Tensor]:
    """This rank's inputs and targets of ``step``, int64 (sequences, context), on its device."""
    tensors = [torch.from_numpy(array) for array in source.batch(step, ranks.rank, ranks.world)]
    if ranks.device.type == "cuda":
        return [tensor.pin_memory().to(ranks.device, non_blocking=True) for tensor in tensors]
    return tensors


def _is_last(train: TrainConfig, step: int, elapsed: float) -> bool:
    return step >= train.steps or (is_time_up(train, elapsed) and step % train.clock_every_steps == 0)


def _listen_for_signals() -> Callable[[], bool]:
    """A function that tells whether SIGTERM, or Ctrl-C, has come since."""
    received: list[int] = []

    def receive(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, receive)
    return lambda: bool(received)
