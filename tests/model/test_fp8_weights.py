"""The kernels that put FP8's weights on their grid, interpreted, against the plain form: to the bit."""

from types import SimpleNamespace

import pytest
import torch

from tests.model.interpreter import INTERPRETED, interpreted
from tests.model.test_fp8_fused import rounding_to_nearest  # noqa: F401  (a fixture)
from tritgolf.model.fp8 import E4M3, write_weights
from tritgolf.quantize.ternary import ScaledE4m3Quantizer, TernaryQuantizer
from tritgolf.train.fp8_stacks import has_kernel

if INTERPRETED:
    from tritgolf.model.fp8_weights_kernel import write_weights_on_gpu


def written(write, weight, quantizer):
    """What it leaves where FP8's products read: codes, turned ones, powers, all as bits."""
    matrices, rows, columns = weight.shape
    codes, turned = torch.zeros(matrices, rows, columns, dtype=E4M3), torch.zeros(matrices, columns, rows, dtype=E4M3)
    power = torch.ones(matrices, 4)[:, 0]
    write(codes, turned, power, weight, quantizer)
    return codes.view(torch.uint8), turned.view(torch.uint8), power.clone()


def drawn(*shape: int) -> torch.Tensor:
    """Matrices of spreads far apart, whose groups' scales spread too; of the first a group is zero, another tiny."""
    generator = torch.Generator().manual_seed(sum(shape))
    weight = torch.randn(*shape, generator=generator) * torch.logspace(-6, 5, shape[0])[:, None, None]
    weight *= torch.exp(2 * torch.randn(*shape[:2], 1, generator=generator))
    weight[0, 0, :16], weight[0, 1, :16] = 0.0, 1e-30
    return weight


# matrices, rows, columns, group: parts of a tile and tiles beyond; groups that are no power of two
SHAPES = {"part of a tile": (1, 4, 16, 16), "several": (3, 132, 256, 128), "ragged groups": (2, 20, 96, 48)}


@interpreted
@pytest.mark.parametrize("estimator", ["rms", "absmean"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_kernels_write_the_plain_form_s_bits(shape, estimator, rounding_to_nearest):  # noqa: F811
    *sizes, group = shape
    weight, quantizer = drawn(*sizes), ScaledE4m3Quantizer(group, estimator, "float64")
    found, wanted = (written(write, weight, quantizer) for write in (write_weights_on_gpu, write_weights))
    for ours, reference in zip(found, wanted, strict=True):
        assert torch.equal(ours, reference)


@interpreted
def test_a_weight_in_the_middle_is_no_trit_and_a_weight_that_is_no_number_no_code(rounding_to_nearest):  # noqa: F811
    """|w| = s/2, by |w| of 1 and 3 in equal numbers; then one that training would stop at."""
    quantizer = ScaledE4m3Quantizer(4, "absmean", "float64")
    weight = torch.tensor([1.0, -1.0, 3.0, -3.0]).repeat(4, 1)[None]
    codes, _, _ = written(write_weights_on_gpu, weight, quantizer)
    assert codes.view(E4M3).float()[0, 0].tolist() == [0.0, 0.0, 128.0, -128.0]
    weight[0, 2, 1] = torch.nan
    codes, turned, _ = written(write_weights_on_gpu, weight, quantizer)
    assert codes.view(E4M3)[0, 2].isnan().all()
    assert turned.view(E4M3)[0, :, 2].isnan().all()


ON_GPU, ELSEWHERE = (SimpleNamespace(is_cuda=is_cuda, shape=(1, 8, 16)) for is_cuda in (True, False))
IN_FP64 = ScaledE4m3Quantizer(4, "rms", "float64")


@pytest.mark.parametrize(
    ("weight", "quantizer", "found"),
    [
        (ON_GPU, IN_FP64, True),
        (ELSEWHERE, IN_FP64, False),
        (SimpleNamespace(is_cuda=True, shape=(1, 6, 16)), IN_FP64, False),
        (ON_GPU, ScaledE4m3Quantizer(4, "rms", "bf16_weight"), False),
        (ON_GPU, TernaryQuantizer(4, "rms", "float64"), False),
    ],
)
def test_the_kernels_are_for_what_they_compute(weight, quantizer, found):
    assert has_kernel(weight, quantizer) == found
