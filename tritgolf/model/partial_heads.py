"""From one product to what attention takes, where only the first channels of a head turn (#1716); ``heads``: all do."""

import torch
from torch import Tensor

from tritgolf.model.layers import rms_norm, split_heads
from tritgolf.model.parts.rotary import rotate_first


def make_partial_heads(
    fused: Tensor, gain: Tensor, cos: Tensor, sin: Tensor, heads: int, kv_heads: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The definition: q (batch, positions, heads, head_dim), k and v (batch, positions, kv_heads, head_dim).

    ``fused``: (batch, positions, (heads + 2 · kv_heads) · head_dim), the q heads first, then k, then v, which is a view
    of it. ``gain``: (heads,); ``cos``, ``sin``: (positions, at most head_dim / 2). All of one dtype, that of the
    results.
    """
    q, k, v = split_heads(fused, heads + 2 * kv_heads).split((heads, kv_heads, kv_heads), dim=2)
    return rotate_first(rms_norm(q), cos, sin) * gain[:, None], rotate_first(rms_norm(k), cos, sin), v


def make_partial_heads_fast(
    fused: Tensor, gain: Tensor, cos: Tensor, sin: Tensor, heads: int, kv_heads: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The same by a kernel for each direction in BF16 on a GPU (within BF16's rounding), by itself elsewhere."""
    if not (fused.is_cuda and fused.dtype == torch.bfloat16):
        return make_partial_heads(fused, gain, cos, sin, heads, kv_heads)
    from tritgolf.model.partial_heads_kernel import partial_heads_on_gpu  # noqa: PLC0415  (Triton is on GPUs only)

    return partial_heads_on_gpu(fused, gain, cos, sin, heads, kv_heads)
