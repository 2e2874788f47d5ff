"""Schemas of the laboratory's metrics: the ablation grid and the probes."""

from typing import Annotated

from pydantic import Field

from tritgolf.report.facts import Count, Facts, NonNegative, Share, Size, TernaryFacts
from tritgolf.report.scores import Score, StorageScore

Factors = dict[str, str | bool | int | float | list[float] | None]  # decision (dotted path) → value


class LaboratoryRow(StorageScore):
    """One storage of the ablation grid, all ``factors`` stated; ``over_own``: its gap less that of the own storage,
    paired over windows. ``max_weight_error`` is that of quantized weights, ``max_tensor_error`` of all other numbers.
    """

    factors: Factors
    bytes: Size
    layout: str
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


class LaboratoryMetrics(TernaryFacts):
    """The ablation grid on one checkpoint; ``names``: every name of the grid → the one of ``rows`` that it is.

    The first runs were measured without ``published_zero_fraction`` and ``threshold``. ``margins`` and ``threshold``
    are of ternary records.
    """

    trained: Score
    own_storage: str
    rows: dict[str, LaboratoryRow] = Field(min_length=1)
    names: dict[str, str]
    decomposition: Decomposition
    margins: list[Margin] = Field(default_factory=list)
    threshold: Threshold | None = None

    def row(self, name: str) -> LaboratoryRow | None:
        """The row of that name, None if the grid has none."""
        return self.rows.get(self.names.get(name, ""))


class ProbePoint(Facts):
    """One setting of a probe."""

    at: float
    gap_bpb: float
    gap_se: NonNegative
    relative_error: NonNegative
    trits_changed: Count | None = None


class Mechanism(Facts):
    """What was pushed (``tritgolf.laboratory.probes``) and the mildest settings on either side at which it broke."""

    parameter: str
    kind: str
    choice: str
    points: list[ProbePoint] = Field(min_length=1)
    below: float | None
    above: float | None


class ProbesMetrics(TernaryFacts):
    """All mechanisms on one checkpoint; broken is what moves the gap by more than ``break_bpb``."""

    trained: Score
    break_bpb: Annotated[float, Field(gt=0)]
    mechanisms: list[Mechanism]
