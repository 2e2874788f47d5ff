"""The running sum is PyTorch's own, with its gradient, and one operator to a compiler."""

import pytest
import torch

from tritgolf.model.layers import Smear
from tritgolf.model.running_sum import running_sum


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_the_sum_in_fp32_with_its_gradient(dtype):
    x = torch.randn(2, 50, 3).to(dtype).requires_grad_()
    sums, wanted = running_sum(x), x.float().cumsum(1)
    assert sums.dtype == torch.float32 and torch.equal(sums, wanted)
    above = torch.randn_like(sums)
    ours, reference = (torch.autograd.grad(result, x, above)[0] for result in (sums, wanted))
    assert ours.dtype == dtype and torch.equal(ours, reference)


def test_it_keeps_an_operator_s_promises_to_a_compiler():
    torch.library.opcheck(running_sum, (torch.randn(2, 5, 3, requires_grad=True),))


def test_a_compiler_meets_the_smear_s_sum_as_one_operator():
    seen = []

    def look(graph, _):
        seen.extend(str(node.target) for node in graph.graph.nodes)
        return graph.forward

    smear, x = Smear(4), torch.randn(2, 9, 4)
    assert torch.equal(torch.compile(smear, backend=look, fullgraph=True)(x), smear(x))
    assert any("running_sum" in name for name in seen) and not any("cumsum" in name for name in seen)
