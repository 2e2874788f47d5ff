"""The transformers of #1716 (sp8192-spec) and #1019, #1722 (trinity-spec): sizes, and which mechanisms they have."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, PlainSerializer, model_validator

from tritgolf.config.quantization import QatConfig
from tritgolf.config.settings import Settings
from tritgolf.config.types import Fraction, Positive, Precision, check

Index = Annotated[int, Field(ge=0)]
# 3.25 times as wide, or 4: a whole number is written as one, as it was before there were others.
Multiple = Annotated[float, Field(gt=0), PlainSerializer(lambda m: int(m) if m == int(m) else m)]


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


class ValueEmbeddingConfig(Settings):
    """A second embedding of each token, ``width`` wide, that the values of the last ``layers`` get added (#1019)."""

    width: Positive
    layers: Positive


class RotaryStretchConfig(Settings):
    """A rotary base that grows with the length, beyond ``from_length`` positions (#1019; "NTK-aware" scaling).

    ``of``: the length of each call, as published, or of the context the model is trained with. Published code makes
    shorter calls when it generates text and collects Hessians, and pads what it scores to the context. So the base of
    generation is one that the model was never trained with.
    """

    from_length: Positive
    of: Literal["call", "context"]


class FactoredConfig(Settings):
    """A table ``width`` wide, between a matrix to the model's width and one back (#640).

    ``format``: what lookup and head round the table to, and the matrices, straight-through (#640: of the lookup alone);
    bfloat16 is the precision that the table is kept in.
    """

    width: Positive
    format: Literal["bfloat16", "e4m3"]


class GatesConfig(Settings):
    """Learned gates; ``attention`` and ``smear`` say how many of the first channels they read, null: no such gate.

    ``attention``: one a head on the attention output (#1667). ``smear``: adds the token before, on the input (#1667).
    ``skips``: the U-Net's connections are blended in, not added (#1394). ``previous``: each channel of the input is
    blended with that of the token before, by a gate of its own (#1019).
    """

    LATER: ClassVar[frozenset[str]] = frozenset({"previous"})
    attention: Positive | None = None
    smear: Positive | None = None
    skips: bool = False
    previous: bool = False


class TransformerConfig(Settings):
    """Blocks with U-Net skips over a tied table of the model's own width (#1716; without the gates #1493).

    ``parallel_from``: from this layer on (0-based) attention and MLP read the same input. ``xsa_layers``: so many of
    the last layers take the token's own value out of what attention mixed (#1019). ``rotary_dims``: rotated channels of
    a head. ``compute``: the precision of all products; the tables are kept in it, all else in FP32. ``logit_temp``:
    whether the constant of that name is saved with the weights (#1716). ``qat``: the matrices that are trained on a
    grid, from ``train.start.qat`` on. ``mlp_slope``: of LeakyReLU² below 0, of which 0 makes ReLU²; ``layer_scale``:
    whether what attention and MLP read is divided by √(layer + 1): neither in #1722's first version. Of the ternary
    U-Net (#640): ``factored``, the embedding; ``inner_norms``, an RMSNorm of what attention mixed, before XSA and
    gates, and one before the MLP's second matrix: ``layer_scale`` cancels in them; ``softcap_kind`` and ``head_bias``,
    the head's. ``vectors``: what all parameters of one row, mixes and skips are rounded to, straight-through, so that
    they are stored in it for nothing.
    """

    LATER: ClassVar[frozenset[str]] = frozenset(
        {"value_embedding", "rotary_stretch", "logit_temp", "qat", "mlp_slope", "layer_scale"}
        | {"factored", "inner_norms", "softcap_kind", "head_bias", "vectors"}
    )
    kind: Literal["transformer"]
    vocab_size: Annotated[int, Field(gt=0, le=1 << 16)] = 8192  # a token is a uint16
    layers: Positive = 11
    width: Positive = 512
    heads: Positive = 8
    kv_heads: Positive = 4
    mlp_multiple: Multiple = 4
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
    value_embedding: ValueEmbeddingConfig | None = None
    rotary_stretch: RotaryStretchConfig | None = None
    logit_temp: bool = True
    qat: QatConfig | None = None
    mlp_slope: Fraction = 0.5
    layer_scale: bool = True
    factored: FactoredConfig | None = None
    inner_norms: bool = False
    softcap_kind: Literal["tanh", "polynomial"] = "tanh"
    head_bias: bool = False
    vectors: Precision = "float32"

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads

    @property
    def table_width(self) -> int:
        """Channels of the table, and of the hidden states that the head takes."""
        return self.width if self.factored is None else self.factored.width

    @property
    def mlp_width(self) -> int:
        """Channels inside the MLP."""
        return int(self.mlp_multiple * self.width)

    @model_validator(mode="after")
    def _sizes_agree(self) -> "TransformerConfig":
        check(self.layers >= 2, "layers", self.layers, "at least 2: one encoder block, one decoder block")
        check(self.layers <= 1000, "layers", self.layers, "at most 1,000: a table of parameters is made of each")
        check(self.width % self.heads == 0, "width", self.width, f"a multiple of heads = {self.heads}")
        check(self.heads % self.kv_heads == 0, "kv_heads", self.kv_heads, f"a divisor of heads = {self.heads}")
        rotated = f"even and at most a head's width, {self.head_dim}"
        check(self.rotary_dims % 2 == 0 and self.rotary_dims <= self.head_dim, "rotary_dims", self.rotary_dims, rotated)
        check(self.xsa_layers <= self.layers, "xsa_layers", self.xsa_layers, f"at most layers = {self.layers}")
        whole = self.mlp_width == self.mlp_multiple * self.width
        check(whole, "mlp_multiple", self.mlp_multiple, f"such that times width = {self.width} it is a whole number")
        for name, channels in (("attention", self.gates.attention), ("smear", self.gates.smear)):
            check((channels or 0) <= self.width, f"gates.{name}", channels, f"at most width = {self.width}")
        return self

    @model_validator(mode="after")
    def _scales_are_of_whole_groups(self) -> "TransformerConfig":
        group = getattr(self.qat and self.qat.quantizer, "group_size", None)
        if self.qat is None or group is None:
            return self
        inputs = {"width": self.width} if {"attention", "mlp"} & set(self.qat.roles) else {}
        inputs |= {"the MLP's width": self.mlp_width} if "mlp" in self.qat.roles else {}
        for what, columns in inputs.items():
            check(columns % group == 0, "qat.quantizer.group_size", group, f"a divisor of {what} = {columns}")
        return self

    @model_validator(mode="after")
    def _layers_exist(self) -> "TransformerConfig":
        below = f"below layers = {self.layers}"
        if self.parallel_from is not None:
            check(self.parallel_from < self.layers, "parallel_from", self.parallel_from, f"{below}, or null")
        if self.recurrence is not None:
            first_and_last = self.recurrence.layers
            check(first_and_last[1] < self.layers, "recurrence.layers", list(first_and_last), below)
        if self.value_embedding is not None:
            most = f"at most layers = {self.layers}"
            check(
                self.value_embedding.layers <= self.layers, "value_embedding.layers", self.value_embedding.layers, most
            )
        return self
