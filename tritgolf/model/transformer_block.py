"""One block of the transformer: mix with the input, attention, MLP, one after the other or side by side."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tritgolf.config.transformer import TransformerConfig
from tritgolf.model.attention import Attention
from tritgolf.model.layers import QuantizedLinear, rms_norm, split_heads
from tritgolf.model.leaky_mlp import (
    add_leaky_mlp,
    add_leaky_mlp_fused,
    add_normed_leaky_mlp,
    add_normed_leaky_mlp_fused,
)
from tritgolf.model.mixed_heads import exclusive_gated_fast
from tritgolf.model.mlp import add_mlp_fused
from tritgolf.model.partial_heads import make_partial_heads_fast
from tritgolf.model.parts.gates import gate_heads
from tritgolf.model.parts.rotary import rotate_first
from tritgolf.model.parts.xsa import without_own_value
from tritgolf.model.residual import Form, add_scaled, add_scaled_fused, operand
from tritgolf.model.streams import Beginning, Streams, begin_fused
from tritgolf.quantize.rounding import rounded_once, rounded_through


class SelfAttention(nn.Module):
    """Plain matrices for q, k, v; normalized heads, rotary positions, a gain on q, XSA and a gate on what is mixed.

    Returns what the matrix ``proj`` is to be applied to.
    """

    def __init__(self, model: TransformerConfig, attend: Attention, xsa: bool, fused: bool = False) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.attend, self.xsa = model.heads, model.kv_heads, attend, xsa
        self.fused, self.gate_channels = fused, model.gates.attention
        self.vectors, self.normed = model.vectors, model.inner_norms
        keys = model.kv_heads * model.head_dim
        self.q_gain = nn.Parameter(torch.full((model.heads,), model.q_gain))
        self.c_q = QuantizedLinear(model.width, model.width)
        self.c_k, self.c_v = QuantizedLinear(model.width, keys), QuantizedLinear(model.width, keys)
        self.proj = QuantizedLinear(model.width, model.width)
        if self.gate_channels is not None:
            self.attn_gate_proj = QuantizedLinear(self.gate_channels, model.heads)

    def forward(
        self,
        x: Tensor,
        cos: Tensor,
        sin: Tensor,
        tail: int | None = None,
        value: Tensor | None = None,
        channels: Tensor | None = None,
    ) -> Tensor:
        """``x``: (batch, positions, width), normalized; ``cos``, ``sin``: (positions, rotary_dims / 2).

        ``value``: added to the values, (batch, positions, kv_heads · head_dim). With ``tail`` only the last so many
        positions ask, (batch, tail, width); all of ``x`` are keys and values. ``channels``: the first ones of ``x``,
        for the gates, if they are to be read from there.
        """
        asking = x if tail is None else x[:, -tail:]
        q, k, v = self._fused_heads(x, cos, sin, value) if self.fused else self._heads(asking, x, cos, sin, value)
        read = asking[..., : self.gate_channels] if channels is None else channels
        mixed = self.attend(q, k, v)
        if self.normed:  # before XSA, which may leave next to nothing: a norm would enlarge what rounding left
            mixed = rms_norm(mixed.flatten(2)).view_as(mixed)
        return self._gated(mixed, v[:, -asking.shape[1] :], read).flatten(2)

    def _heads(
        self, asking: Tensor, x: Tensor, cos: Tensor, sin: Tensor, value: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        queries = asking.shape[1]
        q = rms_norm(split_heads(self.c_q(asking), self.heads))
        k = rms_norm(split_heads(self.c_k(x), self.kv_heads))
        v = self.c_v(x) if value is None else self.c_v(x) + value
        gain = rounded_through(self.q_gain, self.vectors).to(x.dtype)
        q = rotate_first(q, cos[-queries:], sin[-queries:]) * gain[:, None]
        return q, rotate_first(k, cos, sin), split_heads(v, self.kv_heads)

    def _fused_heads(self, x: Tensor, cos: Tensor, sin: Tensor, value: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """The same of one product, where every position asks."""
        weight = torch.cat([layer.used_weight(x.dtype) for layer in (self.c_q, self.c_k, self.c_v)])
        gain = rounded_through(self.q_gain, self.vectors).to(x.dtype)
        q, k, v = make_partial_heads_fast(F.linear(x, weight), gain, cos, sin, self.heads, self.kv_heads)
        return q, k, v if value is None else v + split_heads(value, self.kv_heads)

    def _gated(self, mixed: Tensor, v: Tensor, channels: Tensor) -> Tensor:
        """What attention ``mixed``, without the asking positions' own values ``v``, times the gates that read them."""
        if self.fused and self.xsa and self.gate_channels is not None:
            return exclusive_gated_fast(mixed, v, channels, self.attn_gate_proj)
        if self.xsa:
            mixed = without_own_value(mixed, v)
        return mixed if self.gate_channels is None else gate_heads(mixed, self.attn_gate_proj(channels))


