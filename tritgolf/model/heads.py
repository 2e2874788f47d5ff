"""From the fused product to what attention takes: heads normalized, turned to their positions, q with its gain."""

from collections.abc import Callable

import torch
from torch import Tensor

from tritgolf.model.layers import rms_norm, split_heads
from tritgolf.model.parts.rotary import rotate

MakeHeads = Callable[[Tensor, Tensor, Tensor, Tensor, int, int], tuple[Tensor, Tensor, Tensor]]
"""The arguments and results of ``make_heads``."""


def queries_of(q: Tensor, gain: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """(batch, positions, heads, head_dim) as multiplied → as attention takes it; ``gain``: (heads,)."""
    return rotate(rms_norm(q), cos, sin) * gain[:, None]


def keys_of(k: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """(batch, positions, kv_heads, head_dim) as multiplied → as attention takes it."""
    return rotate(rms_norm(k), cos, sin)


def make_heads(
    fused: Tensor, gain: Tensor, cos: Tensor, sin: Tensor, heads: int, kv_heads: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The definition: q (batch, positions, heads, head_dim), k and v (batch, positions, kv_heads, head_dim).

    ``fused``: (batch, positions, (heads + 2 · kv_heads) · head_dim), the q heads first, then k, then v, which is a view
    of it. ``gain``: (heads,); ``cos``, ``sin``: (positions, head_dim / 2). All of one dtype, that of the results.
    """
    q, k, v = split_heads(fused, heads + 2 * kv_heads).split((heads, kv_heads, kv_heads), dim=2)
    return queries_of(q, gain, cos, sin), keys_of(k, cos, sin), v


def make_heads_fast(
    fused: Tensor, gain: Tensor, cos: Tensor, sin: Tensor, heads: int, kv_heads: int
) -> tuple[Tensor, Tensor, Tensor]:
    """``make_heads`` by a kernel for each direction in BF16 on a GPU (within BF16's rounding), by itself elsewhere."""
    if not (fused.is_cuda and fused.dtype == torch.bfloat16):
        return make_heads(fused, gain, cos, sin, heads, kv_heads)
    from tritgolf.model.heads_kernel import heads_on_gpu  # noqa: PLC0415  (Triton is there on GPUs only)

    return heads_on_gpu(fused, gain, cos, sin, heads, kv_heads)
