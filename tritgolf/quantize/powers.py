"""The power of two that numbers share so that e4m3 holds them: of the scales of a tensor, of the tensors of a product.

One rule for all: the largest magnitude, rounded to e4m3's four significant bits, is brought into [2^7, 2^8). e4m3 ends
at 448, so something 1.75 times as large is not clipped yet; all down to 2^-13 of the largest is a normal number of
e4m3, and what is below 2^-18 of it becomes zero. Rounded numbers have the power that they were rounded with, so that
rounding them again changes nothing.
"""

import torch
from torch import Tensor

from tritgolf.quantize.rounding import rounded

PLACE = 7  # the largest number's exponent once the power is taken out
LOWEST, HIGHEST = -117, 119  # the powers whose product with any e4m3 number is a normal FP32 number


def power_of(largest: Tensor) -> Tensor:
    """FP32 2^k for each ``largest`` magnitude ≥ 0 (FP32, any shape), the same bits on every device; 2^-117 for 0."""
    exponent = ((largest.view(torch.int32) + (1 << 19)) >> 23) - 127  # half of the fourth bit after the first carries
    return _two_to((exponent - PLACE).clamp(LOWEST, HIGHEST))


def inverse_of(power: Tensor) -> Tensor:
    """1 / ``power``, exactly, of what ``power_of`` returns."""
    return _two_to(127 - (power.view(torch.int32) >> 23))


def _two_to(exponent: Tensor) -> Tensor:
    return ((exponent + 127) << 23).view(torch.float32)


def shared_power(numbers: Tensor, tensors: int = 1) -> Tensor:
    """The power (``tensors``, 1) of as many tensors of equal size that lie one after the other in ``numbers``."""
    return power_of(numbers.float().abs().reshape(tensors, -1).amax(-1, keepdim=True))


def scaled_e4m3(numbers: Tensor, tensors: int = 1) -> Tensor:
    """``numbers`` as e4m3 numbers times the power of their tensor, FP32: nearest even. The shape of ``numbers``."""
    power = shared_power(numbers, tensors)
    scaled = numbers.float().reshape(tensors, -1) * inverse_of(power)
    return (rounded(scaled, torch.float8_e4m3fn) * power).reshape(numbers.shape)