MLP_FORMS: dict[tuple[bool, bool], Form] = {  # by whether it is normalized inside, and whether fused
    (False, False): add_leaky_mlp,
    (False, True): add_leaky_mlp_fused,
    (True, False): add_normed_leaky_mlp,
    (True, True): add_normed_leaky_mlp_fused,
}
# Where the norm inside is of relu², the U-Net's form for a GPU, which normalizes the residual itself.
OF_RESIDUAL: dict[bool, Form] = {True: add_mlp_fused}


class Mlp(nn.Module):
    """Two matrices with LeakyReLU² between them, normalized or not; no gate."""

    def __init__(self, model: TransformerConfig, fused: bool = False) -> None:
        super().__init__()
        self.fused, self.add_mlp = fused, MLP_FORMS[model.inner_norms, fused]
        self.of_residual = OF_RESIDUAL.get(fused and model.inner_norms and model.mlp_slope == 0)
        hidden, self.slope = model.mlp_width, model.mlp_slope
        self.fc, self.proj = QuantizedLinear(model.width, hidden), QuantizedLinear(hidden, model.width)

    def forward(self, residual: Tensor, scale: Tensor, x: Tensor) -> Tensor:
        """``residual`` + ``scale`` · the MLP of ``x``, normalized; (batch, positions, width), (width,).

        Of the residual itself, where there is such a form: any factor of ``x`` cancels in the norm inside.
        """
        inner, outer = (operand(layer, x.dtype, not self.fused) for layer in (self.fc, self.proj))
        if self.of_residual is not None:
            return self.of_residual(residual, scale, inner, outer)
        return self.add_mlp(residual, scale, x, inner, outer, self.slope)


class Block(nn.Module):
    """u = mix₀·x + mix₁·x0; y = u + scale·Attn(c·RMSNorm(u)); y + scale·MLP(c·RMSNorm(y)), c = 1/√(layer + 1).

    A parallel block's MLP reads what its attention reads, c·RMSNorm(u) (#1716: layers 7 to 10).
    """

    def __init__(self, model: TransformerConfig, layer: int, attend: Attention, fused: bool = False) -> None:
        super().__init__()
        self.fused, self.vectors = fused, model.vectors
        self.rounded = rounded_once if fused else rounded_through
        self.add_scaled: Form = add_scaled_fused if fused else add_scaled
        self.norm_scale = (layer + 1) ** -0.5 if model.layer_scale else 1.0
        self.parallel = model.parallel_from is not None and layer >= model.parallel_from
        self.attn_scale = nn.Parameter(torch.ones(model.width))
        self.mlp_scale = nn.Parameter(torch.ones(model.width))
        self.resid_mix = nn.Parameter(torch.stack((torch.ones(model.width), torch.zeros(model.width))))
        self.attn = SelfAttention(model, attend, layer >= model.layers - model.xsa_layers, fused)
        self.mlp = Mlp(model, fused)

    def forward(
        self,
        x: Tensor | Streams,
        x0: Tensor,
        cos: Tensor,
        sin: Tensor,
        tail: int | None = None,
        value: Tensor | None = None,
    ) -> Tensor:
        """``x``, ``x0``: (batch, positions, width) → the same, or its last ``tail`` positions.

        ``value``: what attention adds to its values, (batch, positions, kv_heads · head_dim).
        """
        u, read, channels, normed = self._begin(x, x0)
        attn_scale, mlp_scale = (
            self.rounded(scale, self.vectors).to(u.dtype) for scale in (self.attn_scale, self.mlp_scale)
        )
        mixed = self.attn(read, cos, sin, tail, value, channels)
        if tail is not None:
            u, normed = u[:, -tail:], None if normed is None else normed[:, -tail:]
        first = self.parallel and self.mlp.of_residual is not None  # such an MLP adds to what it reads
        u = self.mlp(u, mlp_scale, u) if first else u
        y = self.add_scaled(u, attn_scale, mixed, operand(self.attn.proj, u.dtype, self.add_scaled is add_scaled))
        if first:
            return y
        return self.mlp(y, mlp_scale, self.norm_scale * rms_norm(y) if normed is None else normed)

    def _begin(self, x: Tensor | Streams, x0: Tensor) -> Beginning:
        mix = self.rounded(self.resid_mix, self.vectors)
        if self.fused or isinstance(x, Streams):
            streams = x if isinstance(x, Streams) else Streams(x)
            parallel = self.parallel and self.mlp.of_residual is None
            return begin_fused(streams, x0, mix, self.norm_scale, self.attn.gate_channels, parallel)
        mix = mix.to(x.dtype)
        u = mix[0] * x + mix[1] * x0
        normed = self.norm_scale * rms_norm(u)
        return Beginning(u, normed, None, normed if self.parallel else None)
