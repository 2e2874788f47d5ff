"""What attention and MLP add to the residual stream, and a form of both together made for training on a GPU.

RMSNorm scales a token's row, so the norm of what attention mixed, as the MLP's two, can be done after the product: it
is neither written nor kept (``mlp`` says how the MLP's cancel). The product's epilogue adds the residual (``join``). On
the way back the product that ends the MLP's way adds the residual's gradient so, and multiplies a token's row by what
the norm scaled it with, for the products that follow.
"""

from typing import Any

import torch
from torch import Tensor, nn

from tritgolf.model.layers import RMS_EPSILON, rms_norm
from tritgolf.model.mlp import add_mlp, has_kernels, relu_product, slope_product
from tritgolf.model.residual import add_scaled, at_least_fp32, scale_and_weight_gradients

Factor = Tensor | nn.Module


def add_both(
    x: Tensor, mixed: Tensor, of_mixed: Tensor, of_mlp: Tensor, proj: Factor, inner: Factor, outer: Factor
) -> Tensor:
    """y = x + ``of_mixed`` · RMSNorm(``mixed``)·projᵀ, and y + ``of_mlp`` · MLP(y): the formula.

    Shapes (…, width), the same, (width,) twice, (width, width), (hidden, width), (width, hidden) → (…, width).
    """
    return add_mlp(add_scaled(x, of_mixed, rms_norm(mixed), proj), of_mlp, inner, outer)


def join(
    inputs: Tensor,
    weight: Tensor,
    residual: Tensor,
    of_product: Tensor,
    of_residual: Tensor,
    scale: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """``of_residual``·``residual`` + ``of_product``·``scale``·product, in the dtype of ``residual``; its squares' sums.

    ``of_product``, ``of_residual``: (tokens, 1), FP32 or wider. With a ``scale`` (width,) it is inputs·weightᵀ, without
    one inputs·weight. The sums are as those of ``relu_product``.
    """
    if has_kernels(inputs, weight):
        from tritgolf.model.joined_kernel import join_on_gpu  # noqa: PLC0415  (Triton is there on GPUs only)

        return join_on_gpu(inputs, weight, residual, of_product, of_residual, scale)
    product = of_product * (inputs @ weight if scale is None else scale * (inputs @ weight.T))
    joined = (product + of_residual * residual).to(residual.dtype)
    return joined, at_least_fp32(joined).square().sum(-1, keepdim=True)


class _AddBoth(torch.autograd.Function):
    """y = x + of_mixed · n · mixed·projᵀ, a = relu²(y·innerᵀ), y + of_mlp · i · a·outerᵀ.

    n = 1/√(mean mixed² + ε), i = 1/√(mean a² + ε·(mean y² + ε)²).
    What the ε in i contributes to the gradient is left out: a share of about ε/mean relu²(RMSNorm(y)·innerᵀ)², 1e-6 as
    the records begin, and less as their weights grow.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, mixed: Tensor, of_mixed: Tensor, of_mlp: Tensor, proj: Tensor, inner: Tensor, outer: Tensor
    ) -> Tensor:
        read = mixed.flatten(0, -2)
        norm = (at_least_fp32(read).square().mean(-1, keepdim=True) + RMS_EPSILON).rsqrt()
        y, squares = join(read, proj, x.flatten(0, -2), norm, torch.ones_like(norm), of_mixed)
        activated, squares_of_activated = relu_product(y, inner)
        epsilon = RMS_EPSILON * (squares.sum(-1, keepdim=True) / y.shape[-1] + RMS_EPSILON).square()
        inverse = (squares_of_activated.sum(-1, keepdim=True) / activated.shape[-1] + epsilon).rsqrt()
        product = activated @ outer.T
        ctx.save_for_backward(read, of_mixed, of_mlp, proj, inner, outer, norm, y, activated, inverse, product)
        return (y + of_mlp * (inverse * product)).to(x.dtype).view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        read, of_mixed, of_mlp, proj, inner, outer, norm, y, activated, inverse, product = ctx.saved_tensors
        scaled = (inverse * gradient.flatten(0, -2)).to(y.dtype)
        along = inverse.square() * (of_mlp * (at_least_fp32(scaled) * product)).sum(-1, keepdim=True)
        before = slope_product(scaled, of_mlp[:, None] * outer, activated, along / activated.shape[-1])
        mlp_gradient, outer_gradient = scale_and_weight_gradients(scaled.T @ activated, of_mlp, outer)
        normed, _ = join(before, inner, scaled, norm, norm / inverse)  # y's gradient times n
        mixed_gradient, proj_gradient = scale_and_weight_gradients(normed.T @ read, of_mixed, proj)
        to_read = at_least_fp32(normed @ (of_mixed[:, None] * proj))
        to_read = to_read - norm.square() * read * (to_read * read).mean(-1, keepdim=True)
        return (
            (normed / norm).to(y.dtype).view_as(gradient),
            to_read.to(y.dtype).view_as(gradient),
            mixed_gradient,
            mlp_gradient,
            proj_gradient,
            before.T @ y,
            outer_gradient,
        )


def add_both_fused(
    x: Tensor, mixed: Tensor, of_mixed: Tensor, of_mlp: Tensor, proj: Tensor, inner: Tensor, outer: Tensor
) -> Tensor:
    """``add_both`` within rounding, both ways: for a GPU."""
    return _AddBoth.apply(x, mixed, of_mixed, of_mlp, proj, inner, outer)
