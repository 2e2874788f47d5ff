"""XSA and gates in one: the kernels, interpreted on the CPU, against the definition."""

import pytest
import torch

from tests.comparing import relative
from tests.model.interpreter import INTERPRETED, interpreted
from tests.model.kernel_checks import doubled, drawn, results_and_gradients
from tritgolf.model.layers import QuantizedLinear
from tritgolf.model.mixed_heads import exclusive_gated, exclusive_gated_fast

if INTERPRETED:
    from tritgolf.model.mixed_heads_kernel import exclusive_gated_on_gpu

# batch, positions, heads, kv_heads, head_dim, channels
SHAPES = {
    "as published": (2, 19, 8, 4, 64, 12),
    "one key head": (1, 33, 6, 1, 24, 5),
    "as many key heads": (3, 3, 3, 3, 10, 8),
}


def leaves_of(shape, dtype=torch.float64):
    """mixed, a wider tensor with v in it, one with the channels in it, gates."""
    batch, positions, heads, kv_heads, head_dim, channels = shape
    wide = drawn(batch, positions, heads + 2 * kv_heads, head_dim)
    leaves = [drawn(batch, positions, heads, head_dim), wide, drawn(batch, positions, 37), drawn(heads, channels)]
    return [leaf.detach().to(dtype).requires_grad_() for leaf in leaves]


def on_parts(function, kv_heads):
    """``function`` with v and channels as views of wider tensors, as a block has them."""

    def of_wider(mixed, wide, x, gates):
        return function(mixed, wide[:, :, wide.shape[2] - kv_heads :], x[..., : gates.shape[1]], gates)

    return of_wider


def test_a_cpu_uses_the_definition():
    mixed, wide, x, gates = leaves_of(SHAPES["as published"], torch.bfloat16)
    layer = QuantizedLinear(12, 8)
    with torch.no_grad():
        layer.weight.copy_(gates)
    found, wanted = (f(mixed, wide[:, :, 12:], x[..., :12], g) for f, g in (
        (exclusive_gated_fast, layer), (exclusive_gated, gates)
    ))  # fmt: skip
    assert torch.equal(found, wanted)


@interpreted
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_kernels(shape, dtype):
    leaves = leaves_of(shape, dtype)
    found = results_and_gradients(on_parts(exclusive_gated_on_gpu, shape[3]), leaves)
    wanted = results_and_gradients(on_parts(exclusive_gated, shape[3]), doubled(leaves))
    for ours, reference in zip([*found[0], *found[1]], [*wanted[0], *wanted[1]], strict=True):
        assert ours.dtype == dtype
        assert relative(ours, reference) < (1e-6 if dtype == torch.float32 else 2**-6)  # the interpreter truncates


@interpreted
def test_values_of_zero_have_no_direction():
    """Nothing is taken out; results and gradients are the definition's, and finite."""
    leaves = leaves_of(SHAPES["one key head"], torch.float32)
    with torch.no_grad():
        leaves[1][:, :5] = 0
    found, wanted = (
        results_and_gradients(on_parts(function, 1), leaves) for function in (exclusive_gated_on_gpu, exclusive_gated)
    )
    for ours, reference in zip([*found[0], *found[1]], [*wanted[0], *wanted[1]], strict=True):
        assert ours.isfinite().all()
        assert relative(ours, reference) < 1e-5
