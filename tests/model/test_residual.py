"""The fused form of a block's addition against the formula."""

import pytest
import torch
from torch.testing import assert_close

from tritgolf.model.residual import add_scaled, add_scaled_fused


def drawn(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(sum(shape))).requires_grad_()


@pytest.mark.parametrize("leading", [(7,), (2, 5)])
def test_gradients_are_those_of_the_formula(leading):
    arguments = [drawn(*leading, 6), drawn(6), drawn(*leading, 11), drawn(6, 11)]
    found, wanted = add_scaled_fused(*arguments), add_scaled(*arguments)
    assert torch.equal(found, wanted)
    upstream = torch.randn_like(found)
    for ours, reference in zip(
        torch.autograd.grad(found, arguments, upstream), torch.autograd.grad(wanted, arguments, upstream), strict=True
    ):
        assert_close(ours, reference)


def test_bf16_is_within_its_rounding_and_the_forward_pass_to_the_bit():
    arguments = [drawn(*shape, dtype=torch.bfloat16) for shape in ((512, 32), (32,), (512, 96), (32, 96))]
    found, wanted = add_scaled_fused(*arguments), add_scaled(*arguments)
    assert torch.equal(found, wanted)
    exact = [argument.detach().double().requires_grad_() for argument in arguments]
    upstream = torch.randn_like(found)
    references = torch.autograd.grad(add_scaled(*exact), exact, upstream.double())
    for ours, reference in zip(torch.autograd.grad(found, arguments, upstream), references, strict=True):
        assert ours.dtype == torch.bfloat16
        assert float((ours.double() - reference).norm() / reference.norm()) < 2**-7
