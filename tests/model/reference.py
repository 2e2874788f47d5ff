"""The model once more, from the specification alone, in float64 and with loops where they say it best."""

import math

import torch
from torch import Tensor

from tritgolf.config.model import UNetConfig

EPSILON = 2.0**-23


def rms(x: Tensor) -> Tensor:
    return x / (x.pow(2).mean(-1, keepdim=True) + EPSILON).sqrt()


def quantized(weight: Tensor, group: int, estimator: str, bf16_first: bool) -> Tensor:
    """q·s with an identity gradient."""
    w = weight.bfloat16().double() if bf16_first else weight.double()
    parts = w.detach().reshape(w.shape[0], -1, group)
    scale = parts.abs().mean(-1, keepdim=True) if estimator == "absmean" else (parts**2).mean(-1, keepdim=True) ** 0.5
    trits = (parts / scale).round().clamp(-1, 1)
    return weight.double() + ((trits * scale).reshape(w.shape) - weight.double()).detach()


def all_e4m3() -> Tensor:
    """The finite numbers of the format, in the order of their codes 0 … 126 (sign 0)."""
    codes = range(127)
    values = [(code % 8) * 2.0**-9 if code < 8 else (1 + code % 8 / 8) * 2.0 ** (code // 8 - 7) for code in codes]
    return torch.tensor(values, dtype=torch.float64)


def e4m3(x: Tensor) -> Tensor:
    """Nearest e4m3 number, ties to the even code, with an identity gradient."""
    table = all_e4m3()
    size = x.detach().double().abs().clamp(max=448.0)
    above = torch.searchsorted(table, size.contiguous()).clamp(1, 126)
    low, high = table[above - 1], table[above]
    take_high = torch.where(size - low == high - size, above % 2 == 0, size - low > high - size)
    nearest = torch.where(take_high, high, low) * x.detach().double().sign()
    return x.double() + (nearest - x.double()).detach()


def rotated(x: Tensor, frequencies: Tensor) -> Tensor:
    """(…, positions, dims): the halves are real and imaginary parts, turned backwards by position × frequency."""
    half = x.shape[-1] // 2
    angles = torch.arange(x.shape[-2], dtype=torch.float64)[:, None] * frequencies.double()
    turned = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angles), -angles)
    return torch.cat((turned.real, turned.imag), -1)


def yarn_frequencies(head_dim: int, base: float, context: int, longest: int) -> Tensor:
    values = []
    for i in range(0, head_dim, 2):
        ramp = min(1.0, max(0.0, (i / head_dim - 0.25) / 0.75))
        values.append(base ** (-i / head_dim) / (ramp * (longest / context - 1) + 1))
    return torch.tensor(values, dtype=torch.float64)


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Lists of heads would do: q (heads, positions, dims), k and v (kv_heads, positions, dims)."""
    heads, positions, dims = q.shape
    share = heads // k.shape[0]
    out = []
    for head in range(heads):
        keys, values = k[head // share], v[head // share]
        rows = []
        for t in range(positions):
            scores = keys[: t + 1] @ q[head, t] / math.sqrt(dims)
            rows.append(torch.softmax(scores, 0) @ values[: t + 1])
        out.append(torch.stack(rows))
    return torch.stack(out)


def smeared(x: Tensor, gate: Tensor) -> Tensor:
    rows = [x[t] + torch.tanh(gate) * (x[: t + 1].mean(0) - x[t]) for t in range(len(x))]
    return torch.stack(rows)


def softcapped(logits: Tensor, cap: float) -> Tensor:
    z = (logits / cap).clamp(-2, 2)
    return cap * (z * (1 - z**2 / 3 + z**4 / 15)).clamp(-1, 1)


def capped_logits(model: UNetConfig, weights: dict[str, Tensor], tokens: Tensor, frequencies: Tensor) -> Tensor:
    """One sequence (positions,) → (positions, vocabulary)."""
    w = {name: tensor.double() for name, tensor in weights.items()}
    settings = model.quantizer

    def ternary(name: str) -> Tensor:
        bf16 = settings.arithmetic == "bf16_weight"
        return quantized(weights[name], settings.group_size, settings.estimator, bf16)

    def trained_in(number_format: str, tensor: Tensor) -> Tensor:
        narrow = {"float32": tensor, "bfloat16": tensor.bfloat16(), "e4m3": e4m3(tensor)}[number_format].detach()
        return tensor.double() + (narrow.double() - tensor.double()).detach()

    for name, tensor in weights.items():
        if name == "skip_weights" or name.endswith("resid_mix"):
            w[name] = trained_in(model.mixes, tensor)
        elif tensor.ndim == 1:
            w[name] = trained_in(model.vectors, tensor)

    def eight_bit(tensor: Tensor) -> Tensor:
        return e4m3(tensor) if model.fp8_embedding else tensor.double()

    heads, kv_heads, dims = model.heads, model.kv_heads, model.width // model.heads
    x = x0 = rms(eight_bit(w["tok_emb.weight"][tokens]) @ eight_bit(w["embed_proj.weight"]).T)
    encoders, pushed = model.layers // 2, []
    for n in range(model.layers):
        if n >= encoders and n - encoders < encoders:
            x = x + w["skip_weights"][n - encoders] * pushed[2 * encoders - 1 - n]
        name = f"blocks.{n}."
        x = w[name + "resid_mix"][0] * x + w[name + "resid_mix"][1] * x0

        fused = rms(x) @ ternary(name + "attn.c_qkv.weight").T
        rows = [fused[:, i * dims : (i + 1) * dims] for i in range(heads + 2 * kv_heads)]
        q = rotated(rms(torch.stack(rows[:heads])), frequencies) * w[name + "attn.q_gain"][:, None, None]
        k = rotated(rms(torch.stack(rows[heads : heads + kv_heads])), frequencies)
        mixed = attention(q, k, torch.stack(rows[heads + kv_heads :]))
        joined = torch.cat(list(mixed), dim=-1)
        x = x + w[name + "attn_scale"] * (rms(joined) @ ternary(name + "attn.proj.weight").T)

        hidden = (rms(x) @ ternary(name + "mlp.fc.weight").T).clamp(min=0) ** 2
        x = x + w[name + "mlp_scale"] * (rms(hidden) @ ternary(name + "mlp.proj.weight").T)
        if model.smear:
            x = smeared(x, w[name + "smear.gate"])
        if n < encoders:
            pushed.append(x)
    hidden = rms(x) @ eight_bit(w["embed_proj_rev.weight"]).T
    table = trained_in(model.head_table, w["tok_emb.weight"])
    return softcapped(hidden @ table.T + w["vocab_bias"], model.softcap)
