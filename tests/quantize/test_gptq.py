import pytest
import torch
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tests.quantize.parity import SETTINGS, facts, integer, tensors
from tritgolf.errors import InputError
from tritgolf.quantize.base import Quantized, quantize
from tritgolf.quantize.gptq import damped, gptq
from tritgolf.quantize.ternary import TernaryQuantizer

QUANTIZERS = {
    "row": integer(bits=4, clip_sigmas=3.0),
    "tensor": integer(bits=4, scale="tensor"),
    "search": integer(bits=3, clip_quantiles=(0.8, 0.9, 1.0)),
    "trits": TernaryQuantizer(8, "absmean", "float64"),
}


def calibrated(seed: int, rows: int = 12, columns: int = 24):
    """A matrix, and the Hessian of inputs that depend on each other."""
    generator = torch.Generator().manual_seed(seed)
    mixing, noise = torch.randn(columns, columns, generator=generator), torch.randn(100, columns, generator=generator)
    inputs = noise @ mixing
    return torch.randn(rows, columns, generator=generator), inputs.T @ inputs


def output_error(weight, hessian, quantizer, quantized) -> float:
    """‖XWᵀ − XŴᵀ‖² from XᵀX."""
    error = (weight - quantizer.dequantize(quantized)).double()
    return float((error @ hessian.double() * error).sum())


@pytest.mark.parametrize("name", SETTINGS)
def test_codes_and_scales_of_the_published_code(name):
    weight, hessian = tensors()["weight" if "1716" in name else "weight_1019"], tensors()["hessian"]
    quantizer = integer(**SETTINGS[name])
    codes, scale = gptq(weight, hessian, quantizer, damping=quantizer.settings.damping)
    assert torch.equal(scale[:, 0], tensors()[f"{name}/scale"].float())
    differing = (codes != tensors()[f"{name}/q"]).sum().item()
    assert differing <= codes.numel() // 1000  # in this order of sums none; another processor may flip a few
    if "1716" in name:
        assert torch.equal(quantizer.nearest(weight, scale), tensors()[f"{name}/q_nearest"])
        found = [
            output_error(weight, hessian, quantizer, Quantized(q, scale))
            for q in (codes, tensors()[f"{name}/q_nearest"])
        ]
        assert found == pytest.approx(facts()[name]["hessian_error_gptq_nearest"], rel=0.01)


@pytest.mark.parametrize(
    ("settings", "scales", "codes"),
    [
        ({"bits": 3, "clip_sigmas": 2}, (0.0210876465, 0.4907226563), [[1, 0, 1, 0], [1, 1, -2, 0]]),
        ({"bits": 6, "clip_sigmas": 12.85}, (0.0131072998, 0.3051757813), [[2, -1, 2, 0], [2, 1, -3, 0]]),
    ],
)
def test_the_example_of_the_specification(settings, scales, codes):
    weight = torch.tensor([[0.03, -0.01, 0.02, -0.04], [0.5, 0.25, -0.75, 1.0]])
    hessian = torch.tensor([[4, 1, 0, 0], [1, 2, 0.5, 0], [0, 0.5, 1, 0], [0, 0, 0, 0]])
    found, of_rows = gptq(weight, hessian, integer(**settings), damping=0.02)
    assert of_rows[:, 0].tolist() == pytest.approx(scales, rel=0, abs=1e-10)
    assert found.tolist() == codes


@effort(max_examples=20)
@given(st.sampled_from(sorted(QUANTIZERS)), st.integers(0, 999))
def test_outputs_change_less_than_by_rounding_to_the_nearest(kind, seed):
    quantizer = QUANTIZERS[kind]
    weight, hessian = calibrated(seed)
    errors = [
        output_error(weight, hessian, quantizer, found)
        for found in (gptq(weight, hessian, quantizer), quantize(weight, quantizer))
    ]
    assert errors[0] < errors[1]


@pytest.mark.parametrize("kind", QUANTIZERS)
def test_inputs_that_are_independent_leave_nothing_to_make_up_for(kind):
    quantizer, (weight, _) = QUANTIZERS[kind], calibrated(1)
    by_hessian, alone = gptq(weight, torch.eye(24), quantizer), quantize(weight, quantizer)
    assert torch.equal(by_hessian.codes, alone.codes)
    assert torch.equal(by_hessian.scale, alone.scale)


@effort(max_examples=10)
@given(st.sampled_from(["row", "tensor", "search"]), st.integers(0, 999))
def test_the_order_of_inputs_makes_no_difference(kind, seed):
    quantizer, (weight, hessian) = QUANTIZERS[kind], calibrated(seed)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(seed))
    found = gptq(weight[:, order], hessian[order][:, order], quantizer)
    wanted = gptq(weight, hessian, quantizer)
    assert torch.equal(found.codes, wanted.codes[:, order])
    assert torch.equal(found.scale, wanted.scale)


