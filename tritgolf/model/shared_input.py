"""The network's input in every block's mix, and a form whose gradients are made once, at the end of the way back.

By the plain formula each block adds its part to the input's gradient, which is read and written for it, and reads the
input again for its weight's gradient. Here each leaves the gradient of its mix, which is written anyway, as what its
share of the input gets, unweighted; ``input_gradients`` then reads each once.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from tritgolf.model.mlp import has_kernels
from tritgolf.model.residual import at_least_fp32


class Share(NamedTuple):
    """The input (batch, positions, width) as one block has it, and that block's mix (2, width)."""

    x0: Tensor
    mix: Tensor


def shares_of(x0: Tensor, mixes: Tensor) -> list[Share]:
    """The input for each block of ``mixes`` (blocks, 2, width); only ``mix_share`` may read it."""
    return [Share(x0, mix) for x0, mix in zip(_Shares.apply(x0, mixes[:, 1]), mixes, strict=True)]


def mix_share(x: Tensor, share: Share) -> Tensor:
    """mix₀·x + mix₁·x0; the gradient of mix₁ is that of the shares."""
    return _Mixed.apply(x, share.x0, share.mix[0], share.mix[1].detach())


def input_gradients(gradients: list[Tensor], x0: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Of y_b = weights_b · x0: Σ_b weights_b · gradients_b in the dtype of x0, and of the weights (blocks, width)."""
    if has_kernels(x0, weights[0]):
        from tritgolf.model.shared_input_kernel import input_gradients_on_gpu  # noqa: PLC0415  (Triton is on GPUs only)

        return input_gradients_on_gpu(gradients, x0, weights)
    wide = [at_least_fp32(gradient) for gradient in gradients]
    of_x0 = sum((weight * gradient for weight, gradient in zip(weights, wide, strict=True)), torch.zeros_like(wide[0]))
    sums = [(gradient * x0).flatten(0, -2).sum(0) for gradient in wide]
    return of_x0.to(x0.dtype), torch.stack(sums).to(weights.dtype)


class _Shares(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x0: Tensor, weights: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(x0, weights)
        return tuple(x0.view_as(x0) for _ in range(weights.shape[0]))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        return input_gradients(list(gradients), *ctx.saved_tensors)


class _Mixed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, x0: Tensor, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(x, a)
        return a * x + b * x0

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, a = ctx.saved_tensors
        of_a = (at_least_fp32(gradient) * x).flatten(0, -2).sum(0).to(a.dtype)
        return a * gradient, gradient, of_a, None
