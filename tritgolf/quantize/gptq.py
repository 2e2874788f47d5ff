"""GPTQ: codes that make up for each other's rounding errors (Frantar et al., 2022; #1019, #1716).

A weight matrix W (rows, columns) is rounded column by column. The error of each column is spread over the columns that
are not rounded yet, so that the products with the inputs X of a calibration text change least: ‖XWᵀ − XŴᵀ‖, which the
Hessian H = XᵀX knows. Scales are those of the original weights. All in FP32, on the device of the matrices.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from tritgolf.errors import InputError
from tritgolf.quantize.base import Quantized, Quantizer
from tritgolf.quantize.integer import squared_error


@runtime_checkable
class ScaleSearch(Protocol):
    """A quantizer with several scales to choose from: GPTQ rounds by each and takes the least squared error."""

    def candidate_scales(self, weight: Tensor) -> Tensor:
        """(candidates, rows, groups)."""


@torch.no_grad()
def gptq(
    weight: Tensor,
    hessian: Tensor,
    quantizer: Quantizer,
    *,
    damping: float = 0.01,
    block: int = 128,
    names: str | Sequence[str] = "matrix",
) -> Quantized:
    """Quantize ``weight`` (rows, columns) by its ``hessian`` (columns, columns) to codes of the quantizer's grid.

    Several matrices of one shape, (matrices, rows, columns) with (matrices, columns, columns), are quantized together,
    each by itself; so are codes and scales then. An input that is always 0 has weights 0. ``damping``: the share of
    the Hessian's mean diagonal that is added to its diagonal. ``names``: of the matrices, for errors. Raises
    ``InputError`` for a Hessian of another size, or that isn't positive definite even damped, and for weights that
    are not finite.
    """
    matrices, hessians = (tensor.float().reshape(-1, *tensor.shape[-2:]) for tensor in (weight, hessian))
    names = [names] * len(matrices) if isinstance(names, str) else names
    _check(matrices, hessians, names)
    order, factor, used = _ordered_factor(hessians, damping, names)
    ordered = (matrices * used[:, None]).gather(2, order[:, None].expand_as(matrices))
    scales = torch.stack([_candidate_scales(matrix, quantizer) for matrix in matrices], 1)
    rounded = [
        _rounded(ordered, factor, _by_column(scale, order, matrices.shape), quantizer, block) for scale in scales
    ]
    best = torch.stack([squared_error(ordered, restored) for _, restored in rounded]).argmin(0)
    each = torch.arange(len(matrices), device=weight.device)
    codes = torch.stack([codes for codes, _ in rounded])[best, each]
    codes = torch.empty_like(codes).scatter_(2, order[:, None].expand_as(codes), codes)
    return Quantized(codes.reshape(weight.shape), scales[best, each].reshape(*weight.shape[:-2], *scales.shape[-2:]))


def damped(hessian: Tensor, share: float, least: float = 0.0) -> Tensor:
    """``hessian`` (…, columns, columns) with ``share`` of its mean diagonal, at least of ``least``, on its diagonal.

    #1019 damps so what it collects, with ``least`` 1e-6, and once more in GPTQ.
    """
    mean = hessian.diagonal(dim1=-2, dim2=-1).mean(-1, keepdim=True).clamp_min(least)
    result = hessian.clone()
    result.diagonal(dim1=-2, dim2=-1).add_(share * mean)
    return result


def _check(matrices: Tensor, hessians: Tensor, names: Sequence[str]) -> None:
    count, _, columns = matrices.shape
    if tuple(hessians.shape) != (count, columns, columns):
        shapes = f"{list(hessians.shape[1:])} for each of {len(hessians)}"
        wanted = f"{[columns, columns]} for each of {count}"
        raise InputError(f"Hessian of {names[0]}", f"has shape {shapes}, the weights want {wanted}", "calibrate again")
    for name, is_finite in zip(names, matrices.isfinite().all(-1).all(-1).tolist(), strict=True):
        if not is_finite:
            raise InputError(f"weight {name}", "holds numbers that are not finite", "use a checkpoint from before")


def _ordered_factor(hessians: Tensor, damping: float, names: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
    """The columns' order, largest diagonal first; the upper Cholesky factor of H⁻¹ in it; which inputs are used.

    (matrices, columns), (matrices, columns, columns), (matrices, columns) boolean.
    """
    diagonal = hessians.diagonal(dim1=1, dim2=2)
    used = diagonal != 0
    order = diagonal.where(used, 1.0).argsort(dim=1, descending=True, stable=True)
    filled = hessians + torch.diag_embed((~used).float())
    filled = filled.gather(1, order[:, :, None].expand_as(filled)).gather(2, order[:, None].expand_as(filled))
    lower, no_factor = torch.linalg.cholesky_ex(damped(filled, damping))
    factor, no_inverse = torch.linalg.cholesky_ex(torch.cholesky_inverse(lower), upper=True)
    sound = (no_factor == 0) & (no_inverse == 0) & factor.isfinite().all(-1).all(-1)
    for name, is_sound in zip(names, sound.tolist(), strict=True):
        if not is_sound:
            what = f"is not positive definite, even with {damping} of its mean diagonal added"
            raise InputError(f"Hessian of {name}", what, "calibrate on more text, or with a larger damping")
    return order, factor, used


def _candidate_scales(matrix: Tensor, quantizer: Quantizer) -> Tensor:
    """(candidates, rows, groups) of one matrix; one row where a scale is the whole matrix's."""
    if isinstance(quantizer, ScaleSearch):
        return quantizer.candidate_scales(matrix)
    return quantizer.grid_scale(matrix).unsqueeze(0)


