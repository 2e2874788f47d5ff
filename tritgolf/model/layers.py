"""The small pieces: RMSNorm, the ternary matrix and the smear gate."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tritgolf.config.model import TernaryConfig
from tritgolf.config.types import Format
from tritgolf.quantize.base import Quantized
from tritgolf.quantize.rounding import rounded_through
from tritgolf.quantize.ternary import fake_quantize, ternarize

RMS_EPSILON = torch.finfo(torch.float32).eps  # 1.19e-7, for BF16 inputs too (measured on the published code)


def rms_norm(x: Tensor) -> Tensor:
    """RMSNorm without weights over the last dimension; shape and dtype of ``x``."""
    return F.rms_norm(x, (x.shape[-1],), eps=RMS_EPSILON)


class QuantizedLinear(nn.Module):
    """y = x·Wᵀ with W = q·s, quantized from an FP32 master ``weight`` (outputs × inputs).

    ``effective`` is W when somebody else made it: the training loop quantizes once a step, whatever the number of
    micro-batches, and a reloaded artifact has no master weights at all. While it is None, every forward quantizes.
    """

    effective: Tensor | None

    def __init__(self, inputs: int, outputs: int, quantizer: TernaryConfig) -> None:
        super().__init__()
        self.quantizing = quantizer_arguments(quantizer)
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.effective = None

    def ternarized(self) -> Quantized:
        """Trits and scales of the master weight, as the forward pass uses them."""
        return ternarize(self.weight.detach(), **self.quantizing)

    def used_weight(self, dtype: torch.dtype) -> Tensor:
        """W, (outputs, inputs), as it is multiplied with inputs of ``dtype``."""
        weight = self.effective
        if weight is None:
            weight = fake_quantize(self.weight, **self.quantizing)
        return weight.to(dtype)

    def forward(self, x: Tensor, rows: slice = slice(None)) -> Tensor:
        """``x``: (…, inputs) → (…, outputs), in the dtype of ``x``; of those outputs only that are in ``rows``."""
        return F.linear(x, self.used_weight(x.dtype)[rows])


def quantizer_arguments(quantizer: TernaryConfig) -> dict:
    """Keyword arguments of ``ternarize`` and ``fake_quantize`` from the configuration."""
    settings = quantizer.model_dump()
    return {**settings, "scale_dtype": getattr(torch, quantizer.scale_dtype)}


class Smear(nn.Module):
    """x ← x + tanh(gate)·(mean of x over positions 0..t − x): a learned blend with the past (#923). Causal."""

    def __init__(self, width: int, gate_format: Format = "float32") -> None:
        super().__init__()
        self.gate_format = gate_format
        self.gate = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """``x``: (batch, positions, width) → the same; the running mean is accumulated in FP32."""
        counts = torch.arange(1, x.shape[1] + 1, device=x.device, dtype=torch.float32)
        mean = (x.float().cumsum(1) / counts[:, None]).to(x.dtype)
        gate = rounded_through(self.gate, self.gate_format)
        return x + gate.tanh().to(x.dtype) * (mean - x)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(batch, positions, heads · head_dim) → (batch, positions, heads, head_dim), a view."""
    return x.unflatten(2, (heads, -1))
