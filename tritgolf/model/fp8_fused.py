"""The functions of ``fp8`` in forms made for training on a GPU: same arguments, same results within rounding.

Every operand is rounded by the pass or product that makes it, once, and left in both layouts (``fp8_operands``). Kept
for the way back are the turned copies alone, with the tensors of the stream. On a CPU they compute the same, plainly.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tritgolf.model.fp8 import Fp8Weight
from tritgolf.model.fp8_operands import (
    added_codes,
    added_gradient_codes,
    before_norm,
    gradient_codes,
    has_kernels,
    normed_codes,
    outer_gradient_codes,
    product_of,
    relu_codes,
    slope_codes,
)
from tritgolf.model.heads import make_heads
from tritgolf.model.layers import RMS_EPSILON, split_heads
from tritgolf.model.residual import at_least_fp32

Gradients = tuple[Tensor | None, ...]
Kept = tuple[Tensor, Tensor, Tensor, Tensor]


def normed_product_fused(x: Tensor, weight: Fp8Weight) -> Tensor:
    """``fp8.normed_product``."""
    return _NormedProduct.apply(x, *weight)


def heads_of_normed(
    x: Tensor, weight: Fp8Weight, gain: Tensor, cos: Tensor, sin: Tensor, heads: int, kv_heads: int
) -> tuple[Tensor, Tensor, Tensor]:
    """``heads.make_heads`` of ``fp8.normed_product``, whose gradient on a GPU is made in e4m3."""
    if has_kernels(x.flatten(0, -2)):
        return _HeadsOfNormed.apply(x, gain, cos, sin, heads, kv_heads, *weight)
    return make_heads(normed_product_fused(x, weight), gain, cos, sin, heads, kv_heads)


def add_both_fused(
    residual: Tensor, mixed: Tensor, of_mixed: Tensor, of_mlp: Tensor, proj: Fp8Weight, inner: Fp8Weight,
    outer: Fp8Weight,
) -> Tensor:  # fmt: skip
    """``fp8.add_mlp`` by ``of_mlp``, of ``fp8.add_normed_product`` of what attention ``mixed``, by ``of_mixed``."""
    return _AddBoth.apply(residual, mixed, of_mixed, of_mlp, *proj, *inner, *outer)


def multiply_normed(x: Tensor, weight: Fp8Weight) -> tuple[Tensor, Kept]:
    """``fp8.normed_product``, and what ``way_back`` is told of it: x (tokens, inputs), its codes turned, and so on."""
    flat = x.flatten(0, -2)
    codes, turned, power, inverse = normed_codes(flat)
    product = product_of(codes, weight.codes, power, weight.power, x.dtype)
    return product.unflatten(0, x.shape[:-1]), (flat, turned, power, inverse)


def way_back(gradient: Sequence[Tensor], kept: Kept, weight: Fp8Weight) -> tuple[Tensor, Gradients]:
    """Gradients of x (tokens, inputs), FP32 or wider, and of the weight's five, from ``gradient_codes``."""
    (codes, turned, power, seen), (x, x_turned, x_power, inverse) = gradient, kept
    of_leaf = product_of(turned, x_turned, power, x_power, weight.leaf.dtype)
    of_normed = product_of(codes, weight.turned, power, weight.power, x.dtype)
    return before_norm(of_normed, x, inverse), (None, None, None, of_leaf, seen)


def of_scale(of_leaf: Tensor | None, scale: Tensor, weight: Fp8Weight) -> Tensor:
    """The gradient of ``scale`` (outputs,), where that of the weight, which has it as a factor, is ``of_leaf``."""
    assert of_leaf is not None
    found = (at_least_fp32(of_leaf) * weight.codes.float()).sum(-1) * weight.power / scale
    return torch.where(scale == 0, 0.0, found).to(scale.dtype)


class _NormedProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, *weight: Tensor) -> Tensor:
        product, kept = multiply_normed(x, Fp8Weight(*weight))
        ctx.save_for_backward(*kept, *weight)
        return product

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        x, turned, power, inverse, *weight = ctx.saved_tensors
        w = Fp8Weight(*weight)
        codes = gradient_codes(gradient.flatten(0, -2), None, w.largest)
        of_x, of_w = way_back(codes, (x, turned, power, inverse), w)
        return of_x.to(x.dtype).unflatten(0, gradient.shape[:-1]), *of_w


