"""Schema of ``evaluate.json`` as reports read it: a block a method, and the temperature.

Files up to schema 4 have two methods, ``chunked`` and ``sliding``, beside the rest, and one causality for both.
"""

import math
from typing import Annotated, Any, TypeVar

from pydantic import Discriminator, Field, Tag, model_validator

from tritgolf.outcome import mark_of
from tritgolf.report.facts import Count, Facts, NonNegative, Size
from tritgolf.report.scores import WITH_Z_LOSS, PureScore, Score


class Causality(Facts):
    """What the probe says: ``causal`` is None where it can't tell; ``reason``: its evidence in a line.

    ``scored_again``: scores of targets that had one.
    """

    causal: bool | None
    reason: str
    scored_again: Count = 0


class MethodScore(PureScore):
    """Scores by one method. ``stride``, ``window``, ``rule``: of sliding windows; ``adapt``: what changes the network.

    ``mark``: what is said beside the score wherever it is shown, "" where it is valid.
    ``bpb_with_z_loss``: as in ``Score``. ``seconds``: of scoring alone; files up to schema 4 have
    them of sliding windows.
    """

    kind: str
    bpb_with_z_loss: NonNegative | None = Field(default=None, validation_alias=WITH_Z_LOSS)
    tokens_scored: Size
    tokens_left_out: Count
    bytes: Size
    stride: Size | None = None
    window: Size | None = None
    rule: str | None = None
    adapt: tuple[str, ...] = ()
    mark: str = ""
    seconds: NonNegative | None = None
    window_tokens_per_second: NonNegative | None = None
    causality: Causality | None = None

    @model_validator(mode="before")
    @classmethod
    def _marked(cls, raw: Any) -> Any:
        return {**raw, "mark": mark_of(raw)} if isinstance(raw, dict) else raw


class ChunkedScore(MethodScore, Score):
    """Non-overlapping windows."""

    bpb_with_z_loss: NonNegative = Field(validation_alias=WITH_Z_LOSS)


class SlidingScore(MethodScore):
    """Overlapping windows, ``stride`` tokens apart."""

    stride: Size
    window: Size
    rule: str


KINDS = ("chunked", "sliding")  # that reports know more of than of any method


def _kind(raw: Any) -> str:
    kind = raw.get("kind") if isinstance(raw, dict) else getattr(raw, "kind", None)
    return kind if kind in KINDS else "other"


AnyScore = Annotated[
    Annotated[ChunkedScore, Tag("chunked")]
    | Annotated[SlidingScore, Tag("sliding")]
    | Annotated[MethodScore, Tag("other")],
    Discriminator(_kind),
]
S = TypeVar("S", bound=MethodScore)


class TemperaturePoint(Facts):
    """Loss on calibration tokens (from training text) with logits divided by ``temperature``."""

    temperature: Annotated[float, Field(gt=0)]
    calibration_nats: NonNegative


class Temperature(Facts):
    """The calibration grid, its best point, and the headline's score there where it was really applied.

    Where none was calibrated, ``grid`` is empty and ``best`` None.
    """

    grid: list[TemperaturePoint]
    best: Annotated[float, Field(gt=0)] | None
    applied: bool
    sliding_bpb_at_best: NonNegative | None
    calibration_tokens: Count


NOT_CALIBRATED = Temperature(grid=[], best=None, applied=False, sliding_bpb_at_best=None, calibration_tokens=0)


class EvaluateMetrics(Facts):
    """Scores of one artifact: ``methods`` by name, the headline last."""

    storage: str
    methods: dict[str, AnyScore] = Field(min_length=1)
    temperature: Temperature
    unigram_entropy_bpb: NonNegative

    @model_validator(mode="before")
    @classmethod
    def _of_any_schema(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        if "methods" in raw:
            return raw if raw.get("temperature") else {**raw, "temperature": NOT_CALIBRATED}
        found = {name: raw[name] for name in KINDS if isinstance(raw.get(name), dict)}
        causality = _old_causality(raw.get("causality"))
        return {**raw, "methods": {name: {**facts, "kind": name} | causality for name, facts in found.items()}}

    @property
    def headline(self) -> MethodScore:
        """The last method's."""
        return list(self.methods.values())[-1]

    @property
    def chunked(self) -> ChunkedScore | None:
        """The score over non-overlapping windows; None where other methods were scored alone."""
        return self._first(ChunkedScore)

    @property
    def chunked_bpb(self) -> float:
        """Its BPB, or NaN."""
        return self.chunked.bpb if self.chunked else math.nan

    @property
    def sliding(self) -> SlidingScore | None:
        """The score over overlapping windows by the network as it is; None where it was not scored so."""
        return self._first(SlidingScore)

    @property
    def plain(self) -> MethodScore:
        """The score by the network as it is that tables show, sliding before chunked; without either the headline."""
        return self.sliding or self.chunked or self.headline

    def _first(self, kind: type[S]) -> S | None:
        of_kind = (score for score in self.methods.values() if isinstance(score, kind))
        return next((score for score in of_kind if not score.adapt), None)


def _old_causality(probe: Any) -> dict[str, Any]:
    """The causality of a method by the probe that old files have of both, if they have one."""
    if not isinstance(probe, dict):
        return {}
    if not (probe.get("repeatable") and probe.get("changes")):
        return {"causality": {"causal": None, "reason": "the scoring is not repeatable"}}
    leak = probe.get("leak")
    reason = f"leak: {leak}" if leak else f"{probe['changes']} changes, no leak"
    return {"causality": {"causal": not leak, "reason": reason}}
