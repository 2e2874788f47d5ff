"""What is told of the steps of a run: lines of its curve, a warning of slow steps."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tritgolf.model.zeros import zero_facts
from tritgolf.ranks import Ranks
from tritgolf.train.live import CURVE
from tritgolf.train.plan import Plan
from tritgolf.train.schedule import muon_momentum, phases
from tritgolf.train.step_timing import FASTEST, SLOWEST, SlowSteps
from tritgolf.train.trainer import Trainer
from tritgolf.train.training_log import Curve


class StepLog:
    """The log of a run that goes on after ``step`` steps; the main rank alone writes, and tells ``hear``."""

    def __init__(
        self, plan: Plan, trainer: Trainer, step: int, hear: Callable[[dict[str, Any]], None] | None = None
    ) -> None:
        self.plan, self.trainer, self.hear = plan, trainer, hear
        self.curve = Curve(plan.live / CURVE, kept_steps=step) if trainer.ranks.is_main else None
        self.slow_steps = SlowSteps(plan.label, trainer.ranks.on_gpus)

    def write(self, step: int, loss: float, nats: float, scale: float, seconds: float, times: dict[str, float]) -> None:
        """A line of the curve: ``loss`` and ``nats`` of the batch before the update that made ``step``.

        ``scale``: of the learning rates; ``seconds`` of training; ``times``: of the step's parts, milliseconds.
        """
        if self.curve is None:
            return
        train = self.plan.train
        norm = self.trainer.gradient_norm
        line = {
            "step": step,
            "tokens": step * train.batch_tokens,
            "loss": nats,
            "record_loss": loss,
            "lr_scale": scale,
            **self.trainer.learning_rates(scale),
            "muon_momentum": muon_momentum(train.muon, step - 1),
            **({} if norm is None else {"gradient_norm": norm}),
            "training_seconds": seconds,
            "phase_ms": times,
            **self._phase(),
            **zero_facts(self.plan.model, self.trainer.weights()),
        }
        self.curve.write(line, train.batch_tokens)
        if self.hear is not None:
            self.hear(line)
        self.slow_steps.hear(times, step)

    def _phase(self) -> dict[str, bool]:
        """What differs among the phases of the run, as it is in this step."""
        each = [phase._asdict() for phase in phases(self.plan.train)]
        now = self.trainer.phase._asdict()
        return {name: now[name] for name in now if len({phase[name] for phase in each}) > 1}


def agreed_losses(losses: tuple[Tensor, Tensor], ranks: Ranks) -> tuple[float, float]:
    """Means over ranks of both losses of a step."""
    mean = torch.stack(losses)
    ranks.average_([mean])
    return float(mean[0]), float(mean[1])


def agreed_times(trainer: Trainer) -> dict[str, float]:
    """Milliseconds of this rank's last step by part, and of the gradients on the slowest and the fastest rank."""
    times = trainer.phases.milliseconds()
    own = times.get("gradients", 0.0)
    slowest, fastest = trainer.ranks.agree([own, -own])
    return {**times, SLOWEST: slowest, FASTEST: -fastest} if times else times
