import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.model.reference import quantized
from tritgolf.quantize.base import Quantized, dequantize, quantize
from tritgolf.quantize.powers import power_of
from tritgolf.quantize.ternary import (
    MIN_SCALE,
    ScaledE4m3Quantizer,
    TernaryQuantizer,
    group_scale,
    mean_in_any_order,
    nearest_trits,
    shrinkage_corrected,
    ternarize,
    ternarize_step_by_step,
)

ESTIMATORS = ("absmean", "rms")
ARITHMETICS = ("bf16_weight", "float32", "float64")
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def normal(rows: int, columns: int, seed: int = 0, spread: float = 0.02) -> torch.Tensor:
    return spread * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def one_group(values: list[float], estimator: str, arithmetic: str = "float64", scale_dtype=torch.float32) -> Quantized:
    weight = torch.tensor([values])
    return ternarize(
        weight, group_size=len(values), estimator=estimator, arithmetic=arithmetic, scale_dtype=scale_dtype
    )


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize(
    ("estimator", "values", "scale", "trits"),
    [
        ("absmean", [0.125, -0.25, 0.5, -0.625], 0.375, [0, -1, 1, -1]),  # w/s = 1/3, −2/3, 4/3, −5/3
        ("absmean", [0.0, 0.0, 0.0, 4.0], 1.0, [0, 0, 0, 1]),
        ("rms", [1.0, -7.0, 5.0, -5.0], 5.0, [0, -1, 1, -1]),  # √((1 + 49 + 25 + 25)/4) = 5
        ("rms", [3.0, 0.0, 0.0, 0.0], 1.5, [1, 0, 0, 0]),
    ],
)
def test_scales_and_trits_by_hand(arithmetic, estimator, values, scale, trits):
    found = one_group(values, estimator, arithmetic)
    assert found.scale.tolist() == [[scale]]
    assert found.codes.tolist() == [trits]
    assert (found.codes.dtype, found.scale.dtype) == (torch.int8, torch.float32)
    assert dequantize(found).tolist() == [[trit * scale for trit in trits]]


def test_halves_round_to_the_even_trit():
    found = one_group([0.5, -0.5, 1.5, 1.5, 1.0, 1.0, 1.0, 1.0], "absmean")
    assert found.scale.item() == 1.0
    assert found.codes.tolist() == [[0, 0, 1, 1, 1, 1, 1, 1]]


def test_each_row_is_cut_into_groups_along_the_input():
    weight = torch.tensor([[1.0, 1.0, 4.0, 0.0], [0.0, 0.0, 8.0, -8.0]])
    found = ternarize(weight, group_size=2, estimator="absmean", arithmetic="float64")
    assert found.scale.tolist() == [[1.0, 2.0], [pytest.approx(MIN_SCALE), 8.0]]
    assert found.codes.tolist() == [[1, 1, 1, 0], [0, 0, 1, -1]]
    assert found.group_size == 2


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("scale_dtype", DTYPES)
def test_the_scale_has_a_least_value(estimator, arithmetic, scale_dtype):
    nothing = one_group([0.0, 0.0], estimator, arithmetic, scale_dtype)
    assert nothing.codes.tolist() == [[0, 0]]
    smallest = 2.0**-24 if scale_dtype == torch.float16 else MIN_SCALE  # FP16 has nothing between 0 and 2^-24
    assert nothing.scale.item() == pytest.approx(smallest, rel=2**-8)
    tiny = one_group([2e-9, -2e-9], estimator, arithmetic, scale_dtype)
    assert tiny.codes.tolist() == [[0, 0]]
    assert tiny.scale.item() == nothing.scale.item()


def test_trits_are_decided_with_the_rounded_scale():
    # mean 0.857, in BF16 0.85546875; 0.428 lies between their halves
    values = [1.0, 1.0, 1.0, 0.428]
    assert one_group(values, "absmean").codes.tolist() == [[1, 1, 1, 0]]
    rounded = one_group(values, "absmean", scale_dtype=torch.bfloat16)
    assert rounded.scale.item() == 0.85546875
    assert rounded.codes.tolist() == [[1, 1, 1, 1]]


