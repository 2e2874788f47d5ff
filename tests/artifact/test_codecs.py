import lzma
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritgolf.artifact.codecs import CODECS, compress, decompress, decompress_brotli, decompress_xz
from tritgolf.errors import InputError
from tritgolf.malformed import MalformedError

TEXT = b"ternary weights, five to a byte; " * 40
BROTLI = compress(TEXT, "brotli")


@given(data=st.binary(max_size=2000), codec=st.sampled_from(list(CODECS)))
def test_data_comes_back(data, codec):
    assert decompress(compress(data, codec), codec, len(data)) == data


def test_any_xz_reader_understands_it():
    assert lzma.decompress(compress(TEXT, "xz")) == TEXT


@pytest.mark.parametrize("codec", ["xz", "brotli"])
def test_zeros_shrink_less_than_the_bound_on_expansion(codec):
    zeros = bytes(16 << 20)
    packed = compress(zeros, codec)
    assert len(zeros) / len(packed) < CODECS[codec].max_expansion
    assert decompress(packed, codec, len(zeros)) == zeros


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_wrong_declared_size_is_refused(codec, wrong):
    with pytest.raises(MalformedError):
        decompress(compress(TEXT, codec), codec, len(TEXT) + wrong)


def test_a_size_that_no_compression_could_hold_is_refused_before_decoding():
    for codec in CODECS:
        with pytest.raises(MalformedError, match="can't hold"):
            decompress(b"not compressed", codec, 1 << 40)


@pytest.mark.parametrize("codec", CODECS)
def test_truncation_is_refused(codec):
    packed = compress(TEXT, codec)
    for end in range(len(packed)):
        with pytest.raises(MalformedError, match=r"too early|damaged|can't hold"):
            decompress(packed[:end], codec, len(TEXT))


@pytest.mark.parametrize("codec", CODECS)
def test_nothing_may_follow_the_stream(codec):
    for garbage in (b"\0", compress(TEXT, codec)):
        with pytest.raises(MalformedError, match=r"after the compressed data|follows it|its header says"):
            decompress(compress(TEXT, codec) + garbage, codec, len(TEXT))


def test_damage_is_refused():
    packed = bytearray(compress(TEXT, "xz"))
    packed[len(packed) // 2] ^= 0x10
    with pytest.raises(MalformedError, match="damaged"):
        decompress(bytes(packed), "xz", len(TEXT))


@given(place=st.integers(0, 10**6), change=st.integers(1, 255))
def test_damaged_brotli_is_refused_or_of_the_declared_size(place, change):
    """It has no checksum; the container's is checked before."""
    packed = bytearray(BROTLI)
    packed[place % len(packed)] ^= change
    try:
        content = decompress(bytes(packed), "brotli", len(TEXT))
    except MalformedError:
        return
    assert len(content) == len(TEXT)


@pytest.mark.parametrize(("codec", "reader"), [("xz", decompress_xz), ("brotli", decompress_brotli)])
def test_more_than_the_limit_is_refused(codec, reader):
    for content in (TEXT, bytes(2 << 20)):
        with pytest.raises(MalformedError, match="more than 100 bytes"):
            reader(compress(content, codec), 100)


def test_a_package_that_is_missing_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "brotli", None)
    for work in (lambda: compress(TEXT, "brotli"), lambda: decompress(BROTLI, "brotli", len(TEXT))):
        with pytest.raises(InputError, match=r"brotli: is not installed.*pip install"):
            work()


def test_a_decoder_that_wants_too_much_memory_is_refused():
    greedy = lzma.compress(TEXT, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 27}])
    with pytest.raises(MalformedError, match="damaged"):
        decompress_xz(greedy, 1 << 20)
