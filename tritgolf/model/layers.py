"""The small pieces: RMSNorm, the matrix that may be quantized, and the smear gate."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tritgolf.config.types import Format
from tritgolf.model.running_sum import running_sum
from tritgolf.quantize.base import Quantizer
from tritgolf.quantize.rounding import rounded_through

RMS_EPSILON = torch.finfo(torch.float32).eps  # 1.19e-7, for BF16 inputs too (measured on the published code)


def rms_norm(x: Tensor) -> Tensor:
    """RMSNorm without weights over the last dimension; shape and dtype of ``x``."""
    return F.rms_norm(x, (x.shape[-1],), eps=RMS_EPSILON)


class QuantizedLinear(nn.Module):
    """y = x·Wᵀ, where W is the FP32 ``weight`` (outputs × inputs), on the grid of its ``quantizer`` if it has one.

    Without a quantizer it is a plain linear layer: so is every reloaded one, whose weights were dequantized before.
    ``effective`` is W where somebody else made it: training quantizes once a step, whatever the number of
    micro-batches. While it is None, every forward pass of a layer with a quantizer quantizes. The cast to the dtype of
    the inputs is made in each run of a repeated layer, so that its gradients add up in FP32, as in the published code
    of #1716; compiled, equal casts are one.
    """

    effective: Tensor | None

    def __init__(self, inputs: int, outputs: int, quantizer: Quantizer | None = None) -> None:
        super().__init__()
        self.quantizer = quantizer
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.effective = None

    def used_weight(self, dtype: torch.dtype) -> Tensor:
        """W, (outputs, inputs), as it is multiplied with inputs of ``dtype``."""
        if self.effective is not None:
            return self.effective.to(dtype)
        weight = self.weight if self.quantizer is None else self.quantizer.fake(self.weight)
        return weight.to(dtype)

    def forward(self, x: Tensor, rows: slice = slice(None)) -> Tensor:
        """``x``: (…, inputs) → (…, outputs), in the dtype of ``x``; of those outputs only that are in ``rows``."""
        return F.linear(x, self.used_weight(x.dtype)[rows])


class Smear(nn.Module):
    """x ← x + tanh(gate)·(mean of x over positions 0..t − x): a learned blend with the past (#923). Causal."""

    def __init__(self, width: int, gate_format: Format = "float32") -> None:
        super().__init__()
        self.gate_format = gate_format
        self.gate = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """``x``: (batch, positions, width) → the same; the running mean is accumulated in FP32."""
        return self.blend(x, running_sum(x))

    def blend(self, x: Tensor, sums: Tensor, before: int = 0) -> Tensor:
        """``x`` with the mean; ``sums``: of all positions up to each, FP32; ``before``: positions before ``x``."""
        counts = torch.arange(before + 1, before + x.shape[1] + 1, device=x.device, dtype=torch.float32)
        mean = (sums / counts[:, None]).to(x.dtype)
        gate = rounded_through(self.gate, self.gate_format)
        return x + gate.tanh().to(x.dtype) * (mean - x)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(batch, positions, heads · head_dim) → (batch, positions, heads, head_dim), a view."""
    return x.unflatten(2, (heads, -1))
