"""One block of the transformer: mix with the input, attention, MLP, one after the other or side by side."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tritgolf.config.transformer import TransformerConfig
from tritgolf.model.attention import Attention
from tritgolf.model.layers import QuantizedLinear, rms_norm, split_heads
from tritgolf.model.parts.gates import gate_heads
from tritgolf.model.parts.rotary import rotate_first
from tritgolf.model.parts.xsa import without_own_value


def leaky_relu2(x: Tensor, slope: float) -> Tensor:
    """LeakyReLU(x)², with this slope below 0: not monotone but for 0 (#1019, #1716: 0.5)."""
    return F.leaky_relu(x, slope).square()


class SelfAttention(nn.Module):
    """Plain matrices for q, k, v; normalized heads, rotary positions, a gain on q, XSA and a gate on what is mixed."""

    def __init__(self, model: TransformerConfig, attend: Attention, xsa: bool) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.attend, self.xsa = model.heads, model.kv_heads, attend, xsa
        self.gate_channels = model.gates.attention
        keys = model.kv_heads * model.head_dim
        self.q_gain = nn.Parameter(torch.full((model.heads,), model.q_gain))
        self.c_q = QuantizedLinear(model.width, model.width)
        self.c_k, self.c_v = QuantizedLinear(model.width, keys), QuantizedLinear(model.width, keys)
        self.proj = QuantizedLinear(model.width, model.width)
        if self.gate_channels is not None:
            self.attn_gate_proj = QuantizedLinear(self.gate_channels, model.heads)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, tail: int | None = None, value: Tensor | None = None
    ) -> Tensor:
        """``x``: (batch, positions, width), normalized; ``cos``, ``sin``: (positions, rotary_dims / 2).

        ``value``: added to the values, (batch, positions, kv_heads · head_dim). With ``tail`` only the last so many
        positions ask, (batch, tail, width); all of ``x`` are keys and values.
        """
        asking = x if tail is None else x[:, -tail:]
        queries = asking.shape[1]
        q = rms_norm(split_heads(self.c_q(asking), self.heads))
        k = rms_norm(split_heads(self.c_k(x), self.kv_heads))
        v = self.c_v(x) if value is None else self.c_v(x) + value
        v = split_heads(v, self.kv_heads)
        q = rotate_first(q, cos[-queries:], sin[-queries:]) * self.q_gain.to(x.dtype)[:, None]
        mixed = self.attend(q, rotate_first(k, cos, sin), v)
        if self.xsa:
            mixed = without_own_value(mixed, v[:, -queries:])
        if self.gate_channels is not None:
            mixed = gate_heads(mixed, self.attn_gate_proj(asking[..., : self.gate_channels]))
        return self.proj(mixed.flatten(2))


class Mlp(nn.Module):
    """Two matrices with LeakyReLU² between them; no gate, no norm inside."""

    def __init__(self, model: TransformerConfig) -> None:
        super().__init__()
        hidden, self.slope = model.mlp_width, model.mlp_slope
        self.fc, self.proj = QuantizedLinear(model.width, hidden), QuantizedLinear(hidden, model.width)

    def forward(self, x: Tensor) -> Tensor:
        """``x``: (batch, positions, width), normalized → the same shape."""
        return self.proj(leaky_relu2(self.fc(x), self.slope))


class Block(nn.Module):
    """u = mix₀·x + mix₁·x0; y = u + scale·Attn(c·RMSNorm(u)); y + scale·MLP(c·RMSNorm(y)), c = 1/√(layer + 1).

    A parallel block's MLP reads what its attention reads, c·RMSNorm(u) (#1716: layers 7 to 10).
    """

    def __init__(self, model: TransformerConfig, layer: int, attend: Attention) -> None:
        super().__init__()
        self.norm_scale = (layer + 1) ** -0.5 if model.layer_scale else 1.0
        self.parallel = model.parallel_from is not None and layer >= model.parallel_from
        self.attn_scale = nn.Parameter(torch.ones(model.width))
        self.mlp_scale = nn.Parameter(torch.ones(model.width))
        self.resid_mix = nn.Parameter(torch.stack((torch.ones(model.width), torch.zeros(model.width))))
        self.attn = SelfAttention(model, attend, xsa=layer >= model.layers - model.xsa_layers)
        self.mlp = Mlp(model)

    def forward(
        self,
        x: Tensor,
        x0: Tensor,
        cos: Tensor,
        sin: Tensor,
        tail: int | None = None,
        value: Tensor | None = None,
    ) -> Tensor:
        """``x``, ``x0``: (batch, positions, width) → the same, or its last ``tail`` positions.

        ``value``: what attention adds to its values, (batch, positions, kv_heads · head_dim).
        """
        mix = self.resid_mix.to(x.dtype)
        attn_scale, mlp_scale = self.attn_scale.to(x.dtype), self.mlp_scale.to(x.dtype)
        u = mix[0] * x + mix[1] * x0
        normed = self.norm_scale * rms_norm(u)
        mixed = self.attn(normed, cos, sin, tail, value)
        if tail is not None:
            u, normed = u[:, -tail:], normed[:, -tail:]
        y = u + attn_scale * mixed
        return y + mlp_scale * self.mlp(normed if self.parallel else self.norm_scale * rms_norm(y))
