"""FlashAttention-4 (CuTe DSL) as two operators that torch.compile leaves whole and CUDA graphs can record.

Loaded only where ``flash_attn.cute`` is installed. The package's own function is an autograd function full of Python,
which the compiler would trace into or break at.
"""

import torch
from flash_attn.cute.interface import _flash_attn_bwd, _flash_attn_fwd
from torch import Tensor


@torch.library.custom_op("tritgolf::fa4_forward", mutates_args=())
def _forward(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    out, lse = _flash_attn_fwd(q, k, v, causal=True, return_lse=True)[:2]
    return out, lse


@_forward.register_fake
def _(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    batch, positions, heads, _ = q.shape
    return q.new_empty(q.shape), q.new_empty((batch, heads, positions), dtype=torch.float32)


@torch.library.custom_op("tritgolf::fa4_backward", mutates_args=())
def _backward(
    gradient: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, lse: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    dq, dk, dv = _flash_attn_bwd(q, k, v, out, gradient.contiguous(), lse, causal=True)[:3]
    return dq, dk, dv


@_backward.register_fake
def _(gradient: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, lse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return q.new_empty(q.shape), k.new_empty(k.shape), v.new_empty(v.shape)


def _keep(ctx: torch.autograd.function.FunctionCtx, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs, *output)


def _differentiate(
    ctx: torch.autograd.function.FunctionCtx, gradient: Tensor, _lse_gradient: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return _backward(gradient, *ctx.saved_tensors)  # type: ignore[attr-defined]


_forward.register_autograd(_differentiate, setup_context=_keep)


def fa4_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention, see ``tritgolf.model.attention``: BF16 or FP16, on Hopper and later."""
    return _forward(q.contiguous(), k.contiguous(), v.contiguous())[0]
