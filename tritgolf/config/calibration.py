"""What GPTQ is calibrated on: text of the training run, or text that the trained model writes."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from tritgolf.config.settings import Settings
from tritgolf.config.types import Positive, check


class _Calibration(Settings):
    """``damping``: the share of its mean diagonal that is added to a Hessian's diagonal when it is collected.

    #1019 and #1722 do so before GPTQ, whose own damping (``IntegerConfig``) comes on top.
    """

    LATER: ClassVar[frozenset[str]] = frozenset({"damping"})
    damping: float = Field(default=0.0, ge=0)

    def check_context(self, context: int) -> None:
        """``ValueError`` for a text that a model of this ``context`` can't write or read."""


class TrainingText(_Calibration):
    """The first ``batches`` of training, as rank 0 of one would read them.

    A batch has ``sequences`` of the model's context (#1716: 64 micro-batches of 48).
    """

    source: Literal["training_tokens"] = "training_tokens"
    batches: Positive = 64
    sequences: Positive = 48


class GeneratedText(_Calibration):
    """Text of the trained model's own: ``sequences`` of ``tokens`` each, drawn ``at_a_time`` (#1019, #1722).

    The first token is uniform, each next one drawn from softmax(logits / ``temperature``).
    """

    source: Literal["generated"] = "generated"
    sequences: Positive = 64
    tokens: Annotated[int, Field(ge=2)] = 2048
    temperature: float = Field(default=0.8, gt=0)
    at_a_time: Positive = 8

    def check_context(self, context: int) -> None:
        """The last token is drawn and never read."""
        check(self.tokens <= context + 1, "tokens", self.tokens, f"at most model.context + 1 = {context + 1}")


SOURCES: dict[str, type[TrainingText] | type[GeneratedText]] = {
    "training_tokens": TrainingText,
    "generated": GeneratedText,
}
USUAL_SOURCE = "training_tokens"  # of what says none


def class_of_source(raw: Mapping[str, Any]) -> type[TrainingText] | type[GeneratedText]:
    """The settings of ``raw``'s source; without one those of training tokens. ``ValueError`` for an unknown source."""
    source = raw.get("source", USUAL_SOURCE)
    known = isinstance(source, str) and source in SOURCES
    check(known, "source", repr(source), f"one of {', '.join(SOURCES)}")
    return SOURCES[source]


def _of_its_source(raw: Any) -> Any:
    """``raw`` validated as the settings of its source, so that a complaint names those keys and no other's."""
    return class_of_source(raw).model_validate(raw) if isinstance(raw, Mapping) else raw


CalibrationConfig = Annotated[TrainingText | GeneratedText, BeforeValidator(_of_its_source)]
