"""The quantizer as the published source writes it, and what the compiler, by which the records trained, makes of it."""

import shutil

import pytest
import torch

from tritgolf.model.ternary import ternarize

GROUP = 128


def written(weight, estimator):
    """Trits: the weight rounded to BF16, then FP32 (shared by both published scripts; rows × columns → the same)."""
    grouped = weight.bfloat16().float().reshape(-1, GROUP)
    mean = grouped.abs().mean(-1, keepdim=True) if estimator == "absmean" else grouped.square().mean(-1, keepdim=True)
    scale = (mean if estimator == "absmean" else mean.sqrt()).clamp_min(1e-8)
    return (grouped / scale).round().clamp(-1, 1).reshape(weight.shape)


@pytest.mark.parametrize("estimator", ["absmean", "rms"])
@pytest.mark.parametrize(
    ("compiled", "decides_from"),
    [
        (False, "bf16_weight"),
        pytest.param(
            True, "float64", marks=pytest.mark.skipif(not shutil.which("g++"), reason="the compiler needs g++")
        ),
    ],
)
def test_compiled_code_decides_trits_from_the_fp32_weight(estimator, compiled, decides_from):
    """Inductor leaves the rounding out (``emulate_precision_casts`` is off): docs/roundtrip.md rests on it."""
    weight = 0.1 * torch.randn(512, 768, generator=torch.Generator().manual_seed(0))
    trits = (torch.compile(written) if compiled else written)(weight, estimator)
    differing = {
        rule: int((trits != ternarize(weight, group_size=GROUP, estimator=estimator, arithmetic=rule).q).sum())
        for rule in ("bf16_weight", "float64")
    }
    other = ({"bf16_weight", "float64"} - {decides_from}).pop()
    assert differing[decides_from] <= 1 and differing[other] > 100
