"""Sums over the positions up to each, in one order of additions wherever they are made."""

from typing import Any

import torch
from torch import Tensor


@torch.library.custom_op("tritgolf::running_sum", mutates_args=())
def running_sum(x: Tensor) -> Tensor:
    """FP32 sums of ``x`` (batch, positions, width) over positions 0 to each, as PyTorch adds them.

    An operator of its own, because the compiler's sum over few rows hangs on which of its programs ends first: scores
    of one text would differ from call to call. PyTorch 2.11 even fails to compile some of them.
    """
    return x.float().cumsum(1)


@running_sum.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty(x.shape, dtype=torch.float32, device=x.device)


def _keep(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
    ctx.dtype = inputs[0].dtype


def _differentiate(ctx: Any, gradient: Tensor) -> Tensor:
    """A position is in the sums of all from it on."""
    return running_sum(gradient.flip(1)).flip(1).to(ctx.dtype)


running_sum.register_autograd(_differentiate, setup_context=_keep)
