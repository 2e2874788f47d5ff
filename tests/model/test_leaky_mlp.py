"""The LeakyReLU² MLP's form for GPUs against the formula, its kernels, interpreted on the CPU, against products."""

from functools import partial

import pytest
import torch
from torch.testing import assert_close

from tests.comparing import relative
from tests.model.interpreter import INTERPRETED, interpreted
from tests.model.kernel_checks import doubled, drawn, results_and_gradients
from tests.model.test_mlp import SHAPES
from tritgolf.model.leaky_mlp import (
    add_leaky_mlp,
    add_leaky_mlp_fused,
    add_normed_leaky_mlp,
    add_normed_leaky_mlp_fused,
    leaky_product,
    leaky_slope_product,
)

if INTERPRETED:
    from tritgolf.model import leaky_mlp_kernel

SLOPES = pytest.mark.parametrize("slope", [0.5, 0.0], ids=["LeakyReLU²", "ReLU²"])


FORMS = pytest.mark.parametrize(
    "forms",
    [(add_leaky_mlp_fused, add_leaky_mlp), (add_normed_leaky_mlp_fused, add_normed_leaky_mlp)],
    ids=["bare", "normed"],
)


def with_slope(forms, slope: float):
    """The fused form and the formula, of ``slope``."""
    return (partial(form, slope=slope) for form in forms)


def arguments(*leading: int, width: int = 12, hidden: int = 40, dtype: torch.dtype = torch.float64):
    """Of ``add_leaky_mlp``."""
    residual, x = drawn(*leading, width), drawn(*leading, width)
    tensors = [residual, drawn(width), x, 0.3 * drawn(hidden, width), 0.3 * drawn(width, hidden)]
    return [tensor.detach().to(dtype).requires_grad_() for tensor in tensors]


@SLOPES
@FORMS
@pytest.mark.parametrize("leading", [(7,), (2, 5)])
def test_the_formula_and_its_gradients(leading, forms, slope):
    (found, gradients), (wanted, references) = (
        results_and_gradients(f, arguments(*leading)) for f in with_slope(forms, slope)
    )
    for ours, reference in zip([*found, *gradients], [*wanted, *references], strict=True):
        assert_close(ours, reference)


@FORMS
def test_bf16_is_as_near_as_the_formula_in_bf16(forms):
    tensors = arguments(512, width=64, hidden=256, dtype=torch.bfloat16)
    found, plain = (results_and_gradients(f, tensors) for f in with_slope(forms, 0.5))
    exact = results_and_gradients(partial(forms[1], slope=0.5), doubled(tensors))
    for ours, theirs, reference in zip(
        *([*found, *gradients] for found, gradients in (found, plain, exact)), strict=True
    ):
        assert ours.dtype == torch.bfloat16
        assert relative(ours, reference) < max(1.5 * relative(theirs, reference), 2**-8)


@interpreted
@SLOPES
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_kernels_are_the_plain_products(shape, slope):
    tokens, width, hidden = shape
    x, inner, outer = (drawn(*size).detach().float() for size in ((tokens, width), (hidden, width), (width, hidden)))
    found = leaky_mlp_kernel.leaky_product_on_gpu(x, inner, slope)
    for ours, reference in zip(found, leaky_product(x, inner, slope), strict=True):
        assert_close(ours, reference, rtol=1e-5, atol=1e-4)
    before, factor = (drawn(tokens, columns).detach().float() for columns in (hidden, 1))
    for along in (None, factor):
        found = leaky_mlp_kernel.leaky_slope_product_on_gpu(x, outer, before, slope, along)
        exact = (None if tensor is None else tensor.double() for tensor in (x, outer, before, along))
        upstream, weight, hidden_values, exact_along = exact
        assert relative(found, leaky_slope_product(upstream, weight, hidden_values, slope, exact_along)) < 1e-6


@interpreted
def test_the_kernels_take_tensors_that_are_not_contiguous():
    x, inner, outer, before = (drawn(*size).detach().float() for size in ((40, 16), (24, 16), (16, 24), (40, 24)))
    strided = [tensor.T.contiguous().T for tensor in (x, inner, outer, before)]
    assert_close(leaky_mlp_kernel.leaky_product_on_gpu(*strided[:2], 0.5)[1], leaky_product(x, inner, 0.5)[1])
    found = leaky_mlp_kernel.leaky_slope_product_on_gpu(strided[0], *strided[2:], 0.5, None)
    assert found.is_contiguous()
    assert_close(found, leaky_slope_product(x, outer, before, 0.5), rtol=1e-4, atol=1e-3)
