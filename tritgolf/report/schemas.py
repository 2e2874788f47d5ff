"""Schemas of what the stages measured, as reports read it, and of the training log.

Units: losses in nats a token, BPB in bits per byte, sizes in bytes. Files call ``record_bpb`` and
``record_zero_fraction`` what is read here as ``bpb_with_z_loss`` and ``published_zero_fraction``: figures counted as
the published code counts them. ``TernaryFacts`` has what only ternary weights have.
"""

from typing import Any, Literal

from pydantic import Field

from tritgolf.provenance import ON_CPU, SCHEMAS
from tritgolf.report.evaluation_schemas import EvaluateMetrics
from tritgolf.report.facts import Count, Facts, NonNegative, Size, TernaryFacts
from tritgolf.report.laboratory_schemas import LaboratoryMetrics, ProbesMetrics
from tritgolf.report.scores import Score, StorageScore
from tritgolf.report.statistics import NOT_KNOWN


class StepMilliseconds(Facts):
    """Time of one optimizer step, in ms, over all steps after compilation."""

    mean: NonNegative
    median: NonNegative
    p10: NonNegative
    p90: NonNegative


class TrainMetrics(TernaryFacts):
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


class ExportedStorage(Facts):
    """One artifact. ``bytes``: its compressed file; ``layout``: how its codes are laid out (trits: bitmask or base3);
    ``layout_bytes``: the file's bytes with each layout; ``bytes_by_kind``: uncompressed payload of each kind of tensor.
    """

    file: str
    bytes: Size
    layout: str
    layout_bytes: dict[str, Size]
    bytes_by_kind: dict[str, Count]


class ExportMetrics(TernaryFacts):
    """The artifacts of one checkpoint."""

    storages: dict[str, ExportedStorage] = Field(min_length=1)
    code_bytes: Count
    byte_limit: Size


class RoundtripMetrics(Facts):
    """One checkpoint before and after export and reload, for every storage choice."""

    trained: Score
    storages: dict[str, StorageScore] = Field(min_length=1)
    own_storage: str


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

    code: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    hardware: dict[str, Any] = Field(default_factory=dict)
    day: str = NOT_KNOWN  # files of older versions don't say it

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

    @property
    def device_count(self) -> int:
        """How many GPUs computed, or processes on the CPU; of a training that went on elsewhere, at its end."""
        stretches = self.hardware.get("trained_on")
        return len(stretches[-1]["devices"] if stretches else self.hardware.get("gpus") or []) or 1

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


class TrainingLogLine(TernaryFacts):
    """One line of ``metrics.jsonl``; losses in nats a token, the zero fractions only on some lines."""

    step: Count
    tokens: Count
    loss: float
    record_loss: float
    lr_scale: NonNegative
    training_seconds: NonNegative
    step_ms: NonNegative | None = None
    phase_ms: dict[str, NonNegative] | None = None
