"""One transformer block: mix with the embedding, attention, MLP, smear."""

import torch
from torch import Tensor, nn

from tritgolf.config.lossless import used_mixes
from tritgolf.config.model import UNetConfig
from tritgolf.model.attention import Attention
from tritgolf.model.heads import MakeHeads, keys_of, make_heads, make_heads_fast, queries_of
from tritgolf.model.joined import add_both, add_both_fused
from tritgolf.model.layers import QuantizedLinear, Smear, rms_norm, split_heads
from tritgolf.model.residual import Form, operand
from tritgolf.model.shared_input import Share, mix_share
from tritgolf.quantize.rounding import rounded_once, rounded_through


class SelfAttention(nn.Module):
    """One fused ternary matrix for q, k, v; normalized heads, rotary positions, a learned gain on q.

    Returns what was mixed: its RMSNorm is what the ternary matrix ``proj`` is to be applied to.
    """

    def __init__(self, model: UNetConfig, attend: Attention, fused: bool = False) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = model.heads, model.kv_heads, model.head_dim
        self.attend = attend
        self.make_heads: MakeHeads = make_heads_fast if fused else make_heads
        self.vectors = model.vectors
        self.c_qkv = QuantizedLinear(model.width, (model.heads + 2 * model.kv_heads) * model.head_dim)
        self.proj = QuantizedLinear(model.width, model.width)
        self.q_gain = nn.Parameter(torch.full((model.heads,), model.q_gain))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, tail: int | None = None) -> Tensor:
        """``x``: (batch, positions, width), normalized; ``cos``, ``sin``: (positions, head_dim / 2).

        With ``tail`` only the last so many positions ask, (batch, tail, width); all of ``x`` are keys and values.
        """
        gain = rounded_through(self.q_gain, self.vectors).to(x.dtype)
        if tail is None:
            q, k, v = self.make_heads(self.c_qkv(x), gain, cos, sin, self.heads, self.kv_heads)
        else:
            q, k, v = self._make_heads_tail(x, gain, cos, sin, tail)
        return self.attend(q, k, v).flatten(2)

    def _make_heads_tail(
        self, x: Tensor, gain: Tensor, cos: Tensor, sin: Tensor, tail: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        of_queries = self.heads * self.head_dim
        q = split_heads(self.c_qkv(x[:, -tail:], slice(of_queries)), self.heads)
        k, v = split_heads(self.c_qkv(x, slice(of_queries, None)), 2 * self.kv_heads).split(self.kv_heads, dim=2)
        return queries_of(q, gain, cos[-q.shape[1] :], sin[-q.shape[1] :]), keys_of(k, cos, sin), v


class Mlp(nn.Module):
    """Two ternary matrices, relu² without a gate between them, normalized before each (``mlp.add_mlp``)."""

    def __init__(self, model: UNetConfig) -> None:
        super().__init__()
        hidden = model.mlp_multiple * model.width
        self.fc = QuantizedLinear(model.width, hidden)
        self.proj = QuantizedLinear(hidden, model.width)


class Block(nn.Module):
    """x ← mix₀·x + mix₁·x0; x ← x + scale·Attn(RMSNorm(x)); x ← x + scale·MLP(RMSNorm(x)); smear, if any."""

    def __init__(self, model: UNetConfig, attend: Attention, fused: bool = False) -> None:
        super().__init__()
        self.add_both: Form = add_both_fused if fused else add_both
        self.rounded = rounded_once if fused else rounded_through
        self.mixes, self.vectors = used_mixes(model), model.vectors
        self.attn_scale = nn.Parameter(torch.ones(model.width))
        self.mlp_scale = nn.Parameter(torch.ones(model.width))
        self.resid_mix = nn.Parameter(torch.stack((torch.ones(model.width), torch.zeros(model.width))))
        self.attn = SelfAttention(model, attend, fused)
        self.mlp = Mlp(model)
        self.smear = Smear(model.width, model.vectors) if model.smear else None

    def forward(self, x: Tensor, x0: Tensor | Share, cos: Tensor, sin: Tensor, tail: int | None = None) -> Tensor:
        """``x``, ``x0``: (batch, positions, width) → the same, or its last ``tail`` positions.

        Keys and values are those of all positions, and so is the mean of the smear: a block that has one leaves out
        nothing but what it returns.
        """
        attn_scale, mlp_scale = (
            self.rounded(scale, self.vectors).to(x.dtype) for scale in (self.attn_scale, self.mlp_scale)
        )
        x = self._mix(x, x0)
        if tail is not None and self.smear is None:
            mixed, x = self.attn(rms_norm(x), cos, sin, tail), x[:, -tail:]
        else:
            mixed = self.attn(rms_norm(x), cos, sin)
        plain = self.add_both is add_both
        matrices = (operand(layer, x.dtype, plain) for layer in (self.attn.proj, self.mlp.fc, self.mlp.proj))
        x = self.add_both(x, mixed, attn_scale, mlp_scale, *matrices)
        if self.smear is not None:
            x = self.smear(x)
        return x if tail is None else x[:, -tail:]

    def _mix(self, x: Tensor, x0: Tensor | Share) -> Tensor:
        if isinstance(x0, Share):
            return mix_share(x, x0)
        mix = self.rounded(self.resid_mix, self.mixes).to(x.dtype)
        return mix[0] * x + mix[1] * x0
