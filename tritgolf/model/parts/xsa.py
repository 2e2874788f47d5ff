"""XSA, exclusive self-attention: what attention mixed, without the direction of the token's own value (#1019)."""

import torch.nn.functional as F
from torch import Tensor


def without_own_value(mixed: Tensor, v: Tensor) -> Tensor:
    """y ← y − (y·v̂)·v̂ with v̂ = v/max(‖v‖₂, 1e-12), v the value of the same position's key head.

    ``mixed``: (batch, positions, heads, head_dim); ``v``: (batch, positions, kv_heads, head_dim) → as ``mixed``.
    """
    direction = F.normalize(v, dim=-1)[:, :, :, None]
    grouped = mixed.unflatten(2, (v.shape[2], -1))
    along = (grouped * direction).sum(-1, keepdim=True)
    return (grouped - along * direction).flatten(2, 3)
