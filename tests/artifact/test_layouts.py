import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tritgolf.artifact.trits import LAYOUTS, base3_length, length_range, pack, unpack
from tritgolf.malformed import MalformedError

trits = st.integers(0, 400).flatmap(lambda count: arrays(np.int8, count, elements=st.integers(-1, 1)))
layouts = st.sampled_from(LAYOUTS)


@given(q=trits, layout=layouts)
def test_trits_come_back(q, layout):
    data = pack(q, layout)
    shortest, longest = length_range(q.size, layout)
    assert shortest <= len(data) <= longest
    back = unpack(data, q.size, layout)
    assert back.dtype == np.int8
    assert np.array_equal(back, q)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_length_comes_back(layout):
    random = np.random.default_rng(0)
    for count in range(130):
        q = random.integers(-1, 2, count, dtype=np.int8)
        assert np.array_equal(unpack(pack(q, layout), count, layout), q)


@given(data=st.binary(max_size=40), count=st.integers(0, 200), layout=layouts)
def test_any_bytes_are_refused_or_the_one_packing_of_their_trits(data, count, layout):
    try:
        q = unpack(data, count, layout)
    except MalformedError:
        return
    assert pack(q, layout) == data


def test_base3_by_hand():
    # t = q + 1: 0 1 2 2 0 | 1, hence 0 + 3 + 18 + 54 + 0 = 75, then 1
    assert pack(np.array([-1, 0, 1, 1, -1, 0], np.int8), "base3") == bytes([75, 1])


def test_bitmask_by_hand():
    # nonzero: 1 0 1 1 1 0, signs of the nonzeros: - + + -, bits from the highest on
    assert pack(np.array([-1, 0, 1, 1, -1, 0], np.int8), "bitmask") == bytes([0b10111000, 0b01100000])


def test_a_matrix_is_packed_row_by_row():
    q = np.array([[1, -1], [0, 1]], np.int8)
    assert all(pack(q.T, layout) == pack(np.array([1, 0, -1, 1], np.int8), layout) for layout in LAYOUTS)


def test_base3_takes_a_byte_for_five_trits():
    assert [base3_length(count) for count in (0, 1, 5, 6, 64_880_640)] == [0, 1, 1, 2, 12_976_128]


@pytest.mark.parametrize(
    ("data", "count", "layout", "complaint"),
    [
        (bytes([243]), 5, "base3", "larger than 242"),
        (bytes([81 + 1]), 1, "base3", "padding"),
        (bytes([1, 1]), 5, "base3", "not 2"),
        (bytes([]), 5, "base3", "not 0"),
        (bytes([0b10000000]), 1, "bitmask", "1 bits take 1 bytes, not 0"),
        (bytes([0b10000000, 0, 0]), 1, "bitmask", "1 bits take 1 bytes, not 2"),
        (bytes([0b01000000]), 1, "bitmask", "padding"),
        (bytes([0b10000000, 0b01000000]), 1, "bitmask", "padding"),
        (bytes([]), 1, "bitmask", "take 1 bytes, not 0"),
    ],
)
def test_bytes_that_packing_never_writes_are_refused(data, count, layout, complaint):
    with pytest.raises(MalformedError, match=complaint):
        unpack(data, count, layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_anything_but_trits_is_a_bug(layout):
    with pytest.raises(ValueError, match="trits are"):
        pack(np.array([2], np.int8), layout)
