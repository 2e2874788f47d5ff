"""The typed, validated configuration of a record: the one place where a setting is defined.

A record is a YAML file in ``records/``. It may ``inherit`` from another and then states only what differs. A ``mode``
("faithful" or "honest") fills in the settings of ``MODES`` that the record leaves open, so a loaded record is fully
explicit: nothing is decided later. Every error is one line that names file, key, value and what is allowed.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tritgolf.errors import InputError
from tritgolf.lossless import losses
from tritgolf.settings import Settings, merge, read_yaml, validate

RUN_MARK = "@"  # between a record's name and a run's: RECORD@RUN
Mode = Literal["faithful", "honest"]
Precision = Literal["float32", "bfloat16"]
ReloadPrecision = Literal["float32", "bfloat16", "float16"]
Format = Literal["float32", "bfloat16", "float16", "e4m3", "e5m2"]
ScaleFormat = Literal["float32", "bfloat16", "float16", "e4m3", "e5m2", "e8m0", "bfp8"]
Decide = Literal["forward", "forward_float16", "master", "master_float64", "master_bfloat16"]
ByteCounting = Literal["raw", "published"]
Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=1 << 63)]

# What the two named modes mean, setting by setting; the README's table is made from this.
MODES: dict[str, dict[str, Any]] = {
    "faithful": {
        "model.rotary_frequencies": "bfloat16",
        "export.decide": "master",
        "export.shrinkage": True,
        "export.reload_dtype": "bfloat16",
        "export.mixes": "e4m3",
        "evaluate.window_rule": "record",
        "evaluate.headline_z_loss": True,
        "evaluate.apply_temperature": False,
        "report.zero_fraction": "record",
        "report.bytes": "published",
    },
    "honest": {
        "model.rotary_frequencies": "float32",
        "export.decide": "forward",
        "export.shrinkage": False,
        "export.reload_dtype": "float32",
        "export.mixes": "bfloat16",
        "evaluate.window_rule": "every_token",
        "evaluate.headline_z_loss": False,
        "evaluate.apply_temperature": True,
        "report.zero_fraction": "true",
        "report.bytes": "raw",
    },
}


class QuantizerConfig(Settings):
    """The ternary quantizer (``tritgolf.model.ternary``).

    ``arithmetic``: what scales and trits are decided from. Both modes take the FP32 weights (``float64``: means are
    summed in FP64), as the published forward pass does once compiled. ``bf16_weight`` rounds the weights to BF16 first,
    as its source is written (``ternary_v2_as_written``); ``float32`` sums in FP32, as the published export does.
    """

    group_size: Positive = 128
    estimator: Literal["absmean", "rms"] = "rms"
    arithmetic: Literal["bf16_weight", "float32", "float64"] = "float64"
    scale_dtype: Literal["float32", "bfloat16", "float16"] = "float32"


class ModelConfig(Settings):
    """The ternary U-Net transformer (record-spec: #640, #920, #923).

    ``head_table``, ``mixes`` and ``vectors`` are what the forward pass rounds to, straight-through, so that a model is
    trained in what it will be stored in: the tied table as the head uses it, residual mixes and skip weights, and the
    1-D parameters. The published records round none of these, but cast them to ``compute``; ``ternary_lossless`` does.
    """

    vocab_size: Annotated[int, Field(gt=0, le=1 << 16)] = 8192  # a token is a uint16
    layers: Positive = 10
    width: Positive = 768
    heads: Positive = 8
    kv_heads: Positive = 4
    mlp_multiple: Positive = 4
    embed_dim: Positive = 312
    context: Positive = 1024
    smear: bool = False
    rotary_base: float = Field(default=5000.0, gt=1)
    rotary_frequencies: Precision
    yarn_max: Positive = 2048
    q_gain: float = 2.25
    softcap: float = Field(default=10.0, gt=0, le=80)  # exp(80) is still FP32
    fp8_embedding: bool = True
    head_table: Literal["bfloat16", "e4m3"] = "bfloat16"
    mixes: Literal["float32", "bfloat16", "e4m3"] = "float32"
    vectors: Literal["float32", "bfloat16"] = "float32"
    compute: Precision = "bfloat16"
    quantizer: QuantizerConfig

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads

    @model_validator(mode="after")
    def _sizes_agree(self) -> "ModelConfig":
        group = self.quantizer.group_size
        _check(self.width % self.heads == 0, "width", self.width, f"a multiple of heads = {self.heads}")
        _check(self.head_dim % 2 == 0, "width", self.width, f"a multiple of 2 × heads = {2 * self.heads}")
        _check(self.heads % self.kv_heads == 0, "kv_heads", self.kv_heads, f"a divisor of heads = {self.heads}")
        _check(self.width % group == 0, "quantizer.group_size", group, f"a divisor of width = {self.width}")
        _check(self.layers >= 2, "layers", self.layers, "at least 2: one encoder block, one decoder block")
        _check(self.yarn_max >= self.context, "yarn_max", self.yarn_max, f"at least context = {self.context}")
        return self


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
            _check(
                self.seconds is None,
                "checkpoints",
                list(self.checkpoints),
                "[] when a time budget (seconds) decides the last step; the final weights are always kept",
            )
            _check(
                max(self.checkpoints) < self.steps,
                "checkpoints",
                list(self.checkpoints),
                f"steps before the last, {self.steps}, whose weights are always kept as 'final'",
            )
            increasing = sorted(set(self.checkpoints)) == list(self.checkpoints)
            _check(increasing, "checkpoints", list(self.checkpoints), "increasing steps")
        return self

    @property
    def checkpoint_names(self) -> list[str]:
        """Names of the published checkpoints, in order of training: ``step_000600`` … ``final``."""
        return [f"step_{step:06d}" for step in self.checkpoints] + ["final"]


class StorageConfig(Settings):
    """How one storage choice writes each kind of tensor; what it leaves null is the record's own (``ExportConfig``).

    ``estimator``: whose scales, trits and shrinkage correction export uses; "own" is the one the model was trained with
    and quantizes with after reload.
    """

    scales: ScaleFormat
    estimator: Literal["own", "absmean", "rms"] = "own"
    decide: Decide | None = None
    shrinkage: bool | None = None
    reload_dtype: ReloadPrecision | None = None
    table: Format | None = None
    projections: Format | None = None
    mixes: Format | None = None
    vectors: Format | None = None


FACTORS = tuple(StorageConfig.model_fields)  # the storage decisions, in the order of tables


class ExportConfig(Settings):
    """The artifact. ``decide`` says where trits come from: the training forward pass, or the FP32 master weights.

    From master weights they are decided in FP32 (``master``, as published), with scales accumulated in FP64, or in BF16
    step by step; ``forward_float16`` is the forward pass's but for scales rounded to FP16 before they decide.
    """

    decide: Decide
    decide_scale: Literal["float32", "bfloat16", "float16"] = "float32"
    shrinkage: bool
    reload_dtype: ReloadPrecision
    table: Format = "e4m3"
    projections: Format = "e4m3"
    mixes: Format
    vectors: Format = "bfloat16"
    storages: dict[str, StorageConfig] = Field(min_length=1)
    own_storage: str
    byte_limit: Positive = 16_000_000

    @model_validator(mode="after")
    def _own_storage_is_listed(self) -> "ExportConfig":
        _check(self.own_storage in self.storages, "own_storage", self.own_storage, f"one of {sorted(self.storages)}")
        return self

    def storage(self, name: str) -> StorageConfig:
        """The storage choice ``name`` with every field filled in."""
        given = self.storages[name].model_dump(exclude_none=True)
        own = {key: getattr(self, key) for key in StorageConfig.model_fields if hasattr(self, key)}
        return StorageConfig(**(own | given))


class EvaluateConfig(Settings):
    """Scoring of the validation text; the window is the model's context."""

    stride: Positive = 16
    window_rule: Literal["record", "every_token"]
    headline_z_loss: bool
    apply_temperature: bool
    temperatures: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        default=(0.90, 0.95, 1.00, 1.05, 1.10), min_length=1
    )
    calibration_tokens: Positive = 65_536
    batch_sequences: Positive = 64


