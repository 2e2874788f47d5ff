"""Weights at the quantizer's threshold and the trits that other roundings decide otherwise."""

import pytest
import torch

from tests.small import quantizer
from tritgolf.laboratory.threshold import AROUND, NEAR, WAYS, threshold_facts
from tritgolf.quantize.base import quantize
from tritgolf.quantize.plan import quantizer_of


def facts(weight, **settings):
    chosen = quantizer(arithmetic="bf16_weight", **settings)
    return threshold_facts({"m": weight}, {"m": quantize(weight, quantizer_of(chosen))}, chosen)


def crowded(share: float, rows: int = 64, columns: int = 1024) -> torch.Tensor:
    """Weights of which ``share`` lie within a thousandth of half their group's mean magnitude."""
    generator = torch.Generator().manual_seed(3)
    weight = torch.randn(rows, columns, generator=generator)
    chosen = torch.rand(weight.shape, generator=generator) < share
    for _ in range(30):  # the scale moves with the weights
        half = (
            weight.abs().reshape(rows, -1, GROUP).mean(-1, keepdim=True).expand(-1, -1, GROUP).reshape(weight.shape) / 2
        )
        jitter = 1 + 0.001 * (2 * torch.rand(weight.shape, generator=generator) - 1)
        weight = torch.where(chosen, half * jitter * weight.sign(), weight)
    return weight


GROUP = quantizer(arithmetic="bf16_weight").group_size


# A normal distribution's density of |w| at s/2 times s, with s the mean magnitude or the root mean square.
@pytest.mark.parametrize(("estimator", "density"), [("absmean", 0.588), ("rms", 0.704)])
def test_spread_weights_are_not_crowded_and_few_trits_change(estimator, density):
    weight = torch.randn(256, 1024, generator=torch.Generator().manual_seed(1))
    found = facts(weight, estimator=estimator)
    assert found["crowding"] == pytest.approx(1, abs=0.15)
    assert found["near"] == pytest.approx(NEAR * density, rel=0.1)
    assert found["flips"].keys() == WAYS.keys()
    assert all(0 < count < 0.002 * weight.numel() for way, count in found["flips"].items() if way.startswith("fp32"))
    assert found["flips"]["bf16_weight_fp32_scale"] <= 2  # the forward pass itself, but for the order of its sum


def test_scales_that_are_only_multiplied_with_move_no_threshold():
    weight = torch.randn(64, 1024, generator=torch.Generator().manual_seed(1))
    assert facts(weight, scale_dtype="e4m3") == facts(weight)


def test_weights_that_gather_at_the_threshold_are_counted_and_flip():
    spread, gathered = facts(crowded(0), estimator="absmean"), facts(crowded(0.05), estimator="absmean")
    assert gathered["near"] > 0.04 > 10 * spread["near"]
    assert gathered["crowding"] > 0.5 * AROUND / NEAR
    for way in ("fp32_weight_fp32_scale", "fp32_weight_fp16_scale"):
        assert gathered["flips"][way] > 5 * spread["flips"][way]
    assert gathered["flips"]["bf16_weight_fp16_scale"] < gathered["flips"]["fp32_weight_fp16_scale"]
