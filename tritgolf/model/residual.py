"""What a block adds to the residual stream, residual + scale · (inputs · weightᵀ), and a cheaper way back through it.

By the plain formula the gradient of ``scale`` is a sum over all tokens of gradient times product, which must be kept,
and the gradient of the product is written once more, times ``scale``. Both can be had from G = gradientᵀ · inputs: the
weight's gradient is scale · G, the scale's the sum of weight ∘ G over inputs. So nothing but ``inputs`` is kept, and no
other tensor of the stream's size is read or written for it.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def add_scaled(residual: Tensor, scale: Tensor, inputs: Tensor, weight: Tensor) -> Tensor:
    """The formula; shapes (…, width), (width,), (…, features), (width, features)."""
    return residual + scale * F.linear(inputs, weight)


class _AddScaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, residual: Tensor, scale: Tensor, inputs: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(scale, inputs, weight)
        return add_scaled(residual, scale, inputs, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        scale, inputs, weight = ctx.saved_tensors
        unscaled = gradient.flatten(0, -2).T @ inputs.flatten(0, -2)
        wide = torch.promote_types(weight.dtype, torch.float32)
        of_scale = (unscaled.to(wide) * weight.to(wide)).sum(-1).to(scale.dtype)
        return gradient, of_scale, gradient @ (scale[:, None] * weight), scale[:, None] * unscaled


def add_scaled_fused(residual: Tensor, scale: Tensor, inputs: Tensor, weight: Tensor) -> Tensor:
    """``add_scaled`` to the bit, its gradients within rounding: for training on a GPU."""
    return _AddScaled.apply(residual, scale, inputs, weight)
