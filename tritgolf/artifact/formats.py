"""Number formats of stored tensors: one rounding rule for all of them.

Values are rounded to the nearest representable one, ties to even, without a scale, saturating (``model.rounding``).
e4m3 and e5m2 are those of Micikevicius et al., 2022 ("FP8 Formats for Deep Learning"), as in torch.float8_e4m3fn.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tritgolf.artifact.malformed import require
from tritgolf.config import Format
from tritgolf.model.rounding import DTYPES, rounded


def format_of(dtype: torch.dtype) -> Format:
    """The format that stores ``dtype`` exactly; ``KeyError`` for a dtype that has none."""
    return {dtype: name for name, dtype in DTYPES.items()}[dtype]


def width_of(number_format: Format) -> int:
    """Bytes of one number."""
    return DTYPES[number_format].itemsize


def cast(tensor: Tensor, number_format: Format) -> Tensor:
    """``tensor`` in the dtype of the format: nearest even, saturating. Any float dtype in, same shape out."""
    dtype = DTYPES[number_format]
    return rounded(tensor, dtype).to(dtype)


def round_to(tensor: Tensor, number_format: Format) -> Tensor:
    """FP32 values of ``tensor`` after a visit to the format."""
    return rounded(tensor, DTYPES[number_format])


def encode(tensor: Tensor, number_format: Format) -> bytes:
    """The numbers of ``tensor`` in the format: little-endian, row-major, nothing else."""
    return cast(tensor.detach().cpu(), number_format).contiguous().view(torch.uint8).numpy().tobytes()


def decode(data: bytes | memoryview, number_format: Format, shape: Sequence[int]) -> Tensor:
    """The FP32 tensor of ``shape`` (not empty) that ``data`` holds in the format.

    Raises ``MalformedError`` if the length is not that of the shape, or a number is infinite or not a number.
    """
    size = math.prod(shape) * width_of(number_format)
    require(len(data) == size, f"a tensor of shape {list(shape)} in {number_format} has {len(data)} bytes, not {size}")
    raw = torch.from_numpy(np.frombuffer(data, np.uint8).copy())
    numbers = raw.view(DTYPES[number_format]).float().reshape(tuple(shape))
    require(bool(numbers.isfinite().all()), f"a tensor of shape {list(shape)} holds numbers that are not finite")
    return numbers
