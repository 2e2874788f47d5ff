"""The MLP's kernels, interpreted on the CPU, against plain products."""

import pytest
import torch
from torch.testing import assert_close

from tests.comparing import relative
from tests.model.interpreter import INTERPRETED, interpreted
from tritgolf.model.mlp import relu_product, slope_product

if INTERPRETED:
    from tritgolf.model import mlp_kernel

# tokens, width, hidden: one tile, tiles beyond the last row and column, several turns of a program, bands
SHAPES = {"one tile": (128, 64, 256), "ragged": (131, 72, 264), "turns": (300, 16, 600), "bands": (1300, 8, 304)}


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def operands(tokens, width, hidden):
    """For both products, in FP32; ``along`` large enough to matter."""
    return drawn(tokens, width), drawn(hidden, width), drawn(width, hidden), drawn(tokens, 1)


@interpreted
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_kernels_are_the_plain_products(shape):
    x, inner, outer, along = operands(*shape)
    activated, squares = mlp_kernel.relu_product_on_gpu(x, inner)
    plain, square = relu_product(x, inner)
    assert_close(activated, plain, rtol=1e-5, atol=1e-4)
    assert_close(squares.sum(-1, keepdim=True), square, rtol=1e-5, atol=1e-3)
    found = mlp_kernel.slope_product_on_gpu(x, outer, activated, along)
    wanted = slope_product(x.double(), outer.double(), activated.double(), along.double())
    assert relative(found, wanted) < 1e-6
    assert_close(found.double(), wanted, rtol=1e-4, atol=1e-3)


@interpreted
def test_the_kernels_take_tensors_that_are_not_contiguous():
    x, inner, outer, along = operands(40, 16, 24)
    activated, _ = mlp_kernel.relu_product_on_gpu(x.T.contiguous().T, inner.T.contiguous().T)
    assert_close(activated, relu_product(x, inner)[0], rtol=1e-5, atol=1e-4)
    strided = [tensor.T.contiguous().T for tensor in (x, outer, activated, along)]
    found = mlp_kernel.slope_product_on_gpu(*strided)
    assert found.is_contiguous()
    assert_close(found, slope_product(x, outer, activated, along), rtol=1e-4, atol=1e-3)
