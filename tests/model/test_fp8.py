"""The FP8 products' definition: exact weights, the rounding of what is multiplied with them, and the way back."""

import pytest
import torch
from torch.testing import assert_close

from tests.comparing import relative
from tritgolf.model import fp8
from tritgolf.model.layers import rms_norm
from tritgolf.model.mlp import add_mlp
from tritgolf.quantize.base import dequantize, quantize
from tritgolf.quantize.powers import power_of
from tritgolf.quantize.ternary import ScaledE4m3Quantizer

QUANTIZER = ScaledE4m3Quantizer(8, "rms", "float64")
WIDTH, HIDDEN = 16, 48


def drawn(*shape: int, spread: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return spread * torch.randn(*shape, generator=generator)


def weight_of(outputs: int, inputs: int, largest=(100.0, 1.0), dtype=torch.float32) -> fp8.Fp8Weight:
    codes, power = fp8.weights_of(drawn(1, outputs, inputs, spread=0.3), QUANTIZER)
    leaf = torch.zeros(outputs, inputs, dtype=dtype, requires_grad=True)
    return fp8.Fp8Weight(codes[0], codes[0].T.contiguous(), power[0], leaf, torch.tensor(largest, requires_grad=True))


def exact(weight: fp8.Fp8Weight) -> torch.Tensor:
    """The same matrix to be differentiated."""
    return (weight.codes.float() * weight.power).requires_grad_()


def test_weights_are_the_trits_times_their_scales_to_the_bit():
    weight = drawn(3, 4, 32) * torch.tensor([1e-3, 1.0, 1e6])[:, None, None]
    codes, power = fp8.weights_of(weight, QUANTIZER)
    for matrix, of_matrix, factor in zip(weight, codes, power, strict=True):
        assert torch.equal(of_matrix.float() * factor, dequantize(quantize(matrix, QUANTIZER)))


def test_the_power_of_normalized_rows_is_that_of_the_largest_number_they_can_have():
    widths = torch.arange(1, 5000)
    assert [fp8.normed_power(int(width)) for width in widths] == power_of(widths.float().sqrt()).tolist()


def test_normalized_rows_are_not_clipped_whatever_their_width():
    for width in (16, 64, 768, 1000):
        one_hot = torch.zeros(width)
        one_hot[0] = 1.0
        assert float(rms_norm(one_hot).amax()) / fp8.normed_power(width) < 448


def test_a_product_is_the_exact_one_of_what_was_rounded():
    x, weight = drawn(5, 7, WIDTH), weight_of(24, WIDTH)
    power = torch.tensor(fp8.normed_power(WIDTH))
    rounded = fp8.to_e4m3(rms_norm(x), power).double() * power
    assert_close(fp8.normed_product(x, weight).double(), rounded @ exact(weight).double().T, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_results_and_gradients_are_near_the_formula_s(dtype):
    """e4m3 rounds to 2.6% (rms); relu² doubles that of its input."""
    x, upstream = drawn(64, WIDTH).to(dtype), drawn(64, WIDTH).to(dtype)
    scale = drawn(WIDTH).to(dtype)
    inner, outer = weight_of(HIDDEN, WIDTH, dtype=dtype), weight_of(WIDTH, HIDDEN, dtype=dtype)
    fp8.add_mlp(x, scale, inner, outer).backward(upstream)
    inner, outer = (weight._replace(largest=weight.largest.grad.requires_grad_()) for weight in (inner, outer))
    ours = [x.clone().requires_grad_(), scale.clone().requires_grad_()]
    found = fp8.add_mlp(*ours, inner, outer)
    assert found.dtype == dtype
    found_gradients = torch.autograd.grad(found, [*ours, inner.leaf, outer.leaf], upstream)
    plain = [x.double().requires_grad_(), scale.double().requires_grad_()]
    matrices = [exact(inner).detach().double().requires_grad_(), exact(outer).detach().double().requires_grad_()]
    wanted = add_mlp(*plain, *matrices)
    wanted_gradients = torch.autograd.grad(wanted, [*plain, *matrices], upstream.double())
    assert relative(found.detach(), wanted.detach()) < 0.05
    for own, reference in zip(found_gradients, wanted_gradients, strict=True):
        assert own.dtype == dtype
        assert relative(own, reference) < 0.1


def test_what_was_seen_comes_back_as_the_gradient_of_what_was_expected():
    x, scale = drawn(6, WIDTH), torch.ones(WIDTH)
    inner, outer = weight_of(HIDDEN, WIDTH), weight_of(WIDTH, HIDDEN)
    upstream = drawn(6, WIDTH)
    fp8.add_mlp(x, scale, inner, outer).backward(upstream)
    hidden = fp8.normed_product(x, inner).detach()
    assert_close(outer.largest.grad[fp8.INPUTS], hidden.relu().square().amax(), rtol=1e-6, atol=0)
    assert inner.largest.grad[fp8.INPUTS] == 0  # of normalized rows it is known
    assert inner.largest.grad[fp8.GRADIENTS] > 0
    product = weight_of(WIDTH, WIDTH)
    fp8.add_normed_product(x, scale, x, product).backward(upstream)
    assert product.largest.grad[fp8.GRADIENTS] == upstream.abs().amax()


def test_a_gradient_beyond_what_was_expected_is_clipped_and_said():
    x, weight = drawn(6, WIDTH), weight_of(WIDTH, WIDTH, largest=(0.0, 1.0))
    upstream = torch.zeros(6, WIDTH)
    upstream[0, 0] = 100.0
    fp8.normed_product(x, weight).backward(upstream)
    clipped = 448 * power_of(torch.tensor(1.0))
    power = torch.tensor(fp8.normed_power(WIDTH))
    row = fp8.to_e4m3(rms_norm(x[0]), power).float() * power
    assert_close(weight.leaf.grad[0], clipped * row)
    assert weight.largest.grad[fp8.GRADIENTS] == 100