class _HeadsOfNormed(torch.autograd.Function):
    """By kernels alone; their halves are one function, so that the product's gradient need not be a tensor in BF16."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gain: Tensor, cos: Tensor, sin: Tensor, heads: int, kv_heads: int, *weight: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        from tritgolf.model.heads_kernel import _forward  # noqa: PLC0415  (Triton is there on GPUs only)

        fused, kept = multiply_normed(x, Fp8Weight(*weight))
        q, k = _forward(fused, gain, cos, sin, kv_heads)
        ctx.save_for_backward(fused, gain, cos, sin, *kept, *weight)
        return q, k, split_heads(fused, heads + 2 * kv_heads)[:, :, heads + kv_heads :]

    @staticmethod
    def backward(ctx: Any, dq: Tensor, dk: Tensor, dv: Tensor) -> Gradients:
        from tritgolf.model.fp8_heads_kernel import heads_gradient_codes_on_gpu  # noqa: PLC0415  (as above)

        fused, gain, cos, sin, x, turned, power, inverse, *weight = ctx.saved_tensors
        w = Fp8Weight(*weight)
        *codes, of_gain = heads_gradient_codes_on_gpu(dq, dk, dv, fused, gain, cos, sin, w.largest)
        of_x, of_w = way_back(codes, (x, turned, power, inverse), w)
        return of_x.to(x.dtype).unflatten(0, fused.shape[:-1]), of_gain, None, None, None, None, *of_w


class _AddBoth(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, mixed: Tensor, of_mixed: Tensor, of_mlp: Tensor, *weights: Tensor) -> Tensor:
        kept = both_products(x, mixed, of_mixed, *three_of(weights))
        ctx.save_for_backward(of_mixed, of_mlp, *kept, *weights)
        return ended(kept, of_mlp).view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        of_mixed, of_mlp, *kept = ctx.saved_tensors
        both, weights, above = BothKept(*kept[:13]), three_of(kept[13:]), gradient.flatten(0, -2)
        *codes, along, shares = outer_gradient_codes(
            above, both.product, of_mlp, both.inverse, both.seen, weights[2].largest, both.a_turned.shape[0]
        )
        of_y, to_mixed, of_first, of_weights = both_back(codes, along, above, of_mixed, both, weights)
        of_scales = of_first, shares.sum(0).to(of_mlp.dtype)
        return of_y.view_as(gradient), to_mixed.view_as(gradient), *of_scales, *of_weights


class BothKept(NamedTuple):
    """What the way back through ``both_products`` needs; of ``mixed`` and ``y`` as ``normed_codes`` leaves it."""

    mixed: Tensor
    mixed_turned: Tensor
    mixed_power: Tensor
    mixed_inverse: Tensor
    y: Tensor
    y_turned: Tensor
    y_power: Tensor
    y_inverse: Tensor
    a_turned: Tensor
    a_power: Tensor
    seen: Tensor
    inverse: Tensor
    product: Tensor


def both_products(
    x: Tensor, mixed: Tensor, of_mixed: Tensor, proj: Fp8Weight, inner: Fp8Weight, outer: Fp8Weight
) -> BothKept:
    """y = x + of_mixed · RMSNorm(mixed)·projᵀ, a = relu²(RMSNorm(y)·innerᵀ), one over its RMS, and a·outerᵀ."""
    product, of_mixed_kept = multiply_normed(mixed.flatten(0, -2), proj)
    y, codes, y_turned, y_power, y_inverse = added_codes(x.flatten(0, -2), of_mixed, product)
    a, a_turned, a_power, seen, squares = relu_codes(codes, inner.codes, y_power, inner.power, outer.largest)
    mean = squares.sum(-1, keepdim=True) * (a_power.square() / a.shape[-1])
    product = product_of(a, outer.codes, a_power, outer.power, x.dtype)
    inverse = (mean + RMS_EPSILON).rsqrt()
    return BothKept(*of_mixed_kept, y, y_turned, y_power, y_inverse, a_turned, a_power, seen, inverse, product)


def ended(kept: BothKept, of_mlp: Tensor) -> Tensor:
    """y + of_mlp · inverse · product, (tokens, width)."""
    return (at_least_fp32(kept.y) + at_least_fp32(of_mlp) * (kept.inverse * kept.product)).to(kept.y.dtype)


def both_back(
    of_product: Sequence[Tensor], along: Tensor, above: Tensor, of_mixed: Tensor, kept: BothKept,
    weights: tuple[Fp8Weight, Fp8Weight, Fp8Weight],
) -> tuple[Tensor, Tensor, Tensor, Gradients]:  # fmt: skip
    """Gradients of x, mixed (tokens, width), of_mixed and the three weights' five, from codes of the last product's.

    ``above``: the gradient of what y was added to. That of of_mixed comes out of proj's, as in ``residual``: here that
    has it as a factor.
    """
    (codes, turned, power, outer_seen), (proj, inner, outer) = of_product, weights
    of_outer = product_of(turned, kept.a_turned, power, kept.a_power, outer.leaf.dtype)
    powers = (power, outer.power, kept.a_power)
    codes, turned, power, inner_seen = slope_codes(codes, outer.turned, kept.a_turned, along, powers, inner.largest)
    of_inner = product_of(turned, kept.y_turned, power, kept.y_power, inner.leaf.dtype)
    of_normed = product_of(codes, inner.turned, power, inner.power, kept.y.dtype)
    of_y, *of_y_codes = added_gradient_codes(above, of_normed, kept.y, kept.y_inverse, of_mixed, proj.largest)
    to_mixed, of_proj = way_back(
        of_y_codes, (kept.mixed, kept.mixed_turned, kept.mixed_power, kept.mixed_inverse), proj
    )
    of_weights = (*of_proj, *(None, None, None, of_inner, inner_seen), *(None, None, None, of_outer, outer_seen))
    return of_y, to_mixed.to(kept.y.dtype), of_scale(of_proj[3], of_mixed, proj), of_weights


def three_of(weights: Sequence[Tensor]) -> tuple[Fp8Weight, Fp8Weight, Fp8Weight]:
    """Of proj, inner and outer, from their tensors one after the other."""
    return Fp8Weight(*weights[:5]), Fp8Weight(*weights[5:10]), Fp8Weight(*weights[10:15])
