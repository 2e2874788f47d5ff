"""Attention's and the MLP's parts in one form against the formula, and its kernel, interpreted on the CPU."""

import pytest
import torch
from torch.testing import assert_close

from tests.comparing import relative
from tests.model.interpreter import INTERPRETED, interpreted
from tests.model.kernel_checks import doubled
from tests.model.test_mlp import SHAPES
from tritgolf.model.joined import add_both, add_both_fused, join
from tritgolf.model.layers import RMS_EPSILON, rms_norm

if INTERPRETED:
    from tritgolf.model.joined_kernel import join_on_gpu


def drawn(*shape: int, dtype: torch.dtype = torch.float64, spread: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return (spread * torch.randn(*shape, generator=generator)).to(dtype).requires_grad_()


def arguments(*leading: int, width: int = 12, hidden: int = 40, dtype: torch.dtype = torch.float64):
    """Of ``add_both``; the spread of a token's stream and of what attention mixed grows from 0.1 to 10."""
    streams = [drawn(*leading, width, dtype=dtype).detach(), 2 - drawn(*leading, width, dtype=dtype).detach()]
    streams = [each * torch.logspace(-1, 1, leading[-1], dtype=dtype)[:, None] for each in streams]
    scales = [drawn(width, dtype=dtype), (1 + drawn(width, dtype=dtype)).detach()]
    matrices = [drawn(*shape, dtype=dtype, spread=0.3) for shape in ((width, width), (hidden, width), (width, hidden))]
    return [tensor.detach().requires_grad_() for tensor in (*streams, *scales, *matrices)]


def result_and_gradients(function, tensors, upstream):
    found = function(*tensors)
    return [found.detach(), *torch.autograd.grad(found, tensors, upstream)]


def upstream_of(tensors):
    return (1 + drawn(*tensors[0].shape)).detach().to(tensors[0].dtype)


@pytest.mark.parametrize("leading", [(7,), (2, 5)])
def test_the_formula_and_its_gradients(leading):
    tensors = arguments(*leading)
    found, wanted = (result_and_gradients(f, tensors, upstream_of(tensors)) for f in (add_both_fused, add_both))
    for ours, reference in zip(found, wanted, strict=True):
        assert_close(ours, reference, rtol=1e-5, atol=1e-6)


def test_in_fp32():
    tensors = arguments(64, width=32, hidden=128, dtype=torch.float32)
    found = result_and_gradients(add_both_fused, tensors, upstream_of(tensors))
    wanted = result_and_gradients(add_both, doubled(tensors), upstream_of(tensors).double())
    for ours, reference in zip(found, wanted, strict=True):
        assert relative(ours, reference) < 1e-5


def test_bf16_is_as_near_as_the_formula_in_bf16():
    tensors = arguments(512, width=64, hidden=256, dtype=torch.bfloat16)
    exact = result_and_gradients(add_both, doubled(tensors), upstream_of(tensors).double())
    found, plain = (result_and_gradients(f, tensors, upstream_of(tensors)) for f in (add_both_fused, add_both))
    for ours, theirs, reference in zip(found, plain, exact, strict=True):
        assert ours.dtype == torch.bfloat16
        assert relative(ours, reference) < max(1.5 * relative(theirs, reference), 2**-8)


def test_the_epsilons_count():
    """Streams so faint that all norms' epsilons show: the forward pass is the formula's there too."""
    x, mixed, *others = (tensor.detach() for tensor in arguments(9))
    others[0] *= 3e-5
    faint = 3e-5 * x, 3e-5 * mixed, *others
    y = faint[0] + others[0] * rms_norm(faint[1]) @ others[2].T
    without = y + others[1] * (rms_norm((y @ others[3].T).relu().square()) @ others[4].T)
    assert float(faint[1].square().mean()) < 3 * RMS_EPSILON
    assert_close(add_both_fused(*faint), add_both(*faint), rtol=1e-6, atol=1e-12)
    assert relative(without, add_both(*faint)) > 1e-2


def test_tokens_of_nothing_add_nothing():
    """Streams of zeros: the result is zero, gradients are finite."""
    x, mixed, *others = arguments(3)
    nothing = [torch.zeros_like(each).requires_grad_() for each in (x, mixed)]
    found = result_and_gradients(add_both_fused, [*nothing, *others], torch.ones_like(x))
    assert torch.equal(found[0], nothing[0])
    assert all(gradient.isfinite().all() for gradient in found)


def join_arguments(tokens, width, common, forward):
    """Of ``join`` in FP32, of one direction."""
    inputs, weight = drawn(tokens, common), drawn(*((width, common) if forward else (common, width)))
    rows = [1 + drawn(tokens, 1).square(), 2 - drawn(tokens, 1)]
    tensors = [inputs, weight, drawn(tokens, width), *rows, drawn(width) if forward else None]
    return [tensor if tensor is None else tensor.detach().float() for tensor in tensors]


@interpreted
@pytest.mark.parametrize("forward", [True, False], ids=["forward", "back"])
@pytest.mark.parametrize(("tokens", "width", "common"), [(s[0], s[2], s[1]) for s in SHAPES.values()], ids=SHAPES)
def test_the_kernel_is_the_plain_product(tokens, width, common, forward):
    tensors = join_arguments(tokens, width, common, forward)
    found, squares = join_on_gpu(*tensors)
    wanted, sums = join(*(each if each is None else each.double() for each in tensors))
    assert relative(found, wanted) < 1e-6
    assert_close(found.double(), wanted, rtol=1e-4, atol=1e-4)
    if forward:
        assert_close(squares.double().sum(-1, keepdim=True), sums, rtol=1e-5, atol=1e-3)


@interpreted
def test_the_kernel_takes_tensors_that_are_not_contiguous():
    tensors = join_arguments(40, 24, 16, forward=False)
    strided = [each if each is None else each.T.contiguous().T for each in tensors]
    assert_close(join_on_gpu(*strided)[0], join(*tensors)[0], rtol=1e-4, atol=1e-4)
