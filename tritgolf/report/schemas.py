"""Schemas of what the stages measured, as reports read it, and of the training log.

Units: losses in nats a token, BPB in bits per byte, sizes in bytes. Figures called ``record_…`` are counted as the
published code counts them (with the z-loss term, by the bytes of pieces; zeros by the absmean rule); the others mean
what their name says.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tritgolf.config.record import RUN_MARK, RecordConfig
from tritgolf.config.settings import shortened
from tritgolf.config.types import ByteCounting, Mode
from tritgolf.provenance import ON_CPU, SCHEMAS

LAYER_TYPES = ("attn.qkv", "attn.proj", "mlp.fc", "mlp.proj", "all")
LayerType = Literal["attn.qkv", "attn.proj", "mlp.fc", "mlp.proj", "all"]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
AS_WRITTEN = "as written (weights rounded to BF16)"  # what the published source says, and the faithful mode doesn't do


class Facts(BaseModel):
    """Base of everything read here. Unknown keys pass: a stage may measure more than reports show."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class RecordFacts(Facts):
    """The slice of a record's configuration that reports depend on.

    Deliberately not a ``RecordConfig``: a kept run must stay readable after other settings were added or renamed.
    ``rounds_weights``: whether it decides trits from weights rounded to BF16. The faithful mode once did, and the runs
    kept from then on are told by this setting, not by their names.
    """

    name: str
    title: str
    source: str
    mode: Mode
    dataset: str
    seeds: tuple[int, ...]
    headline_z_loss: bool
    headline_bytes: ByteCounting
    zero_fraction: Literal["record", "true"]
    rounds_weights: bool = False
    laid_over: tuple[str, ...] = ()  # where settings are not the record's own: ``train.steps: 24 → 32``

    @property
    def label(self) -> str:
        """What a table calls the mode: "faithful", "honest", or as the published source is written."""
        if not self.rounds_weights:
            return self.mode
        return AS_WRITTEN if self.mode == "faithful" else f"{self.mode}, weights rounded to BF16"

    @property
    def heading(self) -> str:
        """The title, with what keeps the run from being the record in its mode, if anything does.

        That is: rounded weights, the run's name, and what was laid over the record but for the seeds, which tables
        count themselves.
        """
        title = f"{self.title}, {self.label}" if self.rounds_weights else self.title
        _, _, run = self.name.partition(RUN_MARK)
        changed = [each for each in self.laid_over if not each.startswith("seeds: ")]
        told = [f"run {run}"] if run else []
        told += [f"not as the record has it: {shortened(changed, 2)}"] if changed else []
        return f"{title} ({'; '.join(told)})" if told else title


def record_facts(config: RecordConfig, laid_over: tuple[str, ...] = ()) -> RecordFacts:
    """The facts of a validated configuration, and what was ``laid_over`` the record."""
    return RecordFacts(
        name=config.name,
        title=config.title,
        source=config.source,
        mode=config.mode,
        dataset=config.dataset,
        seeds=config.seeds,
        headline_z_loss=config.evaluate.headline_z_loss,
        headline_bytes=config.report.bytes,
        zero_fraction=config.report.zero_fraction,
        rounds_weights=rounds_weights(config.model_dump()),
        laid_over=laid_over,
    )


def rounds_weights(record: dict[str, Any]) -> bool:
    """Whether a resolved configuration decides trits from weights rounded to BF16."""
    return record.get("model", {}).get("quantizer", {}).get("arithmetic") == "bf16_weight"


def published_system(source: str) -> str | None:
    """The system in the published figures that a record with this source reproduces: ``#920`` → ``pr920``."""
    return f"pr{source[1:]}" if re.fullmatch(r"#\d+", source) else None


class StepMilliseconds(Facts):
    """Time of one optimizer step, in ms, over all steps after compilation."""

    mean: NonNegative
    median: NonNegative
    p10: NonNegative
    p90: NonNegative


class TrainMetrics(Facts):
    """How one seed trained. ``final_loss``: pure cross-entropy, nats a token. ``phase_ms``: what a step's time is made
    of (gradients, here and on the slowest and fastest rank, average over ranks, update), medians over logged steps.
    """

    steps: Size
    tokens: Size
    stop_reason: Literal["steps", "seconds"]
    training_seconds: NonNegative
    compile_seconds: NonNegative
    step_ms: StepMilliseconds
    phase_ms: dict[str, NonNegative] | None = None
    parameters: dict[str, Count]
    final_loss: float
    zero_fraction: dict[LayerType, Share]


