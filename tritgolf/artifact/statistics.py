"""What is in a model's trits: zero fractions by layer type, scale range, difference between two sets of weights."""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from tritgolf.artifact.kinds import LAYER_TYPES, layer_type
from tritgolf.artifact.storage import Stored
from tritgolf.model.ternary import Ternary, dequantize, ternarize


class Difference(NamedTuple):
    """Between the weights of two models: trits that differ, and the largest |difference| of an effective weight."""

    trits_changed: int
    max_weight_error: float


def zero_fractions(trits: Mapping[str, Tensor]) -> dict[str, float]:
    """True share of zero trits: by layer type (``attn.qkv``, ``attn.proj``, ``mlp.fc``, ``mlp.proj``) and ``all``.

    ``trits``: q by state-dict name, of the quantizer that is really used. A layer type without matrices is left out.
    """
    zeros: dict[str, int] = defaultdict(int)
    counts: dict[str, int] = defaultdict(int)
    for name, q in trits.items():
        found = int((q == 0).sum())
        for group in (layer_type(name), "all"):
            zeros[group] += found
            counts[group] += q.numel()
    return {group: zeros[group] / counts[group] for group in (*LAYER_TYPES.values(), "all") if counts[group]}


def stored_trits(stored: Stored) -> dict[str, Tensor]:
    """q of every ternary matrix, without the columns that only fill up a group."""
    return {name: ternary.q[:, : stored.specs[name].shape[1]] for name, ternary in stored.ternary.items()}


def record_zero_fraction(state: Mapping[str, Tensor], group_size: int) -> float:
    """Zero fraction as the published logs count it (#640, #920), whatever the estimator of the model.

    The absmean rule over every 2-D parameter with "weight" in its name, quantized or not, in groups of the flattened
    matrix (the table's rows are no multiple of a group); the output matrix that tying leaves unused, vocabulary ×
    width, counts as all nonzero. Matrices that no whole number of groups fills are left out.
    ``state``: the model's master weights; the unused matrix need not be in it.
    """
    zeros, count = 0, _unused_output_matrix(state)
    for name, weight in state.items():
        if weight.ndim == 2 and "weight" in name and weight.numel() % group_size == 0:
            flat = weight.detach().reshape(-1, group_size)
            q = ternarize(flat, group_size=group_size, estimator="absmean", arithmetic="float32").q
            zeros += int((q == 0).sum())
            count += q.numel()
    return zeros / count


def _unused_output_matrix(state: Mapping[str, Tensor]) -> int:
    vocabulary, width = state["tok_emb.weight"].shape[0], state["embed_proj.weight"].shape[0]
    return vocabulary * width


def scale_range(stored: Stored) -> dict[str, float]:
    """``min``, ``median`` and ``max`` of all stored scales."""
    scales = [ternary.scale.reshape(-1) for ternary in stored.ternary.values()]
    if not scales:
        return {}
    joined = torch.cat(scales)
    return {"min": joined.min().item(), "median": joined.median().item(), "max": joined.max().item()}


def difference(
    trained: Mapping[str, Ternary],
    reloaded: Mapping[str, Ternary],
    trained_tensors: Mapping[str, Tensor] | None = None,
    reloaded_tensors: Mapping[str, Tensor] | None = None,
) -> Difference:
    """Compare the forward pass's matrices of two models with the same names, and their other tensors where given.

    The effective weight of a ternary matrix is q·s; of another tensor, the tensor itself. All on one device.
    """
    changed, error = 0, 0.0
    for name, ours in trained.items():
        changed += int((ours.q != reloaded[name].q).sum())
        error = max(error, _largest(dequantize(ours) - dequantize(reloaded[name])))
    for name, tensor in (trained_tensors or {}).items():
        error = max(error, _largest(tensor.detach().float() - (reloaded_tensors or {})[name].float()))
    return Difference(changed, error)


def _largest(tensor: Tensor) -> float:
    return tensor.abs().max().item()
