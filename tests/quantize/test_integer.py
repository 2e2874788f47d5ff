import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.fx.experimental.proxy_tensor import make_fx

from tests.quantize.parity import QUANTILES, facts, integer, tensors
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.settings import validate
from tritgolf.errors import InputError
from tritgolf.quantize.base import Quantized, quantize
from tritgolf.quantize.formats import cast
from tritgolf.quantize.integer import quotient, squared_error
from tritgolf.quantize.ternary import TernaryQuantizer

SMALL_FORMATS = {
    "pertensor int8 (control)": {"bits": 8, "scale": "tensor", "scale_dtype": "float32"},
    "simple int8 (small matrix)": {"bits": 8},
    "simple int6 (bigram embed)": {"bits": 6},
}
LISTED = (0.03, -0.01, 0.02, -0.04, 0.0, 0.05, -0.02, 0.01)


def on_grid(weight, **settings):
    return quantize(weight, integer(**settings))


@pytest.mark.parametrize(
    ("values", "settings", "scale", "codes"),
    [
        (LISTED, {"bits": 6, "clip_sigmas": 12.85}, 0.0119323730, [3, -1, 2, -3, 0, 4, -2, 1]),
        (LISTED, {"bits": 8, "clip_sigmas": 20}, 0.0045318604, [7, -2, 4, -9, 0, 11, -4, 2]),
        ((1, 0.5, -0.25, 2, 0.004), SMALL_FORMATS["pertensor int8 (control)"], 0.0157480314, [64, 32, -16, 127, 0]),
        ((0.1, -0.3, 0.02), {"bits": 8}, 0.0023612976, [42, -127, 8]),
        ((0.1, -0.3, 0.02), {"bits": 8, "least_clip": 1, "scale_dtype": "float32"}, 1 / 127, [13, -38, 3]),
    ],
)
def test_scales_and_codes_of_the_specification(values, settings, scale, codes):
    found, of_row = on_grid(torch.tensor([values]), **settings)
    assert of_row.tolist() == [[pytest.approx(scale, rel=0, abs=1e-10)]]
    assert found.tolist() == [codes]
    assert (found.dtype, of_row.dtype) == (torch.int8, torch.float32)


@pytest.mark.parametrize("name", [name for name, kind in facts()["small_1716_kinds"].items() if kind in SMALL_FORMATS])
def test_the_small_formats_of_1716(name):
    settings = SMALL_FORMATS[facts()["small_1716_kinds"][name]]
    suffixes = ("q_pt", "scale_pt") if settings.get("scale") == "tensor" else ("q", "scale")
    wanted, of_grid = (tensors()[f"small_1716/out/{name}.{suffix}"] for suffix in suffixes)
    weight = tensors()[f"small_1716/in/{name}"]
    codes, scale = on_grid(weight if weight.ndim == 2 else weight[None], **settings)
    assert torch.equal(codes.view(wanted.shape), wanted)
    assert torch.equal(scale.flatten(), of_grid.float().flatten())


@pytest.mark.parametrize("name", ["blocks.0.attn.q_gain", "smear_lambda", "logit_temp", "bigram.scale"])
def test_the_numbers_that_1716_stores_in_fp16(name):
    assert torch.equal(cast(tensors()[f"small_1716/in/{name}"], "float16"), tensors()[f"small_1716/out/{name}"])


@pytest.mark.parametrize(("bits", "clip"), [(2, 1.5), (3, 3.5)])
def test_an_even_number_of_levels_lies_half_a_step_off_zero(bits, clip):
    """2 bits: −1.5, −0.5, 0.5, 1.5 steps of 1; halves to the upper level, and what is beyond to the outermost."""
    quantizer = integer(bits=bits, levels="even", scale_dtype="float32")
    weights = torch.tensor([[clip, -clip, -0.7, 0.0, 1e-6, 0.9, 1.0]])
    codes, scale = quantize(weights, quantizer)
    assert scale.item() == 0.5  # half a step: codes are odd
    assert codes.tolist() == [[2 * clip, -2 * clip, -1, 1, 1, 1, 3]]
    assert len(set(quantizer.nearest(torch.linspace(-9, 9, 99)[None], scale).flatten().tolist())) == 1 << bits
    assert quantize(torch.zeros(1, 4), integer(bits=2, levels="even", least_clip=1e-20)).scale.item() == 0


@pytest.mark.parametrize("levels", ["odd", "even"])
def test_every_weight_is_rounded_to_the_nearest_level(levels):
    quantizer = integer(bits=3, levels=levels, clip_sigmas=2)
    weight = torch.randn(3, 500, generator=torch.Generator().manual_seed(1))
    codes, scale = quantize(weight, quantizer)
    grid = torch.arange(-7, 8, 2) if levels == "even" else torch.arange(-3, 4)
    distance = (weight[..., None] - grid * scale[..., None]).abs()
    assert torch.equal(distance.amin(-1), (weight - quantizer.dequantize(Quantized(codes, scale))).abs())