def _by_column(scale: Tensor, order: Tensor, shape: torch.Size) -> Tensor:
    """The scale of every weight, its columns in ``order``: (matrices, rows, columns) from (matrices, rows, groups)."""
    groups = scale.shape[2]
    group_of_column = order // (shape[2] // groups)
    return scale.expand(-1, shape[1], -1).gather(2, group_of_column[:, None].expand(shape))


def _rounded(ordered: Tensor, factor: Tensor, scale: Tensor, quantizer: Quantizer, block: int) -> tuple[Tensor, Tensor]:
    """Codes and the numbers they stand for, (matrices, rows, columns), of columns rounded in the order they are in."""
    waiting = ordered.clone()  # the columns yet to be rounded, moved by the errors of those before
    codes, restored = torch.empty_like(ordered, dtype=torch.int8), torch.empty_like(ordered)
    for start in range(0, ordered.shape[2], block):
        within, later = slice(start, start + block), slice(start + block, None)
        codes[..., within], restored[..., within], errors = _rounded_block(
            waiting[..., within].clone(), factor[:, within, within], scale[..., within], quantizer
        )
        waiting[..., later] -= errors @ factor[:, within, later]
    return codes, restored


def _rounded_block(
    waiting: Tensor, factor: Tensor, scale: Tensor, quantizer: Quantizer
) -> tuple[Tensor, Tensor, Tensor]:
    """Codes, the numbers they stand for, and errors ÷ the factor's diagonal, of one block; changes ``waiting``."""
    codes, restored = torch.empty_like(waiting, dtype=torch.int8), torch.empty_like(waiting)
    errors = torch.empty_like(waiting)
    for column in range(waiting.shape[2]):
        weight, of_column = (tensor[..., column].reshape(-1, 1) for tensor in (waiting, scale))
        code = quantizer.nearest(weight, of_column)
        number = quantizer.dequantize(Quantized(code, of_column))
        codes[..., column], restored[..., column] = (x.view(waiting.shape[:2]) for x in (code, number))
        errors[..., column] = (waiting[..., column] - restored[..., column]) / factor[:, column, column, None]
        waiting[..., column:] -= errors[..., column, None] * factor[:, None, column, column:]
    return codes, restored, errors