@pytest.mark.parametrize("kind", QUANTIZERS)
def test_matrices_together_are_what_each_is_alone(kind):
    quantizer, pairs = QUANTIZERS[kind], [calibrated(seed) for seed in range(3)]
    together = gptq(*(torch.stack(tensors) for tensors in zip(*pairs, strict=True)), quantizer)
    for index, (weight, hessian) in enumerate(pairs):
        alone = gptq(weight, hessian, quantizer)
        assert torch.equal(together.codes[index], alone.codes)
        assert torch.equal(together.scale[index], alone.scale)


def test_blocks_are_a_matter_of_speed_alone():
    quantizer, (weight, hessian) = QUANTIZERS["row"], calibrated(2)
    assert torch.equal(
        gptq(weight, hessian, quantizer, block=5).codes, gptq(weight, hessian, quantizer, block=24).codes
    )


def test_of_several_quantiles_the_one_with_the_least_error_is_taken_for_the_matrix():
    weight, hessian = calibrated(3)
    settings = {"bits": 3, "scale_dtype": "float32"}
    each = [integer(**settings, clip_quantiles=(quantile,)) for quantile in (1.0, 0.7, 0.9)]
    outcomes = [gptq(weight, hessian, quantizer) for quantizer in each]
    errors = [(weight - each[0].dequantize(outcome)).square().mean().item() for outcome in outcomes]
    best = outcomes[errors.index(min(errors))]
    found = gptq(weight, hessian, integer(**settings, clip_quantiles=(1.0, 0.7, 0.9)))
    assert errors.index(min(errors)) > 0
    assert torch.equal(found.codes, best.codes)
    assert torch.equal(found.scale, best.scale)


def test_an_input_that_is_always_zero_has_no_weights():
    weight, hessian = calibrated(4)
    hessian[:, 5] = hessian[5] = 0
    codes, scale = gptq(weight, hessian, QUANTIZERS["row"])
    assert not codes[:, 5].any()
    assert torch.equal(scale, QUANTIZERS["row"].grid_scale(weight))
    assert codes[:, 6].any()


def test_damping_adds_a_share_of_the_mean_diagonal():
    assert damped(torch.tensor([[1.0, 2.0], [2.0, 5.0]]), 0.1).tolist() == [
        [pytest.approx(1.3), 2.0],
        [2.0, pytest.approx(5.3)],
    ]
    assert damped(torch.zeros(2, 2), 0.5, 1e-6).diagonal().tolist() == pytest.approx([5e-7, 5e-7])


@pytest.mark.parametrize("wrong", ["negative", "not a number", "infinite"])
def test_a_hessian_without_a_factor_is_named(wrong):
    weight, hessian = calibrated(5)
    broken = {"negative": -hessian, "not a number": hessian * torch.nan, "infinite": hessian * torch.inf}[wrong]
    with pytest.raises(InputError, match=r"^Hessian of blocks\.1\.fc: is not positive definite, even with 0\.01 of"):
        gptq(weight, broken, QUANTIZERS["row"], names="blocks.1.fc")
    with pytest.raises(InputError, match=r"^Hessian of second: "):
        pair = torch.stack((weight, weight)), torch.stack((hessian, broken))
        gptq(*pair, QUANTIZERS["row"], names=("first", "second"))


def test_a_hessian_of_another_size_is_refused():
    with pytest.raises(InputError, match=r"^Hessian of fc: has shape \[24, 24\].* want \[20, 20\]"):
        gptq(torch.ones(3, 20), calibrated(0)[1], QUANTIZERS["row"], names="fc")


def test_weights_that_are_not_finite_are_named():
    weight, hessian = calibrated(6)
    weight[2, 3] = torch.nan
    with pytest.raises(InputError, match=r"^weight fc: holds numbers that are not finite"):
        gptq(weight, hessian, QUANTIZERS["row"], names="fc")


@pytest.mark.parametrize("kind", QUANTIZERS)
def test_all_is_made_on_the_device_of_the_matrix(kind):
    """A tensor that is made without saying where would lie on the default device, here one that holds no numbers."""
    weight, hessian = calibrated(7)
    wanted = gptq(weight, hessian, QUANTIZERS[kind])
    with torch.device("meta"):
        found = gptq(weight, hessian, QUANTIZERS[kind])
    assert torch.equal(found.codes, wanted.codes)
    assert torch.equal(found.scale, wanted.scale)
