"""The FP8 products' forms for a GPU against the definition, and their kernels, interpreted, against plain operands."""

import functools

import pytest
import torch
from torch.testing import assert_close

from tests.comparing import relative
from tests.model.interpreter import INTERPRETED, interpreted
from tests.model.test_fp8 import weight_of
from tests.small import small_model
from tritgolf.model import fp8, fp8_fused, fp8_operands
from tritgolf.model.fp8_unet import Fp8UNet, add_both
from tritgolf.model.heads import make_heads

if INTERPRETED:
    from triton.runtime import interpreter

    from tritgolf.model import fp8_heads_kernel, fp8_kernel, fp8_mlp_kernel, fp8_stream_kernel

WIDTH, HIDDEN = 32, 80
# tokens, width, hidden: parts of a tile, several of them, tiles beyond the last column, turns of a program
SHAPES = {"part of a tile": (16, 16, 32), "ragged": (144, 80, 272), "turns": (320, 32, 608)}


@pytest.fixture
def rounding_to_nearest(monkeypatch):
    """Triton's interpreter carries ties up, drops carries and doesn't saturate where a GPU does."""
    theirs = interpreter._convert_float

    def convert(data, source, target, mode):
        if target.name != "fp8e4nv":
            return theirs(data, source, target, mode)
        codes = torch.from_numpy(data.astype("float32")).clamp(-448, 448).to(torch.float8_e4m3fn)
        return codes.view(torch.uint8).numpy().reshape(data.shape)

    monkeypatch.setattr(interpreter, "_convert_float", convert)


@pytest.fixture
def product_of_any_cpu(monkeypatch):
    """cuBLAS's product in FP32: not every CPU has one of FP8 numbers, and oneDNN's rounds as the CPU does."""

    def product(a, b, a_factor, b_factor, out_dtype, use_fast_accum):
        return (a.float() @ b.float() * (a_factor * b_factor)).to(out_dtype)

    monkeypatch.setattr(torch, "_scaled_mm", product)


