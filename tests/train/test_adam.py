"""Adam by PyTorch's function against PyTorch's optimizer, to the bit."""

import subprocess
import sys

import pytest
import torch

from tests.small import REPOSITORY
from tritgolf.config.train import AdamConfig
from tritgolf.train.adam import Adam, Group

ON_GPU = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"))


@pytest.mark.parametrize("device", ["cpu", ON_GPU])
def test_it_is_torchs_adam_without_weight_decay(device):
    on_gpu = device == "cuda"
    generator = torch.Generator().manual_seed(1)
    shapes = [((12, 5), torch.bfloat16), ((7,), torch.float32), ((3, 4), torch.float32)]
    ours, torchs = (
        [torch.nn.Parameter(torch.ones(shape, dtype=dtype, device=device)) for shape, dtype in shapes] for _ in range(2)
    )
    settings = AdamConfig(betas=(0.8, 0.9), epsilon=1e-6)
    rates = [torch.tensor(0.02, device=device) if on_gpu else 0.02 for _ in range(2)]
    adam = Adam([Group(ours[:1], rates[0]), Group(ours[1:], rates[1])], settings, on_gpu)
    groups = [{"params": torchs[:1], "lr": rates[0]}, {"params": torchs[1:], "lr": rates[1]}]
    reference = torch.optim.Adam(groups, betas=(0.8, 0.9), eps=1e-6, fused=on_gpu, capturable=on_gpu)
    for step in range(4):
        adam.zero_gradients()
        reference.zero_grad()
        for ours_, torchs_ in list(zip(ours, torchs, strict=True))[: 2 if step == 1 else 3]:  # one has none, once
            gradient = torch.randn(ours_.shape, generator=generator).to(ours_)
            ours_.grad, torchs_.grad = gradient, gradient.clone()
        adam.step()
        reference.step()
        for ours_, torchs_ in zip(ours, torchs, strict=True):
            assert torch.equal(ours_, torchs_)
            for name, tensor in reference.state[torchs_].items():
                assert torch.equal(adam.state[ours_][name], tensor), name
    assert [float(adam.state[parameter]["step"]) for parameter in ours] == [4, 4, 3]
    assert not torch.equal(ours[0], torch.ones_like(ours[0]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_with_decay_it_is_torchs_fused_adamw(dtype):
    """On a CPU too, where the plain form would round BF16 moments before it uses them."""
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(6, 5, generator=generator).to(dtype)
    ours, torchs, plain = (torch.nn.Parameter(start.clone()) for _ in range(3))
    settings = AdamConfig(kind="adamw", table_weight_decay=0.085)
    adam = Adam([Group([ours], 0.03, settings.table_weight_decay)], settings, on_gpu=False)
    common = {"lr": 0.03, "betas": (0.9, 0.95), "weight_decay": 0.085}
    references = [torch.optim.AdamW([torchs], **common, fused=True), torch.optim.AdamW([plain], **common)]
    for _ in range(5):
        gradient = torch.randn(6, 5, generator=generator).to(dtype)
        for parameter in (ours, torchs, plain):
            parameter.grad = gradient.clone()
        for optimizer in (adam, *references):
            optimizer.step()
        assert torch.equal(ours, torchs)
    apart = float((ours.detach() - plain.detach()).abs().max())
    assert apart > 1e-3 if dtype == torch.bfloat16 else apart < 1e-6


def test_training_on_a_cpu_does_not_import_the_compiler():
    """It takes each process as long to import as the rest of torch."""
    program = """
import sys
import torch
from tests.small import random_tokens, small_model, small_training
from tritgolf.ranks import Ranks
from tritgolf.train.trainer import Trainer
model = small_model()
Trainer(model, small_training(), 0, Ranks(0, 1, torch.device("cpu"))).step(0, 1.0, *[random_tokens(model)] * 2)
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)
