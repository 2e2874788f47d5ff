"""The MLP by kernels against the formula, on a GPU."""

import pytest
import torch

from tests.comparing import relative
from tests.model.test_mlp import SHAPES, doubled, result_and_gradients
from tritgolf.model.mlp import add_mlp, add_mlp_fused, relu_product, slope_product

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

SHAPES_ON_GPU = SHAPES | {"as published": (8192, 768, 3072), "ragged and large": (5000, 768, 3072)}


def drawn(*shape: int, spread: float = 1.0) -> torch.Tensor:
    generator = torch.Generator("cuda").manual_seed(sum(shape))
    return (spread * torch.randn(*shape, device="cuda", generator=generator)).bfloat16()


@pytest.mark.parametrize("shape", SHAPES_ON_GPU.values(), ids=SHAPES_ON_GPU)
def test_the_kernels_are_the_plain_products(shape):
    tokens, width, hidden = shape
    x, inner, outer = drawn(tokens, width), drawn(hidden, width), drawn(width, hidden)
    activated, squares = relu_product(x, inner)
    plain = (x.double() @ inner.double().T).relu().square()
    assert relative(activated, plain) < 2**-8
    assert relative(squares.sum(-1), activated.double().square().sum(-1)) < 1e-5
    along = torch.randn(tokens, 1, device="cuda")
    wanted = slope_product(x.double(), outer.double(), activated.double(), along.double())
    assert relative(slope_product(x, outer, activated, along), wanted) < 2**-8


def test_a_number_that_is_none_stays_none():
    x, inner = drawn(300, 64), drawn(256, 64)
    x[7] = torch.nan
    activated, squares = relu_product(x, inner)
    wanted = [token == 7 for token in range(300)]
    assert activated.isnan().all(1).tolist() == activated.isnan().any(1).tolist() == wanted
    assert squares.isnan().any(1).tolist() == wanted


@pytest.mark.parametrize("compiled", [False, True])
def test_the_form_is_the_formula_within_rounding(compiled):
    tensors = [drawn(4, 512, 768), drawn(768), drawn(3072, 768, spread=0.1), drawn(768, 3072, spread=0.1)]
    tensors = [tensor.requires_grad_() for tensor in tensors]
    upstream = drawn(4, 512, 768)
    exact = result_and_gradients(add_mlp, doubled(tensors), upstream.double())
    torch._dynamo.reset()
    fused = torch.compile(add_mlp_fused, dynamic=False, fullgraph=True) if compiled else add_mlp_fused
    found, plain = (result_and_gradients(f, tensors, upstream) for f in (fused, add_mlp))
    for ours, theirs, reference in zip(found, plain, exact, strict=True):
        assert ours.dtype == torch.bfloat16
        assert relative(ours, reference) < max(1.5 * relative(theirs, reference), 2**-7)


def test_equal_steps_have_equal_gradients():
    tensors = [drawn(3000, 768), drawn(768), drawn(3072, 768, spread=0.1), drawn(768, 3072, spread=0.1)]
    tensors = [tensor.requires_grad_() for tensor in tensors]
    upstream = drawn(3000, 768)
    first, second = (result_and_gradients(add_mlp_fused, tensors, upstream) for _ in range(2))
    for ours, again in zip(first, second, strict=True):
        assert torch.equal(ours, again)