class ReportConfig(Settings):
    """What tables show where the record and the truth differ.

    ``bytes``: what headline BPB divide by, the published code's count of them or the text's own, where it is known.
    """

    zero_fraction: Literal["record", "true"]
    bytes: ByteCounting


class RecordConfig(Settings):
    """One system, complete: what ``tritgolf describe`` prints and every output records."""

    name: str
    title: str
    source: str
    mode: Mode
    dataset: str
    seeds: tuple[Seed, ...] = (42, 1337, 7)
    model: ModelConfig
    train: TrainConfig
    export: ExportConfig
    evaluate: EvaluateConfig
    report: ReportConfig

    @model_validator(mode="after")
    def _parts_agree(self) -> "RecordConfig":
        context, sequences = self.model.context, self.train.batch_tokens // self.model.context
        _check(
            self.train.batch_tokens == sequences * context and sequences > 0,
            "train.batch_tokens",
            self.train.batch_tokens,
            f"a multiple of model.context = {context}",
        )
        _check(
            sequences % self.train.micro_batch_sequences == 0,
            "train.micro_batch_sequences",
            self.train.micro_batch_sequences,
            f"a divisor of the {sequences} sequences of a step",
        )
        stride = self.evaluate.stride
        _check(stride <= context, "evaluate.stride", stride, f"at most the window, {context}")
        calibration = self.evaluate.calibration_tokens
        _check(calibration > context, "evaluate.calibration_tokens", calibration, f"more than the window, {context}")
        check_names("seeds", self.seeds, "seed")
        if "lossless" in self.export.storages:
            for key, (value, allowed) in losses(self.model, self.export.storage("lossless")).items():
                _check(False, f"export.storages.lossless.{key}", value, f"{allowed}: else this model loses something")
        return self


