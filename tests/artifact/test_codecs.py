import lzma

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritgolf.artifact.codecs import CODECS, MAX_EXPANSION, compress, decompress, decompress_xz
from tritgolf.malformed import MalformedError

TEXT = b"ternary weights, five to a byte; " * 40


@given(data=st.binary(max_size=2000), codec=st.sampled_from(CODECS))
def test_data_comes_back(data, codec):
    assert decompress(compress(data, codec), codec, len(data)) == data


def test_any_xz_reader_understands_it():
    assert lzma.decompress(compress(TEXT, "xz")) == TEXT


def test_zeros_shrink_less_than_the_bound_on_expansion():
    zeros = bytes(16 << 20)
    packed = compress(zeros, "xz")
    assert len(zeros) / len(packed) < MAX_EXPANSION
    assert decompress(packed, "xz", len(zeros)) == zeros


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_wrong_declared_size_is_refused(codec, wrong):
    with pytest.raises(MalformedError):
        decompress(compress(TEXT, codec), codec, len(TEXT) + wrong)


def test_a_size_that_no_compression_could_hold_is_refused_before_decoding():
    with pytest.raises(MalformedError, match="can't hold"):
        decompress(b"not even xz", "xz", 1 << 40)


@pytest.mark.parametrize("cut", [1, 8, 30, 60])
def test_truncation_is_refused(cut):
    packed = compress(TEXT, "xz")
    with pytest.raises(MalformedError, match=r"too early|damaged"):
        decompress(packed[:-cut], "xz", len(TEXT))


def test_nothing_may_follow_the_stream():
    for garbage in (b"\0", compress(TEXT, "xz")):
        with pytest.raises(MalformedError, match="after the compressed data"):
            decompress_xz(compress(TEXT, "xz") + garbage, 1 << 20)


def test_damage_is_refused():
    packed = bytearray(compress(TEXT, "xz"))
    packed[len(packed) // 2] ^= 0x10
    with pytest.raises(MalformedError, match="damaged"):
        decompress(bytes(packed), "xz", len(TEXT))


def test_more_than_the_limit_is_refused():
    with pytest.raises(MalformedError, match="more than 100 bytes"):
        decompress_xz(compress(TEXT, "xz"), 100)


def test_a_decoder_that_wants_too_much_memory_is_refused():
    greedy = lzma.compress(TEXT, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 27}])
    with pytest.raises(MalformedError, match="damaged"):
        decompress_xz(greedy, 1 << 20)
