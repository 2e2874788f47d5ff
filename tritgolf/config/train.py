"""Training: budget, batches, optimizers."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from tritgolf.config.settings import Settings
from tritgolf.config.types import Decay, Fraction, Positive, Precision, check

PUBLISHED_Z_LOSS = {"unet": 1e-4}  # by kind of model: what the published val_bpb of its systems holds


class MuonConfig(Settings):
    """Muon for the 2-D matrices (Jordan et al., 2024, with the record's row normalization).

    ``rows``: what each row is divided by first, its root mean square (with RMSNorm's ε; #640), its L2 norm, at least
    1e-7 ("MuonEq-R", #1716), or nothing (#1019). Small gradients tell them apart. ``weight_decay``: decoupled, a step
    takes lr times it. ``momentum_dtype``: what gradient and momentum are rounded to (#1019: BF16).
    """

    LATER: ClassVar[frozenset[str]] = frozenset({"rows", "weight_decay", "momentum_dtype"})
    lr: float = Field(default=0.04, gt=0)
    momentum: Decay = 0.95
    momentum_start: Decay = 0.85
    momentum_warmup_steps: int = Field(default=500, ge=0)
    iterations: Positive = 3
    rows: Literal["rms", "l2", "none"] = "rms"
    weight_decay: float = Field(default=0.0, ge=0)
    momentum_dtype: Precision = "float32"


class AdamConfig(Settings):
    """Adam for the table and the vectors.

    ``kind``: plain ``adam``, or ``adamw`` with decoupled weight decay, by PyTorch's fused form on CPUs too: all in
    FP32, moments rounded to the parameter's dtype only where they are stored (#1716). ``trains_hash_embedding``: with
    the table's rate, or not at all: then its gradient adds up over the whole run, and in the norm that clips (#1716).
    ``trains_projections``: with the vectors' rate, instead of Muon (#1019).
    """

    LATER: ClassVar[frozenset[str]] = frozenset(
        {"kind", "table_weight_decay", "vector_weight_decay", "trains_hash_embedding", "trains_projections"}
    )
    table_lr: float = Field(default=0.02, gt=0)
    vector_lr: float = Field(default=0.02, gt=0)
    betas: tuple[Decay, Decay] = (0.9, 0.95)
    epsilon: float = Field(default=1e-8, gt=0)
    kind: Literal["adam", "adamw"] = "adam"
    table_weight_decay: float = Field(default=0.0, ge=0)
    vector_weight_decay: float = Field(default=0.0, ge=0)
    trains_hash_embedding: bool = True
    trains_projections: bool = False

    @model_validator(mode="after")
    def _only_adamw_decays(self) -> "AdamConfig":
        for key in ("table_weight_decay", "vector_weight_decay"):
            check(self.kind == "adamw" or getattr(self, key) == 0, key, getattr(self, key), "0 unless kind is adamw")
        return self


class StartConfig(Settings):
    """When mechanisms begin, as a share of the budget: ``recurrence``, the repeated layers (#1716: 0.35).

    ``qat``: matrices that are trained on a grid are computed on it from there on. ``qat_lr_below``: instead, from where
    the schedule's factor of the learning rates is below it (#1019: 0.15).
    """

    LATER: ClassVar[frozenset[str]] = frozenset({"qat", "qat_lr_below"})
    recurrence: Fraction = 0.0
    qat: Fraction = 0.0
    qat_lr_below: Fraction | None = None

    @model_validator(mode="after")
    def _one_start_of_qat(self) -> "StartConfig":
        twice = self.qat_lr_below is not None and "qat" in self.model_fields_set
        check(not twice, "qat_lr_below", self.qat_lr_below, "null, as qat says when")
        return self


class AverageConfig(Settings):
    """An exponential moving average of the weights, of which checkpoints are made (#1716).

    After each step e ← decay·e + (1 − decay)·w, FP32, from the initial weights, without bias correction; with
    ``from_step`` from those that it finds after so many steps (#1722's first version).
    """

    LATER: ClassVar[frozenset[str]] = frozenset({"from_step"})
    kind: Literal["ema"] = "ema"
    decay: Decay
    from_step: int = Field(default=0, ge=0)


class TrainConfig(Settings):
    """One training run. ``seconds`` is the time budget of training alone (null: steps only).

    ``reserve_seconds`` of it are left for what follows training. All ranks look at the clock together every
    ``clock_every_steps`` steps. ``order`` is the data's: one contiguous stream, or shuffled sequences (#1716).
    ``clip_norm``: what the global L2 norm of all gradients is clipped to; with ``clip_each_rank`` each rank's own,
    before they are averaged (#1019). ``compile_steps``: steps in each phase before the clock starts; then everything is
    put back. ``warmdown_steps``: instead of ``warmdown_fraction``, steps of the time that steps took so far (#1019).
    ``products``: those of the blocks' matrices are computed in the model's ``compute``, or in FP8 (``model.fp8``).
    """

    LATER: ClassVar[frozenset[str]] = frozenset(
        {"order", "reserve_seconds", "clock_every_steps", "clip_norm", "start", "average"}
        | {"clip_each_rank", "warmdown_steps", "products"}
    )
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
    order: Literal["stream", "shuffled"] = "stream"
    reserve_seconds: float = Field(default=0.0, ge=0)
    clock_every_steps: Positive = 10
    clip_norm: float | None = Field(default=None, gt=0)
    start: StartConfig = StartConfig()
    average: AverageConfig | None = None
    clip_each_rank: bool = False
    warmdown_steps: Positive | None = None
    products: Literal["compute", "fp8"] = "compute"

    @model_validator(mode="after")
    def _some_time_is_left(self) -> "TrainConfig":
        sound = self.reserve_seconds == 0 or self.reserve_seconds < (self.seconds or 0)
        least = f"less than seconds, {self.seconds}, which it is part of" if self.seconds else "0: seconds is null"
        check(sound, "reserve_seconds", self.reserve_seconds, least)
        return self

    @model_validator(mode="after")
    def _one_warmdown(self) -> "TrainConfig":
        fraction = self.warmdown_fraction
        check(self.warmdown_steps is None or fraction == 0, "warmdown_fraction", fraction, "0 where steps are counted")
        return self

    @model_validator(mode="after")
    def _something_is_clipped(self) -> "TrainConfig":
        check(self.clip_norm is not None or not self.clip_each_rank, "clip_each_rank", True, "false without clip_norm")
        return self

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
