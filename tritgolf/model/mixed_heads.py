"""What attention mixed, as its last matrix takes it: without the token's own value (XSA), gated (#1716)."""

import torch
from torch import Tensor, nn

from tritgolf.model.layers import QuantizedLinear
from tritgolf.model.parts.gates import gate_heads
from tritgolf.model.parts.xsa import without_own_value
from tritgolf.model.residual import product


def exclusive_gated(mixed: Tensor, v: Tensor, channels: Tensor, gates: Tensor | nn.Module) -> Tensor:
    """The definition: (batch, positions, heads, head_dim), of ``mixed`` in that shape.

    ``v``: (batch, positions, kv_heads, head_dim); ``channels``: (batch, positions, any), those that gates read;
    ``gates``: (heads, as many), or the layer that has it.
    """
    return gate_heads(without_own_value(mixed, v), product(channels, gates))


def exclusive_gated_fast(mixed: Tensor, v: Tensor, channels: Tensor, gates: QuantizedLinear) -> Tensor:
    """The same by a kernel for each direction in BF16 on a GPU (within BF16's rounding), by itself elsewhere."""
    weight = gates.used_weight(channels.dtype)
    if not (mixed.is_cuda and mixed.dtype == torch.bfloat16):
        return exclusive_gated(mixed, v, channels, weight)
    from tritgolf.model.mixed_heads_kernel import exclusive_gated_on_gpu  # noqa: PLC0415  (Triton is on GPUs only)

    return exclusive_gated_on_gpu(mixed, v, channels, weight)
