import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tritgolf.malformed import MalformedError
from tritgolf.quantize.formats import DTYPES, decode, encode, format_of, round_to
from tritgolf.quantize.powers import power_of, scaled_e4m3
from tritgolf.quantize.rounding import rounded_through
from tritgolf.quantize.widths import length_of, width_of

FORMATS = sorted(DTYPES)
SHARED = ("e8m0", "bfp8", "scaled_e4m3")
SCALES = st.lists(st.floats(2.0**-27, 1e4, width=32), min_size=1, max_size=12)
LARGEST = {"e4m3": 448.0, "e5m2": 57344.0, "float16": 65504.0, "bfloat16": (2 - 2**-7) * 2.0**127}


@pytest.mark.parametrize("number_format", sorted(LARGEST))
def test_values_beyond_the_largest_saturate(number_format):
    largest = LARGEST[number_format]
    values = torch.tensor([largest, largest * 1.001, 3.4e38, torch.inf, -torch.inf, -largest])
    assert round_to(values, number_format).tolist() == [largest] * 4 + [-largest] * 2


def test_nan_stays_nan():
    assert all(round_to(torch.tensor([torch.nan]), number_format).isnan().all() for number_format in FORMATS)


def test_e4m3_rounds_to_the_nearest_and_halves_to_even():
    # Between 1 and 2, e4m3 has steps of 1/8; its smallest number is 2^-9.
    values = torch.tensor([1.0625, 1.1875, 1.07, -1.18, 2.0**-9, 2.0**-10, 1.01 * 2.0**-10, 0.0])
    assert round_to(values, "e4m3").tolist() == [1.0, 1.25, 1.125, -1.125, 2.0**-9, 0.0, 2.0**-9, 0.0]


def test_e4m3_rounds_as_the_model_does():
    values = torch.randn(10_000, generator=torch.Generator().manual_seed(1)) * 200
    assert torch.equal(round_to(values, "e4m3"), rounded_through(values, "e4m3"))


def test_bytes_are_little_endian_and_row_major():
    assert encode(torch.tensor([[1.0, 2.0], [-2.0, 0.0]]), "bfloat16").hex() == "803f004000c00000"
    assert encode(torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(2, 2).T, "float16").hex() == "003c004200400044"
    assert encode(torch.tensor([1.0, 448.0]), "e4m3").hex() == "387e"


def test_widths_are_those_of_the_dtypes():
    assert {name: width_of(name) for name in DTYPES} == {name: dtype.itemsize for name, dtype in DTYPES.items()}


@given(
    values=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20),
    number_format=st.sampled_from(FORMATS),
)
def test_a_stored_tensor_comes_back_rounded_once(values, number_format):
    tensor = torch.tensor(values, dtype=torch.float32)
    data = encode(tensor, number_format)
    assert len(data) == len(values) * width_of(number_format)
    back = decode(data, number_format, (len(values),))
    assert torch.equal(back, round_to(tensor, number_format))
    assert torch.equal(round_to(back, number_format), back)
    assert encode(back, number_format) == data


def test_decode_refuses_a_wrong_length_and_numbers_that_are_not_finite():
    with pytest.raises(MalformedError, match="has 3 bytes, not 4"):
        decode(b"abc", "bfloat16", (2, 1))
    with pytest.raises(MalformedError, match="not finite"):
        decode(b"\x7f", "e4m3", (1,))


def test_every_format_is_found_by_its_dtype():
    assert [format_of(DTYPES[number_format]) for number_format in FORMATS] == FORMATS


@given(rows=st.lists(st.lists(st.floats(2.0**-27, 1e4, width=32), min_size=3, max_size=3), min_size=1, max_size=4))
@pytest.mark.parametrize("number_format", SHARED)
def test_scales_with_a_shared_exponent_come_back_rounded_once(rows, number_format):
    scales = torch.tensor(rows)
    data = encode(scales, number_format)
    assert len(data) == length_of(number_format, scales.shape)
    back = decode(data, number_format, scales.shape)
    assert torch.equal(back, round_to(scales, number_format))
    assert torch.equal(round_to(back, number_format), back)
    assert encode(back, number_format) == data


@given(values=SCALES)
@pytest.mark.parametrize("number_format", SHARED)
def test_rounding_with_a_shared_exponent_keeps_the_order(values, number_format):
    ordered = torch.tensor(sorted(values))  # one row: one exponent for all in bfp8
    assert (round_to(ordered, number_format).diff() >= 0).all()


