"""What a LeakyReLU² MLP adds to the residual stream (#1716), and a form of the same function for training on a GPU.

residual + scale · LeakyReLU²(x·innerᵀ)·outerᵀ. The activations are made in the first product's epilogue, their slopes
in that of the way back, both from the hidden values h as they are stored: products alone read the activations. As in
``residual``, the gradient of the scale comes out of the outer matrix's.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tritgolf.model.layers import RMS_EPSILON, rms_norm
from tritgolf.model.mlp import has_kernels
from tritgolf.model.residual import (
    add_scaled,
    at_least_fp32,
    product,
    scale_and_weight_gradients,
)


def leaky_relu2(x: Tensor, slope: float) -> Tensor:
    """LeakyReLU(x)², with this slope below 0: not monotone but for 0 (#1019, #1716: 0.5)."""
    return F.leaky_relu(x, slope).square()


def add_leaky_mlp(
    residual: Tensor, scale: Tensor, x: Tensor, inner: Tensor | nn.Module, outer: Tensor | nn.Module, slope: float
) -> Tensor:
    """The formula; shapes (…, width), (width,), (…, width), (hidden, width), (width, hidden) → (…, width)."""
    return add_scaled(residual, scale, leaky_relu2(product(x, inner), slope), outer)


def leaky_product(x: Tensor, weight: Tensor, slope: float) -> tuple[Tensor, Tensor]:
    """h = x·weightᵀ and LeakyReLU²(h), both (tokens, hidden), in the dtype of ``x``."""
    if has_kernels(x, weight):
        from tritgolf.model.leaky_mlp_kernel import leaky_product_on_gpu  # noqa: PLC0415  (Triton is on GPUs only)

        return leaky_product_on_gpu(x, weight, slope)
    hidden = x @ weight.T
    return hidden, leaky_relu2(hidden, slope)


def leaky_slope_product(
    upstream: Tensor, weight: Tensor, hidden: Tensor, slope: float, along: Tensor | None = None
) -> Tensor:
    """(upstream·weight − along·a) ∘ the slope of LeakyReLU² at ``hidden``, 2h or, below 0, 2·slope²·h.

    The gradient before a = LeakyReLU²(hidden); ``along`` is there where a norm follows it. Shapes (tokens, width),
    (width, hidden), (tokens, hidden), and (tokens, 1) of ``along``, FP32 or wider.
    """
    if has_kernels(upstream, weight):
        from tritgolf.model.leaky_mlp_kernel import leaky_slope_product_on_gpu  # noqa: PLC0415  (Triton is on GPUs only)

        return leaky_slope_product_on_gpu(upstream, weight, hidden, slope, along)
    h, gradient = at_least_fp32(hidden), at_least_fp32(upstream @ weight)
    if along is not None:
        gradient = gradient - along * leaky_relu2(h, slope)
    return (gradient * torch.where(h > 0, 2 * h, 2 * slope**2 * h)).to(hidden.dtype)


class _AddLeakyMlp(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, residual: Tensor, scale: Tensor, x: Tensor, inner: Tensor, outer: Tensor, slope: float
    ) -> Tensor:
        hidden, activated = leaky_product(x.flatten(0, -2), inner, slope)
        ctx.slope = slope
        ctx.save_for_backward(scale, x, inner, outer, hidden, activated)
        return residual + scale * (activated @ outer.T).view_as(residual)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        scale, x, inner, outer, hidden, activated = ctx.saved_tensors
        above = gradient.flatten(0, -2)
        of_scale, of_outer = scale_and_weight_gradients(above.T @ activated, scale, outer)
        before = leaky_slope_product(above, scale[:, None] * outer, hidden, ctx.slope)
        return gradient, of_scale, (before @ inner).view_as(x), before.T @ x.flatten(0, -2), of_outer, None


def add_leaky_mlp_fused(
    residual: Tensor, scale: Tensor, x: Tensor, inner: Tensor, outer: Tensor, slope: float
) -> Tensor:
    """``add_leaky_mlp``, its gradients within rounding: for training on a GPU."""
    return _AddLeakyMlp.apply(residual, scale, x, inner, outer, slope)


def add_normed_leaky_mlp(
    residual: Tensor, scale: Tensor, x: Tensor, inner: Tensor | nn.Module, outer: Tensor | nn.Module, slope: float
) -> Tensor:
    """residual + scale · RMSNorm(LeakyReLU²(x·innerᵀ))·outerᵀ: ``add_leaky_mlp`` with #640's norm; shapes as there."""
    return add_scaled(residual, scale, rms_norm(leaky_relu2(product(x, inner), slope)), outer)


class _AddNormedLeakyMlp(torch.autograd.Function):
    """Without the norm: with a = LeakyReLU²(x·innerᵀ) and i = 1/√(mean a² + ε), residual + scale · i · a·outerᵀ."""

    @staticmethod
    def forward(
        ctx: Any, residual: Tensor, scale: Tensor, x: Tensor, inner: Tensor, outer: Tensor, slope: float
    ) -> Tensor:
        hidden, activated = leaky_product(x.flatten(0, -2), inner, slope)
        inverse = (at_least_fp32(activated).square().mean(-1, keepdim=True) + RMS_EPSILON).rsqrt()
        product = activated @ outer.T
        ctx.slope = slope
        ctx.save_for_backward(scale, x, inner, outer, hidden, activated, inverse, product)
        added = at_least_fp32(scale) * (inverse * product)
        return (at_least_fp32(residual) + added.view_as(residual)).to(residual.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        scale, x, inner, outer, hidden, activated, inverse, product = ctx.saved_tensors
        scaled = (inverse * gradient.flatten(0, -2)).to(product.dtype)
        along = inverse.square() * (at_least_fp32(scale) * scaled * product).sum(-1, keepdim=True)
        before = leaky_slope_product(scaled, scale[:, None] * outer, hidden, ctx.slope, along / activated.shape[-1])
        of_scale, of_outer = scale_and_weight_gradients(scaled.T @ activated, scale, outer)
        return gradient, of_scale, (before @ inner).view_as(x), before.T @ x.flatten(0, -2), of_outer, None


def add_normed_leaky_mlp_fused(
    residual: Tensor, scale: Tensor, x: Tensor, inner: Tensor, outer: Tensor, slope: float
) -> Tensor:
    """``add_normed_leaky_mlp`` within rounding, both ways: for training on a GPU.

    With slope 0, x normalized and read by nothing else, ``mlp.add_mlp_fused`` keeps less.
    """
    return _AddNormedLeakyMlp.apply(residual, scale, x, inner, outer, slope)
