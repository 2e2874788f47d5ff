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


def stored_trits(stored: Stored) -> dict[str, Tensor]:
    """Trits of every matrix that has them, without the columns that only fill up a group."""
    ternary = {name: stored.quantized[name].codes for name, spec in stored.specs.items() if spec.kind == "ternary"}
    return {name: codes[:, : stored.specs[name].shape[1]] for name, codes in ternary.items()}


def scale_range(stored: Stored) -> dict[str, float]:
    """``min``, ``median`` and ``max`` of all stored scales."""
    scales = [ternary.scale.reshape(-1) for ternary in stored.quantized.values()]
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
    both = [(matrix.codes, reloaded[name].codes) for name, matrix in trained.items()]
    trits = [(before, after) for before, after in both if before.abs().max() <= 1]
    kept = [(before, after) for before, after in trits if after.abs().max() <= 1]
    return None if trits and not kept else sum(int((before != after).sum()) for before, after in kept)


def _largest(tensor: Tensor) -> float:
    return tensor.abs().max().item()
