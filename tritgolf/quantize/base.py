"""What every quantizer is: a grid of a matrix, nearest rounding to it, and the way back to numbers.

Rounding that looks at more than one weight (GPTQ) takes a quantizer too: it uses its grid and its ``nearest``.
"""

from typing import NamedTuple, Protocol

from torch import Tensor


class Quantized(NamedTuple):
    """A quantized matrix: ``codes`` int8 (rows, columns), ``scale`` FP32 (rows, groups).

    Groups are of equally many columns; (rows, 1) is one scale a row, (1, 1) one a tensor. Trits are codes −1, 0, 1.
    """

    codes: Tensor
    scale: Tensor

    @property
    def group_size(self) -> int:
        """Columns that share a scale."""
        return self.codes.shape[1] // self.scale.shape[1]


class Quantizer(Protocol):
    """A grid for matrices (rows, columns) of any float dtype. Results are on the device of the matrix."""

    def grid_scale(self, weight: Tensor) -> Tensor:
        """The scales by which ``weight`` is rounded to codes, FP32 (rows, groups), shaped as those of ``Quantized``."""

    def multiplier(self, scale: Tensor, matrices: int = 1) -> Tensor:
        """What codes are multiplied with, where ``nearest`` was told ``scale``: itself, or rounded further.

        ``matrices``: how many of equal shape lie one after the other in it.
        """

    def nearest(self, weight: Tensor, scale: Tensor) -> Tensor:
        """int8 codes (rows, columns) of ``weight`` on the grid with this ``scale``, each weight rounded alone."""

    def dequantize(self, quantized: Quantized) -> Tensor:
        """The FP32 matrix (rows, columns) that ``quantized`` stands for."""

    def fake(self, weight: Tensor) -> Tensor:
        """``weight`` on its grid, FP32, for training: the gradient passes straight through."""


def quantize(weight: Tensor, quantizer: Quantizer, matrices: int = 1) -> Quantized:
    """``weight`` (rows, columns) on its grid, each weight rounded to the nearest code.

    ``matrices``: how many of equal shape lie one below the other in it.
    """
    scale = quantizer.grid_scale(weight)
    return Quantized(quantizer.nearest(weight, scale), quantizer.multiplier(scale, matrices))


def dequantize(quantized: Quantized) -> Tensor:
    """codes · scale as FP32 (rows, columns): the grid of equal steps around zero."""
    rows, columns = quantized.codes.shape
    grouped = quantized.codes.float().reshape(rows, -1, quantized.group_size)
    return (grouped * quantized.scale.unsqueeze(-1)).reshape(rows, columns)