class ExportedStorage(Facts):
    """One artifact. ``bytes``: its compressed file; ``layout_bytes``: the same with each trit layout;
    ``bytes_by_kind``: uncompressed payload of each kind of tensor.
    """

    file: str
    bytes: Size
    layout: Literal["bitmask", "base3"]
    layout_bytes: dict[str, Size]
    bytes_by_kind: dict[str, Count]


class ExportMetrics(Facts):
    """The artifacts of one checkpoint."""

    storages: dict[str, ExportedStorage] = Field(min_length=1)
    zero_fraction: dict[LayerType, Share]
    record_zero_fraction: Share
    code_bytes: Count
    byte_limit: Size


class PureScore(Facts):
    """Pure cross-entropy on validation text. ``bpb`` divides by the bytes that ``byte_counting`` names.

    Files from before raw bytes were counted have the published counting alone.
    """

    bpb: NonNegative
    nats: NonNegative
    bpb_published_bytes: NonNegative | None = None
    byte_counting: ByteCounting = "published"

    @property
    def by_published_bytes(self) -> float:
        """Bits per byte as the published code counts bytes."""
        return self.bpb if self.bpb_published_bytes is None else self.bpb_published_bytes

    @property
    def raw_per_published_byte(self) -> float:
        """What ``bpb``, or a gap of the same text, is multiplied with to be by published bytes; 1 where it is."""
        return self.by_published_bytes / self.bpb if self.bpb else 1.0


class Score(PureScore):
    """``record_bpb``: by published bytes and with the z-loss term, as the published val_bpb."""

    record_bpb: NonNegative


class StorageScore(Score):
    """Score of a reloaded artifact; ``gap_bpb`` = ``bpb`` − trained ``bpb``, ``gap_se`` paired over windows."""

    gap_bpb: float
    gap_se: NonNegative
    trits_changed: Count
    max_weight_error: NonNegative


class RoundtripMetrics(Facts):
    """One checkpoint before and after export and reload, for every storage choice."""

    trained: Score
    storages: dict[str, StorageScore] = Field(min_length=1)
    own_storage: str


class ChunkedScore(Score):
    """Non-overlapping windows."""

    tokens_scored: Size
    tokens_left_out: Count
    bytes: Size


class SlidingScore(PureScore):
    """Overlapping windows, ``stride`` tokens apart."""

    stride: Size
    window: Size
    rule: Literal["every_token", "record"]
    tokens_scored: Size
    tokens_left_out: Count
    bytes: Size
    seconds: NonNegative
    window_tokens_per_second: NonNegative


class TemperaturePoint(Facts):
    """Loss on calibration tokens (from training text) with logits divided by ``temperature``."""

    temperature: Annotated[float, Field(gt=0)]
    calibration_nats: NonNegative


class Temperature(Facts):
    """The calibration grid, its best point, and the sliding score there where it was really applied."""

    grid: list[TemperaturePoint]
    best: Annotated[float, Field(gt=0)]
    applied: bool
    sliding_bpb_at_best: NonNegative | None
    calibration_tokens: Size


class EvaluateMetrics(Facts):
    """Scores of the final artifact."""

    storage: str
    chunked: ChunkedScore
    sliding: SlidingScore
    temperature: Temperature
    unigram_entropy_bpb: NonNegative


class LaboratoryRow(StorageScore):
    """One storage of the ablation grid, all ``factors`` stated; ``over_own``: its gap less that of the own storage,
    paired over windows. ``max_weight_error`` is that of ternary weights, ``max_tensor_error`` of all other numbers.
    """

    factors: dict[str, str | bool]
    bytes: Size
    layout: Literal["bitmask", "base3"]
    over_own_bpb: float
    over_own_se: NonNegative
    max_tensor_error: NonNegative


class Decomposition(Facts):
    """The factors in which the own storage is not lossless, and what of its gap their single effects leave over."""

    factors: list[str]
    remainder_bpb: float
    remainder_se: NonNegative


class Margin(Facts):
    """Range of one kind of number against one format (``tritgolf.laboratory.margins``); binades are powers of two."""

    kind: str
    format: str
    numbers: Size
    smallest: NonNegative
    median: NonNegative
    largest: NonNegative
    binades_above: float
    binades_to_subnormal: float
    binades_to_zero: float
    share_subnormal: Share
    share_zeroed: Share
    share_saturated: Share


class Threshold(Facts):
    """Weights at the quantizer's threshold (``tritgolf.laboratory.threshold``)."""

    near: Share
    crowding: NonNegative
    flips: dict[str, Count]


