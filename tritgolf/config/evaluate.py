"""Evaluation: the methods that score a text, headline figures, temperature."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from tritgolf.config.settings import Settings
from tritgolf.config.types import Positive, WindowRule, check

OLD_WORD = "record"  # of files from before ``drop_tail`` had its name


def in_todays_words(rule: Any) -> Any:
    """The window rule by the name that it has today."""
    return "drop_tail" if rule == OLD_WORD else rule


Rule = Annotated[WindowRule, BeforeValidator(in_todays_words)]
# A dump keeps the word that results were made with: another one would make them stale.
DumpedRule = Annotated[Rule, PlainSerializer(lambda rule: OLD_WORD if rule == "drop_tail" else rule, when_used="json")]


class Scoring(Settings):
    """What all settings of methods, and of what adapts in one, have."""

    def check_context(self, key: str, context: int) -> None:
        """``ValueError`` for what does not fit windows of ``context`` tokens; ``key``: where these settings stand."""

    @property
    def trains(self) -> bool:
        """Whether the network is changed while it scores."""
        return False


class ChunkedSettings(Scoring):
    """Windows of the model's context side by side: the val_bpb of all records."""

    kind: Literal["chunked"]


class ScoreFirstSettings(Scoring):
    """Test-time training on each chunk after it is scored (#1716): its rate falls over chunks by a cosine.

    ``optimizer``: SGD with momentum, or AdamW (#1722). The first ``frozen_blocks`` blocks are not trained: all of them,
    or their vectors alone (``freezes``), as #1722's code has it, whose freezing by name misses the banks that all
    matrices lie in. ``matrix_dtype``: what these matrices are trained in, the master weights' own or BF16.
    """

    LATER: ClassVar[frozenset[str]] = frozenset({"optimizer", "frozen_blocks", "freezes", "matrix_dtype"})

    kind: Literal["score_first"]
    chunk_tokens: Positive = 32_768
    epochs: Positive = 3
    lr: Annotated[float, Field(gt=0)] = 0.005
    optimizer: Literal["sgd", "adamw"] = "sgd"
    frozen_blocks: Annotated[int, Field(ge=0)] = 0
    freezes: Literal["all", "vectors"] = "all"
    matrix_dtype: Literal["own", "bfloat16"] = "own"

    def check_context(self, key: str, context: int) -> None:
        """Chunks are whole windows."""
        whole = self.chunk_tokens % context == 0
        check(whole, f"{key}.chunk_tokens", self.chunk_tokens, f"a multiple of the window, {context}")


class SlotSettings(Scoring):
    """Per-sample SLOT (#1722): for each window a vector added to its hidden states and a bias of its logits are fitted.

    ``fits``: to the very targets that the window scores, as #1722 does, which is no valid score; or to the targets
    before them, as a decoder could (#1350). ``steps`` of AdamW, the rate going from ``lr`` to ``last_lr`` by a cosine;
    the loss of ``windows`` windows has one divisor.
    """

    kind: Literal["slot"]
    fits: Literal["scored", "context"] = "scored"
    steps: Positive = 24
    lr: Annotated[float, Field(gt=0)] = 0.024
    last_lr: Annotated[float, Field(gt=0)] = 0.001
    windows: Positive = 32


Adapting = Annotated[ScoreFirstSettings | SlotSettings, Field(discriminator="kind")]


class SlidingSettings(Scoring):
    """Windows of the model's context, ``stride`` tokens apart; ``rule`` says what the last ones score.

    ``adapt``: what changes the network while it scores, a chain in order.
    """

    kind: Literal["sliding"]
    stride: Positive
    rule: Rule
    adapt: tuple[Adapting, ...] = ()

    def check_context(self, key: str, context: int) -> None:
        """No token between windows is left out."""
        check(self.stride <= context, f"{key}.stride", self.stride, f"at most the window, {context}")
        for place, adapting in enumerate(self.adapt):
            adapting.check_context(f"{key}.adapt.{place}", context)

    @property
    def trains(self) -> bool:
        """Where anything adapts."""
        return bool(self.adapt)


MethodSettings = Annotated[ChunkedSettings | SlidingSettings, Field(discriminator="kind")]


class EvaluateConfig(Settings):
    """Scoring of the validation text; the window is the model's context.

    ``methods``: how the text is scored, by name, the headline last. Without it: chunked, and sliding windows by
    ``stride`` and ``window_rule``. Without ``temperatures``, none is calibrated.
    """

    LATER: ClassVar[frozenset[str]] = frozenset({"methods"})

    stride: Positive = 16
    window_rule: DumpedRule
    headline_z_loss: bool
    apply_temperature: bool
    temperatures: tuple[Annotated[float, Field(gt=0)], ...] = (0.90, 0.95, 1.00, 1.05, 1.10)
    calibration_tokens: Positive = 65_536
    batch_sequences: Positive = 64
    methods: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")], MethodSettings] | None = None

    @model_validator(mode="after")
    def _possible(self) -> "EvaluateConfig":
        check(self.methods is None or bool(self.methods), "methods", self.methods, "at least one method by name")
        check(not self.apply_temperature or bool(self.temperatures), "temperatures", [], "some, if one is applied")
        return self

    @property
    def scoring(self) -> Mapping[str, MethodSettings]:
        """The methods by name, in the order in which they run."""
        if self.methods is not None:
            return self.methods
        sliding = SlidingSettings(kind="sliding", stride=self.stride, rule=self.window_rule)
        return {"chunked": ChunkedSettings(kind="chunked"), "sliding": sliding}

    @property
    def adapts(self) -> bool:
        """Whether a method trains the network while it scores, which takes as many GPUs as training."""
        return any(method.trains for method in self.scoring.values())


def check_context(evaluate: EvaluateConfig, context: int) -> None:
    """For validators: what does not fit windows of ``context`` tokens."""
    check(evaluate.stride <= context, "evaluate.stride", evaluate.stride, f"at most the window, {context}")
    for name, method in (evaluate.methods or {}).items():
        method.check_context(f"evaluate.methods.{name}", context)
    key, tokens = "evaluate.calibration_tokens", evaluate.calibration_tokens
    check(tokens > context, key, tokens, f"more than the window, {context}")
