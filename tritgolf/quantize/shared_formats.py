"""Formats of scales whose numbers are codes of a byte, with an exponent that several share, or nothing but one.

``e8m0`` and ``bfp8`` hold no sign, so they are for scales alone; ``scaled_e4m3`` is what FP8 products multiply with.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tritgolf.quantize.powers import inverse_of, shared_power
from tritgolf.quantize.rounding import rounded

Shape = Sequence[int]
NAN_CODE = 255  # of an exponent; no number has it
# e8m0: nothing but an exponent, a byte that means 2^(code − 127): the scale type of the OCP Microscaling formats
# (MX 1.0, 2023). All weights of a group share that power of two.
E8M0_BIAS = 127
# bfp8, block floating point: a row's numbers share one power of two (a byte, 2^(code − 134)), and each is an unsigned
# 8-bit multiple of it, nearest even. The power is the smallest under which the row's largest is at most 255.
BFP8_BIAS, BFP8_MANTISSA = 134, 255  # 255 · 2^(254 − 134) is just below the largest FP32 number
# scaled_e4m3: e4m3 numbers times one power of two of the whole tensor (``powers``), a byte that means 2^(code − 127).
SCALED_BIAS = 127


class SharedFormat(NamedTuple):
    """``codes``: of a tensor, integers of a byte each, by parts in the order of the file; ``values``: back to FP32.

    ``shapes``: of the parts, from the tensor's shape.
    """

    codes: Callable[[Tensor], tuple[Tensor, ...]]
    values: Callable[..., Tensor]
    shapes: Callable[[Shape], list[Shape]]


def e8m0_codes(tensor: Tensor) -> tuple[Tensor]:
    """The nearest powers of two, (shape of ``tensor``); in the middle of two the even code."""
    fraction, exponent = torch.frexp(tensor.float().clamp(_SMALLEST, _LARGEST))  # fraction in [1/2, 1)
    lower = exponent - 1 + E8M0_BIAS
    up = (fraction > 0.75) | ((fraction == 0.75) & (lower % 2 == 1))
    codes = (lower + up.int()).clamp(0, NAN_CODE - 1)
    return (torch.where(tensor.isnan(), NAN_CODE, codes),)


def e8m0_values(codes: Tensor) -> Tensor:
    """The powers of two."""
    powers = _power_of_two(codes.long() - E8M0_BIAS).float()
    return torch.where(codes == NAN_CODE, torch.nan, powers)


def bfp8_codes(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """Exponents of the rows, (…, 1), and multiples of the numbers, (…, columns)."""
    numbers = tensor.float().clamp(0, _LARGEST).double()
    largest = numbers.amax(-1, keepdim=True)
    exponent = torch.frexp(largest.nan_to_num())[1].long() - 8  # the largest is in [128, 256) · 2^exponent
    exponent += ((largest / _power_of_two(exponent)).round() > BFP8_MANTISSA).long()
    codes = (exponent + BFP8_BIAS).clamp(0, NAN_CODE - 1)
    multiples = (numbers / _power_of_two(codes - BFP8_BIAS)).round().clamp(0, BFP8_MANTISSA).nan_to_num().int()
    return torch.where(largest.isnan(), NAN_CODE, codes).int(), multiples


def bfp8_values(exponent_codes: Tensor, multiples: Tensor) -> Tensor:
    """The multiples of the rows' powers."""
    values = (multiples.double() * _power_of_two(exponent_codes.long() - BFP8_BIAS)).float()
    return torch.where(exponent_codes == NAN_CODE, torch.nan, values)


def scaled_e4m3_codes(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """The exponent of the tensor, (1,), and its numbers' bytes in e4m3."""
    power = shared_power(tensor)
    numbers = rounded(tensor.float() * inverse_of(power).squeeze(), torch.float8_e4m3fn).to(torch.float8_e4m3fn)
    return (power.view(torch.int32) >> 23).reshape(1), numbers.contiguous().view(torch.uint8)


def scaled_e4m3_values(exponent_code: Tensor, numbers: Tensor) -> Tensor:
    """The numbers times the power."""
    power = _power_of_two(exponent_code.long() - SCALED_BIAS)
    return (numbers.to(torch.uint8).view(torch.float8_e4m3fn).double() * power).float()


SHARED: dict[str, SharedFormat] = {
    "e8m0": SharedFormat(e8m0_codes, e8m0_values, lambda shape: [shape]),
    "bfp8": SharedFormat(bfp8_codes, bfp8_values, lambda shape: [(*shape[:-1], 1), shape]),
    "scaled_e4m3": SharedFormat(scaled_e4m3_codes, scaled_e4m3_values, lambda shape: [(1,), shape]),
}


def _power_of_two(exponent: Tensor) -> Tensor:
    """2^exponent in FP64 from its bits: exact on every device, which pow and exp2 don't promise."""
    return ((exponent + 1023) << 52).view(torch.float64)


_SMALLEST, _LARGEST = 2.0**-127, torch.finfo(torch.float32).max
