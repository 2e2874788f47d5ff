"""The model: sizes, numerics and the quantizer it trains with."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tritgolf.config.settings import Settings
from tritgolf.config.types import Positive, Precision, check


class TernaryConfig(Settings):
    """The ternary quantizer (``tritgolf.quantize.ternary``).

    ``arithmetic``: what scales and trits are decided from. Both modes take the FP32 weights (``float64``: means are
    summed in FP64), as the published forward pass does once compiled. ``bf16_weight`` rounds the weights to BF16 first,
    as its source is written (``ternary_v2_as_written``); ``float32`` sums in FP32, as the published export does.
    ``scale_dtype``: what scales are rounded to before trits are decided. With ``e4m3`` full scales
    decide trits, which are multiplied with e4m3 numbers times a power of two of their matrix: what FP8 products want.
    """

    LATER: ClassVar[frozenset[str]] = frozenset({"grid"})
    group_size: Positive = 128
    estimator: Literal["absmean", "rms"] = "rms"
    arithmetic: Literal["bf16_weight", "float32", "float64"] = "float64"
    scale_dtype: Literal["float32", "bfloat16", "float16", "e4m3"] = "float32"
    grid: Literal["ternary"] = "ternary"


class UNetConfig(Settings):
    """The ternary U-Net transformer (record-spec: #640, #920, #923).

    ``head_table``, ``mixes`` and ``vectors`` are what the forward pass rounds to, straight-through, so that a model is
    trained in what it will be stored in: the tied table as the head uses it, residual mixes and skip weights, and the
    1-D parameters. The published records round none of these, but cast them to ``compute``; ``ternary_lossless`` does.
    """

    LATER: ClassVar[frozenset[str]] = frozenset({"kind"})
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
    quantizer: TernaryConfig
    kind: Literal["unet"] = "unet"

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads

    @model_validator(mode="after")
    def _sizes_agree(self) -> "UNetConfig":
        group = self.quantizer.group_size
        check(self.width % self.heads == 0, "width", self.width, f"a multiple of heads = {self.heads}")
        check(self.head_dim % 2 == 0, "width", self.width, f"a multiple of 2 × heads = {2 * self.heads}")
        check(self.heads % self.kv_heads == 0, "kv_heads", self.kv_heads, f"a divisor of heads = {self.heads}")
        check(self.width % group == 0, "quantizer.group_size", group, f"a divisor of width = {self.width}")
        check(self.layers >= 2, "layers", self.layers, "at least 2: one encoder block, one decoder block")
        check(self.layers <= 1000, "layers", self.layers, "at most 1,000: a table of parameters is made of each")
        check(self.yarn_max >= self.context, "yarn_max", self.yarn_max, f"at least context = {self.context}")
        return self