@given(values=SCALES)
def test_e8m0_is_the_nearest_power_of_two(values):
    scales = torch.tensor(values).double()
    powers = torch.tensor([2.0**k for k in range(-30, 18)], dtype=torch.float64)
    nearest = (scales[:, None] - powers).abs().amin(1)
    assert torch.equal((scales - round_to(scales, "e8m0").double()).abs(), nearest)


@given(values=SCALES)
def test_bfp8_is_the_nearest_multiple_of_the_smallest_step_that_reaches_the_largest(values):
    scales = torch.tensor(values).double()
    step = next(2.0**k for k in range(-60, 40) if (scales.max() / 2.0**k).round() <= 255)
    nearest = (scales[:, None] - step * torch.arange(256, dtype=torch.float64)).abs().amin(1)
    assert torch.equal((scales - round_to(scales, "bfp8").double()).abs(), nearest)


@given(values=st.lists(st.floats(0, 2.0**127, width=32), min_size=1, max_size=12))
def test_scaled_e4m3_is_e4m3_once_the_largest_is_brought_to_its_place(values):
    scales = torch.tensor(values)
    found = round_to(scales, "scaled_e4m3")
    assert torch.equal(found, scaled_e4m3(scales))
    power = power_of(scales.max())
    assert 2.0**7 <= float(found.max() / power) <= 2.0**8 or not 2.0**-100 < scales.max() < 2.0**126
    assert torch.equal(found, round_to(scales / power, "e4m3") * power)
    normal = scales >= scales.max() * 2.0**-12
    error = ((found - scales).abs() / scales)[normal & (scales > 2.0**-100)]
    assert (error <= 2.0**-4).all()


def test_formats_with_a_shared_exponent_by_hand():
    # Between two powers the middle goes to the even code: 1.5 to 2 (code 128), 3 to 2 as well.
    assert round_to(torch.tensor([1.0, 1.49, 1.5, 1.51, 3.0, 0.75, 6.0]), "e8m0").tolist() == [1, 1, 2, 2, 2, 0.5, 8]
    assert encode(torch.tensor([1.0, 2.0, 0.5]), "e8m0").hex() == "7f807e"
    # The largest, 1.0, is 128 steps of 2^-7; 0.3 is 38.4 of them. A row has its own step.
    assert round_to(torch.tensor([[1.0, 0.3], [8.0, 0.3]]), "bfp8").tolist() == [[1, 38 / 128], [8, 0.3125]]
    assert encode(torch.tensor([[1.0, 0.3]]), "bfp8").hex() == "7f8026"
    # 255.5 steps would round to 256, which has no code: the step doubles.
    assert round_to(torch.tensor([255.5, 1.0]), "bfp8").tolist() == [256, 0]
    assert length_of("bfp8", (3, 5)) == 3 * 5 + 3
    # 1.0 is 128 times the tensor's 2^-7 (code 120), which e4m3 holds (0x70); to 38.4 its nearest is 40 (0x62).
    assert round_to(torch.tensor([[1.0], [0.3]]), "scaled_e4m3").tolist() == [[1.0], [0.3125]]
    assert encode(torch.tensor([[1.0], [0.3]]), "scaled_e4m3").hex() == "787062"
    assert length_of("scaled_e4m3", (3, 5)) == 3 * 5 + 1


@pytest.mark.parametrize("number_format", SHARED)
def test_what_a_shared_exponent_cannot_hold(number_format):
    nothing, negative, largest = {
        "e8m0": (2.0**-127, 2.0**-127, 2.0**127),
        "bfp8": (0.0, 0.0, 255 * 2.0**120),
        "scaled_e4m3": (0.0, -1.0, 448 * 2.0**119),
    }[number_format]
    assert round_to(torch.tensor([0.0, -1.0, 1.0]), number_format).tolist() == [nothing, negative, 1.0]
    assert round_to(torch.tensor([torch.inf]), number_format).item() == largest
    assert round_to(torch.tensor([torch.nan, 1.0]), number_format)[0].isnan()
    with pytest.raises(MalformedError, match="not finite"):
        decode(b"\xff" * length_of(number_format, (1,)), number_format, (1,))
