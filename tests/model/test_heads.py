"""The definition against the specification, and the kernels against the definition, interpreted on the CPU."""

import re

import pytest
import torch
from functorch.compile import make_boxed_func
from torch._dynamo.backends.common import aot_autograd
from torch.testing import assert_close

from tests.model.interpreter import INTERPRETED, interpreted
from tests.model.reference import rotated
from tests.small import random_network, random_tokens, small_model
from tritgolf.model.heads import make_heads, make_heads_fast
from tritgolf.model.rotary import inverse_frequencies, rotary_tables

if INTERPRETED:
    from tritgolf.model.heads_kernel import heads_on_gpu

# batch, positions, heads, kv_heads, head_dim
SHAPES = {
    "as published": (2, 19, 8, 4, 96),
    "a power of two": (1, 37, 4, 2, 32),
    "an odd number of tokens": (3, 7, 3, 3, 48),
    "one token": (1, 1, 2, 1, 8),
    "an odd half": (2, 5, 6, 2, 10),
    "wide heads": (1, 9, 2, 1, 256),
    "a whole tile": (2, 16, 2, 1, 64),
}


def inputs(batch, positions, heads, kv_heads, head_dim, dtype=torch.float64):
    """The arguments of ``make_heads``, the product and the gain as leaves."""
    generator = torch.Generator().manual_seed(positions)
    fused = torch.randn(batch, positions, (heads + 2 * kv_heads) * head_dim, generator=generator)
    gain = 1 + torch.randn(heads, generator=generator)
    angles = 7 * torch.rand(positions, head_dim // 2, generator=generator)
    leaves = [tensor.to(dtype).requires_grad_(True) for tensor in (fused, gain)]
    return (*leaves, angles.cos().to(dtype), angles.sin().to(dtype), heads, kv_heads)


def outputs_and_gradients(function, arguments, weights):
    """q, k, v and the gradients of the product and the gain, under ``weights`` as gradients from above."""
    found = function(*arguments)
    return [*(x.detach() for x in found), *torch.autograd.grad(found, arguments[:2], weights)]


def weights_like(arguments):
    generator = torch.Generator().manual_seed(5)
    return [torch.randn(x.shape, generator=generator).to(x.dtype) for x in make_heads(*arguments)]


def doubled(arguments):
    leaves = [tensor.detach().double().requires_grad_(True) for tensor in arguments[:2]]
    return (*leaves, *(table.double() for table in arguments[2:4]), *arguments[4:])


def test_the_definition_against_the_specification():
    model = small_model(heads=4, kv_heads=2, width=32)
    cos, sin = rotary_tables(model, 11, torch.float64)
    fused, gain, _, _, heads, kv_heads = inputs(2, 11, 4, 2, 8)
    found = make_heads(fused, gain, cos, sin, heads, kv_heads)
    each = fused.view(2, 11, 8, 8)
    over_rms = each / (each.square().mean(-1, keepdim=True) + 1.1920929e-7).sqrt()
    turned = rotated(over_rms.transpose(1, 2), inverse_frequencies(model).double()).transpose(1, 2)
    wanted = turned[:, :, :4] * gain[:, None], turned[:, :, 4:6], each[:, :, 6:]
    for ours, reference in zip(found, wanted, strict=True):
        assert_close(ours, reference, rtol=1e-5, atol=1e-5)  # angles are made in FP32


def test_gradients_of_the_definition():
    assert torch.autograd.gradcheck(make_heads, inputs(2, 3, 2, 1, 6))


def test_v_is_a_view():
    arguments = inputs(2, 3, 2, 1, 6)
    assert make_heads(*arguments)[2].untyped_storage().data_ptr() == arguments[0].untyped_storage().data_ptr()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_cpu_uses_the_definition(dtype):
    arguments = inputs(2, 9, 4, 2, 8, dtype)
    for ours, reference in zip(make_heads_fast(*arguments), make_heads(*arguments), strict=True):
        assert torch.equal(ours, reference)


def test_a_block_takes_its_heads_from_there():
    """A block that is given other heads (k where v should be) does something else."""
    network, tokens = random_network(small_model()), random_tokens(small_model())
    attention = network.blocks[0].attn
    before = network(tokens)

    def changed(*arguments):
        q, k, _ = make_heads(*arguments)
        return q, k, k

    attention.make_heads = make_heads
    assert torch.equal(network(tokens), before)
    attention.make_heads = changed
    assert not torch.allclose(network(tokens), before, rtol=1e-2)


@interpreted
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_kernels_in_fp32(shape):
    arguments = inputs(*shape, dtype=torch.float32)
    weights = weights_like(arguments)
    found = outputs_and_gradients(heads_on_gpu, arguments, weights)
    wanted = outputs_and_gradients(make_heads, doubled(arguments), [w.double() for w in weights])
    for ours, reference in zip(found, wanted, strict=True):
        assert ours.dtype == torch.float32
        assert_close(ours.double(), reference, rtol=1e-5, atol=2e-5)


@interpreted
def test_the_kernels_in_bf16():
    arguments = inputs(2, 19, 8, 4, 96, dtype=torch.bfloat16)
    weights = weights_like(arguments)
    found = outputs_and_gradients(heads_on_gpu, arguments, weights)
    wanted = outputs_and_gradients(make_heads, doubled(arguments), [w.double() for w in weights])
    for ours, reference in zip(found, wanted, strict=True):
        assert ours.dtype == torch.bfloat16
        assert_close(ours.double(), reference, rtol=2**-7, atol=1e-5)  # the interpreter truncates


@interpreted
def test_zeros_have_no_direction():
    """Heads of zeros: RMSNorm's epsilon keeps results and gradients finite."""
    _, *others = inputs(1, 3, 2, 1, 8, dtype=torch.float32)
    arguments = (torch.zeros(1, 3, 32, requires_grad=True), *others)
    weights = weights_like(arguments)
    found = outputs_and_gradients(heads_on_gpu, arguments, weights)
    for ours, reference in zip(found, outputs_and_gradients(make_heads, arguments, weights), strict=True):
        assert_close(ours, reference)


@interpreted
def test_gradients_that_are_not_contiguous_or_missing():
    arguments = inputs(2, 5, 4, 2, 8, dtype=torch.float32)
    for loss in (
        lambda q, k, v: q.sum(),
        lambda q, k, v: v.sum() + (k.transpose(1, 2) * torch.arange(8.0)).sum(),
        lambda q, k, v: (q.transpose(1, 2).contiguous().square() * torch.arange(8.0)).sum(),
    ):
        found, wanted = (
            torch.autograd.grad(loss(*f(*arguments)), arguments[:2], allow_unused=True, materialize_grads=True)
            for f in (heads_on_gpu, make_heads)
        )
        for ours, reference in zip(found, wanted, strict=True):
            assert_close(ours, reference, rtol=1e-5, atol=1e-5)


@interpreted
def test_a_compiled_step_calls_each_kernel_once_and_copies_nothing():
    """One graph; v, though a view of what the kernels read, brings no padding, copy or sum of gradients."""
    arguments = inputs(2, 5, 2, 2, 8, dtype=torch.float32)
    gradients, forward, backward = compiled_step(heads_on_gpu, arguments)
    wanted, *plain = compiled_step(make_heads, arguments)
    for ours, reference in zip(gradients, wanted, strict=True):
        assert_close(ours, reference, rtol=1e-5, atol=1e-4)
    copies = re.compile(r"clone|copy|cat|pad|scatter|slice_backward|zeros|add")
    assert [target for target in forward if "tritgolf" in target] == ["tritgolf.heads_forward.default"]
    assert [target for target in backward if "tritgolf" in target] == ["tritgolf.heads_backward.default"]
    assert not [target for target in forward + backward if copies.search(target)]
    assert all(any(copies.search(target) for target in graph) for graph in plain)


def compiled_step(heads, arguments):
    """Gradients of the product and the gain by compiled code, and the operators of its two graphs."""
    graphs = []

    def keep(graph, _):
        graphs.append([str(node.target) for node in graph.graph.nodes if node.op == "call_function"])
        return make_boxed_func(graph.forward)

    def step(fused, *others):
        q, k, v = heads(2 * fused, *others)
        return (q @ k.transpose(2, 3) @ v).square().sum()

    torch._dynamo.reset()
    compiled = torch.compile(step, backend=aot_autograd(fw_compiler=keep), fullgraph=True)
    return torch.autograd.grad(compiled(*arguments), arguments[:2]), *graphs
