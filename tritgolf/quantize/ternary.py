"""The one ternary quantizer (BitNet-style, group-wise): training, export, reload and statistics all call it.

A weight matrix (rows × columns) is cut along its columns (the input) into groups of ``group_size``. A group has one
scale s: mean|w| ("absmean", BitNet b1.58; #640) or √mean(w²) ("rms"; #920), at least 1e-8. Its trits are
q = clamp(round(w/s), −1, 1), and the forward pass uses q·s.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from tritgolf.config.model import TernaryConfig
from tritgolf.quantize.base import Quantized, dequantize, quantize
from tritgolf.quantize.powers import scaled_e4m3
from tritgolf.quantize.rounding import StraightThrough, rounded

Estimator = Literal["absmean", "rms"]
Arithmetic = Literal["bf16_weight", "float32", "float64"]

MIN_SCALE = 1e-8


@dataclass(frozen=True)
class TernaryQuantizer:
    """The ``Quantizer`` of trits: a scale is one of a group, an FP32 value rounded to ``scale_dtype``.

    ``arithmetic`` names what the scale is computed from, and how:

    * ``"bf16_weight"``: from the weight rounded to BF16, as the published forward pass is written;
    * ``"float64"``: from the FP32 weight as it is, as the published forward pass computes once compiled (both modes;
      see docs/roundtrip.md);
    * ``"float32"``: from the FP32 weight, its mean accumulated in FP32, as the published export does.

    The first two accumulate the mean in FP64 and round once to FP32: eager and compiled code, CPU and GPU agree to the
    bit in scales and trits, whatever the order of summation. (The published forward pass sums in FP32, in an order that
    no text fixes; the scales differ from those by a few units in the last place at most.) ``"float32"`` promises no
    bits.
    """

    group_size: int
    estimator: Estimator
    arithmetic: Arithmetic
    scale_dtype: torch.dtype = torch.float32

    @classmethod
    def of(cls, settings: TernaryConfig) -> "TernaryQuantizer":
        """The quantizer that a model with these settings trains with."""
        if settings.scale_dtype in BY_SCALES:
            return BY_SCALES[settings.scale_dtype](settings.group_size, settings.estimator, settings.arithmetic)
        return cls(**(settings.model_dump() | {"scale_dtype": getattr(torch, settings.scale_dtype)}))

    def grid_scale(self, weight: Tensor) -> Tensor:
        """Scales (rows, columns / ``group_size``), FP32."""
        scale, _ = group_scale(weight, self.group_size, self.estimator, self.arithmetic, self.scale_dtype)
        return scale.squeeze(-1)

    def multiplier(self, scale: Tensor, _matrices: int = 1) -> Tensor:
        """``scale`` itself."""
        return scale

    def nearest(self, weight: Tensor, scale: Tensor) -> Tensor:
        """Trits (rows, columns), int8, of the weight as ``arithmetic`` looks at it; groups as ``scale`` has them."""
        grouped = group(weight, weight.shape[1] // scale.shape[1], self.arithmetic)
        return nearest_trits(grouped, scale.unsqueeze(-1)).reshape(weight.shape).to(torch.int8)

    def dequantize(self, quantized: Quantized) -> Tensor:
        """q·s as FP32 (rows, columns)."""
        return dequantize(quantized)

    def fake(self, weight: Tensor) -> Tensor:
        """q·s as FP32 with a straight-through gradient: the forward pass's weight. Differentiable in ``weight``."""
        scale, grouped = group_scale(
            weight.detach(), self.group_size, self.estimator, self.arithmetic, self.scale_dtype
        )
        quantized = (nearest_trits(grouped, scale) * self.multiplier(scale)).reshape(weight.shape)
        return StraightThrough.apply(weight, quantized)


@dataclass(frozen=True)
class ScaledE4m3Quantizer(TernaryQuantizer):
    """Trits of the full scale, which are multiplied with it as an e4m3 number times a power of two of the matrix.

    So q·s is e4m3 numbers times one factor, whatever dimension a product sums over (``quantize.powers``). A scale below
    2^-18 of the matrix's largest is 0.
    """

    def multiplier(self, scale: Tensor, matrices: int = 1) -> Tensor:
        """``scale`` in e4m3, times a power of two for each of the ``matrices``."""
        return scaled_e4m3(scale, matrices)


BY_SCALES: dict[str, type[TernaryQuantizer]] = {"e4m3": ScaledE4m3Quantizer}


def group(weight: Tensor, group_size: int, arithmetic: Arithmetic) -> Tensor:
    """FP32 (rows, groups, group_size): what scales and trits are computed from."""
    if arithmetic == "bf16_weight":
        weight = rounded(weight, torch.bfloat16)
    return weight.float().reshape(weight.shape[0], -1, group_size)


