"""The network's input shared by all blocks against the formula, and its kernel, interpreted on the CPU."""

import pytest
import torch
from torch.testing import assert_close

from tests.comparing import relative
from tests.model.interpreter import INTERPRETED, interpreted
from tests.model.kernel_checks import drawn, results_and_gradients
from tritgolf.model.shared_input import input_gradients, mix_share, shares_of

if INTERPRETED:
    from tritgolf.model.shared_input_kernel import input_gradients_on_gpu


def by_formula(x0, mixes):
    x = x0
    for mix in mixes:
        x = (mix[0] * x + mix[1] * x0).sin()
    return x


def shared(x0, mixes):
    x = x0
    for share in shares_of(x0, mixes):
        x = mix_share(x, share).sin()
    return x


@pytest.mark.parametrize("compiled", [False, True])
def test_the_formula_and_its_gradients(compiled):
    leaves = [drawn(2, 7, 12), drawn(3, 2, 12)]
    function = torch.compile(shared, backend="aot_eager", fullgraph=True) if compiled else shared
    (found, gradients), (wanted, references) = (results_and_gradients(f, leaves) for f in (function, by_formula))
    for ours, reference in zip([*found, *gradients], [*wanted, *references], strict=True):
        assert_close(ours, reference)


def test_bf16_gradients_are_rounded_once():
    """The input's as a whole, where the formula rounds what each block adds."""
    x0, gradients = drawn(64, 16).bfloat16(), [drawn(64, 16 + n)[:, :16].bfloat16() for n in range(4)]
    weights = drawn(4, 16).bfloat16()
    found, sums = input_gradients(gradients, x0, weights)
    wanted = sum(w.double() * g.double() for w, g in zip(weights, gradients, strict=True))
    assert found.dtype == sums.dtype == torch.bfloat16
    assert torch.equal(found, wanted.bfloat16())


@interpreted
@pytest.mark.parametrize("shape", [(1, 3, 24, 2), (2, 70, 136, 3), (5, 64, 128, 1)])
def test_the_kernel(shape):
    batch, positions, width, blocks = shape
    x0, weights = drawn(batch, positions, width).detach().float(), drawn(blocks, width).detach().float()
    gradients = [(n + drawn(batch, positions, width)).detach().float() for n in range(blocks)]
    gradients[0] = gradients[0].transpose(0, 1).contiguous().transpose(0, 1)
    found = input_gradients_on_gpu(gradients, x0, weights)
    wanted = input_gradients([each.double() for each in gradients], x0.double(), weights.double())
    for ours, reference in zip(found, wanted, strict=True):
        assert ours.dtype == torch.float32
        assert relative(ours, reference) < 1e-6