def _check(holds: bool, key: str, value: object, allowed: str) -> None:
    if not holds:
        raise ValueError(f"{key}: {value} is not possible; it must be {allowed}")


def check_names(key: str, values: tuple[object, ...], what: str) -> None:
    """For validators: ``values`` of the setting ``key`` name at least one ``what`` and none twice."""
    _check(bool(values), key, list(values), f"at least one {what}")
    _check(len(set(values)) == len(values), key, list(values), f"different {what}s")


def known_records(folder: str | Path) -> list[str]:
    """Names of the records in ``folder``, sorted."""
    return sorted(path.stem for path in Path(folder).glob("*.yaml"))


def load_record(name: str, folder: str | Path = "records", overrides: dict[str, Any] | None = None) -> RecordConfig:
    """Load ``folder/name.yaml`` with its ancestors, apply ``overrides`` (nested), fill in its mode, validate.

    Raises ``InputError`` with one line that names the file, the key, the value and what is allowed.
    """
    path = Path(folder) / f"{name}.yaml"
    if not Path(folder).is_dir():
        raise InputError(folder, "is no folder of records", "give the one that holds the records' YAML files")
    if name not in (known := known_records(folder)):
        alone = f"give its name alone, {Path(name).stem}; " if Path(name).stem in known else ""
        raise InputError(f"record {name!r}", "is unknown", f"{alone}known records: {', '.join(known) or 'none'}")
    raw = merge(_with_ancestors(path, seen=()), overrides or {})
    mode = raw.get("mode", "honest")
    if not isinstance(mode, str) or mode not in MODES:
        raise InputError(path, f"mode: {mode!r} is unknown", f"allowed: {', '.join(MODES)}")
    for dotted, value in MODES[mode].items():
        _set_default(raw, dotted.split("."), value)
    return validate(RecordConfig, {**raw, "name": name, "mode": mode}, path)


def _with_ancestors(path: Path, seen: tuple[str, ...]) -> dict[str, Any]:
    raw = read_yaml(path)
    parent = raw.pop("inherit", None)
    if parent is None:
        return raw
    if parent in seen or parent == path.stem:
        raise InputError(path, f"inherit: {parent!r} inherits from itself", "break the circle")
    if parent not in (known := known_records(path.parent)):
        raise InputError(path, f"inherit: {parent!r} is unknown", f"known: {', '.join(known)}")
    return merge(_with_ancestors(path.with_name(f"{parent}.yaml"), (*seen, path.stem)), raw)


def _set_default(raw: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        raw = raw.setdefault(key, {})
        if not isinstance(raw, dict):
            return  # validation names the wrong type
    raw.setdefault(keys[-1], value)
