"""How many bytes numbers take in each format: arithmetic alone, so that sizes are told without importing torch."""

import math
from collections.abc import Sequence

from tritgolf.config.types import ScaleFormat

WIDTHS: dict[ScaleFormat, int] = {
    "float32": 4,
    "bfloat16": 2,
    "float16": 2,
    "e4m3": 1,
    "e5m2": 1,
    "e8m0": 1,
    "bfp8": 1,
    "scaled_e4m3": 1,
}


def width_of(number_format: ScaleFormat) -> int:
    """Bytes of one number; without what several share."""
    return WIDTHS[number_format]


def length_of(number_format: ScaleFormat, shape: Sequence[int]) -> int:
    """Bytes of a tensor of ``shape``."""
    shared = {"bfp8": math.prod(shape[:-1]), "scaled_e4m3": 1}.get(number_format, 0)
    return math.prod(shape) * width_of(number_format) + shared