def drawn(*shape: int, spread: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return spread * torch.randn(*shape, generator=generator)


def results(function, tensors, *weights):
    """What ``function`` returns and all gradients: of tensors, of weights, of what was seen."""
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    copies = [
        w._replace(leaf=w.leaf.detach().requires_grad_(), largest=w.largest.detach().requires_grad_()) for w in weights
    ]
    found = function(*leaves, *copies)
    wanted = leaves + [leaf for w in copies for leaf in (w.leaf, w.largest)]
    return [found.detach(), *torch.autograd.grad(found, wanted, drawn(*found.shape).to(found.dtype))]


FORMS = {
    "normed": (fp8.normed_product, fp8_fused.normed_product_fused),
    "both": (add_both, fp8_fused.add_both_fused),
}


def arguments(form, batch, dtype=torch.float32):
    near = (2.0, 1.0)
    x, mixed = drawn(batch, 32, WIDTH).to(dtype), drawn(32, batch, WIDTH).view(batch, 32, WIDTH).to(dtype)
    scales = [drawn(WIDTH).to(dtype), drawn(1, WIDTH)[0].to(dtype)]
    if form == "both":
        mlp = weight_of(HIDDEN, WIDTH, near, dtype), weight_of(WIDTH, HIDDEN, (40.0, 1.0), dtype)
        return [x, mixed, *scales], weight_of(WIDTH, WIDTH, (2.0, 20.0), dtype), *mlp
    return [x, *([drawn(2)] if form == "heads" else [])], weight_of(
        32 if form == "heads" else HIDDEN, WIDTH, near, dtype
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_form_is_its_definition(form, dtype):
    """But for sums in another order, which tip a number to its neighbour in e4m3 here and there."""
    definition, fused = FORMS[form]
    wanted, found = (results(function, *arguments(form, 4, dtype)) for function in (definition, fused))
    for index, (ours, reference) in enumerate(zip(found, wanted, strict=True)):
        assert ours.dtype == reference.dtype
        of_scale = form == "both" and index == 3  # out of the weight's, so of rounded gradients
        assert relative(ours, reference) < (0.05 if of_scale else 5e-3 if dtype == torch.float32 else 4e-2)


def test_a_channel_that_adds_nothing_has_finite_gradients():
    tensors, *weights = arguments("both", 1)
    tensors[2][3] = 0.0
    assert all(found.isfinite().all() for found in results(fp8_fused.add_both_fused, tensors, *weights))


def test_turned_codes_are_all_there_and_come_back():
    codes = torch.arange(32 * 3).view(32, 3)
    turned = fp8_operands.turned(codes)
    assert turned[1, :4].tolist() == [3 * token + 1 for token in (0, 8, 1, 9)]
    assert turned[0, 16] == 3 * 16
    assert torch.equal(fp8_operands.turned_back(turned), codes)


def all_same(found, wanted):
    """Equal e4m3 numbers, but for the few that another order of a sum tipped over; equal powers; as much was seen."""
    for ours, reference in zip(found[:2], wanted[:2], strict=True):
        assert float((ours.float() != reference.float()).double().mean()) < 2e-3
        assert_close(ours.float(), reference.float(), rtol=0.13, atol=2**-9)
    assert torch.equal(found[2], wanted[2])
    assert_close(found[3:], wanted[3:])


@interpreted
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_passes_leave_what_their_definitions_do(shape, rounding_to_nearest):
    tokens, width, hidden = shape
    x, above, scale, largest = drawn(tokens, width), drawn(tokens, width), drawn(width), torch.tensor([1.0, 2.5])
    *found, inverse = fp8_kernel.normed_codes_on_gpu(x, fp8.normed_power(width))
    *wanted, inverse_too = fp8_operands.normed_codes(x)
    all_same(found, wanted)
    assert_close(inverse, inverse_too)
    for factors in (None, scale):
        found = fp8_kernel.gradient_codes_on_gpu(above, factors, largest)
        all_same(found, fp8_operands.gradient_codes(above, factors, largest))
    arguments = (above, x, scale, inverse, torch.tensor([7.0, 0.0]), largest, hidden)
    *found, along, shares = fp8_stream_kernel.outer_gradient_codes_on_gpu(*arguments)
    *wanted, along_too, shares_too = fp8_operands.outer_gradient_codes(*arguments)
    all_same(found, wanted)
    assert found[3][0] == 7
    assert_close(along, along_too, rtol=1e-4, atol=1e-6)
    assert_close(shares.sum(0), shares_too.sum(0), rtol=1e-4, atol=1e-3)


@interpreted
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_stream_s_passes_leave_what_their_definitions_do(shape, rounding_to_nearest):
    tokens, width, _ = shape
    x, above, scale, largest = drawn(tokens, width), drawn(1, tokens, width)[0], drawn(width), torch.tensor([0.0, 2.5])
    added, *found, inverse = fp8_stream_kernel.added_codes_on_gpu(x, scale, above, fp8.normed_power(width))
    added_too, *wanted, inverse_too = fp8_operands.added_codes(x, scale, above)
    assert_close((added, inverse), (added_too, inverse_too))
    all_same(found, wanted)
    sides = (above, x, drawn(2, tokens, width)[1], inverse, scale, largest)
    of_x, *found = fp8_stream_kernel.added_gradient_codes_on_gpu(*sides)
    of_x_too, *wanted = fp8_operands.added_gradient_codes(*sides)
    assert_close(of_x, of_x_too, rtol=1e-4, atol=1e-5)
    all_same(found, wanted)


@interpreted
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_mlp_s_products_leave_what_their_definitions_do(shape, rounding_to_nearest):
    tokens, width, hidden = shape
    x, upstream = (fp8.to_e4m3(drawn(tokens, width), torch.tensor(2.0**-4)) for _ in range(2))
    inner, outer = weight_of(hidden, width), weight_of(width, hidden)
    largest, along, power = torch.tensor([30.0, 20.0]), drawn(tokens, 1), torch.tensor(2.0**-4)
    *found, squares = fp8_mlp_kernel.relu_codes_on_gpu(x, inner.codes, power, inner.power, largest)
    *wanted, square = fp8_operands.relu_codes(x, inner.codes, power, inner.power, largest)
    all_same(found, wanted)
    assert_close(squares.sum(-1, keepdim=True), square, rtol=1e-3, atol=1e-3)
    sides, powers = (upstream, outer.turned, wanted[1], along), (power, outer.power, found[2])
    found = fp8_mlp_kernel.slope_codes_on_gpu(*sides, *powers, largest)
    all_same(found, fp8_operands.slope_codes(*sides, powers, largest))


@interpreted
@pytest.mark.parametrize(("batch", "positions", "half"), [(1, 16, 4), (3, 48, 24)])
def test_the_heads_gradient_is_theirs_rounded(batch, positions, half, rounding_to_nearest):
    heads, kv_heads, largest = 2, 1, torch.tensor([0.0, 2.5])
    fused = drawn(batch, positions, (heads + 2 * kv_heads) * 2 * half).requires_grad_()
    gain = drawn(heads).requires_grad_()
    cos, sin = drawn(positions, half).cos(), drawn(positions, half).sin()
    made = make_heads(fused, gain, cos, sin, heads, kv_heads)
    above = [drawn(*x.shape) for x in made]
    of_fused, of_gain = torch.autograd.grad(made, (fused, gain), above)
    tensors = (fused.detach(), gain.detach(), cos, sin, largest)
    *found, of_gain_too = fp8_heads_kernel.heads_gradient_codes_on_gpu(*above, *tensors)
    all_same(found, fp8_operands.gradient_codes(of_fused.flatten(0, 1), None, largest))
    assert_close(of_gain_too, of_gain, rtol=1e-4, atol=1e-4)


def plain_heads(x, gain, weight, cos, sin):
    return torch.cat([t.flatten(2) for t in make_heads(fp8.normed_product(x, weight), gain, cos, sin, 2, 1)], 2)


def heads_by_kernels(x, gain, weight, cos, sin):
    return torch.cat([t.flatten(2) for t in fp8_fused.heads_of_normed(x, weight, gain, cos, sin, 2, 1)], 2)


@interpreted
@pytest.mark.parametrize("form", [*FORMS, "heads"])
def test_a_form_by_kernels_is_its_definition(form, rounding_to_nearest, product_of_any_cpu, monkeypatch):
    for module in (fp8_fused, fp8_operands):
        monkeypatch.setattr(module, "has_kernels", lambda *_: True)
    cos, sin = drawn(32, 4).cos(), drawn(32, 4).sin()
    definition, fused = FORMS.get(form) or (
        functools.partial(function, cos=cos, sin=sin) for function in (plain_heads, heads_by_kernels)
    )
    wanted, found = (results(function, *arguments(form, 2)) for function in (definition, fused))
    for index, (ours, reference) in enumerate(zip(found, wanted, strict=True)):
        assert relative(ours, reference) < (0.05 if form == "both" and index == 3 else 1e-2)


def small_unet(layers, fused):
    """A U-Net, all its vectors drawn, and what its blocks multiply by."""
    network = Fp8UNet(small_model(layers=layers, heads=2, kv_heads=1), fused=fused)
    for index, parameter in enumerate(network.parameters()):
        parameter.data.copy_(0.3 * drawn(index, *parameter.shape)[-1] if index else drawn(*parameter.shape))
    weights = {name: weight_of(*layer.weight.shape, (200.0, 4.0)) for name, layer in network.linears()}
    network.use(weights)
    return network, weights


@interpreted
@pytest.mark.parametrize("layers", [2, 5])
def test_from_block_to_block_by_kernels_is_block_by_block(layers, rounding_to_nearest, product_of_any_cpu, monkeypatch):
    tokens, found = torch.arange(32).view(2, 16), []
    for by_kernels in (False, True):
        network, weights = small_unet(layers, by_kernels)
        for module in (fp8_fused, fp8_operands):
            monkeypatch.setattr(module, "has_kernels", lambda _, by_kernels=by_kernels: by_kernels)
        hidden = network._by_kernels(tokens) if by_kernels else network(tokens)
        leaves = dict(network.named_parameters())
        leaves |= {f"{name} {kind}": getattr(w, kind) for name, w in weights.items() for kind in ("leaf", "largest")}
        gradients = torch.autograd.grad(hidden, list(leaves.values()), drawn(*hidden.shape), allow_unused=True)
        found.append({"hidden": hidden.detach(), **dict(zip(leaves, gradients, strict=True))})
    for name, reference in found[0].items():
        ours = found[1][name]
        assert (ours is None) == (reference is None), name
        if ours is not None:
            assert relative(ours, reference) < (0.05 if name.endswith("attn_scale") else 0.02), name
