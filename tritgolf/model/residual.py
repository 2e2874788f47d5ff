"""What a block adds to the residual stream, residual + scale · (inputs · weightᵀ), and a cheaper way back through it.

By the plain formula the gradient of ``scale`` is a sum over all tokens of gradient times product, which must be kept,
and the gradient of the product is written once more, times ``scale``. Both can be had from G = gradientᵀ · inputs: the
weight's gradient is scale · G, the scale's the sum of weight ∘ G over inputs. So nothing but ``inputs`` is kept, and no
other tensor of the stream's size is read or written for it.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tritgolf.model.layers import QuantizedLinear

Form = Callable[..., Tensor]  # ``add_scaled``, what an MLP adds, or their fused ones


def operand(layer: QuantizedLinear, dtype: torch.dtype, plain: bool) -> Tensor | QuantizedLinear:
    """What a form multiplies by: a plain one by the layer, whose hooks so see its inputs, a fused one by its weight."""
    return layer if plain else layer.used_weight(dtype)


def product(inputs: Tensor, weight: Tensor | nn.Module) -> Tensor:
    """inputs · weightᵀ. ``weight``: (outputs, features), or the layer that has it, whose hooks then see ``inputs``."""
    return F.linear(inputs, weight) if isinstance(weight, Tensor) else weight(inputs)


def add_scaled(residual: Tensor, scale: Tensor, inputs: Tensor, weight: Tensor | nn.Module) -> Tensor:
    """The formula; shapes (…, width), (width,), (…, features), (width, features)."""
    return residual + scale * product(inputs, weight)


def scale_and_weight_gradients(unscaled: Tensor, scale: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Of ``scale`` and ``weight``, from G = ``unscaled``, the weight's gradient if the scale were 1."""
    of_scale = (at_least_fp32(unscaled) * at_least_fp32(weight)).sum(-1).to(scale.dtype)
    return of_scale, scale[:, None] * unscaled


def at_least_fp32(x: Tensor) -> Tensor:
    """``x`` in FP32, or in what it has beyond."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class _AddScaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, residual: Tensor, scale: Tensor, inputs: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(scale, inputs, weight)
        return add_scaled(residual, scale, inputs, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        scale, inputs, weight = ctx.saved_tensors
        of_scale, of_weight = scale_and_weight_gradients(
            gradient.flatten(0, -2).T @ inputs.flatten(0, -2), scale, weight
        )
        return gradient, of_scale, gradient @ (scale[:, None] * weight), of_weight


def add_scaled_fused(residual: Tensor, scale: Tensor, inputs: Tensor, weight: Tensor) -> Tensor:
    """``add_scaled`` to the bit, its gradients within rounding: for training on a GPU."""
    return _AddScaled.apply(residual, scale, inputs, weight)
