"""The integer grid: codes −c … c with c = 2^(bits − 1) − 1, times a scale for each row or for the whole matrix.

With an even number of levels codes are odd, −c, −c + 2 … c with c = 2^bits − 1: the scale is half a step. The scale is
the grid's clip divided by c, rounded to its format before anything is divided by it. #1716 clips at standard deviations
("SDClip"), #1019 and #1722 at quantiles of the magnitudes, small tensors at their largest one.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from tritgolf.config.quantization import IntegerConfig
from tritgolf.quantize.base import Quantized, quantize
from tritgolf.quantize.rounding import DTYPES, StraightThrough, rounded


@dataclass(frozen=True)
class IntegerQuantizer:
    """A quantizer for matrices (rows, columns) of any float dtype; a vector is a matrix of one row."""

    settings: IntegerConfig

    @property
    def largest_code(self) -> int:
        """c: 31 of 6 bits, 127 of 8; 3 of 2 bits with an even number of levels."""
        steps = self.settings.level_count - 1
        return steps // 2 if self.settings.levels == "odd" else steps

    def candidate_scales(self, weight: Tensor) -> Tensor:
        """FP32 scales as they are used, (candidates, rows, 1) or (candidates, 1, 1): one candidate for each quantile.

        A scale that its format has no number for is 0, and its codes are 0.
        """
        rows = weight if self.settings.scale == "row" else weight.reshape(1, -1)
        scales = quotient(self.clips(rows).clamp_min(self.settings.least_clip), self.largest_code)
        return rounded(scales, DTYPES[self.settings.scale_dtype]).unsqueeze(-1)

    def grid_scale(self, weight: Tensor) -> Tensor:
        """FP32 scales as they are used, (rows, 1) or (1, 1): of several candidates the nearest codes' best."""
        scales = self.candidate_scales(weight)
        if len(scales) == 1:
            return scales[0]
        errors = [squared_error(weight, self.dequantize(Quantized(self.nearest(weight, s), s))) for s in scales]
        return scales[torch.stack(errors).argmin()]

    def multiplier(self, scale: Tensor, _matrices: int = 1) -> Tensor:
        """``scale`` itself."""
        return scale

    def nearest(self, weight: Tensor, scale: Tensor) -> Tensor:
        """int8 codes of ``weight``: clamp(round(w/s), −c, c), halves to the even code; 0 where the scale is 0.

        Of an even number of levels the nearest odd code, w = 0 to code 1, which is 0 too where the scale is.
        """
        multiples = torch.where(scale > 0, quotient(weight.float(), scale), 0.0)
        codes = multiples.round() if self.settings.levels == "odd" else 2 * (multiples / 2).floor() + 1
        return codes.clamp(-self.largest_code, self.largest_code).to(torch.int8)

    def dequantize(self, quantized: Quantized) -> Tensor:
        """Code times scale, FP32 (rows, columns)."""
        return quantized.codes.float() * quantized.scale

    def fake(self, weight: Tensor) -> Tensor:
        """``weight`` on its grid, FP32; the gradient passes straight through."""
        return StraightThrough.apply(weight, self.dequantize(quantize(weight.detach(), self)))

    def clipped(self, weight: Tensor) -> Quantized:
        """``weight`` as #1019 rounds its int8 tables: clipped first, by scales that are not rounded to their format.

        Clipping alone changes codes where ``least_clip`` makes the grid reach further than the weights.
        """
        exact = IntegerQuantizer(self.settings.model_copy(update={"scale_dtype": "float32"}))
        rows = weight if self.settings.scale == "row" else weight.reshape(1, -1)
        clip, scale = self.clips(rows)[0, :, None], exact.grid_scale(weight)
        return Quantized(exact.nearest(weight.clamp(-clip, clip), scale), scale)

    def clips(self, rows: Tensor) -> Tensor:
        """Clips of ``rows``, (candidates, rows): FP32, but the largest magnitude is divided in its own dtype.

        #1716 does so with its hashed table, which is BF16.
        """
        if self.settings.clip_sigmas is not None:
            deviation = rows.double().std(1).float()  # summed in FP64, as PyTorch does on a CPU: any device agrees
            return (self.settings.clip_sigmas * deviation).unsqueeze(0)
        if self.settings.clip_quantiles:
            shares = torch.tensor(self.settings.clip_quantiles, dtype=torch.float32, device=rows.device)
            return torch.quantile(rows.float().abs(), shares, dim=1)
        return rows.abs().amax(1).unsqueeze(0)


def quotient(numerator: Tensor, denominator: Tensor | int) -> Tensor:
    """``numerator`` / ``denominator``, correctly rounded on any device, in the numerator's dtype (FP32 or narrower).

    On a GPU PyTorch multiplies FP32 numbers with a Python number's reciprocal, and compiled code divides only
    approximately, so that a few scales and codes would not be those of an export. FP64 quotients, rounded, are the
    correctly rounded ones (Figueroa, "When is double rounding innocuous?", 1995), by reciprocals of largest codes too.
    """
    return (numerator.double() / denominator).to(numerator.dtype)


def squared_error(weight: Tensor, restored: Tensor) -> Tensor:
    """Mean of (weight − restored)² over the last two dimensions, FP64."""
    return (weight.double() - restored.double()).square().mean((-2, -1))
