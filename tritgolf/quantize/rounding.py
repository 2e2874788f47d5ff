"""Rounding to a narrower number format: one definition for training, export and reload.

Values go to the nearest representable one, ties to even; beyond the largest finite number they become that number
(448 in e4m3, 57344 in e5m2, 65504 in FP16). NaN stays NaN. It is written in FP32 and integer arithmetic, not as a cast
there and back, because PyTorch's compiler drops such pairs: in code that Inductor makes for a GPU,
``x.bfloat16().float()`` is ``x`` (its setting ``emulate_precision_casts``). So eager and compiled code, CPU and GPU
round alike to the bit.
"""

import math
from typing import Any

import torch
from torch import Tensor

from tritgolf.config.types import Format

DTYPES: dict[Format, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "e4m3": torch.float8_e4m3fn,
    "e5m2": torch.float8_e5m2,
}


def rounded(x: Tensor, dtype: torch.dtype) -> Tensor:
    """FP32 values of ``x`` (any float dtype and shape) after a visit to ``dtype``: nearest even, saturating."""
    x = x.float()
    if dtype == torch.float32:
        return x
    limits = torch.finfo(dtype)
    dropped = 23 + round(math.log2(limits.eps))  # bits of an FP32 significand that the format does not have
    magnitude = x.abs().clamp_max(limits.max)
    bits = magnitude.view(torch.int32)
    odd = (bits >> dropped) & 1
    normal = (((bits + odd + ((1 << dropped - 1) - 1)) >> dropped) << dropped).view(torch.float32)
    shift = limits.smallest_normal * 2.0**dropped  # whose last place is the format's smallest step
    small = (magnitude + shift) - shift
    nearest = torch.where(magnitude < limits.smallest_normal, small, normal).clamp_max(limits.max)
    return torch.where(x.isnan(), x, torch.copysign(nearest, x))


class StraightThrough(torch.autograd.Function):
    """Forward: the second argument; backward: the gradient goes to the first unchanged (Bengio et al., 2013)."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, quantized: Tensor) -> Tensor:  # noqa: D102
        return quantized.to(weight.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: D102
        return gradient, None


def rounded_through(x: Tensor, number_format: Format) -> Tensor:
    """``x`` ``rounded`` to ``number_format``, in its own dtype; the gradient passes straight through."""
    if DTYPES[number_format] in (torch.float32, x.dtype):
        return x
    return StraightThrough.apply(x, rounded(x.detach(), DTYPES[number_format]))


@torch.library.custom_op("tritgolf::kept", mutates_args=())
def _kept(x: Tensor) -> Tensor:
    return x.clone()


@_kept.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


_kept.register_autograd(lambda _, gradient: gradient)


def rounded_once(x: Tensor, number_format: Format) -> Tensor:
    """``rounded_through`` for a small ``x`` of many uses in code compiled for a GPU.

    The compiler repeats elementwise work in every kernel that needs its result, so a vector would be rounded again for
    each token: most of the arithmetic of a mix. It cannot look into an operator of ours, so what that returns is kept.
    """
    found = rounded_through(x, number_format)
    return found if found is x else _kept(found)