INT8_OF_1019 = integer(bits=8, clip_quantiles=(0.9999984,), least_clip=1, rounding="clipped")


def test_int8_rows_of_1019_are_decided_with_a_scale_that_is_rounded_when_it_is_stored():
    codes, scale = INT8_OF_1019.clipped(tensors()["int8_row_1019/w"])
    assert torch.equal(codes, tensors()["int8_row_1019/q"])
    assert torch.equal(cast(scale[:, 0], "float16"), tensors()["int8_row_1019/scale"])


ROWS_OF_1019 = ((0.1, -0.5, 0.02, 0.9, -1.3, 3.1, 0, -2), (0.01, -0.02, 0.04, -0.05, 0.3, 0.016, 0.0162, -0.5))


@pytest.mark.parametrize(
    ("row", "quantile", "scale", "codes"),
    [
        (0, 0.999, 0.0997314, [1, -5, 0, 9, -13, 31, 0, -20]),
        (0, 1.0, 0.0999756, [1, -5, 0, 9, -13, 31, 0, -20]),
        (1, 1.0, 0.0322571, [0, -1, 1, -2, 9, 0, 1, -16]),  # the floor, 1/31 in FP16
    ],
)
def test_int6_rows_of_1019(row, quantile, scale, codes):
    found, of_row = on_grid(torch.tensor(ROWS_OF_1019[row])[None], bits=6, clip_quantiles=(quantile,), least_clip=1)
    assert of_row.item() == pytest.approx(scale, abs=5e-8)
    assert found.tolist() == [codes]


def test_the_clip_of_an_int6_row_is_a_quantile_and_the_first_of_equal_ones_is_taken():
    row = torch.tensor(ROWS_OF_1019[0])[None]
    search = integer(bits=6, clip_quantiles=QUANTILES, least_clip=1)
    assert search.clips(row)[0].item() == pytest.approx(3.0923, abs=1e-5)
    each = [Quantized(search.nearest(row, scale), scale) for scale in search.candidate_scales(row)]
    errors = [squared_error(row, search.dequantize(one)).item() for one in each]
    assert (errors[0], errors[4]) == (pytest.approx(6.476e-5, rel=1e-3), pytest.approx(5.012e-5, rel=1e-3))
    assert errors[2] == errors[4]
    assert torch.equal(search.grid_scale(row), integer(bits=6, clip_quantiles=(0.9999,), least_clip=1).grid_scale(row))


@pytest.mark.parametrize(
    ("row", "scale", "stored", "codes"),
    [
        (0, 3.0999875 / 127, 0.0244141, [4, -20, 1, 37, -53, 127, 0, -82]),
        (1, 1 / 127, 0.0078735, [1, -3, 5, -6, 38, 2, 2, -63]),
    ],
)
def test_int8_rows_of_1019_are_clipped_first(row, scale, stored, codes):
    found, of_row = INT8_OF_1019.clipped(torch.tensor(ROWS_OF_1019[row])[None])
    assert of_row.item() == pytest.approx(scale, rel=1e-6)
    assert cast(of_row, "float16").item() == pytest.approx(stored, abs=5e-8)
    assert found.tolist() == [codes]


def test_one_quantile_is_chosen_for_the_whole_matrix():
    weight = tensors()["weight_1019"]
    codes, scale = on_grid(weight, bits=6, clip_quantiles=QUANTILES, least_clip=1)
    assert torch.equal(codes, tensors()["1019_no_hessian/q"])
    assert torch.equal(scale[:, 0], tensors()["1019_no_hessian/scale"].float())
    chosen = facts()["1019_no_hessian"]["kept_quantile"]
    assert torch.equal(scale, integer(bits=6, clip_quantiles=(chosen,), least_clip=1).grid_scale(weight))


@pytest.mark.parametrize("clip", [{}, {"clip_sigmas": 3.0}, {"clip_quantiles": QUANTILES}])
@pytest.mark.parametrize("scale", ["row", "tensor"])
def test_a_scale_of_zero_has_codes_of_zero(clip, scale):
    quantizer = integer(bits=6, scale=scale, **clip)
    weight = torch.tensor([[0.0, 0.0, 0.0], [1e-8, -1e-8, 0.0]])
    of_grid = quantizer.grid_scale(weight)
    assert of_grid.tolist() == [[0.0]] * (2 if scale == "row" else 1)
    assert quantizer.nearest(weight, of_grid).tolist() == [[0, 0, 0]] * 2