@pytest.mark.parametrize("scale_dtype", DTYPES)
def test_scales_are_numbers_of_their_dtype(scale_dtype):
    scale = ternarize(
        normal(16, 128), group_size=32, estimator="rms", arithmetic="float64", scale_dtype=scale_dtype
    ).scale
    assert torch.equal(scale, scale.to(scale_dtype).float())


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_forward_pass_as_written_sees_the_bf16_weight(estimator):
    weight = normal(8, 256)
    arguments = {"group_size": 128, "estimator": estimator}
    written = ternarize(weight, arithmetic="bf16_weight", **arguments)
    of_rounded = ternarize(weight.bfloat16().float(), arithmetic="float64", **arguments)
    of_master = ternarize(weight, arithmetic="float64", **arguments)
    assert torch.equal(written.scale, of_rounded.scale)
    assert torch.equal(written.codes, of_rounded.codes)
    assert not torch.equal(written.scale, of_master.scale)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_quantization_against_the_definition_in_float64(estimator, arithmetic):
    weight = normal(32, 384)
    found = TernaryQuantizer(128, estimator, arithmetic).fake(weight)
    wanted = quantized(weight, 128, estimator, bf16_first=arithmetic == "bf16_weight")
    assert torch.equal(found.sign(), wanted.sign().float())
    torch.testing.assert_close(found.double(), wanted, rtol=1e-6, atol=0)
    direct = ternarize(weight, group_size=128, estimator=estimator, arithmetic=arithmetic)
    assert torch.equal(dequantize(direct), found)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gradient_passes_straight_through(arithmetic, dtype):
    weight = normal(4, 64).to(dtype).requires_grad_(True)
    upstream = torch.randn(4, 64).to(dtype)
    quantized_weight = TernaryQuantizer(32, "rms", arithmetic).fake(weight)
    assert quantized_weight.dtype == dtype
    (gradient,) = torch.autograd.grad(quantized_weight, weight, upstream)
    assert torch.equal(gradient, upstream)


EXACT = ("bf16_weight", "float64")


