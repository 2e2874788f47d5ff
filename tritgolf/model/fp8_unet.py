"""The ternary U-Net as it trains with FP8 products; what it was trained to is scored by the plain one."""

from collections.abc import Mapping
from typing import NamedTuple, cast

from torch import Tensor

from tritgolf.model.blocks import Block
from tritgolf.model.fp8 import Fp8Weight, add_mlp, add_normed_product, normed_product
from tritgolf.model.shared_input import Share
from tritgolf.model.unet import UNet
from tritgolf.quantize.rounding import rounded_through


class BlockWeights(NamedTuple):
    """The matrices of a block, in state-dict order."""

    qkv: Fp8Weight
    attn_proj: Fp8Weight
    fc: Fp8Weight
    mlp_proj: Fp8Weight


class Fp8Block(Block):
    """``Block`` with the products of ``tritgolf.model.fp8``, of all positions: training asks for no tail."""

    weights: BlockWeights

    def forward(self, x: Tensor, x0: Tensor | Share, cos: Tensor, sin: Tensor, _tail: int | None = None) -> Tensor:
        """``x``, ``x0``: (batch, positions, width) → the same."""
        attn_scale, mlp_scale = (
            self.rounded(scale, self.vectors).to(x.dtype) for scale in (self.attn_scale, self.mlp_scale)
        )
        x = self._mix(x, x0)
        x = add_normed_product(x, attn_scale, self._attention(x, cos, sin), self.weights.attn_proj)
        x = add_mlp(x, mlp_scale, self.weights.fc, self.weights.mlp_proj)
        return x if self.smear is None else self.smear(x)

    def _attention(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """(batch, positions, width) → the same, before its norm."""
        attn = self.attn
        gain = rounded_through(attn.q_gain, attn.vectors).to(x.dtype)
        product = normed_product(x, self.weights.qkv)
        return attn.attend(*attn.make_heads(product, gain, cos, sin, attn.heads, attn.kv_heads)).flatten(2)


class Fp8UNet(UNet):
    """The U-Net whose blocks multiply in FP8 by what ``use`` was given."""

    block_class = Fp8Block

    def use(self, weights: Mapping[str, Fp8Weight]) -> None:
        """From now on compute with ``weights``, by name, whose contents may change."""
        given = iter([weights[name] for name, _ in self.linears()])
        for block in self.blocks:
            cast(Fp8Block, block).weights = BlockWeights(*(next(given) for _ in BlockWeights._fields))
