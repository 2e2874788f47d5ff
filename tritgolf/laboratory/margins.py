"""How far a checkpoint's numbers lie from the ends of the formats that store them, in binades (powers of two)."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from tritgolf.artifact.kinds import KIND_OF_ROLE, PAYLOAD_KIND
from tritgolf.config.types import Format
from tritgolf.parameters import Parameter
from tritgolf.quantize.base import Quantized
from tritgolf.quantize.formats import DTYPES, round_to

# The narrow formats that a record, or the grid, puts each kind of number into.
NARROW: dict[str, tuple[Format, ...]] = {
    "scales": ("float16", "e4m3", "e5m2"),
    "table": ("e4m3", "float16"),
    "projections": ("e4m3", "float16"),
    "mixes": ("e4m3", "float16"),
    "vectors": ("e4m3", "float16"),
}


def smallest_normal(number_format: Format) -> float:
    """Below it a number has fewer bits."""
    return float(torch.finfo(DTYPES[number_format]).smallest_normal)


def smallest_subnormal(number_format: Format) -> float:
    """Below half of it a number becomes zero."""
    limits = torch.finfo(DTYPES[number_format])
    return float(limits.smallest_normal * limits.eps)


def numbers_by_kind(
    ternary: Mapping[str, Quantized], others: Mapping[str, Tensor], table: Mapping[str, Parameter]
) -> dict[str, Tensor]:
    """Magnitudes of all numbers of a kind that is stored beside trits, FP32 (count,); ``table``: the model's."""
    parts: dict[str, list[Tensor]] = {kind: [] for kind in NARROW}
    parts["scales"] = [matrix.scale.reshape(-1) for matrix in ternary.values()]
    for name, tensor in others.items():
        parts[PAYLOAD_KIND[KIND_OF_ROLE[table[name].role]]].append(tensor.detach().float().abs().reshape(-1))
    return {kind: torch.cat(tensors) for kind, tensors in parts.items() if tensors}


def margins(
    ternary: Mapping[str, Quantized], others: Mapping[str, Tensor], table: Mapping[str, Parameter]
) -> list[dict[str, Any]]:
    """A row a (kind of number, narrow format): range of the magnitudes that are not zero, and what the format spares.

    ``binades_above``: doublings until the largest saturates. ``binades_to_subnormal``, ``binades_to_zero``: halvings
    until the smallest loses bits, and until it is the smallest number of the format. ``share_subnormal``,
    ``share_zeroed`` and ``share_saturated``: of all numbers, as they are now.
    """
    rows = []
    for kind, numbers in numbers_by_kind(ternary, others, table).items():
        present = numbers[numbers > 0]
        if not present.numel():
            continue
        low, middle, high = present.min().item(), present.median().item(), present.max().item()
        for number_format in NARROW[kind]:
            normal, limits = smallest_normal(number_format), torch.finfo(DTYPES[number_format])
            zeroed = int((round_to(present, number_format) == 0).sum())
            rows.append(
                {
                    "kind": kind,
                    "format": number_format,
                    "numbers": numbers.numel(),
                    "smallest": low,
                    "median": middle,
                    "largest": high,
                    "binades_above": math.log2(limits.max / high),
                    "binades_to_subnormal": math.log2(low / normal),
                    "binades_to_zero": math.log2(low / smallest_subnormal(number_format)),
                    "share_subnormal": int((present < normal).sum()) / numbers.numel(),
                    "share_zeroed": zeroed / numbers.numel(),
                    "share_saturated": int((present > limits.max).sum()) / numbers.numel(),
                }
            )
    return rows
