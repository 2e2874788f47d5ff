"""Heads of which only the first channels turn: the definition, and the kernels, interpreted on the CPU, against it."""

import pytest
import torch
from torch.testing import assert_close

from tests.comparing import relative
from tests.model.interpreter import INTERPRETED, interpreted
from tests.model.kernel_checks import doubled, drawn, results_and_gradients
from tests.model.test_heads import inputs
from tritgolf.model.heads import make_heads
from tritgolf.model.partial_heads import make_partial_heads, make_partial_heads_fast

if INTERPRETED:
    from tritgolf.model.partial_heads_kernel import partial_heads_on_gpu

# batch, positions, heads, kv_heads, head_dim, rotary_dims
SHAPES = {
    "as published": (2, 19, 8, 4, 64, 16),
    "odd numbers": (3, 7, 3, 3, 48, 12),
    "one token": (1, 1, 2, 1, 8, 2),
    "all turn": (1, 33, 4, 2, 16, 16),
}


def made(make, shape):
    """``make`` as a function of the product and the gain, and these."""
    batch, positions, heads, kv_heads, head_dim, rotary_dims = shape
    angles = 7 * torch.rand(positions, rotary_dims // 2, generator=torch.Generator().manual_seed(positions))
    leaves = [drawn(batch, positions, (heads + 2 * kv_heads) * head_dim), drawn(heads)]

    def function(fused, gain):
        return make(fused, gain, angles.cos().to(fused.dtype), angles.sin().to(fused.dtype), heads, kv_heads)

    return function, leaves


def test_with_all_channels_turning_it_is_the_other_definition():
    arguments = inputs(2, 11, 4, 2, 8)
    for ours, reference in zip(make_partial_heads(*arguments), make_heads(*arguments), strict=True):
        assert torch.equal(ours, reference)


def test_channels_beyond_are_normalized_alone():
    function, (fused, gain) = made(make_partial_heads, SHAPES["as published"])
    q, _, v = function(fused, gain)
    heads = fused.unflatten(2, (16, 64))
    over_rms = heads / (heads.square().mean(-1, keepdim=True) + 1.1920929e-7).sqrt()
    assert_close(q[..., 16:], (over_rms[:, :, :8] * gain[:, None])[..., 16:])
    assert not torch.allclose(q[:, 1:, :, :16], (over_rms[:, 1:, :8] * gain[:, None])[..., :16])
    assert torch.equal(v, heads[:, :, 12:])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_cpu_uses_the_definition(dtype):
    for ours, reference in zip(
        *(made(make, SHAPES["one token"])[0](*(x.to(dtype) for x in made(make, SHAPES["one token"])[1]))
          for make in (make_partial_heads_fast, make_partial_heads)),
        strict=True,
    ):  # fmt: skip
        assert torch.equal(ours, reference)


@interpreted
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_kernels(shape, dtype):
    function, leaves = made(partial_heads_on_gpu, shape)
    leaves = [leaf.detach().to(dtype).requires_grad_() for leaf in leaves]
    found = results_and_gradients(function, leaves)
    wanted = results_and_gradients(made(make_partial_heads, shape)[0], doubled(leaves))
    for ours, reference in zip([*found[0], *found[1]], [*wanted[0], *wanted[1]], strict=True):
        assert ours.dtype == dtype
        assert relative(ours, reference) < (1e-6 if dtype == torch.float32 else 2**-6)  # the interpreter truncates


@interpreted
def test_gradients_that_are_not_contiguous_or_missing():
    for loss in (
        lambda q, k, v: q.sum(),
        lambda q, k, v: v.sum() + (k.transpose(1, 2) * torch.arange(64.0)).sum(),
    ):
        function, leaves = made(partial_heads_on_gpu, SHAPES["as published"])
        leaves = [leaf.detach().float().requires_grad_() for leaf in leaves]
        found, wanted = (
            torch.autograd.grad(loss(*f(*leaves)), leaves, allow_unused=True, materialize_grads=True)
            for f in (function, made(make_partial_heads, SHAPES["as published"])[0])
        )
        for ours, reference in zip(found, wanted, strict=True):
            assert_close(ours, reference, rtol=1e-5, atol=1e-5)
