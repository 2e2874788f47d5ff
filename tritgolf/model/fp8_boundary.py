"""The end of one block and the beginning of the next as one function, by kernels: for training on a GPU.

Of the one what ``fp8_fused.both_products`` and ``ended`` are; mix, norm, product and heads of the next. So the gradient
that goes from block to block is made, rounded and summed up over tokens by one pass.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tritgolf.model.fp8 import Fp8Weight
from tritgolf.model.fp8_fused import BothKept, Gradients, both_back, both_products, ended, multiply_normed, three_of
from tritgolf.model.fp8_operands import boundary_codes, product_of
from tritgolf.model.layers import split_heads
from tritgolf.model.residual import at_least_fp32
from tritgolf.model.shared_input import Share


class Skip(NamedTuple):
    """What a decoder block's input is added to, times its weight (width,)."""

    x: Tensor
    weight: Tensor


class Heads(NamedTuple):
    """What ``heads.make_heads`` is told, but the product."""

    gain: Tensor
    cos: Tensor
    sin: Tensor
    heads: int
    kv_heads: int


def next_heads(
    x: Tensor, mixed: Tensor, scales: tuple[Tensor, Tensor], weights: Sequence[Fp8Weight], share: Share,
    skip: Skip | None, how: Heads, keep: bool,
) -> tuple[Tensor, ...]:  # fmt: skip
    """From a block's input ``x`` and what attention ``mixed`` to the next one's u, q, k, v; first, to ``keep``, its x.

    ``scales``: of attention and MLP; ``weights``: the block's three others and the next one's fused; ``share`` is the
    next one's, ``skip`` what is added to its x first.
    """
    tensors = (x, mixed, *scales, share.x0, share.mix[0], share.mix[1].detach(), *(skip or (None, None)))
    flat = [tensor for weight in weights for tensor in weight]
    return _Boundary.apply(keep, how.heads, how.kv_heads, *tensors, how.gain, how.cos, how.sin, *flat)


SAVED = 13 + 4 + 1  # of both products, of u, and the fused product


class _Boundary(torch.autograd.Function):
    """x = what ``fp8_fused.add_both_fused`` returns, u = mix·(x + skip_weight·skip) + of_x0·x0, and the heads of u.

    Results: x if it is to be kept, u, q, k, v. The gradient of x0 is u's, as ``shared_input`` wants it.
    """

    @staticmethod
    def forward(
        ctx: Any, keep: bool, heads: int, kv_heads: int, x: Tensor, mixed: Tensor, of_mixed: Tensor, of_mlp: Tensor,
        x0: Tensor, mix: Tensor, of_x0: Tensor, skip: Tensor | None, skip_weight: Tensor | None, gain: Tensor,
        cos: Tensor, sin: Tensor, *weights: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        from tritgolf.model.heads_kernel import _forward  # noqa: PLC0415  (Triton is there on GPUs only)

        kept = both_products(x, mixed, of_mixed, *three_of(weights))
        result = ended(kept, of_mlp).view_as(x)
        joined = at_least_fp32(result)
        if skip is not None and skip_weight is not None:
            joined = joined + skip_weight * skip
        u = (mix * joined + of_x0 * x0).to(x.dtype)
        fused, u_kept = multiply_normed(u, Fp8Weight(*weights[15:]))
        q, k = _forward(fused, gain, cos, sin, kv_heads)
        ctx.keep, ctx.skips = keep, skip is not None
        vectors = (of_mixed, of_mlp, mix, gain, cos, sin)
        skips = () if skip is None else (skip, skip_weight)
        ctx.save_for_backward(*kept, *u_kept, fused, *weights, *vectors, *skips)
        v = split_heads(fused, heads + 2 * kv_heads)[:, :, heads + kv_heads :]
        return (result, u, q, k, v) if keep else (u, q, k, v)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Gradients:
        from tritgolf.model.fp8_heads_kernel import heads_gradient_codes_on_gpu  # noqa: PLC0415  (as above)

        saved = ctx.saved_tensors
        kept, (u, u_turned, u_power, u_inverse), fused = BothKept(*saved[:13]), saved[13:17], saved[17]
        weights, qkv = saved[SAVED : SAVED + 15], Fp8Weight(*saved[SAVED + 15 : SAVED + 20])
        of_mixed, of_mlp, mix, gain, cos, sin, *skips = saved[SAVED + 20 :]
        skip, skip_weight = skips or (None, None)
        of_x, (of_u, dq, dk, dv) = gradients[0] if ctx.keep else None, gradients[-4:]
        codes, turned, power, qkv_seen, of_gain = heads_gradient_codes_on_gpu(
            dq, dk, dv, fused, gain, cos, sin, qkv.largest
        )
        of_qkv = product_of(turned, u_turned, power, u_power, qkv.leaf.dtype)
        of_normed = product_of(codes, qkv.turned, power, qkv.power, u.dtype)
        *outer, along, shares, of_shared, above, of_skip = boundary_codes(
            _rows(of_u), of_normed, u, u_inverse, None if of_x is None else _rows(of_x), kept.y, kept.product,
            kept.inverse, None if skip is None else _rows(skip), mix, skip_weight, of_mlp, kept.seen,
            three_of(weights)[2].largest, kept.a_turned.shape[0],
        )  # fmt: skip
        of_y, to_mixed, *others = both_back(outer, along, above, of_mixed, kept, three_of(weights))
        sums = shares.sum(0)
        of_mix = sums[0] if skip_weight is None else sums[0] + skip_weight * sums[2]
        of_skips = (None, None)
        if skip_weight is not None:
            of_skips = (of_skip.view_as(of_u), (mix * sums[2]).to(skip_weight.dtype))
        streams = (of_y.view_as(of_u), to_mixed.view_as(of_u), others[0], sums[1].to(of_mlp.dtype))
        mixes = (of_shared.view_as(of_u), of_mix.to(mix.dtype), None)
        of_weights = (*others[1:], None, None, None, of_qkv, qkv_seen)
        return None, None, None, *streams, *mixes, *of_skips, of_gain, None, None, *of_weights


def _rows(stream: Tensor) -> Tensor:
    return stream.flatten(0, -2)