def group_scale(
    weight: Tensor, group_size: int, estimator: Estimator, arithmetic: Arithmetic, scale_dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Scales of all groups, FP32 values already rounded to ``scale_dtype``; and the grouped weight they belong to.

    ``weight``: (rows, columns), any float dtype; ``group_size`` divides the columns. Returns scales
    (rows, groups, 1) and the FP32 weight (rows, groups, group_size) that the trits are rounded from.
    """
    grouped = group(weight, group_size, arithmetic)
    terms = grouped if arithmetic == "float32" else grouped.double()
    terms = terms.abs() if estimator == "absmean" else terms.square()
    mean = terms.mean(-1, keepdim=True) if arithmetic == "float32" else mean_in_any_order(terms)
    scale = (mean if estimator == "absmean" else mean.sqrt()).float().clamp_min(MIN_SCALE)
    limits = torch.finfo(scale_dtype)
    smallest_subnormal = limits.smallest_normal * limits.eps  # FP16 would round 1e-8 to zero, and w/0 is no trit
    return rounded(scale, scale_dtype).clamp_min(smallest_subnormal), grouped


def mean_in_any_order(terms: Tensor) -> Tensor:
    """Mean of the last dimension (kept, size 1) of FP64 ``terms`` ≥ 0: the same bits whatever the order of summation.

    The terms are first rounded to multiples of one step, so coarse that every partial sum is exact and so fine (at most
    2^-43 of the largest term for 128 of them) that the mean, rounded to FP32, is the exact one's but for a chance of
    about 2^-20 (pre-rounding; Demmel and Nguyen, "Fast reproducible floating-point summation", 2013). All factors are
    powers of two or used once, so that a fused multiply-add changes nothing.
    """
    count = terms.shape[-1]
    ceiling = terms.amax(-1, keepdim=True) * float(2 << (count - 1).bit_length())
    on_grid = (terms + ceiling) - ceiling
    return on_grid.sum(-1, keepdim=True) * (1 / count)


def nearest_trits(grouped: Tensor, scale: Tensor) -> Tensor:
    """clamp(round(w/s), −1, 1), round half to even, in the dtype of ``grouped``; without dividing.

    round(w/s) is nonzero exactly where the rounded quotient exceeds 1/2, and that is exactly where |w| > s/2: if s/2
    is normal with last place u, the next larger |w| is s/2 + u, and its quotient exceeds 1/2 by more than half a unit
    of the quotient's last place. Compiled GPU code divides only approximately; halving and comparing are exact.
    """
    return torch.where(grouped.abs() > scale / 2, grouped.sign(), 0.0)


def ternarize(
    weight: Tensor,
    *,
    group_size: int,
    estimator: Estimator,
    arithmetic: Arithmetic,
    scale_dtype: torch.dtype = torch.float32,
) -> Quantized:
    """Quantize a weight matrix to trits and scales."""
    return quantize(weight, TernaryQuantizer(group_size, estimator, arithmetic, scale_dtype))


def ternarize_step_by_step(weight: Tensor, group_size: int, estimator: Estimator, dtype: torch.dtype) -> Quantized:
    """Quantize with every operation's result rounded to ``dtype``, as eager code on tensors of that dtype does.

    Weight, square, mean, root and quotient are each rounded (a sum is accumulated in FP32 and rounded at its end). No
    record trains so; the laboratory exports so, to see which trits flip.
    """
    grouped = weight.to(dtype).reshape(weight.shape[0], -1, group_size)
    absolute = estimator == "absmean"
    scale = grouped.abs().mean(-1, keepdim=True) if absolute else grouped.square().mean(-1, keepdim=True).sqrt()
    scale = scale.clamp_min(MIN_SCALE)
    q = (grouped / scale).round().clamp(-1, 1)
    return Quantized(q.reshape(weight.shape).to(torch.int8), scale.squeeze(-1).float())


def shrinkage_corrected(ternary: Quantized, estimator: Estimator) -> Tensor:
    """The record's reload: weights that the quantizer maps back to the same trits and nearly the same scales.

    Per group q·s/mean|q| (absmean, #640) or q·s/√mean(q²) (rms, #920), FP32; a group of zeros stays zero. The mean of
    |q| is one minus the group's zero fraction, hence the published "1/(1 − z) amplification".
    """
    rows, columns = ternary.codes.shape
    grouped = ternary.codes.float().reshape(rows, -1, ternary.group_size)
    density = grouped.abs().mean(-1, keepdim=True)
    divisor = density if estimator == "absmean" else density.sqrt()
    corrected = grouped * (ternary.scale.unsqueeze(-1) / divisor.clamp_min(MIN_SCALE))
    return corrected.reshape(rows, columns)
