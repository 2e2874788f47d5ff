import gzip
import json
import lzma
import zipfile

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tritgolf.data import compressed as module
from tritgolf.data.compressed import open_compressed
from tritgolf.errors import InputError

COMPRESS = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}
LINES = b"".join(json.dumps({"text": f"document {number}"}).encode() + b"\n" for number in range(5000))
WINDOW_DESCRIPTOR = 5  # where a frame without a content size has its window: 5 bits of exponent - 10, 3 of mantissa


def read(path):
    with open_compressed(path) as file:
        return file.read()


def with_window(log):
    """A frame whose header asks for a window of 2**log bytes, as ``zstd --long=LOG`` writes."""
    stream = zstandard.ZstdCompressor().compressobj()  # which doesn't know the size, so the header has a window
    frame = bytearray(stream.compress(LINES) + stream.flush())
    frame[WINDOW_DESCRIPTOR] = (log - 10) << 3
    assert zstandard.get_frame_parameters(bytes(frame)).window_size == 1 << log
    return bytes(frame)


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_an_error(tmp_path, suffix, kept):
    path = tmp_path / f"a.jsonl{suffix}"
    data = COMPRESS[suffix](LINES)
    path.write_bytes(data[: max(5, int(len(data) * kept))])
    with pytest.raises(InputError, match="is damaged or cut short"):
        read(path)


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("place", [0, 100])
def test_a_damaged_file_is_an_error(tmp_path, suffix, place):
    path = tmp_path / f"a.jsonl{suffix}"
    data = bytearray(COMPRESS[suffix](LINES))
    data[place : place + 20] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(InputError, match="is damaged or cut short"):
        read(path)


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize(
    "rest", [b"garbage", b"\xfd7zXZ\0", bytes(4) + b"damaged" * 9], ids=["words", "header", "padded"]
)
def test_what_follows_the_compressed_text_and_is_none_is_an_error(tmp_path, suffix, rest):
    """A damaged second part, of a file that was put together of two: its text must not be lost in silence."""
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(COMPRESS[suffix](LINES) + rest)
    with pytest.raises(InputError, match="is damaged or cut short"):
        read(path)


@pytest.mark.parametrize("padding", [0, 4, 1 << 18])
def test_xz_streams_follow_each_other_with_padding(tmp_path, padding):
    parts = [LINES, b"", b"the last one"]
    (tmp_path / "a.xz").write_bytes(b"".join(lzma.compress(part) + bytes(padding) for part in parts))
    assert read(tmp_path / "a.xz") == b"".join(parts)


@pytest.mark.parametrize("content", COMPRESS)
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.xz", "a.jsonl.ZST"])
def test_what_a_file_is_its_content_says(tmp_path, content, name):
    (tmp_path / name).write_bytes(COMPRESS[content](LINES))
    assert read(tmp_path / name) == LINES


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("text", [b"", b"plain\n", "a" * (module.HEAD_BYTES - 1) + "\xe9"])
def test_a_plain_file_under_a_compressed_name(tmp_path, suffix, text):
    data = text.encode() if isinstance(text, str) else text
    (tmp_path / f"a.txt{suffix}").write_bytes(data)
    assert read(tmp_path / f"a.txt{suffix}") == data


def test_another_compression_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.txt", "w") as archive:
        archive.writestr("b.txt", "text")
    with pytest.raises(InputError, match="is compressed by zip, which is not read; decompress it"):
        read(tmp_path / "a.txt")


def test_a_long_window_is_read(tmp_path):
    (tmp_path / "a.zst").write_bytes(with_window(31))
    assert read(tmp_path / "a.zst") == LINES


def test_a_longer_window_is_told_as_that(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ZSTD_WINDOW", 1 << 27)
    (tmp_path / "a.zst").write_bytes(with_window(28))
    with pytest.raises(InputError, match=r"with a window of more than 128 MiB, .*; decompress it \(zstd -d --long=31"):
        read(tmp_path / "a.zst")


def test_a_lack_of_memory_is_told_as_that(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    for error in (MemoryError(), zstandard.ZstdError("Allocation error : not enough memory")):
        told = pytest.raises(InputError, match="takes more memory to decompress than there is")
        with told, open_compressed(tmp_path / "a.txt"):
            raise error


def test_a_dictionary_is_told_as_that(tmp_path):
    dictionary = zstandard.train_dictionary(1000, [b"document %d of text" % number * 5 for number in range(1000)])
    (tmp_path / "a.zst").write_bytes(zstandard.ZstdCompressor(dict_data=dictionary).compress(b"document 3 of text"))
    with pytest.raises(InputError, match=r"was compressed with a dictionary, .*zstd -d -D"):
        read(tmp_path / "a.zst")


@settings(deadline=None)
@given(st.lists(st.binary(max_size=2000) | st.none(), max_size=5))
def test_zstandard_frames_follow_each_other(tmp_path_factory, parts):
    """None is a frame to skip, as ``pzstd`` writes before each of its own."""
    path = tmp_path_factory.getbasetemp() / "frames.zst"
    skipped = b"\x50\x2a\x4d\x18\x04\0\0\0size"
    path.write_bytes(b"".join(skipped if part is None else zstandard.compress(part) for part in parts))
    assert read(path) == b"".join(part or b"" for part in parts)
