"""The products of a block in FP8: the definition, in plain torch, on every device.

Every operand is e4m3 numbers times one power of two, so a product needs one factor; it is accumulated in FP32. Weights
are trits times e4m3 scales, hence exact (``quantizer.scale_dtype: e4m3``). Others are rounded, nearest even and
saturating: normalized rows by a power that is known, as no number of RMSNorm(x) is beyond √width; relu² and gradients
of results by that of the largest magnitude of the step before (delayed scaling, as in modded-nanogpt), which is state
of the training.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from tritgolf.model.layers import RMS_EPSILON, rms_norm
from tritgolf.quantize.base import Quantizer, dequantize, quantize
from tritgolf.quantize.powers import PLACE, inverse_of, power_of, shared_power
from tritgolf.quantize.rounding import rounded

E4M3 = torch.float8_e4m3fn
INPUTS, GRADIENTS = 0, 1  # of ``Fp8Weight.largest``


class Fp8Weight(NamedTuple):
    """A matrix W = ``codes`` · ``power`` of (outputs, inputs), as FP8 products read it, and what they give back.

    ``codes``: e4m3; ``turned``: their transposed copy (inputs, outputs), contiguous; ``power``: () FP32. ``leaf``:
    (outputs, inputs), in the compute dtype; W's gradient is its, and nobody reads it here. ``largest``: (2,) FP32, the
    largest magnitudes of the step before, of the inputs (if they are relu²) and of the result's gradient; a leaf too,
    whose gradient is what this pass has seen of them (0 of normalized inputs).
    """

    codes: Tensor
    turned: Tensor
    power: Tensor
    leaf: Tensor
    largest: Tensor


def normed_product(x: Tensor, weight: Fp8Weight) -> Tensor:
    """RMSNorm(``x``)·Wᵀ: (…, inputs) → (…, outputs), in the dtype of ``x``."""
    return _of_normed(x, weight).to(x.dtype)


def add_normed_product(residual: Tensor, scale: Tensor, x: Tensor, weight: Fp8Weight) -> Tensor:
    """``residual`` + ``scale`` · (RMSNorm(``x``)·Wᵀ); shapes (…, outputs), (outputs,), (…, inputs)."""
    return (residual.float() + scale.float() * _of_normed(x, weight)).to(residual.dtype)


def add_mlp(residual: Tensor, scale: Tensor, inner: Fp8Weight, outer: Fp8Weight) -> Tensor:
    """x + ``scale`` · RMSNorm(relu²(RMSNorm(x)·innerᵀ))·outerᵀ; shapes (…, width), (width,) → (…, width).

    relu² is rounded first and then normalized: its mean square, like its slope on the way back, is of the rounded
    numbers, the only ones that are kept.
    """
    power = power_of(outer.largest[INPUTS].detach())
    activated, seen = _RoundedRelu2.apply(_of_normed(residual, inner), power)
    inverse = (activated.square().mean(-1, keepdim=True) + RMS_EPSILON).rsqrt()
    product = _Product.apply(activated, power, seen, *outer)
    return (residual.float() + scale.float() * (inverse * product)).to(residual.dtype)


def weights_of(weight: Tensor, quantizer: Quantizer) -> tuple[Tensor, Tensor]:
    """``weight`` (matrices, rows, columns) on its grid: e4m3 codes of the same shape, their powers (matrices,)."""
    matrices, _, columns = weight.shape
    on_grid = quantize(weight.reshape(-1, columns), quantizer, matrices)
    power = shared_power(on_grid.scale, matrices)
    numbers = dequantize(on_grid).view(matrices, -1) * inverse_of(power)
    return numbers.to(E4M3).view_as(weight), power.squeeze(-1)


def write_weights(codes: Tensor, turned: Tensor, power: Tensor, weight: Tensor, quantizer: Quantizer) -> None:
    """``weights_of`` its last two arguments into the first three, as ``Fp8Weight`` has them of each matrix."""
    found, powers = weights_of(weight, quantizer)
    codes.copy_(found)
    turned.copy_(found.transpose(1, 2))
    power.copy_(powers)


def normed_power(width: int) -> float:
    """The power of two by which normalized rows of this ``width`` are rounded: ``power_of`` √width, by whole numbers.

    A number has the exponent e or more, once it is rounded, from 31/32 · 2^e on. (No tensor: the compiler would have to
    ask for its value, and breaks its graph at that.)
    """
    exponent = 0
    while 1024 * width >= 961 * 4 ** (exponent + 1):
        exponent += 1
    return 2.0 ** (exponent - PLACE)


def to_e4m3(x: Tensor, power: Tensor) -> Tensor:
    """``x`` / ``power`` (from ``power_of``) in e4m3: nearest even, saturating."""
    return rounded(x.float() * inverse_of(power), E4M3).to(E4M3)


def multiply(a: Tensor, b: Tensor, power: Tensor) -> Tensor:
    """a·bᵀ · ``power`` of e4m3 matrices (m, k), (n, k): FP32 (m, n)."""
    return (a.float() @ b.float().T) * power


def _of_normed(x: Tensor, weight: Fp8Weight) -> Tensor:
    power = torch.tensor(normed_power(x.shape[-1]), device=x.device)
    return _Product.apply(rms_norm(x.float()), power, torch.zeros((), device=x.device), *weight)


class _Product(torch.autograd.Function):
    """FP32 x·Wᵀ of ``x`` rounded by ``power``; ``seen``: the largest magnitude before x was rounded, handed back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, power: Tensor, seen: Tensor, *weight: Tensor) -> Tensor:
        w = Fp8Weight(*weight)
        rounded_x = to_e4m3(x.flatten(0, -2), power)
        ctx.save_for_backward(rounded_x, power, seen, *weight)
        return multiply(rounded_x, w.codes, power * w.power).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, x_power, seen, *weight = ctx.saved_tensors
        w = Fp8Weight(*weight)
        above = gradient.flatten(0, -2)
        power = power_of(w.largest[GRADIENTS])
        rounded_above = to_e4m3(above, power)
        of_x = multiply(rounded_above, w.turned, power * w.power).view(*gradient.shape[:-1], -1)
        of_weight = multiply(rounded_above.T, x.T, power * x_power).to(w.leaf.dtype)
        return of_x, None, None, None, None, None, of_weight, torch.stack((seen, above.abs().amax().float()))


class _RoundedRelu2(torch.autograd.Function):
    """a = relu²(``x``) rounded by ``power``, FP32, and its largest magnitude before that; back by the slope 2·√a."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, power: Tensor) -> tuple[Tensor, Tensor]:
        activated = x.relu().square()
        kept = to_e4m3(activated, power).float() * power
        ctx.save_for_backward(kept)
        seen = activated.amax()
        ctx.mark_non_differentiable(seen)
        return kept, seen

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _of_seen: Tensor) -> tuple[Tensor, None]:
        (kept,) = ctx.saved_tensors
        return 2 * kept.sqrt() * gradient, None
