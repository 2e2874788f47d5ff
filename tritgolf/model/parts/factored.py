"""A narrow table between two matrices (#640; "factorized embedding", ALBERT): what lookup and head make of it."""

import torch.nn.functional as F
from torch import Tensor, nn

from tritgolf.config.types import Format
from tritgolf.quantize.rounding import rounded_through


def projected(rows: Tensor, matrix: nn.Linear, number_format: Format) -> Tensor:
    """Rows of the table (…, inner) → (…, width), both they and the matrix in ``number_format``, straight-through."""
    rows = rounded_through(rows, number_format)
    return F.linear(rows, used_by(matrix, number_format, rows))


def used_by(matrix: nn.Linear, number_format: Format, x: Tensor) -> Tensor:
    """The ``matrix``, rounded to ``number_format``, as it is multiplied with ``x``."""
    return rounded_through(matrix.weight, number_format).to(x.dtype)