@given(st.integers(0, 2**32 - 1), st.sampled_from(ESTIMATORS), st.sampled_from(EXACT), st.floats(1e-4, 1e3))
def test_scales_are_the_exact_means_rounded_once(seed, estimator, arithmetic, spread):
    weight = spread * torch.randn(16, 128, generator=torch.Generator().manual_seed(seed))
    seen = weight.bfloat16().tolist() if arithmetic == "bf16_weight" else weight.tolist()
    exact = [math.fsum(abs(w) if estimator == "absmean" else w * w for w in row) / 128 for row in seen]
    wanted = exact if estimator == "absmean" else [math.sqrt(mean) for mean in exact]
    found = group_scale(weight, 128, estimator, arithmetic, torch.float32)[0]
    assert found.flatten().tolist() == torch.tensor(wanted).tolist()


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(ESTIMATORS),
    st.sampled_from(EXACT),
    st.floats(0, 12),
    st.sampled_from([2, 96, 128]),
)
def test_scales_do_not_depend_on_the_order_of_the_weights(seed, estimator, arithmetic, decades, group):
    """Also where the weights of a group lie many powers of ten apart, so that plain FP64 sums would round."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(16, group, generator=generator)
    weight *= 10 ** (-decades * torch.rand(16, group, generator=generator))
    arguments = (group, estimator, arithmetic, torch.float32)
    scale = group_scale(weight, *arguments)[0]
    for _ in range(3):
        order = torch.randperm(group, generator=generator)
        assert torch.equal(group_scale(weight[:, order], *arguments)[0], scale)


def test_plain_fp64_sums_do_depend_on_it():
    weight = torch.randn(4096, 128, generator=torch.Generator().manual_seed(0)).bfloat16().double()
    weight *= 10 ** (-12 * torch.rand(weight.shape, generator=torch.Generator().manual_seed(1)))
    terms = weight.square()
    assert not torch.equal(terms.cumsum(-1)[:, -1], terms.flip(-1).cumsum(-1)[:, -1])
    assert torch.equal(mean_in_any_order(terms), mean_in_any_order(terms.flip(-1)))


@given(st.integers(0, 2**32 - 1), st.sampled_from([torch.float32, torch.float64, torch.bfloat16]))
def test_trits_are_the_rounded_quotients(seed, dtype):
    """Of weights at random, and of every neighbour of half a scale, where rounding of the quotient could decide."""
    generator = torch.Generator().manual_seed(seed)
    scale = (torch.rand(500, 1, generator=generator) + 0.5) * 2.0 ** torch.randint(
        -20, 5, (500, 1), generator=generator
    )
    scale = scale.to(dtype)
    around = [scale / 2]
    for _ in range(3):
        around = [torch.nextafter(around[0], scale), *around, torch.nextafter(around[-1], torch.zeros_like(scale))]
    random = torch.randn(500, 50, generator=generator).to(dtype) * scale
    grouped = torch.cat((*around, *(-w for w in around), random, scale * 1.5, torch.zeros_like(scale)), 1)
    assert torch.equal(nearest_trits(grouped, scale), (grouped / scale).round().clamp(-1, 1))


trit_groups = st.lists(st.lists(st.sampled_from([-1, 0, 1]), min_size=8, max_size=8), min_size=1, max_size=6)


@given(trit_groups, st.floats(2e-8, 1e4), st.sampled_from(ESTIMATORS), st.sampled_from(ARITHMETICS))
def test_the_shrinkage_correction_quantizes_back_to_the_same_trits(groups, scale, estimator, arithmetic):
    q = torch.tensor(groups, dtype=torch.int8).reshape(1, -1)
    ternary = Quantized(q, torch.full((1, len(groups)), scale))
    weight = shrinkage_corrected(ternary, estimator)
    for reloaded in (weight, weight.bfloat16().float()):  # the published reload rounds to BF16
        again = ternarize(reloaded, group_size=8, estimator=estimator, arithmetic=arithmetic)
        assert torch.equal(again.codes, q)
        nonzero = q.reshape(-1, 8).any(1)
        torch.testing.assert_close(again.scale.flatten()[nonzero], ternary.scale.flatten()[nonzero], rtol=2**-8, atol=0)


def test_the_shrinkage_correction_by_hand():
    ternary = Quantized(torch.tensor([[1, 0, -1, 0, 0, 0, 0, 0]], dtype=torch.int8), torch.tensor([[3.0, 5.0]]))
    # two of four are nonzero: 3/0.5 with absmean, 3/√0.5 with rms; a group of zeros stays zero
    assert shrinkage_corrected(ternary, "absmean").tolist() == [[6, 0, -6, 0, 0, 0, 0, 0]]
    assert shrinkage_corrected(ternary, "rms")[0, 0].item() == pytest.approx(3 * math.sqrt(2))


def test_step_by_step_in_bf16_flips_what_lies_within_a_rounding_of_the_threshold():
    # Scale 1: 0.501 is above half of it, but BF16 has it as 0.5, which rounds to the even trit, 0.
    weight = torch.tensor([[0.501, 1.499, 1.0, 1.0]])
    exact = ternarize(weight, group_size=4, estimator="absmean", arithmetic="float64")
    rounded = ternarize_step_by_step(weight, 4, "absmean", torch.bfloat16)
    assert exact.scale.item() == rounded.scale.item() == 1
    assert exact.codes.tolist() == [[1, 1, 1, 1]]
    assert rounded.codes.tolist() == [[0, 1, 1, 1]]
    assert torch.equal(ternarize_step_by_step(weight, 4, "absmean", torch.float32).codes, exact.codes)


@pytest.mark.parametrize("estimator", ["absmean", "rms"])
def test_step_by_step_in_fp32_is_the_quantizer_in_fp32(estimator):
    weight = torch.randn(8, 64, generator=torch.Generator().manual_seed(2))
    plain = ternarize(weight, group_size=16, estimator=estimator, arithmetic="float32")
    found = ternarize_step_by_step(weight, 16, estimator, torch.float32)
    assert torch.equal(found.codes, plain.codes)
    assert torch.allclose(found.scale, plain.scale, rtol=1e-6)


@pytest.mark.parametrize("spread", [1e-30, 1e-3, 1.0, 1e30])
def test_scales_in_e4m3_multiply_trits_that_full_scales_decide(spread):
    weight = spread * normal(16, 128)
    full, scaled = TernaryQuantizer(32, "rms", "float64"), ScaledE4m3Quantizer(32, "rms", "float64")
    found, wanted = quantize(weight, scaled), quantize(weight, full)
    assert torch.equal(found.codes, wanted.codes)
    assert ((found.scale - wanted.scale).abs() <= wanted.scale / 16).all()
    power = power_of(found.scale.max())
    in_e4m3 = found.scale / power
    assert torch.equal(in_e4m3, in_e4m3.to(torch.float8_e4m3fn).float())
    assert torch.equal(scaled.fake(weight), dequantize(found))


def test_scales_in_e4m3_of_zeros_and_of_specks_beside_large_weights():
    weight = torch.zeros(4, 32)
    weight[1], weight[2], weight[3] = 1.0, 2.0**-20, 1e-40  # 2^-20 is below 2^-18 of the largest; 1e-40 no normal FP32
    found = quantize(weight, ScaledE4m3Quantizer(32, "rms", "float64"))
    assert found.scale.flatten().tolist() == [0.0, 1.0, 0.0, 0.0]
    assert found.codes.abs().amax(1).tolist() == [0, 1, 1, 0]
    huge = quantize(torch.full((1, 32), 3e38), ScaledE4m3Quantizer(32, "rms", "float64"))
    assert huge.scale.item() == 448 * 2.0**119  # the largest that there is


def test_matrices_that_lie_in_a_row_have_powers_of_their_own():
    stacked = normal(12, 32).view(3, 4, 32) * torch.tensor([1e-3, 1.0, 1e4])[:, None, None]
    quantizer = ScaledE4m3Quantizer(8, "rms", "float64")
    together = quantize(stacked.view(12, 32), quantizer, matrices=3)
    for matrix, scale in zip(stacked, together.scale.view(3, 4, 4), strict=True):
        assert torch.equal(scale, quantize(matrix, quantizer).scale)
