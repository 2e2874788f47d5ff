"""Weights at the quantizer's threshold: how many there are, and which trits change when they are rounded otherwise.

A trit is nonzero where |w| > s/2. In long quantized training weights gather at such a threshold (Nagel et al., 2022,
"Overcoming Oscillations in Quantization-Aware Training"), and there the rounding of a weight or of its scale makes the
trit: an export that re-quantizes the master weights by other roundings than the forward pass's makes another model.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from tritgolf.config.model import TernaryConfig
from tritgolf.quantize.base import Quantized
from tritgolf.quantize.plan import quantizer_of
from tritgolf.quantize.rounding import rounded
from tritgolf.quantize.ternary import ternarize

NEAR, AROUND = 2.0**-8, 2.0**-4  # of the threshold: a unit in the last place of BF16, and sixteen

# name: (dtype the weight is rounded to first, dtype of the scale); all else FP32
WAYS: dict[str, tuple[torch.dtype, torch.dtype]] = {
    "fp32_weight_fp32_scale": (torch.float32, torch.float32),  # #920's export
    "fp32_weight_fp16_scale": (torch.float32, torch.float16),  # #640's
    "fp32_weight_bf16_scale": (torch.float32, torch.bfloat16),
    "bf16_weight_fp32_scale": (torch.bfloat16, torch.float32),  # the published forward pass, as written
    "bf16_weight_fp16_scale": (torch.bfloat16, torch.float16),
    "bf16_weight_bf16_scale": (torch.bfloat16, torch.bfloat16),
}


def threshold_facts(
    weights: Mapping[str, Tensor], ternary: Mapping[str, Quantized], quantizer: TernaryConfig
) -> dict[str, Any]:
    """Of all ternary matrices: ``near``, the share of weights within ``NEAR`` of the threshold; ``crowding``, how many
    times as many they are as if all within ``AROUND`` were spread evenly; ``flips``, trits that each of ``WAYS``
    makes otherwise than ``ternary``, the forward pass.

    ``weights``: FP32 masters (rows, columns) by name, on the device of ``ternary``.
    """
    near = around = count = 0
    flips = dict.fromkeys(WAYS, 0)
    for name, (q, _) in ternary.items():
        weight = weights[name].detach()
        scale = quantizer_of(quantizer).grid_scale(weight)
        ratio = weight.reshape(*scale.shape, -1).abs() / scale.unsqueeze(-1)
        distance = (2 * ratio - 1).abs()
        near += int((distance < NEAR).sum())
        around += int((distance < AROUND).sum())
        count += q.numel()
        for way, (weight_dtype, scale_dtype) in WAYS.items():
            rounded_anew = ternarize(
                rounded(weight, weight_dtype),
                group_size=quantizer.group_size,
                estimator=quantizer.estimator,
                arithmetic="float32",
                scale_dtype=scale_dtype,
            )
            flips[way] += int((rounded_anew.codes != q).sum())
    crowding = near * AROUND / (around * NEAR) if around else 0.0
    return {"near": near / count, "crowding": crowding, "flips": flips}
