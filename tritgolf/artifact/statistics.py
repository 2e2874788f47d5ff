"""What is in stored weights: trits, scale range, difference between two sets of weights."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from tritgolf.artifact.storage import Stored
from tritgolf.quantize.base import Quantized, dequantize


class Difference(NamedTuple):
    """Between the weights of two models: trits that differ, and the largest |difference| of an effective weight.

    Trits are counted in matrices that have them in both; None where one model has trits and the other none of them.
    """

    trits_changed: int | None
    max_weight_error: float


def of_trits(stored: Stored) -> dict[str, Quantized]:
    """Every matrix that has trits, by name."""
    return {name: stored.quantized[name] for name, spec in stored.specs.items() if spec.kind == "ternary"}


def stored_trits(stored: Stored) -> dict[str, Tensor]:
    """Trits of every matrix that has them, without the columns that only fill up a group."""
    return {name: matrix.codes[:, : stored.specs[name].shape[1]] for name, matrix in of_trits(stored).items()}


def scale_range(stored: Stored) -> dict[str, float]:
    """``min``, ``median`` and ``max`` of the stored scales of trits; of all codes where there are no trits."""
    scales = [matrix.scale.reshape(-1) for matrix in (of_trits(stored) or stored.quantized).values()]
    if not scales:
        return {}
    joined = torch.cat(scales)
    return {"min": joined.min().item(), "median": joined.median().item(), "max": joined.max().item()}


def difference(
    trained: Mapping[str, Quantized],
    reloaded: Mapping[str, Quantized],
    trained_tensors: Mapping[str, Tensor] | None = None,
    reloaded_tensors: Mapping[str, Tensor] | None = None,
) -> Difference:
    """Compare the forward pass's matrices of two models with the same names, and their other tensors where given.

    The effective weight of a ternary matrix is q·s; of another tensor, the tensor itself. All on one device.
    """
    error = max((_largest(dequantize(one) - dequantize(reloaded[name])) for name, one in trained.items()), default=0.0)
    for name, tensor in (trained_tensors or {}).items():
        error = max(error, _largest(tensor.detach().float() - (reloaded_tensors or {})[name].float()))
    return Difference(_trits_changed(trained, reloaded), error)


def _trits_changed(trained: Mapping[str, Quantized], reloaded: Mapping[str, Quantized]) -> int | None:
    before = [name for name, matrix in trained.items() if _has_trits(matrix)]
    kept = [name for name in before if _has_trits(reloaded[name])]
    if before and not kept:
        return None
    return sum(int((trained[name].codes != reloaded[name].codes).sum()) for name in kept)


def _has_trits(matrix: Quantized) -> bool:
    return int(matrix.codes.abs().max()) <= 1


def _largest(tensor: Tensor) -> float:
    return tensor.abs().max().item()
