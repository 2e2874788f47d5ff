import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tritgolf.data import shards as module
from tritgolf.data.shards import ShardWriter, file_bytes, open_shard, read_header
from tritgolf.errors import InputError


def write(path, tokens, magic=20240520, version=1, count=None):
    """A shard written with struct alone, so that the tests do not lean on the code they test."""
    header = struct.pack("<3i", magic, version, len(tokens) if count is None else count)
    path.write_bytes(header.ljust(1024, b"\0") + struct.pack(f"<{len(tokens)}H", *tokens))
    return path


def test_a_shard_is_read_as_specified(tmp_path):
    path = write(tmp_path / "a.bin", [1, 2, 65535])
    assert read_header(path) == 3
    tokens = open_shard(path)
    assert tokens.dtype == np.uint16
    assert tokens.tolist() == [1, 2, 65535]
    with pytest.raises(ValueError, match="read-only"):
        tokens[0] = 3


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 65535), max_size=20), max_size=10), st.integers(1, 30))
def test_shards_hold_the_stream_cut_at_the_limit(tmp_path_factory, parts, limit):
    folder = tmp_path_factory.mktemp("shards")
    with ShardWriter(folder, "train", limit) as writer:
        for part in parts:
            writer.add(np.array(part, dtype=np.int64))
    stream = [token for part in parts for token in part]
    assert [path.name for path in writer.paths] == [f"train_{i:06d}.bin" for i in range(-(-len(stream) // limit))]
    for index, path in enumerate(writer.paths):
        expected = stream[index * limit : (index + 1) * limit]
        assert path.read_bytes() == write(folder / "expected.bin", expected).read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"magic": 20240801}, "is not a shard: it begins with 20240801, not 20240520"),
        ({"version": 2}, "is a shard of version 2; only version 1 is known"),
        ({"count": 4}, "is cut short: 4 tokens take 1032 bytes and it has 1030"),
        ({"count": 2}, "is too long: 2 tokens take 1028 bytes and it has 1030"),
        ({"count": 0}, "says that it holds 0 tokens"),
        ({"count": -3}, "says that it holds -3 tokens"),
        ({"count": 2**31 - 1}, "is cut short"),
    ],
)
def test_a_header_that_is_wrong_is_an_error(tmp_path, change, message):
    path = write(tmp_path / "a.bin", [1, 2, 3], **change)
    with pytest.raises(InputError, match=message) as caught:
        open_shard(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("size", [0, 3, 1023, 1025, 1029])
def test_a_truncated_shard_is_an_error(tmp_path, size):
    path = write(tmp_path / "a.bin", [1, 2, 3])
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(InputError, match=r"cut short|less than a shard's header"):
        open_shard(path)


def test_a_missing_shard_is_an_error(tmp_path):
    with pytest.raises(InputError, match="is missing"):
        open_shard(tmp_path / "a.bin")


def test_a_token_outside_the_vocabulary_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SCAN_TOKENS", 2)
    path = write(tmp_path / "a.bin", [1, 7, 3, 8, 2])
    assert open_shard(path, 9).tolist() == [1, 7, 3, 8, 2]
    with pytest.raises(InputError, match="has token 8 at position 3, outside the vocabulary of 8"):
        open_shard(path, 8)


def test_a_full_vocabulary_admits_every_token(tmp_path):
    assert open_shard(write(tmp_path / "a.bin", [65535]), 65536).tolist() == [65535]
    with pytest.raises(InputError, match="has token 65535"):
        open_shard(tmp_path / "a.bin", 65535)


def test_an_error_while_writing_leaves_no_readable_shard(tmp_path):
    with pytest.raises(RuntimeError), ShardWriter(tmp_path, "train", 10) as writer:
        writer.add(np.array([1, 2]))
        raise RuntimeError
    with pytest.raises(InputError):
        open_shard(writer.paths[0])


def test_the_size_of_a_shard_file():
    assert file_bytes(3) == 1030
