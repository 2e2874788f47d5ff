"""What the lines of a published log say, as typed records: each number with the precision it was printed in."""

from dataclasses import dataclass
from typing import Literal

from tritgolf.audit.intervals import Printed


@dataclass(frozen=True, slots=True)
class StepLine:
    """A training step: ``label`` is the name its average was printed under ("avg", "step_avg"); times in ms.

    ``elapsed_ms`` is None where the log gives minutes of one decimal: too coarse to hold anything against.
    """

    step: int
    total: int
    loss: Printed
    elapsed_ms: Printed | None
    average_ms: Printed | None
    label: str


@dataclass(frozen=True)
class ValidationLine:
    """A validation during training: mean nats a token, bits a byte, ms of training so far."""

    step: int
    total: int
    nats: Printed
    bpb: Printed
    train_ms: Printed | None
    zero_fraction: Printed | None


@dataclass(frozen=True)
class ScoreLine:
    """A score after training; ``name``: what stands before it, its stage ("final_int6_roundtrip", "quantized_ttt").

    ``nats``: None where the line has bits a byte alone, as that of a mixture with a model of bytes.
    """

    name: str
    nats: Printed | None
    bpb: Printed
    stride: int | None = None
    temperature: Printed | None = None
    eval_ms: Printed | None = None

    @property
    def stage(self) -> str:
        """The name without the mark of a line that repeats the one before it with more digits."""
        return self.name.replace("_exact", "")


@dataclass(frozen=True)
class SizeLine:
    """``Total submission size int6+zstd: 15700000 bytes``: what was measured, after which method ("": none named).

    "told" is a total or an artifact under a script's own name (``total_submission_with_table``), the ``method``.
    """

    what: Literal["model", "total", "code", "told"]
    method: str
    bytes: int


@dataclass(frozen=True)
class ArtifactLine:
    """Sizes before compression by kind, in elements and bytes, and the artifact's size in printed megabytes."""

    megabytes: Printed
    ternary_parameters: int
    ternary_bytes: int
    fp_parameters: int
    fp_bytes: int
    code_bytes: int


@dataclass(frozen=True)
class BudgetLine:
    """Code and artifact against the limit, in bytes and printed megabytes; ``verdict`` is FITS or OVER."""

    total: int
    limit: int
    megabytes: Printed
    verdict: str


@dataclass(frozen=True)
class StopLine:
    """Why training stopped early, and when; no step where the line names none."""

    reason: str
    train_ms: Printed
    step: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class TemperatureLine:
    """The temperature the search returned."""

    best: Printed
    eval_ms: Printed | None
