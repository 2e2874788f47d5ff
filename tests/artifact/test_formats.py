import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tritgolf.artifact.formats import DTYPES, decode, encode, format_of, round_to
from tritgolf.artifact.malformed import MalformedError
from tritgolf.artifact.widths import width_of
from tritgolf.model.rounding import rounded_through

FORMATS = sorted(DTYPES)
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
