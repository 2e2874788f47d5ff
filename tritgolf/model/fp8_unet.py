"""The ternary U-Net as it trains with FP8 products; what it was trained to is scored by the plain one."""

from collections.abc import Mapping
from typing import NamedTuple, cast

import torch
from torch import Tensor

from tritgolf.config.lossless import used_mixes
from tritgolf.config.model import UNetConfig
from tritgolf.model.attention import Attention
from tritgolf.model.blocks import Block
from tritgolf.model.fp8 import Fp8Weight, add_mlp, add_normed_product, normed_product
from tritgolf.model.fp8_boundary import Heads, Skip, next_heads
from tritgolf.model.fp8_fused import add_both_fused, heads_of_normed
from tritgolf.model.fp8_operands import TOKENS, has_kernels
from tritgolf.model.residual import at_least_fp32
from tritgolf.model.shared_input import Share, mix_share
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
        x = self._mix(x, x0)
        how = self.how(x.dtype, cos, sin)
        if self.fused:
            heads = heads_of_normed(x, self.weights.qkv, *how)
        else:
            heads = self.attn.make_heads(normed_product(x, self.weights.qkv), *how)
        x = self.end(x, self.attn.attend(*heads).flatten(2))
        return x if self.smear is None else self.smear(x)

    def end(self, x: Tensor, mixed: Tensor) -> Tensor:
        """``x`` with what attention ``mixed`` and the MLP add to it."""
        _, proj, inner, outer = self.weights
        return self.add_both(x, mixed, *self.scales(x.dtype), proj, inner, outer)

    def scales(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Of attention and MLP, (width,), as they are used."""
        attn, mlp = (self.rounded(scale, self.vectors).to(dtype) for scale in (self.attn_scale, self.mlp_scale))
        return attn, mlp

    def how(self, dtype: torch.dtype, cos: Tensor, sin: Tensor) -> Heads:
        """How its heads are made."""
        gain = rounded_through(self.attn.q_gain, self.attn.vectors).to(dtype)
        return Heads(gain, cos, sin, self.attn.heads, self.attn.kv_heads)


class Fp8UNet(UNet):
    """The U-Net whose blocks multiply in FP8 by what ``use`` was given."""

    block_class = Fp8Block

    def use(self, weights: Mapping[str, Fp8Weight]) -> None:
        """From now on compute with ``weights``, by name, whose contents may change."""
        given = iter([weights[name] for name, _ in self.linears()])
        for block in self.blocks:
            cast(Fp8Block, block).weights = BlockWeights(*(next(given) for _ in BlockWeights._fields))

    def forward(self, tokens: Tensor, tail: int | None = None) -> Tensor:
        """As the U-Net's; by kernels, where they can, from block to block."""
        matrix = cast(Fp8Block, self.blocks[0]).weights.qkv.codes
        fit = self.dtype == torch.bfloat16 and has_kernels(matrix) and tokens.numel() % TOKENS == 0
        by_kernels = self.fused and fit and not self.model.smear
        return self._by_kernels(tokens) if by_kernels else super().forward(tokens, tail)

    def _by_kernels(self, tokens: Tensor) -> Tensor:
        """Beginning with a block's heads, a block ends and the next one begins (``fp8_boundary``)."""
        cos, sin = self.get_buffer("cos")[: tokens.shape[1]], self.get_buffer("sin")[: tokens.shape[1]]
        x0 = self.embed(tokens)
        shares = cast(list[Share], self._inputs(x0))
        blocks = [cast(Fp8Block, block) for block in self.blocks]
        skip_weights = self.rounded(self.skip_weights, used_mixes(self.model)).to(x0.dtype)
        encoders = len(blocks) // 2
        skips: list[Tensor] = []
        u = mix_share(x0, shares[0])
        heads: tuple[Tensor, ...] = heads_of_normed(u, blocks[0].weights.qkv, *blocks[0].how(u.dtype, cos, sin))
        for after in range(1, len(blocks)):
            block, following = blocks[after - 1], blocks[after]
            mixed, share, skip = block.attn.attend(*heads).flatten(2), shares[after], None  # type: ignore[call-arg]
            if after == encoders:  # its skip is the last encoder block's result, which it reads anyway
                mix = at_least_fp32(share.mix)
                share = Share(share.x0, torch.stack((mix[0] * (1 + skip_weights[0]), mix[1])))
            elif after > encoders and skips:
                skip = Skip(skips.pop(), skip_weights[after - encoders])
            weights, keep = (*block.weights[1:], following.weights.qkv), after < encoders
            how = following.how(u.dtype, cos, sin)
            *kept, u, q, k, v = next_heads(u, mixed, block.scales(u.dtype), weights, share, skip, how, keep)
            skips += kept
            heads = (q, k, v)
        return self.project(blocks[-1].end(u, blocks[-1].attn.attend(*heads).flatten(2)))  # type: ignore[call-arg]
