"""Training: budget, batches, optimizers."""

from typing import Literal

from pydantic import Field, model_validator

from tritgolf.config.settings import Settings
from tritgolf.config.types import Fraction, Positive, check


class MuonConfig(Settings):
    """Muon for the 2-D matrices (Jordan et al., 2024, with the record's row normalization)."""

    lr: float = Field(default=0.04, gt=0)
    momentum: Fraction = 0.95
    momentum_start: Fraction = 0.85
    momentum_warmup_steps: int = Field(default=500, ge=0)
    iterations: Positive = 3


class AdamConfig(Settings):
    """Plain Adam for the table and the vectors."""

    table_lr: float = Field(default=0.02, gt=0)
    vector_lr: float = Field(default=0.02, gt=0)
    betas: tuple[Fraction, Fraction] = (0.9, 0.95)
    epsilon: float = Field(default=1e-8, gt=0)


class TrainConfig(Settings):
    """One training run. ``seconds`` is the time budget of training alone (null: steps only)."""

    batch_tokens: Positive = 524_288
    micro_batch_sequences: Positive = 64
    steps: Positive = 10_000
    seconds: float | None = Field(default=None, gt=0)
    warmdown_fraction: Fraction = 0.15
    checkpoints: tuple[Positive, ...] = ()
    save_every_steps: Positive = 500
    log_every: Positive = 10
    compile_steps: int = Field(default=5, ge=0)
    z_loss: float = Field(default=1e-4, ge=0)
    attention: Literal["auto", "fa3", "fa4", "fa2", "cudnn", "sdpa", "math"] = "auto"
    cpu_threads: Positive = 1
    muon: MuonConfig = MuonConfig()
    adam: AdamConfig = AdamConfig()

    @model_validator(mode="after")
    def _checkpoints_are_reachable(self) -> "TrainConfig":
        if self.checkpoints:
            check(
                self.seconds is None,
                "checkpoints",
                list(self.checkpoints),
                "[] when a time budget (seconds) decides the last step; the final weights are always kept",
            )
            check(
                max(self.checkpoints) < self.steps,
                "checkpoints",
                list(self.checkpoints),
                f"steps before the last, {self.steps}, whose weights are always kept as 'final'",
            )
            increasing = sorted(set(self.checkpoints)) == list(self.checkpoints)
            check(increasing, "checkpoints", list(self.checkpoints), "increasing steps")
        return self

    @property
    def checkpoint_names(self) -> list[str]:
        """Names of the published checkpoints, in order of training: ``step_000600`` … ``final``."""
        return [f"step_{step:06d}" for step in self.checkpoints] + ["final"]
