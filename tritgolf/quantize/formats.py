"""Number formats of stored tensors: one rounding rule for all of them.

Values are rounded to the nearest representable one, ties to even, without a scale, saturating (``quantize.rounding``).
e4m3 and e5m2 are those of Micikevicius et al., 2022 ("FP8 Formats for Deep Learning"), as in torch.float8_e4m3fn.
``e8m0`` and ``bfp8`` have a shared exponent and hold no sign, so they are for scales alone.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tritgolf.config.types import Format, ScaleFormat
from tritgolf.malformed import require
from tritgolf.quantize.rounding import DTYPES, rounded
from tritgolf.quantize.widths import length_of

NAN_CODE = 255  # of either format below; no number has it
# e8m0: nothing but an exponent, a byte that means 2^(code − 127): the scale type of the OCP Microscaling formats
# (MX 1.0, 2023). All weights of a group share that power of two.
E8M0_BIAS = 127
# bfp8, block floating point: a row's numbers share one power of two (a byte, 2^(code − 134)), and each is an unsigned
# 8-bit multiple of it, nearest even. The power is the smallest under which the row's largest is at most 255.
BFP8_BIAS, BFP8_MANTISSA = 134, 255  # 255 · 2^(254 − 134) is just below the largest FP32 number


def format_of(dtype: torch.dtype) -> Format:
    """The format that stores ``dtype`` exactly; ``KeyError`` for a dtype that has none."""
    return {dtype: name for name, dtype in DTYPES.items()}[dtype]


def cast(tensor: Tensor, number_format: Format) -> Tensor:
    """``tensor`` in the dtype of the format: nearest even, saturating. Any float dtype in, same shape out."""
    dtype = DTYPES[number_format]
    return rounded(tensor, dtype).to(dtype)


def round_to(tensor: Tensor, number_format: ScaleFormat) -> Tensor:
    """FP32 values of ``tensor`` after a visit to the format."""
    shared = SHARED_EXPONENTS.get(number_format)
    return shared.values(*shared.codes(tensor)) if shared else rounded(tensor, _dtype(number_format))


def encode(tensor: Tensor, number_format: ScaleFormat) -> bytes:
    """The numbers of ``tensor`` in the format: little-endian, row-major; before bfp8's the exponents of the rows."""
    tensor = tensor.detach().cpu()
    if shared := SHARED_EXPONENTS.get(number_format):
        return b"".join(part.to(torch.uint8).numpy().tobytes() for part in shared.codes(tensor))
    plain: Any = number_format
    return cast(tensor, plain).reshape(-1).view(torch.uint8).numpy().tobytes()


def decode(data: bytes | memoryview, number_format: ScaleFormat, shape: Sequence[int]) -> Tensor:
    """The FP32 tensor of ``shape`` (not empty) that ``data`` holds in the format.

    Raises ``MalformedError`` if the length is not that of the shape, or a number is infinite or not a number.
    """
    size = length_of(number_format, shape)
    require(len(data) == size, f"a tensor of shape {list(shape)} in {number_format} has {len(data)} bytes, not {size}")
    raw = torch.from_numpy(np.frombuffer(data, np.uint8).copy())
    shared = SHARED_EXPONENTS.get(number_format)
    numbers = shared.values(*shared.parts(raw, shape)) if shared else raw.view(_dtype(number_format)).float()
    require(bool(numbers.isfinite().all()), f"a tensor of shape {list(shape)} holds numbers that are not finite")
    return numbers.reshape(tuple(shape))


def _dtype(number_format: Any) -> torch.dtype:
    """Of a format that is PyTorch's too."""
    return DTYPES[number_format]


class SharedExponent(NamedTuple):
    """A format: numbers → parts, each of codes; parts → numbers; the parts in all bytes of numbers of a shape."""

    codes: Callable[[Tensor], tuple[Tensor, ...]]
    values: Callable[..., Tensor]
    parts: Callable[[Tensor, Sequence[int]], tuple[Tensor, ...]]


def _e8m0_codes(tensor: Tensor) -> tuple[Tensor]:
    """int32 codes of the nearest powers of two, (shape of ``tensor``); in the middle of two the even code."""
    fraction, exponent = torch.frexp(tensor.float().clamp(_SMALLEST, _LARGEST))  # fraction in [1/2, 1)
    lower = exponent - 1 + E8M0_BIAS
    up = (fraction > 0.75) | ((fraction == 0.75) & (lower % 2 == 1))
    codes = (lower + up.int()).clamp(0, NAN_CODE - 1)
    return (torch.where(tensor.isnan(), NAN_CODE, codes),)


def _e8m0_values(codes: Tensor) -> Tensor:
    powers = _power_of_two(codes.long() - E8M0_BIAS).float()
    return torch.where(codes == NAN_CODE, torch.nan, powers)


def _bfp8_codes(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """int32 exponent codes of the rows, (…, 1), and multiples of the numbers, (…, columns)."""
    numbers = tensor.float().clamp(0, _LARGEST).double()
    largest = numbers.amax(-1, keepdim=True)
    exponent = torch.frexp(largest.nan_to_num())[1].long() - 8  # the largest is in [128, 256) · 2^exponent
    exponent += ((largest / _power_of_two(exponent)).round() > BFP8_MANTISSA).long()
    codes = (exponent + BFP8_BIAS).clamp(0, NAN_CODE - 1)
    multiples = (numbers / _power_of_two(codes - BFP8_BIAS)).round().clamp(0, BFP8_MANTISSA).nan_to_num().int()
    return torch.where(largest.isnan(), NAN_CODE, codes).int(), multiples


def _bfp8_values(exponent_codes: Tensor, multiples: Tensor) -> Tensor:
    values = (multiples.double() * _power_of_two(exponent_codes.long() - BFP8_BIAS)).float()
    return torch.where(exponent_codes == NAN_CODE, torch.nan, values)


def _bfp8_parts(raw: Tensor, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    rows = math.prod(shape[:-1])
    return raw[:rows].reshape(*shape[:-1], 1), raw[rows:].reshape(tuple(shape))


def _power_of_two(exponent: Tensor) -> Tensor:
    """2^exponent in FP64 from its bits: exact on every device, which pow and exp2 don't promise."""
    return ((exponent + 1023) << 52).view(torch.float64)


_SMALLEST, _LARGEST = 2.0**-127, torch.finfo(torch.float32).max
SHARED_EXPONENTS: dict[str, SharedExponent] = {
    "e8m0": SharedExponent(_e8m0_codes, _e8m0_values, lambda raw, _: (raw,)),
    "bfp8": SharedExponent(_bfp8_codes, _bfp8_values, _bfp8_parts),
}
