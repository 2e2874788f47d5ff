import hashlib
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tritgolf.artifact.layouts.base3 import base3_length
from tritgolf.artifact.layouts.registry import (
    CODED_TRITS,
    INTEGER_LAYOUTS,
    LAYOUTS,
    TRIT_LAYOUTS,
    length_range,
    pack,
    unpack,
)
from tritgolf.artifact.packages import check_packages
from tritgolf.errors import InputError
from tritgolf.malformed import MalformedError

# Every layout with every width of code that a section may have in it.
CASES = [
    *((layout, 2) for layout in TRIT_LAYOUTS + CODED_TRITS),
    *((layout, bits) for layout in INTEGER_LAYOUTS for bits in range(2, 9)),
]
CASES += [("byte_planes", 16), ("byte_planes", 32)]


def codes_of(layout, bits, count):
    """A strategy for ``count`` codes."""
    if bits > 8:
        return arrays(f"<u{bits // 8}", count)
    low, high = (-1, 1) if layout in TRIT_LAYOUTS + CODED_TRITS else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    return arrays(np.int8, count, elements=st.integers(low, high))


@st.composite
def packings(draw):
    layout, bits = draw(st.sampled_from(CASES))
    return layout, bits, draw(codes_of(layout, bits, draw(st.integers(0, 300))))


@given(packing=packings())
def test_codes_come_back(packing):
    layout, bits, codes = packing
    data = pack(codes, layout, bits)
    shortest, longest = length_range(codes.size, layout, bits)
    assert shortest <= len(data) <= longest
    back = unpack(data, codes.size, layout, bits)
    assert back.dtype == codes.dtype
    assert np.array_equal(back, codes)


@pytest.mark.parametrize(("layout", "bits"), CASES)
def test_every_length_comes_back(layout, bits):
    random = np.random.default_rng(0)
    for count in range(130):
        low, high = (-1, 2) if layout in TRIT_LAYOUTS + CODED_TRITS else (-(1 << (bits - 1)), 1 << (bits - 1))
        dtype = np.int8 if bits <= 8 else f"<u{bits // 8}"
        codes = random.integers(low if bits <= 8 else 0, high, count, dtype=dtype)
        assert np.array_equal(unpack(pack(codes, layout, bits), count, layout, bits), codes)


@given(data=st.binary(max_size=40), count=st.integers(0, 200), case=st.sampled_from(CASES))
def test_any_bytes_are_refused_or_the_one_packing_of_their_codes(data, count, case):
    layout, bits = case
    try:
        codes = unpack(data, count, layout, bits)
    except MalformedError:
        return
    assert pack(codes, layout, bits) == data


@given(packing=packings(), place=st.integers(0, 10**6), change=st.integers(1, 255), cut=st.booleans())
def test_damage_is_refused_or_gives_other_codes(packing, place, change, cut):
    """No two packings mean the same codes."""
    layout, bits, codes = packing
    data = bytearray(pack(codes, layout, bits))
    if not data:
        return
    place %= len(data)
    if cut:
        del data[place:]
    else:
        data[place] ^= change
    try:
        back = unpack(bytes(data), codes.size, layout, bits)
    except MalformedError:
        return
    assert not cut
    assert not np.array_equal(back, codes)


def test_every_layout_is_tried():
    assert {layout for layout, _ in CASES} == set(LAYOUTS)


def test_base3_by_hand():
    # t = q + 1: 0 1 2 2 0 | 1, hence 0 + 3 + 18 + 54 + 0 = 75, then 1
    assert pack(np.array([-1, 0, 1, 1, -1, 0], np.int8), "base3") == bytes([75, 1])


def test_bitmask_by_hand():
    # nonzero: 1 0 1 1 1 0, signs of the nonzeros: - + + -, bits from the highest on
    assert pack(np.array([-1, 0, 1, 1, -1, 0], np.int8), "bitmask") == bytes([0b10111000, 0b01100000])


def test_a_matrix_is_packed_row_by_row():
    q = np.array([[1, -1], [0, 1]], np.int8)
    assert all(pack(q.T, layout) == pack(np.array([1, 0, -1, 1], np.int8), layout) for layout in TRIT_LAYOUTS)


def trits_of_columns(rows, shares):
    """Trits, a column a share of zeros; the same on every machine."""
    random = np.random.default_rng(0)
    signs = random.choice(np.array([-1, 1], np.int8), (rows, len(shares)))
    return np.where(random.random(signs.shape) < np.array(shares), 0, signs).astype(np.int8)


def test_coded_trits_take_the_entropy_of_the_columns_they_are_in():
    """Of each matrix its own, and signs a bit each. A column's share of zeros is learnt for half a byte or so."""
    matrices = [trits_of_columns(1500, [0.9, 0.5, 0.1] * 8), trits_of_columns(1000, [0.2, 0.7] * 20)]
    shapes = [matrix.shape for matrix in matrices]
    codes = np.concatenate([matrix.reshape(-1) for matrix in matrices])
    data = pack(codes, "columns", shapes=shapes)
    assert np.array_equal(unpack(data, codes.size, "columns", shapes=shapes), codes)
    by_column = sum(entropy_bytes(matrix[:, column]) for matrix in matrices for column in range(matrix.shape[1]))
    assert by_column < len(data) < 1.01 * by_column < 0.9 * entropy_bytes(codes)
    assert len(pack(codes, "columns")) > len(data)
    with pytest.raises(MalformedError):
        unpack(data, codes.size, "columns", shapes=shapes[::-1])


