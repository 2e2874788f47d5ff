"""The ternary U-Net as it trains with FP8 products; what it was trained to is scored by the plain one."""

from collections.abc import Mapping
from typing import NamedTuple, cast

from torch import Tensor

from tritgolf.config.model import UNetConfig
from tritgolf.model.attention import Attention
from tritgolf.model.blocks import Block
from tritgolf.model.fp8 import Fp8Weight, add_mlp, add_normed_product, normed_product
from tritgolf.model.fp8_fused import add_both_fused, heads_of_normed
from tritgolf.model.shared_input import Share
from tritgolf.model.unet import UNet
from tritgolf.quantize.rounding import rounded_through


class BlockWeights(NamedTuple):
    """The matrices of a block, in state-dict order."""

    qkv: Fp8Weight
    attn_proj: Fp8Weight
    fc: Fp8Weight
    mlp_proj: Fp8Weight


def add_both(
    x: Tensor, mixed: Tensor, of_mixed: Tensor, of_mlp: Tensor, proj: Fp8Weight, inner: Fp8Weight, outer: Fp8Weight
) -> Tensor:
    """What attention ``mixed``, and the MLP, added to ``x``: the formula; as ``joined.add_both``."""
    return add_mlp(add_normed_product(x, of_mixed, mixed, proj), of_mlp, inner, outer)


class Fp8Block(Block):
    """``Block`` with the products of ``tritgolf.model.fp8``, of all positions: training asks for no tail."""

    weights: BlockWeights

    def __init__(self, model: UNetConfig, attend: Attention, fused: bool = False) -> None:
        super().__init__(model, attend, fused)
        self.fused = fused
        self.add_both = add_both_fused if fused else add_both

    def forward(self, x: Tensor, x0: Tensor | Share, cos: Tensor, sin: Tensor, _tail: int | None = None) -> Tensor:
        """``x``, ``x0``: (batch, positions, width) → the same."""
        attn_scale, mlp_scale = (
            self.rounded(scale, self.vectors).to(x.dtype) for scale in (self.attn_scale, self.mlp_scale)
        )
        x = self._mix(x, x0)
        mixed, matrices = self._attention(x, cos, sin), self.weights
        x = self.add_both(x, mixed, attn_scale, mlp_scale, matrices.attn_proj, matrices.fc, matrices.mlp_proj)
        return x if self.smear is None else self.smear(x)

    def _attention(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """(batch, positions, width) → the same, before its norm."""
        attn = self.attn
        gain = rounded_through(attn.q_gain, attn.vectors).to(x.dtype)
        how = gain, cos, sin, attn.heads, attn.kv_heads
        if self.fused:
            heads = heads_of_normed(x, self.weights.qkv, *how)
        else:
            heads = attn.make_heads(normed_product(x, self.weights.qkv), *how)
        return attn.attend(*heads).flatten(2)


class Fp8UNet(UNet):
    """The U-Net whose blocks multiply in FP8 by what ``use`` was given."""

    block_class = Fp8Block

    def use(self, weights: Mapping[str, Fp8Weight]) -> None:
        """From now on compute with ``weights``, by name, whose contents may change."""
        given = iter([weights[name] for name, _ in self.linears()])
        for block in self.blocks:
            cast(Fp8Block, block).weights = BlockWeights(*(next(given) for _ in BlockWeights._fields))