def test_halves_round_to_the_even_code():
    codes = integer(bits=4).nearest(torch.tensor([[0.5, 1.5, 2.5, -0.5, -1.5, 7.5, -99.0]]), torch.ones(1, 1))
    assert codes.tolist() == [[0, 2, 2, 0, -2, 7, -7]]


@given(st.integers(2, 8), st.sampled_from(["row", "tensor"]), st.integers(0, 99), st.floats(1e-3, 1e3))
def test_nothing_is_further_from_its_code_than_half_a_step(bits, scale, seed, spread):
    weight = spread * torch.randn(5, 12, generator=torch.Generator().manual_seed(seed))
    quantizer = integer(bits=bits, scale=scale, scale_dtype="float32")
    of_grid = quantizer.grid_scale(weight)
    codes = quantizer.nearest(weight, of_grid)
    assert codes.abs().max() == 2 ** (bits - 1) - 1  # the largest magnitude has the largest code
    far = (weight - quantizer.dequantize(Quantized(codes, of_grid))).abs() / of_grid
    assert far.max() <= 0.5 + 1e-4


def test_the_grid_in_training_is_the_grid_and_its_gradient_passes_through():
    quantizer = integer(bits=3, clip_sigmas=1.5)
    weight = torch.randn(4, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
    used = quantizer.fake(weight)
    upstream = torch.arange(24.0).view(4, 6)
    used.backward(upstream)
    scale = quantizer.grid_scale(weight.detach())
    assert torch.equal(used.detach(), quantizer.nearest(weight.detach(), scale) * scale)
    assert torch.equal(weight.grad, upstream)


@pytest.mark.parametrize("largest_code", [1, 3, 7, 15, 31, 63, 127])
def test_a_quotient_is_rounded_correctly_also_by_a_gpu_that_multiplies_with_the_reciprocal(largest_code):
    clips = torch.rand(100_000, generator=torch.Generator().manual_seed(0)) + 0.01
    correct = torch.from_numpy(clips.numpy() / np.float32(largest_code))
    assert torch.equal(quotient(clips, largest_code), correct)
    assert torch.equal((clips.double() * (1 / largest_code)).float(), correct)
    if largest_code > 3:  # what PyTorch makes of clips / largest_code on a GPU
        assert not torch.equal(clips * torch.tensor(1 / largest_code), correct)


@given(st.floats(-4, 4, width=32), st.floats(2**-14, 1, width=32))
def test_a_quotient_of_numbers_is_ieee_s(weight, scale):
    assert quotient(torch.tensor([weight]), torch.tensor([scale])).item() == np.float32(weight) / np.float32(scale)


def test_a_quotient_stays_in_the_dtype_that_is_divided():
    clip = torch.tensor([1.171875], dtype=torch.bfloat16)  # #1716's hashed table
    assert torch.equal(quotient(clip, 127), clip / torch.tensor(127.0))
    assert quotient(clip, 127).dtype == torch.bfloat16


GRIDS_TRAINED_ON = {
    "sigmas": integer(bits=4, clip_sigmas=2.5),
    "largest": integer(bits=4),
    "one scale": integer(bits=8, scale="tensor", scale_dtype="float32"),
    "even levels": integer(bits=2, levels="even"),
    "trits by absmean": TernaryQuantizer(4, "absmean", "float64", torch.float16),
    "trits by rms": TernaryQuantizer(4, "rms", "float64", torch.bfloat16),
}


@pytest.mark.parametrize("name", GRIDS_TRAINED_ON)
def test_no_grid_is_trained_on_by_a_division_that_a_gpu_approximates(name):
    """Only FP64 numbers are divided, or divided by a power of two."""

    def train(weight):
        return GRIDS_TRAINED_ON[name].fake(weight)

    graph = make_fx(train)(torch.randn(3, 8)).graph
    divisions = [node for node in graph.nodes if "div" in str(node.target) or "reciprocal" in str(node.target)]
    inexact = [node for node in divisions if node.args[1:] not in ((2,), (2.0,))]
    assert all(node.args[0].meta["tensor_meta"].dtype == torch.float64 for node in inexact)
    assert bool(inexact) == ("trits" not in name)


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"bits": 9}, "bits: 9: Input should be less than or equal to 8"),
        ({"bits": 6, "clip_sigmas": 3, "clip_quantiles": [0.9]}, "clip_quantiles: [0.9] is not possible"),
        ({"bits": 6, "clip_quantiles": [1.5]}, "clip_quantiles.0: 1.5"),
    ],
)
def test_a_wrong_setting_is_one_line(wrong, line):
    with pytest.raises(InputError) as error:
        validate(IntegerConfig, wrong, "mine.yaml")
    assert line in str(error.value)
