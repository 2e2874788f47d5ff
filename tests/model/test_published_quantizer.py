"""The quantizer as the published source writes it, and what the compiler, by which the records trained, makes of it."""

import shutil

import pytest
import torch

from tritgolf.model.ternary import ternarize

GROUP = 128
CPU_COMPILES = pytest.mark.skipif(not shutil.which("g++"), reason="the compiler needs g++")
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


def written(weight, estimator):
    """Trits as both published scripts decide them in training: the weight rounded to BF16, the rest in FP32."""
    grouped = weight.bfloat16().float().reshape(-1, GROUP)
    mean = grouped.abs().mean(-1, keepdim=True) if estimator == "absmean" else grouped.square().mean(-1, keepdim=True)
    scale = (mean if estimator == "absmean" else mean.sqrt()).clamp_min(1e-8)
    return (grouped / scale).round().clamp(-1, 1).reshape(weight.shape)


@pytest.mark.parametrize("estimator", ["absmean", "rms"])
@pytest.mark.parametrize(
    ("device", "compiled", "decides_from"),
    [
        ("cpu", False, "bf16_weight"),
        pytest.param("cpu", True, "float64", marks=CPU_COMPILES),
        pytest.param("cuda", False, "bf16_weight", marks=GPU),
        pytest.param("cuda", True, "float64", marks=GPU),
    ],
)
def test_compiled_code_decides_trits_from_the_fp32_weight(estimator, device, compiled, decides_from):
    """Inductor leaves the rounding out (``emulate_precision_casts`` is off): docs/roundtrip.md rests on it."""
    weight = 0.1 * torch.randn(512, 768, generator=torch.Generator().manual_seed(0))
    trits = (torch.compile(written) if compiled else written)(weight.to(device), estimator).cpu()
    differing = {
        rule: int((trits != ternarize(weight, group_size=GROUP, estimator=estimator, arithmetic=rule).q).sum())
        for rule in ("bf16_weight", "float64")
    }
    other = ({"bf16_weight", "float64"} - {decides_from}).pop()
    assert differing[decides_from] <= 1 and differing[other] > 100
