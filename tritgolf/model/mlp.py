"""What the MLP adds to the residual stream, and a form for training on a GPU (``joined``: with attention's part).

x + scale · RMSNorm(relu²(RMSNorm(x)·innerᵀ))·outerᵀ. Neither norm need be a pass over memory: the outer one only scales
a token's row, which may be done after the product; and since relu² is homogeneous, the inner one cancels in the outer
one, but for its epsilon, which a token's mean square of x then scales. So relu² and the sum of its squares are made in
the first product's epilogue (``relu_product``), and all elementwise work of the way back in another's
(``slope_product``): of the hidden activations one tensor is written and kept, and products alone read it.
"""

from typing import Any

import torch
from torch import Tensor, nn

from tritgolf.model.layers import RMS_EPSILON, rms_norm
from tritgolf.model.residual import add_scaled, at_least_fp32, product, scale_and_weight_gradients


def normed_relu2(x: Tensor) -> Tensor:
    """relu², normalized; the shape of ``x``."""
    return rms_norm(x.relu().square())


def add_mlp(residual: Tensor, scale: Tensor, inner: Tensor | nn.Module, outer: Tensor | nn.Module) -> Tensor:
    """The formula; shapes (…, width), (width,), (hidden, width), (width, hidden) → (…, width)."""
    return add_scaled(residual, scale, normed_relu2(product(rms_norm(residual), inner)), outer)


def relu_product(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """a = relu²(x·weightᵀ), (tokens, hidden), in the dtype of ``x``, and sums of its squares.

    The sums are (tokens, any number of parts), in FP32 or wider: a token's parts add up to Σ a².
    """
    if has_kernels(x, weight):
        from tritgolf.model.mlp_kernel import relu_product_on_gpu  # noqa: PLC0415  (Triton is there on GPUs only)

        return relu_product_on_gpu(x, weight)
    activated = (x @ weight.T).relu().square()
    return activated, at_least_fp32(activated).square().sum(-1, keepdim=True)


def slope_product(upstream: Tensor, weight: Tensor, activated: Tensor, along: Tensor) -> Tensor:
    """2·√a·(upstream·weight − along·a), the gradient before relu², where a = ``activated`` = relu² of something.

    Shapes (tokens, width), (width, hidden), (tokens, hidden), and (tokens, 1) of ``along``, FP32 or wider.
    """
    if has_kernels(upstream, weight):
        from tritgolf.model.mlp_kernel import slope_product_on_gpu  # noqa: PLC0415  (Triton is there on GPUs only)

        return slope_product_on_gpu(upstream, weight, activated, along)
    a = at_least_fp32(activated)
    return (2 * a.sqrt() * (at_least_fp32(upstream @ weight) - along * a)).to(activated.dtype)


class _AddMlp(torch.autograd.Function):
    """Without the norms: with i = 1/√(mean a² + ε·(mean x² + ε)²), x + scale · i · a·outerᵀ.

    What ε contributes to the gradient is left out: a share of about ε/mean relu²(RMSNorm(x)·innerᵀ)², 1e-6 as the
    records begin, and less as their weights grow.
    """

    @staticmethod
    def forward(ctx: Any, residual: Tensor, scale: Tensor, inner: Tensor, outer: Tensor) -> Tensor:
        x = residual.flatten(0, -2)
        activated, squares = relu_product(x, inner)
        epsilon = RMS_EPSILON * (at_least_fp32(x).square().mean(-1, keepdim=True) + RMS_EPSILON).square()
        inverse = (squares.sum(-1, keepdim=True) / activated.shape[-1] + epsilon).rsqrt()
        product = activated @ outer.T
        ctx.save_for_backward(x, scale, inner, outer, activated, inverse, product)
        return (at_least_fp32(x) + at_least_fp32(scale) * (inverse * product)).to(x.dtype).view_as(residual)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        x, scale, inner, outer, activated, inverse, product = ctx.saved_tensors
        above = gradient.flatten(0, -2)
        scaled = (inverse * above).to(x.dtype)
        along = inverse.square() * (at_least_fp32(scale) * scaled * product).sum(-1, keepdim=True) / activated.shape[-1]
        before = slope_product(scaled, scale[:, None] * outer, activated, along)
        of_scale, of_outer = scale_and_weight_gradients(scaled.T @ activated, scale, outer)
        return (above + before @ inner).view_as(gradient), of_scale, before.T @ x, of_outer


def add_mlp_fused(residual: Tensor, scale: Tensor, inner: Tensor, outer: Tensor) -> Tensor:
    """``add_mlp`` within rounding, both ways: for training on a GPU."""
    return _AddMlp.apply(residual, scale, inner, outer)


def has_kernels(x: Tensor, weight: Tensor) -> bool:
    """BF16 on a GPU, rows of whole 16 bytes: what its bulk copies want."""
    return x.is_cuda and x.dtype == torch.bfloat16 and all(size % 8 == 0 for size in weight.shape)
