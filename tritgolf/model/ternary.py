"""The one ternary quantizer (BitNet-style, group-wise): training, export, reload and statistics all call it.

A weight matrix (rows × columns) is cut along its columns (the input) into groups of ``group_size``. A group has one
scale s: mean|w| ("absmean", BitNet b1.58; #640) or √mean(w²) ("rms"; #920), at least 1e-8. Its trits are
q = clamp(round(w/s), −1, 1), and the forward pass uses q·s.

``arithmetic`` names how the scale is computed:

* ``"bf16_weight"``: the weight is rounded to BF16 first, then everything is FP32, as the published forward pass does;
* ``"float32"``: the FP32 weight as it is, FP32 throughout, as the published export does;
* ``"float64"``: the FP32 weight as it is, the mean accumulated in FP64, so that eager, compiled, CPU and GPU code agree
  to the bit whatever the order of summation (the honest mode).
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

Estimator = Literal["absmean", "rms"]
Arithmetic = Literal["bf16_weight", "float32", "float64"]

MIN_SCALE = 1e-8


class Ternary(NamedTuple):
    """A quantized matrix: ``q`` int8 in {−1, 0, 1}, (rows, columns); ``scale`` FP32, (rows, columns / group_size)."""

    q: Tensor
    scale: Tensor

    @property
    def group_size(self) -> int:
        """Columns that share a scale."""
        return self.q.shape[1] // self.scale.shape[1]


def group_scale(
    weight: Tensor, group_size: int, estimator: Estimator, arithmetic: Arithmetic, scale_dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Scales of all groups, FP32 values already rounded to ``scale_dtype``; and the grouped weight they belong to.

    ``weight``: (rows, columns), any float dtype; ``group_size`` divides the columns. Returns scales
    (rows, groups, 1) and the FP32 weight (rows, groups, group_size) that the trits are to be decided from.
    """
    if arithmetic == "bf16_weight":
        weight = weight.bfloat16()
    grouped = weight.float().reshape(weight.shape[0], -1, group_size)
    wide = grouped.double() if arithmetic == "float64" else grouped
    mean = wide.abs().mean(-1, keepdim=True) if estimator == "absmean" else wide.square().mean(-1, keepdim=True).sqrt()
    scale = mean.float().clamp_min(MIN_SCALE)
    limits = torch.finfo(scale_dtype)
    smallest_subnormal = limits.smallest_normal * limits.eps  # FP16 would round 1e-8 to zero, and w/0 is no trit
    return scale.to(scale_dtype).float().clamp_min(smallest_subnormal), grouped


def decide_trits(grouped: Tensor, scale: Tensor) -> Tensor:
    """clamp(round(w/s), −1, 1) in the dtype of ``grouped``; round is half-to-even."""
    return (grouped / scale).round().clamp(-1, 1)


def ternarize(
    weight: Tensor,
    *,
    group_size: int,
    estimator: Estimator,
    arithmetic: Arithmetic,
    scale_dtype: torch.dtype = torch.float32,
) -> Ternary:
    """Quantize a weight matrix to trits and scales."""
    scale, grouped = group_scale(weight, group_size, estimator, arithmetic, scale_dtype)
    q = decide_trits(grouped, scale).reshape(weight.shape).to(torch.int8)
    return Ternary(q, scale.squeeze(-1))


def ternarize_step_by_step(weight: Tensor, group_size: int, estimator: Estimator, dtype: torch.dtype) -> Ternary:
    """Quantize with every operation's result rounded to ``dtype``, as eager code on tensors of that dtype does.

    Weight, square, mean, root and quotient are each rounded (a sum is accumulated in FP32 and rounded at its end). No
    record trains so; the laboratory exports so, to see which trits flip.
    """
    grouped = weight.to(dtype).reshape(weight.shape[0], -1, group_size)
    absolute = estimator == "absmean"
    scale = grouped.abs().mean(-1, keepdim=True) if absolute else grouped.square().mean(-1, keepdim=True).sqrt()
    scale = scale.clamp_min(MIN_SCALE)
    q = (grouped / scale).round().clamp(-1, 1)
    return Ternary(q.reshape(weight.shape).to(torch.int8), scale.squeeze(-1).float())


def dequantize(ternary: Ternary) -> Tensor:
    """q·s as FP32 (rows, columns)."""
    rows, columns = ternary.q.shape
    grouped = ternary.q.float().reshape(rows, -1, ternary.group_size)
    return (grouped * ternary.scale.unsqueeze(-1)).reshape(rows, columns)


def fake_quantize(
    weight: Tensor, group_size: int, estimator: Estimator, arithmetic: Arithmetic, scale_dtype: torch.dtype
) -> Tensor:
    """q·s as FP32 with a straight-through gradient: the forward pass's weight. Differentiable in ``weight``."""
    scale, grouped = group_scale(weight.detach(), group_size, estimator, arithmetic, scale_dtype)
    quantized = (decide_trits(grouped, scale) * scale).reshape(weight.shape)
    return StraightThrough.apply(weight, quantized)


class StraightThrough(torch.autograd.Function):
    """Forward: the second argument; backward: the gradient goes to the first unchanged (Bengio et al., 2013)."""

    @staticmethod
    def forward(ctx: object, weight: Tensor, quantized: Tensor) -> Tensor:  # noqa: D102
        return quantized.to(weight.dtype)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: D102
        return gradient, None


def shrinkage_corrected(ternary: Ternary, estimator: Estimator) -> Tensor:
    """The record's reload: weights that the quantizer maps back to the same trits and nearly the same scales.

    Per group q·s/mean|q| (absmean, #640) or q·s/√mean(q²) (rms, #920), FP32; a group of zeros stays zero. The mean of
    |q| is one minus the group's zero fraction, hence the published "1/(1 − z) amplification".
    """
    rows, columns = ternary.q.shape
    grouped = ternary.q.float().reshape(rows, -1, ternary.group_size)
    density = grouped.abs().mean(-1, keepdim=True)
    divisor = density if estimator == "absmean" else density.sqrt()
    corrected = grouped * (ternary.scale.unsqueeze(-1) / divisor.clamp_min(MIN_SCALE))
    return corrected.reshape(rows, columns)


def zero_fraction(q: Tensor) -> float:
    """Share of zero trits in ``q`` (0 for an empty tensor)."""
    return (q == 0).sum().item() / q.numel() if q.numel() else 0.0
