"""A block's beginning: the fused form against the formula, and its kernel, interpreted on the CPU."""

import pytest
import torch
from torch.testing import assert_close

from tests.comparing import relative
from tests.model.interpreter import INTERPRETED, interpreted
from tests.model.kernel_checks import drawn, results_and_gradients
from tritgolf.model.layers import rms_norm
from tritgolf.model.parts.gates import blend_skip
from tritgolf.model.streams import Streams, begin_fused, blended, streams_backward

if INTERPRETED:
    from tritgolf.model.streams_kernel import streams_backward_on_gpu

SHAPE = (3, 7, 24)
CASES = {"plain": (None, None, False), "gated": (5, None, True), "skip": (5, False, False), "blend": (5, True, True)}


def leaves_of(skips):
    """x, x0, mix and, where there are skips, the skip, its weight and gate."""
    leaves = [drawn(*SHAPE), drawn(*SHAPE[:-1], 48)[..., ::2], drawn(2, 24)]
    leaves += [] if skips is None else [2 * drawn(*SHAPE), 0.5 + drawn(24), drawn(24)]
    return [leaf.detach().requires_grad_() for leaf in leaves]


def by_formula(channels, skips, parallel):
    def function(x, x0, mix, skip=None, weight=None, gate=None):
        if skips is not None:
            x = blend_skip(x, weight * skip, gate) if skips else x + weight * skip
        u = mix[0] * x + mix[1] * x0
        n = 0.7 * rms_norm(u)
        return [u, n, *([n[..., :channels]] if channels else []), *([n] if parallel else [])]

    return function


def fused(channels, skips, parallel):
    def function(x, x0, mix, skip=None, weight=None, gate=None):
        streams = Streams(x) if skips is None else blended(x, skip, weight, gate if skips else None)
        found = begin_fused(streams, x0, mix, 0.7, channels, parallel)
        return [each for each in found if each is not None]

    return function


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("compiled", [False, True])
def test_the_formula_and_its_gradients(case, compiled):
    leaves = leaves_of(case[1])[: 6 if case[1] else 5]
    function = torch.compile(fused(*case), backend="aot_eager", fullgraph=True) if compiled else fused(*case)
    (found, gradients), (wanted, references) = (results_and_gradients(f, leaves) for f in (function, by_formula(*case)))
    for ours, reference in zip([*found, *gradients], [*wanted, *references], strict=True):
        assert_close(ours, reference, rtol=1e-5, atol=1e-6)


@interpreted
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("channels", "parallel", "skips"), [(5, True, True), (None, False, False), (3, True, False)])
def test_the_kernel(channels, parallel, skips, dtype):
    upstream = [drawn(2, 9, 24), drawn(2, 9, 24), drawn(2, 9, channels or 1), 3 * drawn(2, 9, 24)]
    streams = [drawn(2, 9, 24), 2 * drawn(2, 9, 24), 0.5 * drawn(2, 9, 24)]
    upstream, streams = ([tensor.detach().to(dtype) for tensor in tensors] for tensors in (upstream, streams))
    upstream = [*upstream[:2], upstream[2] if channels else None, upstream[3] if parallel else None]
    weights = [drawn(24).detach().float() + shift for shift in range(3)]
    if not skips:
        streams[2] = weights[2] = None
    arguments = (*upstream, *streams, *weights)
    found = streams_backward_on_gpu(*arguments, 0.7)
    wanted = streams_backward(*(each if each is None else each.double() for each in arguments), 0.7)
    for ours, reference in zip(found, wanted, strict=True):
        if reference.numel():
            assert relative(ours, reference) < (1e-6 if dtype == torch.float32 else 2**-6)  # the interpreter truncates
    assert found[3].dtype == torch.float32
