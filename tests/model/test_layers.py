import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from tests.model.reference import smeared
from tests.small import quantizer
from tritgolf.model.layers import QuantizedLinear, Smear, rms_norm
from tritgolf.quantize.base import quantize
from tritgolf.quantize.plan import quantizer_of


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-6])
def test_rms_norm_has_fp32s_epsilon(size):
    x = size * torch.randn(3, 50, dtype=torch.float64)
    wanted = x / (x.square().mean(-1, keepdim=True) + 1.1920929e-7).sqrt()
    assert_close(rms_norm(x), wanted, rtol=1e-7, atol=0)
    assert_close(rms_norm(x.float()).double(), wanted, rtol=1e-5, atol=0)


def test_rms_norm_of_bf16_keeps_the_epsilon_of_fp32():
    x = torch.full((1, 8), 1e-3, dtype=torch.bfloat16)  # BF16's own epsilon, 2^-7, would leave 0.011 of it
    found = rms_norm(x)
    assert found.dtype == torch.bfloat16
    assert float(found[0, 0]) == pytest.approx((1 + 1.19e-7 / 1e-6) ** -0.5, rel=0.01)


def random_smear(width=6):
    smear = Smear(width)
    smear.gate.data = torch.randn(width)
    return smear


def test_scoring_leaves_the_running_sum_of_the_smear_to_its_own_operator():
    """Compiled for a GPU, a sum shared among blocks once gave equal networks other scores."""
    seen = []

    def kept(graph, _):
        seen.append({str(node.target) for node in graph.graph.nodes if node.op == "call_function"})
        return graph.forward

    smear, x = random_smear(), torch.randn(2, 40, 6).bfloat16()
    torch._dynamo.reset()
    with torch.inference_mode():
        found = torch.compile(smear, backend=kept)(x)
    assert any("running_sums" in name for name in seen[0]) and not any("cumsum" in name for name in seen[0])
    assert torch.equal(found, smear(x.clone().requires_grad_()))


def test_smear_against_a_loop_in_float64():
    smear, x = random_smear(), torch.randn(2, 40, 6, requires_grad=True)
    wanted = torch.stack([smeared(row, smear.gate.double()) for row in x.double()])
    found = smear(x)
    assert_close(found.double(), wanted, rtol=0, atol=1e-6)
    upstream = torch.randn_like(x)
    ours = torch.autograd.grad(found, (x, smear.gate), upstream)
    references = torch.autograd.grad(wanted, (x, smear.gate), upstream.double())
    for gradient, reference in zip(ours, references, strict=True):
        assert_close(gradient, reference, rtol=1e-5, atol=1e-5)


def test_smear_sees_no_later_position():
    smear, x = random_smear(), torch.randn(1, 12, 6)
    before = smear(x)
    for t in range(12):
        changed = x.clone()
        changed[:, t] += 1
        after = smear(changed)
        assert torch.equal(after[:, :t], before[:, :t])
        assert not torch.isclose(after[:, t:], before[:, t:]).all(-1).any()


def test_a_closed_gate_changes_nothing():
    x = torch.randn(2, 5, 6).bfloat16()
    assert torch.equal(Smear(6)(x), x)


def test_a_layer_multiplies_by_its_quantized_weight_unless_given_another():
    grid = quantizer_of(quantizer())
    layer = QuantizedLinear(16, 6, grid)
    layer.weight.data.normal_(0, 0.02)
    x = torch.randn(3, 16)
    effective = grid.fake(layer.weight)
    assert torch.equal(layer(x), F.linear(x, effective))
    codes, scale = quantize(layer.weight.detach(), grid)
    assert torch.equal((codes.float().reshape(6, 2, 8) * scale[..., None]).reshape(6, 16), effective)
    layer.effective = torch.ones(6, 16)
    assert torch.equal(layer(x), F.linear(x, torch.ones(6, 16)))


def test_a_layer_without_a_quantizer_is_linear():
    layer = QuantizedLinear(16, 6)
    layer.weight.data.normal_(0, 0.02)
    x = torch.randn(3, 16, dtype=torch.bfloat16)
    assert torch.equal(layer(x), F.linear(x, layer.weight.bfloat16()))
    assert torch.equal(layer(x, slice(2, 4)), F.linear(x, layer.weight[2:4].bfloat16()))
