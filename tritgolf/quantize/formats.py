"""Number formats of stored tensors: one rounding rule for all of them.

Values are rounded to the nearest representable one, ties to even, without a scale, saturating (``quantize.rounding``).
e4m3 and e5m2 are those of Micikevicius et al., 2022 ("FP8 Formats for Deep Learning"), as in torch.float8_e4m3fn.
Formats of scales whose exponent is shared are in ``quantize.shared_formats``.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tritgolf.config.types import Format, ScaleFormat
from tritgolf.malformed import require
from tritgolf.quantize.rounding import DTYPES, rounded
from tritgolf.quantize.shared_formats import SHARED
from tritgolf.quantize.widths import length_of

ALONE: dict[str, torch.dtype] = {str(name): dtype for name, dtype in DTYPES.items()}  # formats of numbers by themselves


def format_of(dtype: torch.dtype) -> Format:
    """The format that stores ``dtype`` exactly; ``KeyError`` for a dtype that has none."""
    return {dtype: name for name, dtype in DTYPES.items()}[dtype]


def cast(tensor: Tensor, number_format: Format) -> Tensor:
    """``tensor`` in the dtype of the format: nearest even, saturating. Any float dtype in, same shape out."""
    dtype = DTYPES[number_format]
    return rounded(tensor, dtype).to(dtype)


def round_to(tensor: Tensor, number_format: ScaleFormat) -> Tensor:
    """FP32 values of ``tensor`` after a visit to the format."""
    if number_format in SHARED:
        return SHARED[number_format].values(*SHARED[number_format].codes(tensor))
    return rounded(tensor, ALONE[number_format])


def encode(tensor: Tensor, number_format: ScaleFormat) -> bytes:
    """The numbers of ``tensor`` in the format: little-endian, row-major; before them the exponents that they share."""
    tensor = tensor.detach().cpu()
    if number_format in SHARED:
        return b"".join(part.to(torch.uint8).numpy().tobytes() for part in SHARED[number_format].codes(tensor))
    dtype = ALONE[number_format]
    return rounded(tensor, dtype).to(dtype).reshape(-1).view(torch.uint8).numpy().tobytes()


def decode(data: bytes | memoryview, number_format: ScaleFormat, shape: Sequence[int]) -> Tensor:
    """The FP32 tensor of ``shape`` (not empty) that ``data`` holds in the format.

    Raises ``MalformedError`` if the length is not that of the shape, or a number is infinite or not a number.
    """
    size = length_of(number_format, shape)
    require(len(data) == size, f"a tensor of shape {list(shape)} in {number_format} has {len(data)} bytes, not {size}")
    raw = torch.from_numpy(np.frombuffer(data, np.uint8).copy())
    if number_format in SHARED:
        shapes = SHARED[number_format].shapes(shape)
        parts = raw.split([math.prod(of_part) for of_part in shapes])
        numbers = SHARED[number_format].values(*map(Tensor.reshape, parts, map(tuple, shapes)))
    else:
        numbers = raw.view(ALONE[number_format]).float()
    require(bool(numbers.isfinite().all()), f"a tensor of shape {list(shape)} holds numbers that are not finite")
    return numbers.reshape(tuple(shape))
