"""The quantizer as the published sources write it, and what the compiler, by which the records trained, makes of it.

docs/roundtrip.md rests on it: of all roundings to BF16 that the sources write, compiled code has none left.
"""

import shutil

import pytest
import torch

from tritgolf.quantize.ternary import ternarize, ternarize_step_by_step

GROUP = 128
CPU_COMPILES = pytest.mark.skipif(not shutil.which("g++"), reason="the compiler needs g++")
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


def absmean_as_written(weight):
    """q·s with every operation in BF16, straight-through; rows × columns → the same, and the trits (#640)."""
    narrow = weight.bfloat16()
    grouped = narrow.view(-1, GROUP)
    scale = grouped.abs().mean(-1, keepdim=True).clamp_min(1e-8)
    q = (grouped / scale).round().clamp(-1, 1)
    return narrow + ((q * scale).view(weight.shape) - narrow).detach(), q.view(weight.shape)


def rms_as_written(weight):
    """The same with the root mean square, whose square autocast takes in FP32: the weight alone is rounded (#920)."""
    narrow = weight.bfloat16()
    grouped = narrow.view(-1, GROUP).float()
    scale = grouped.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-8)
    q = (grouped / scale).round().clamp(-1, 1)
    return narrow + ((q * scale).view(weight.shape).bfloat16() - narrow).detach(), q.view(weight.shape)


def rules(weight, estimator):
    """Trits by what they may be decided from."""
    arguments = {"group_size": GROUP, "estimator": estimator}
    return {
        "FP32": ternarize(weight, **arguments, arithmetic="float64").codes,
        "rounded weight": ternarize(weight, **arguments, arithmetic="bf16_weight").codes,
        "BF16 throughout": ternarize_step_by_step(weight, GROUP, estimator, torch.bfloat16).codes,
    }


@pytest.mark.parametrize(
    ("written", "estimator", "decides_from"),
    [(absmean_as_written, "absmean", "BF16 throughout"), (rms_as_written, "rms", "rounded weight")],
)
@pytest.mark.parametrize(
    ("device", "compiled"),
    [
        ("cpu", False),
        pytest.param("cpu", True, marks=CPU_COMPILES),
        pytest.param("cuda", False, marks=GPU),
        pytest.param("cuda", True, marks=GPU),
    ],
)
def test_compiled_code_decides_trits_from_fp32_weights(written, estimator, decides_from, device, compiled):
    """With its way back, as in training: Inductor leaves roundings out (``emulate_precision_casts`` is off)."""
    weight = 0.1 * torch.randn(512, 768, generator=torch.Generator().manual_seed(0))
    leaf = weight.to(device).requires_grad_(True)
    effective, trits = (torch.compile(written) if compiled else written)(leaf)
    effective.float().sum().backward()
    assert torch.equal(leaf.grad.cpu(), torch.ones_like(weight))
    differing = {rule: int((trits.cpu() != q).sum()) for rule, q in rules(weight, estimator).items()}
    used = differing.pop("FP32" if compiled else decides_from)
    assert used <= 1
    assert min(differing.values()) > 100
