"""The MLP without its norms against the formula, and its kernels, interpreted on the CPU, against plain products."""

import pytest
import torch
from torch.testing import assert_close

from tests.comparing import relative
from tests.model.interpreter import INTERPRETED, interpreted
from tritgolf.model.layers import RMS_EPSILON
from tritgolf.model.mlp import add_mlp, add_mlp_fused, relu_product, slope_product

if INTERPRETED:
    from tritgolf.model import mlp_kernel

# tokens, width, hidden: one tile, tiles beyond the last row and column, several turns of a program, bands
SHAPES = {"one tile": (128, 64, 256), "ragged": (131, 72, 264), "turns": (300, 16, 600), "bands": (1300, 8, 304)}


def drawn(*shape: int, dtype: torch.dtype = torch.float64, spread: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return (spread * torch.randn(*shape, generator=generator)).to(dtype).requires_grad_()


def arguments(*leading: int, width: int = 12, hidden: int = 40, dtype: torch.dtype = torch.float64):
    """Of ``add_mlp``, a token's spread growing from 0.1 to 10."""
    residual = drawn(*leading, width, dtype=dtype).detach()
    residual *= torch.logspace(-1, 1, leading[-1], dtype=dtype)[:, None]
    inner, outer = drawn(hidden, width, dtype=dtype, spread=0.3), drawn(width, hidden, dtype=dtype, spread=0.3)
    return [residual.requires_grad_(), drawn(width, dtype=dtype), inner, outer]


def result_and_gradients(function, tensors, upstream):
    found = function(*tensors)
    return [found.detach(), *torch.autograd.grad(found, tensors, upstream)]


def doubled(tensors):
    return [tensor.detach().double().requires_grad_() for tensor in tensors]


@pytest.mark.parametrize("leading", [(7,), (2, 5)])
def test_the_formula_and_its_gradients(leading):
    tensors = arguments(*leading)
    upstream = drawn(*tensors[0].shape, dtype=tensors[0].dtype).detach()
    found, wanted = (result_and_gradients(f, tensors, upstream) for f in (add_mlp_fused, add_mlp))
    for ours, reference in zip(found, wanted, strict=True):
        assert_close(ours, reference, rtol=1e-5, atol=1e-6)


def test_in_fp32():
    tensors = arguments(64, width=32, hidden=128, dtype=torch.float32)
    upstream = drawn(*tensors[0].shape, dtype=tensors[0].dtype).detach()
    found = result_and_gradients(add_mlp_fused, tensors, upstream)
    wanted = result_and_gradients(add_mlp, doubled(tensors), upstream.double())
    for ours, reference in zip(found, wanted, strict=True):
        assert relative(ours, reference) < 1e-5


def test_bf16_is_as_near_as_the_formula_in_bf16():
    tensors = arguments(512, width=64, hidden=256, dtype=torch.bfloat16)
    upstream = drawn(*tensors[0].shape, dtype=tensors[0].dtype).detach()
    exact = result_and_gradients(add_mlp, doubled(tensors), upstream.double())
    found, plain = (result_and_gradients(f, tensors, upstream) for f in (add_mlp_fused, add_mlp))
    for ours, theirs, reference in zip(found, plain, exact, strict=True):
        assert ours.dtype == torch.bfloat16
        assert relative(ours, reference) < max(1.5 * relative(theirs, reference), 2**-8)


def test_the_inner_norms_epsilon_counts():
    """A stream so faint that both norms' epsilons show: the forward pass is the formula's there too."""
    residual, *others = (tensor.detach() for tensor in arguments(9))
    faint = residual * 3e-5
    hidden = (faint @ others[1].T).relu().square()
    without = faint + others[0] * (torch.nn.functional.rms_norm(hidden, (40,)) @ others[2].T)
    assert float(faint.square().mean()) < RMS_EPSILON
    assert_close(add_mlp_fused(faint, *others), add_mlp(faint, *others), rtol=1e-6, atol=1e-12)
    assert relative(without, add_mlp(faint, *others)) > 1e-2


def test_tokens_without_activations_add_nothing():
    """All of relu² zero, as at a zero token: the result is the residual, gradients are finite."""
    residual, *others = arguments(3)
    nothing = torch.zeros_like(residual).requires_grad_()
    tensors = [nothing, *others]
    found = result_and_gradients(add_mlp_fused, tensors, torch.ones_like(nothing))
    assert torch.equal(found[0], nothing)
    assert all(gradient.isfinite().all() for gradient in found)


def operands(tokens, width, hidden):
    """For both products; ``along`` large enough to matter."""
    x, inner, outer = drawn(tokens, width), drawn(hidden, width), drawn(width, hidden)
    x, inner, outer = (tensor.detach().float() for tensor in (x, inner, outer))
    return x, inner, outer, drawn(tokens, 1).detach().float()


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
