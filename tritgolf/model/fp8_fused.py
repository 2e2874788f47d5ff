"""The functions of ``fp8`` in forms made for training on a GPU: same arguments, same results within rounding.

Every operand is rounded by the pass or product that makes it, once, and left in both layouts (``fp8_operands``). Kept
for the way back are the turned copies alone, with the tensors of the stream. On a CPU they compute the same, plainly.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tritgolf.model.fp8 import Fp8Weight
from tritgolf.model.fp8_operands import (
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


def add_normed_product_fused(residual: Tensor, scale: Tensor, x: Tensor, weight: Fp8Weight) -> Tensor:
    """``fp8.add_normed_product``."""
    return _AddNormedProduct.apply(residual, scale, x, *weight)


def add_mlp_fused(residual: Tensor, scale: Tensor, inner: Fp8Weight, outer: Fp8Weight) -> Tensor:
    """``fp8.add_mlp``."""
    return _AddMlp.apply(residual, scale, *inner, *outer)


def before_norm(gradient: Tensor, x: Tensor, inverse: Tensor) -> Tensor:
    """The gradient of ``x``, FP32 or wider, from that of RMSNorm(x) = x · ``inverse``."""
    normed = at_least_fp32(x) * inverse
    wide = at_least_fp32(gradient)
    return inverse * (wide - normed * (wide * normed).mean(-1, keepdim=True))


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


class _AddNormedProduct(torch.autograd.Function):
    """The gradient of the scale comes out of the weight's, as in ``residual``: here that has the scale in it."""

    @staticmethod
    def forward(ctx: Any, residual: Tensor, scale: Tensor, x: Tensor, *weight: Tensor) -> Tensor:
        product, kept = multiply_normed(x, Fp8Weight(*weight))
        ctx.save_for_backward(scale, *kept, *weight)
        return (at_least_fp32(residual) + at_least_fp32(scale) * product).to(residual.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        scale, x, turned, power, inverse, *weight = ctx.saved_tensors
        w = Fp8Weight(*weight)
        codes = gradient_codes(gradient.flatten(0, -2), scale, w.largest)
        of_x, of_w = way_back(codes, (x, turned, power, inverse), w)
        return gradient, of_scale(of_w[3], scale, w), of_x.to(x.dtype).unflatten(0, gradient.shape[:-1]), *of_w


class _AddMlp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, residual: Tensor, scale: Tensor, *weights: Tensor) -> Tensor:
        inner, outer, x = Fp8Weight(*weights[:5]), Fp8Weight(*weights[5:]), residual.flatten(0, -2)
        codes, *x_kept = normed_codes(x)
        a, a_turned, power, seen, squares = relu_codes(codes, inner.codes, x_kept[1], inner.power, outer.largest)
        mean = squares.sum(-1, keepdim=True) * (power.square() / a.shape[-1])
        inverse = (mean + RMS_EPSILON).rsqrt()
        product = product_of(a, outer.codes, power, outer.power, x.dtype)
        ctx.save_for_backward(x, *x_kept, a_turned, power, seen, scale, inverse, product, *weights)
        return (at_least_fp32(x) + at_least_fp32(scale) * (inverse * product)).to(x.dtype).view_as(residual)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        x, x_turned, x_power, x_inverse, a_turned, a_power, seen, scale, inverse, product, *w = ctx.saved_tensors
        inner, outer, above = Fp8Weight(*w[:5]), Fp8Weight(*w[5:]), gradient.flatten(0, -2)
        codes, turned, power, outer_seen, along, shares = outer_gradient_codes(
            above, product, scale, inverse, seen, outer.largest, a_turned.shape[0]
        )
        of_outer = product_of(turned, a_turned, power, a_power, outer.leaf.dtype)
        powers = (power, outer.power, a_power)
        of_hidden = slope_codes(codes, outer.turned, a_turned, along, powers, inner.largest)
        of_x, of_inner = way_back(of_hidden, (x, x_turned, x_power, x_inverse), inner)
        return (
            (above + of_x).to(x.dtype).view_as(gradient),
            shares.sum(0).to(scale.dtype),
            *of_inner,
            None,
            None,
            None,
            of_outer,
            outer_seen,
        )
