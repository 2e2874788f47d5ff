"""The transformer of the SP8192 line (sp8192-spec: #1716): sizes, and which mechanisms it has."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tritgolf.config.settings import Settings
from tritgolf.config.types import Positive, Precision, check

Index = Annotated[int, Field(ge=0)]


class RecurrenceConfig(Settings):
    """Layers ``layers`` (first, last) run ``loops`` times more, one pass of all of them after the other (#1394)."""

    layers: tuple[Index, Index]
    loops: Positive

    @model_validator(mode="after")
    def _layers_are_in_order(self) -> "RecurrenceConfig":
        check(self.layers[0] <= self.layers[1], "layers", list(self.layers), "[first, last], the first not after it")
        return self


class BigramConfig(Settings):
    """An embedding of the last two tokens: a row of ``buckets`` by their hash, ``width`` wide (#1019, #1716)."""

    buckets: Annotated[int, Field(ge=2)]
    width: Positive


class GatesConfig(Settings):
    """Learned gates; ``attention`` and ``smear`` say how many of the first channels they read, null: no such gate.

    ``attention``: one a head on the attention output (#1667). ``smear``: adds the token before, on the input (#1667).
    ``skips``: the U-Net's connections are blended in, not added (#1394).
    """

    attention: Positive | None = None
    smear: Positive | None = None
    skips: bool = False


class TransformerConfig(Settings):
    """Blocks with U-Net skips over a tied table of the model's own width (#1716; without the gates #1493).

    ``parallel_from``: from this layer on (0-based) attention and MLP read the same input. ``xsa_layers``: so many of
    the last layers take the token's own value out of what attention mixed (#1019). ``rotary_dims``: rotated channels of
    a head. ``compute``: the precision of all products; the tables are kept in it, all else in FP32.
    """

    kind: Literal["transformer"]
    vocab_size: Annotated[int, Field(gt=0, le=1 << 16)] = 8192  # a token is a uint16
    layers: Positive = 11
    width: Positive = 512
    heads: Positive = 8
    kv_heads: Positive = 4
    mlp_multiple: Positive = 4
    context: Positive = 2048
    rotary_dims: Positive = 16
    rotary_base: float = Field(default=10_000.0, gt=1)
    rotary_frequencies: Precision
    q_gain: float = 5.0
    softcap: float = Field(default=30.0, gt=0, le=80)  # exp(80) is still FP32
    recurrence: RecurrenceConfig | None = None
    parallel_from: Index | None = None
    xsa_layers: Index = 0
    bigram: BigramConfig | None = None
    gates: GatesConfig = GatesConfig()
    compute: Precision = "bfloat16"

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads

    @model_validator(mode="after")
    def _sizes_agree(self) -> "TransformerConfig":
        check(self.layers >= 2, "layers", self.layers, "at least 2: one encoder block, one decoder block")
        check(self.width % self.heads == 0, "width", self.width, f"a multiple of heads = {self.heads}")
        check(self.heads % self.kv_heads == 0, "kv_heads", self.kv_heads, f"a divisor of heads = {self.heads}")
        rotated = f"even and at most a head's width, {self.head_dim}"
        check(self.rotary_dims % 2 == 0 and self.rotary_dims <= self.head_dim, "rotary_dims", self.rotary_dims, rotated)
        check(self.xsa_layers <= self.layers, "xsa_layers", self.xsa_layers, f"at most layers = {self.layers}")
        for name, channels in (("attention", self.gates.attention), ("smear", self.gates.smear)):
            check((channels or 0) <= self.width, f"gates.{name}", channels, f"at most width = {self.width}")
        return self

    @model_validator(mode="after")
    def _layers_exist(self) -> "TransformerConfig":
        below = f"below layers = {self.layers}"
        if self.parallel_from is not None:
            check(self.parallel_from < self.layers, "parallel_from", self.parallel_from, f"{below}, or null")
        if self.recurrence is not None:
            first_and_last = self.recurrence.layers
            check(first_and_last[1] < self.layers, "recurrence.layers", list(first_and_last), below)
        return self