class LaboratoryMetrics(Facts):
    """The ablation grid on one checkpoint; ``names``: every name of the grid → the one of ``rows`` that it is."""

    trained: Score
    estimator: Literal["absmean", "rms"]
    ternary_weights: Count
    zero_fraction: dict[LayerType, Share]
    record_zero_fraction: Share | None = None  # the first runs were measured without
    own_storage: str
    rows: dict[str, LaboratoryRow] = Field(min_length=1)
    names: dict[str, str]
    decomposition: Decomposition
    margins: list[Margin]
    threshold: Threshold | None = None  # likewise

    def row(self, name: str) -> LaboratoryRow | None:
        """The row of that name, None if the grid has none."""
        return self.rows.get(self.names.get(name, ""))


class ProbePoint(Facts):
    """One setting of a probe."""

    at: float
    gap_bpb: float
    gap_se: NonNegative
    relative_error: NonNegative
    trits_changed: Count


class Mechanism(Facts):
    """What was pushed (``tritgolf.laboratory.probes``) and the mildest settings on either side at which it broke."""

    parameter: Literal["shift", "crowding", "zeros"]
    kind: str
    choice: str
    points: list[ProbePoint] = Field(min_length=1)
    below: float | None
    above: float | None


class ProbesMetrics(Facts):
    """All mechanisms on one checkpoint; broken is what moves the gap by more than ``break_bpb``."""

    trained: Score
    estimator: Literal["absmean", "rms"]
    break_bpb: Annotated[float, Field(gt=0)]
    mechanisms: list[Mechanism]


STAGES: dict[str, type[Any]] = {
    "train": TrainMetrics,
    "export": ExportMetrics,
    "roundtrip": RoundtripMetrics,
    "evaluate": EvaluateMetrics,
    "laboratory": LaboratoryMetrics,
    "probes": ProbesMetrics,
}
METRICS: dict[str, type[Any]] = {  # of all versions: a raised one has other numbers, not other names
    f"tritgolf/{stage}/{version}": kind for stage, kind in STAGES.items() for version in range(1, SCHEMAS[stage] + 1)
}


class Provenance(Facts):
    """What made a file (``tritgolf.provenance``), as far as reports name it."""

    code: dict[str, Any] = {}
    versions: dict[str, str] = {}
    hardware: dict[str, Any] = {}

    @property
    def machine(self) -> str:
        """What computed: ``4 × NVIDIA H200``, or the processor and its cores where no GPU did.

        Of a training that went on on other hardware: each, with the step up to which it trained.
        """
        stretches = self.hardware.get("trained_on")
        if not stretches:  # another stage, or a training by an older version
            return self._devices(self.hardware.get("gpus") or [])
        each = [(self._devices(stretch["devices"]), stretch["to_step"]) for stretch in stretches]
        return each[0][0] if len(each) == 1 else ", then ".join(f"{what} to step {step:,}" for what, step in each)

    def _devices(self, names: list[str]) -> str:
        """GPUs by name, or processes on the CPU."""
        processor = f"{self.hardware.get('processor', 'unknown processor')}, {self.hardware.get('cores', '?')} cores"
        if all(name.startswith(ON_CPU) for name in names):
            return processor + (f", {len(names)} processes" if len(names) > 1 else "")
        return ", ".join(f"{names.count(name)} × {name.removeprefix(ON_CPU)}" for name in sorted(set(names)))


class Envelope(Facts):
    """What every metrics file says of itself; ``metrics`` is validated by the schema it names."""

    schema_: str = Field(alias="schema")
    record: str
    seed: int
    checkpoint: str | None = None
    step: Count | None = None
    metrics: dict[str, Any]
    payload_digest: str = Field(pattern="^sha256:[0-9a-f]{64}$")
    provenance: Provenance

    @property
    def stage(self) -> str:
        """``train``, ``export``, ``roundtrip``, ``evaluate``, ``laboratory`` or ``probes``."""
        return self.schema_.split("/")[1]


class TrainingLogLine(Facts):
    """One line of ``metrics.jsonl``; losses in nats a token, the zero fractions only on some lines."""

    step: Count
    tokens: Count
    loss: float
    record_loss: float
    lr_scale: NonNegative
    training_seconds: NonNegative
    step_ms: NonNegative | None = None
    phase_ms: dict[str, NonNegative] | None = None
    zero_fraction: dict[LayerType, Share] | None = None
    record_zero_fraction: Share | None = None