def test_int_bits_by_hand():
    # three bits each, the first lowest: 1 → 001, −1 → 111, 3 → 011, −4 → 100, hence 100 011 111 001
    assert pack(np.array([1, -1, 3, -4], np.int8), "int_bits", 3) == bytes([0b11111001, 0b00001000])


def test_byte_planes_by_hand():
    assert pack(np.array([0x0102, 0x0304], "<u2"), "byte_planes", 16) == bytes([2, 4, 1, 3])
    assert pack(np.array([-1, 31], np.int8), "byte_planes", 6) == bytes([255, 31])


def gaussian_codes(deviation, count=65536):
    """Codes of 6 bits whose deviation is given; the same on every machine."""
    random = np.random.default_rng(0)
    return np.clip(np.round(random.normal(0, deviation, count)), -32, 31).astype(np.int8)


def entropy_bytes(codes):
    share = np.unique(codes, return_counts=True)[1] / codes.size
    return -(share * np.log2(share)).sum() * codes.size / 8


def test_arithmetic_codes_take_the_entropy_of_the_matrix_they_are_of():
    narrow, wide = gaussian_codes(1, 1 << 19), gaussian_codes(6, 1 << 19)
    both = np.concatenate([narrow, wide])
    size = len(pack(both, "arithmetic", 6))
    assert size < 1.01 * (entropy_bytes(narrow) + entropy_bytes(wide)) < 0.9 * entropy_bytes(both)


def test_arithmetic_bytes_are_those_of_every_machine():
    """A coder of another version that makes others can't read our files."""
    digest = hashlib.sha256(pack(gaussian_codes(2.4), "arithmetic", 6)).hexdigest()
    assert digest.startswith("95ff8c964f7b3c95")


def test_arithmetic_codes_without_their_package_are_one_line(monkeypatch):
    packed = pack(np.array([1], np.int8), "arithmetic", 6)
    monkeypatch.setitem(sys.modules, "constriction", None)
    for work in (
        lambda: pack(np.array([1], np.int8), "arithmetic", 6),
        lambda: unpack(packed, 1, "arithmetic", 6),
        lambda: check_packages(["xz", "arithmetic"]),
    ):
        with pytest.raises(InputError, match=r"constriction: is not installed.*pip install"):
            work()
    check_packages(["xz", "byte_planes"])


def test_eight_codes_of_b_bits_take_b_bytes():
    for bits in range(2, 9):
        assert length_range(8, "int_bits", bits) == (bits, bits)
        assert length_range(9, "int_bits", bits) == (bits + -(-bits // 8),) * 2


def test_base3_takes_a_byte_for_five_trits():
    assert [base3_length(count) for count in (0, 1, 5, 6, 64_880_640)] == [0, 1, 1, 2, 12_976_128]


@pytest.mark.parametrize(
    ("data", "count", "layout", "bits", "complaint"),
    [
        (bytes([243]), 5, "base3", 2, "larger than 242"),
        (bytes([81 + 1]), 1, "base3", 2, "padding"),
        (bytes([1, 1]), 5, "base3", 2, "not 2"),
        (bytes([]), 5, "base3", 2, "not 0"),
        (bytes([0b10000000]), 1, "bitmask", 2, "1 bits take 1 bytes, not 0"),
        (bytes([0b10000000, 0, 0]), 1, "bitmask", 2, "1 bits take 1 bytes, not 2"),
        (bytes([0b01000000]), 1, "bitmask", 2, "padding"),
        (bytes([0b10000000, 0b01000000]), 1, "bitmask", 2, "padding"),
        (bytes([]), 1, "bitmask", 2, "take 1 bytes, not 0"),
        (bytes([0b01000000]), 1, "int_bits", 6, "padding"),
        (bytes([0, 0, 0, 1]), 4, "int_bits", 6, "4 codes of 6 bits take 3 bytes, not 4"),
        (bytes([0, 0, 16]), 3, "int_bits", 6, "padding"),
        (bytes([32]), 1, "byte_planes", 6, "no number of 6 bits"),
        (bytes([0x80]), 1, "byte_planes", 6, "no number of 6 bits"),
        (bytes([0, 0]), 1, "byte_planes", 6, "1 codes of 1 bytes take 1 bytes, not 2"),
        (bytes([0, 0, 0]), 2, "byte_planes", 16, "2 codes of 2 bytes take 4 bytes, not 3"),
        (bytes(6), 2, "arithmetic", 6, "2 codes of 6 bits can't have 6 bytes"),
        (bytes(16), 2, "arithmetic", 6, "2 codes of 6 bits can't have 16 bytes"),
        (bytes(8), 2, "arithmetic", 6, "something follows"),
        (b"\xff" * 4, 2, "arithmetic", 6, "damaged"),
    ],
)
def test_bytes_that_packing_never_writes_are_refused(data, count, layout, bits, complaint):
    with pytest.raises(MalformedError, match=complaint):
        unpack(data, count, layout, bits)


@pytest.mark.parametrize("layout", TRIT_LAYOUTS)
def test_anything_but_trits_is_a_bug(layout):
    with pytest.raises(ValueError, match="trits are"):
        pack(np.array([2], np.int8), layout)


@pytest.mark.parametrize("layout", INTEGER_LAYOUTS)
@pytest.mark.parametrize("code", [-33, 32])
def test_a_code_that_needs_more_bits_is_a_bug(layout, code):
    with pytest.raises(ValueError, match="no number of 6 bits"):
        pack(np.array([code], np.int8), layout, 6)
