"""The MLP's kernels against plain products, on a GPU."""

import pytest
import torch

from tests.comparing import relative
from tests.model.test_mlp import SHAPES
from tritgolf.model.mlp import relu_product, slope_product

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
