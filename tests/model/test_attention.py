import pytest
import torch
from torch.testing import assert_close

from tests.model.reference import attention
from tritgolf.errors import InputError
from tritgolf.model.attention import available_backends, choose_attention, math_attention

CPU = torch.device("cpu")


def heads(count: int, seed: int, positions: int = 9) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, positions, count, 8, dtype=torch.float64, generator=generator).requires_grad_(True)


@pytest.mark.parametrize("name", ["math", "sdpa"])
@pytest.mark.parametrize(("query_heads", "kv_heads"), [(8, 4), (4, 1), (3, 3)])
def test_backends_against_a_loop_in_float64(name, query_heads, kv_heads):
    attend = choose_attention(name, CPU, torch.float64)[1]
    q, k, v = heads(query_heads, 1), heads(kv_heads, 2), heads(kv_heads, 3)
    wanted = torch.stack([attention(*(x[b].transpose(0, 1) for x in (q, k, v))).transpose(0, 1) for b in range(2)])
    found = attend(q, k, v)
    assert_close(found, wanted)
    upstream = torch.randn_like(found)
    references = torch.autograd.grad(wanted, (q, k, v), upstream)
    for gradient, reference in zip(torch.autograd.grad(found, (q, k, v), upstream), references, strict=True):
        assert_close(gradient, reference)


@pytest.mark.parametrize("name", ["math", "sdpa"])
@pytest.mark.parametrize("queries", [1, 4, 9])
def test_fewer_queries_are_those_of_the_last_positions(name, queries):
    attend = choose_attention(name, CPU, torch.float64)[1]
    q, k, v = heads(8, 1), heads(4, 2), heads(4, 3)
    assert_close(attend(q[:, -queries:], k, v), math_attention(q, k, v)[:, -queries:])


@pytest.mark.parametrize("name", ["math", "sdpa"])
def test_query_head_h_reads_key_head_h_over_2(name):
    attend = choose_attention(name, CPU, torch.float64)[1]
    q, k, v = heads(8, 1), heads(4, 2), heads(4, 3)
    before = attend(q, k, v)
    for kv_head in range(4):
        changed = v.detach().clone()
        changed[:, :, kv_head] += 1
        moved = [h for h in range(8) if not torch.equal(attend(q, k, changed)[:, :, h], before[:, :, h])]
        assert moved == [2 * kv_head, 2 * kv_head + 1]


@pytest.mark.parametrize("name", ["math", "sdpa"])
def test_no_position_reads_a_later_one(name):
    attend = choose_attention(name, CPU, torch.float32)[1]
    q, k, v = (heads(2, seed).detach().float() for seed in range(3))
    before = attend(q, k, v)
    k[:, 5:], v[:, 5:] = 100.0, -100.0
    assert torch.equal(attend(q, k, v)[:, :5], before[:, :5])


def test_the_definition_in_bf16_has_an_fp32_softmax():
    q, k, v = (heads(2, seed).detach() for seed in range(3))
    found = math_attention(q.bfloat16(), k.bfloat16(), v.bfloat16())
    assert found.dtype == torch.bfloat16
    assert_close(found.double(), math_attention(q, k, v), rtol=0.05, atol=0.05)


def test_the_best_backend_on_a_cpu_is_sdpa():
    assert available_backends(CPU, torch.bfloat16) == ["sdpa", "math"]
    assert choose_attention("auto", CPU, torch.float32)[0] == "sdpa"


@pytest.mark.parametrize("name", ["fa2", "fa3", "fa4", "cudnn"])
def test_an_unavailable_backend_is_told_in_one_line(name):
    with pytest.raises(InputError) as caught:
        choose_attention(name, CPU, torch.bfloat16)
    message = str(caught.value)
    assert message == (f"train.attention: {name}: cannot run here (cpu, bfloat16); available: auto, sdpa, math")


def test_preference_on_a_gpu(monkeypatch):
    """FlashAttention-3, then cuDNN on Hopper; flash-attn 2 before SDPA elsewhere."""
    gpu = torch.device("cuda")
    installed = {"flash_attn_interface", "flash_attn.cute", "flash_attn.flash_attn_interface"}
    monkeypatch.setattr("tritgolf.model.attention._installed", lambda module: module in installed)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    assert available_backends(gpu, torch.bfloat16) == ["fa3", "cudnn", "fa4", "fa2", "sdpa", "math"]
    installed.remove("flash_attn_interface")
    assert choose_attention("auto", gpu, torch.bfloat16)[0] == "cudnn"
    assert available_backends(gpu, torch.float32) == ["sdpa", "math"]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (8, 0))
    assert available_backends(gpu, torch.bfloat16) == ["fa2", "sdpa", "math"]
