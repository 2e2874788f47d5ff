"""FP8 products and passes by kernels against their definitions, on a GPU."""

import pytest
import torch

from tests.comparing import relative
from tests.model.test_fp8_fused import weight_of
from tritgolf.model import fp8, fp8_fused, fp8_operands
from tritgolf.model.fp8_unet import add_both
from tritgolf.quantize.ternary import ScaledE4m3Quantizer

if torch.cuda.is_available():
    from tritgolf.model.fp8_weights_kernel import write_weights_on_gpu

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

SHAPES = {"ragged": (144, 80, 272), "as published": (8192, 768, 3072), "ragged and large": (4912, 768, 3072)}


def drawn(*shape: int, spread: float = 1.0) -> torch.Tensor:
    generator = torch.Generator("cuda").manual_seed(sum(shape))
    return (spread * torch.randn(*shape, device="cuda", generator=generator)).bfloat16()


def weight(outputs: int, inputs: int, largest: tuple[float, float]) -> fp8.Fp8Weight:
    made = weight_of(outputs, inputs, largest, torch.bfloat16)
    on_gpu = fp8.Fp8Weight(*(tensor.detach().cuda() for tensor in made))
    return on_gpu._replace(leaf=on_gpu.leaf.requires_grad_(), largest=on_gpu.largest.requires_grad_())


def on_cpu(tensors):
    return [tensor.cpu() for tensor in tensors]


def all_near(found, wanted):
    """Codes, both layouts: a product's sums lose bits on a GPU, so more are tipped over; power; what was seen."""
    for ours, reference in zip(found[:2], wanted[:2], strict=True):
        assert relative(ours.float().cpu(), reference.float().cpu()) < 0.01
    assert torch.equal(found[2].cpu(), wanted[2].cpu())
    torch.testing.assert_close(found[3].cpu(), wanted[3].cpu(), rtol=0.01, atol=0)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_kernels_leave_what_their_definitions_do(shape):
    tokens, width, hidden = shape
    x, above, scale = drawn(tokens, width), drawn(1, tokens, width)[0], drawn(width)
    largest = torch.tensor([60.0, 20.0], device="cuda")
    codes, *_, inverse = fp8_operands.normed_codes(x)
    all_near(fp8_operands.gradient_codes(x, scale, largest), fp8_operands.gradient_codes(x.float(), scale, largest))
    sides = (x, scale, inverse, torch.zeros(2, device="cuda"), largest, hidden)
    outer = fp8_operands.outer_gradient_codes(above, *sides)
    all_near(outer, fp8_operands.outer_gradient_codes(above.float(), *sides))
    inner_weight, outer_weight = weight(hidden, width, (0.0, 1.0)), weight(width, hidden, (60.0, 1.0))
    power = torch.tensor(fp8.normed_power(width), device="cuda")
    sides = (codes, inner_weight.codes, power, inner_weight.power, largest)
    relu = fp8_operands.relu_codes(*sides)
    all_near(relu, fp8_operands.relu_codes(*on_cpu(sides)))
    sides, powers = (outer[0], outer_weight.turned, relu[1], outer[4]), (outer[2], outer_weight.power, relu[2])
    largest = torch.tensor([0.0, 100.0], device="cuda")
    wanted = fp8_operands.slope_codes(*on_cpu(sides), tuple(on_cpu(powers)), largest.cpu())
    all_near(fp8_operands.slope_codes(*sides, powers, largest), wanted)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_form_is_the_definition_within_rounding(compiled):
    tensors = [drawn(4, 512, 768), drawn(512, 4, 768).view(4, 512, 768), drawn(768), drawn(1, 768)[0]]
    tensors = [tensor.requires_grad_() for tensor in tensors]
    weights = weight(768, 768, (0.0, 60.0)), weight(3072, 768, (0.0, 4.0)), weight(768, 3072, (60.0, 20.0))
    leaves = [*tensors, *(leaf for w in weights for leaf in (w.leaf, w.largest))]
    upstream = drawn(4, 512, 768)
    torch._dynamo.reset()
    fused = fp8_fused.add_both_fused
    fused = torch.compile(fused, dynamic=False, fullgraph=True) if compiled else fused
    wanted, found, again = (
        [made.detach(), *torch.autograd.grad(made, leaves, upstream)]
        for made in (form(*tensors, *weights) for form in (add_both, fused, fused))
    )
    for ours, reference in zip(found, wanted, strict=True):
        assert relative(ours, reference) < 0.06
    for ours, same in zip(found, again, strict=True):
        assert torch.equal(ours, same)


@pytest.mark.parametrize("estimator", ["rms", "absmean"])
def test_the_weights_kernels_write_the_plain_form_s_bits(estimator):
    quantizer, weight = ScaledE4m3Quantizer(128, estimator, "float64"), drawn(2, 272, 768).float()
    weight *= torch.logspace(-6, 3, 2 * 272, device="cuda").view(2, 272, 1)
    found = []
    for write in (write_weights_on_gpu, fp8.write_weights):
        codes = torch.zeros(2, 272, 768, dtype=fp8.E4M3, device="cuda")
        turned, power = torch.zeros(2, 768, 272, dtype=fp8.E4M3, device="cuda"), torch.ones(2, 4, device="cuda")[:, 0]
        write(codes, turned, power, weight, quantizer)
        found.append((codes.view(torch.uint8), turned.view(torch.uint8), power))
    for ours, reference in zip(*found, strict=True):
        assert torch.equal(ours, reference)
