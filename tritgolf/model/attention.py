"""Causal attention with grouped keys and values; the backend is chosen once, when the model is built.

Every backend computes softmax(q·kᵀ/√head_dim)·v with query head h on key head h // (heads / kv_heads). Where there are
fewer queries than keys, they belong to the last positions (evaluation needs no others in the last block). ``math`` is
the plain reference that the others are tested against.
"""

import importlib.util
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from tritgolf.errors import InputError

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]
"""q (batch, queries, heads, head_dim), k and v (batch, positions ≥ queries, kv_heads, head_dim) → the shape of q."""


def math_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The definition, written out; any device and dtype, softmax in at least FP32."""
    repeat = q.shape[2] // k.shape[2]
    q, k, v = (x.transpose(1, 2) for x in (q, k.repeat_interleave(repeat, 2), v.repeat_interleave(repeat, 2)))
    scores = (q @ k.transpose(-1, -2)) * q.shape[-1] ** -0.5
    future = ~causal_mask(q.shape[2], k.shape[2], q.device)
    wide = torch.float64 if q.dtype == torch.float64 else torch.float32
    weights = scores.masked_fill(future, float("-inf")).softmax(-1, dtype=wide).to(q.dtype)
    return (weights @ v).transpose(1, 2)


def causal_mask(queries: int, positions: int, device: torch.device) -> Tensor:
    """True where a query may look: (queries, positions), the queries being those of the last positions."""
    return torch.ones(queries, positions, dtype=torch.bool, device=device).tril(positions - queries)


def tail_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The last queries against all keys, by PyTorch's SDPA: its ``is_causal`` would give them to the first positions.

    The query heads of a key head are folded into its queries, so that no key is repeated and a kernel that takes a mask
    need not know of grouped heads.
    """
    batch, queries, heads, head_dim = q.shape
    groups = k.shape[2]
    folded = q.view(batch, queries, groups, heads // groups, head_dim).permute(0, 2, 3, 1, 4).flatten(2, 3)
    mask = causal_mask(queries, k.shape[1], q.device).repeat(heads // groups, 1)
    mixed = F.scaled_dot_product_attention(folded, k.transpose(1, 2), v.transpose(1, 2), attn_mask=mask)
    return mixed.unflatten(2, (-1, queries)).permute(0, 3, 1, 2, 4).reshape(q.shape)


def sdpa_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """PyTorch's scaled_dot_product_attention, whichever kernel it picks."""
    if q.shape[1] < k.shape[1]:
        return tail_attention(q, k, v)
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True).transpose(1, 2)


def cudnn_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The same through cuDNN, the fastest of PyTorch's own on Hopper; the last queries alone go where SDPA likes.

    The operator itself, not ``sdpa_kernel`` around SDPA: on a GPU the compiler breaks the network's graph at that, into
    pieces between which residuals and their gradients are added by calls of their own.
    """
    if q.shape[1] < k.shape[1]:
        return tail_attention(q, k, v)
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    mixed = torch.ops.aten._scaled_dot_product_cudnn_attention(q, k, v, None, True, 0.0, True)
    return mixed[0].transpose(1, 2)  # no bias, with logsumexp for the backward pass, no dropout, causal


def _fa2() -> Attention:
    from flash_attn import flash_attn_func  # noqa: PLC0415

    return lambda q, k, v: flash_attn_func(q, k, v, causal=True)


def _fa3() -> Attention:
    from flash_attn_interface import flash_attn_func  # noqa: PLC0415

    return lambda q, k, v: flash_attn_func(q, k, v, causal=True)


def _fa4() -> Attention:
    from tritgolf.model.attention_fa4 import fa4_attention  # noqa: PLC0415

    return fa4_attention


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def available_backends(device: torch.device, dtype: torch.dtype) -> list[str]:
    """Backends that can run on ``device`` with ``dtype``, the preferred one first."""
    backends = []
    if device.type == "cuda" and dtype in (torch.bfloat16, torch.float16):
        hopper = torch.cuda.get_device_capability(device) >= (9, 0)
        backends += ["fa3"] * (hopper and _installed("flash_attn_interface"))
        backends += ["cudnn"] * hopper
        backends += ["fa4"] * (hopper and _installed("flash_attn.cute"))
        backends += ["fa2"] * _installed("flash_attn.flash_attn_interface")
    return [*backends, "sdpa", "math"]


def choose_attention(wanted: str, device: torch.device, dtype: torch.dtype) -> tuple[str, Attention]:
    """The backend ``wanted``, or the best one for "auto": (name, function). An unavailable one is an ``InputError``."""
    available = available_backends(device, dtype)
    name = available[0] if wanted == "auto" else wanted
    if name not in available:
        raise InputError(
            f"train.attention: {wanted}",
            f"cannot run here ({device.type}, {str(dtype).removeprefix('torch.')})",
            f"available: auto, {', '.join(available)}",
        )
    return name, LOADERS[name]()


LOADERS: dict[str, Callable[[], Attention]] = {
    "fa2": _fa2,
    "fa3": _fa3,
    "fa4": _fa4,
    "cudnn": lambda: cudnn_attention,
    "sdpa": lambda: sdpa_attention,
    "math": lambda: math_attention,
}
