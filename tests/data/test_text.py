import gzip
import json
import lzma

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tritgolf.data import text as module
from tritgolf.data.compressed import open_compressed
from tritgolf.data.text import read_documents, text_files
from tritgolf.errors import InputError

COMPRESS = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
}
LINES = b"".join(json.dumps({"text": f"document {number} \xe9"}).encode() + b"\n" for number in range(5000))


@pytest.mark.parametrize("suffix", COMPRESS)
def test_every_compression_gives_the_same_documents(tmp_path, suffix):
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(COMPRESS[suffix](LINES))
    documents = list(read_documents(path))
    assert documents == [f"document {number} \xe9" for number in range(5000)]


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_an_error(tmp_path, suffix, kept):
    path = tmp_path / f"a.jsonl{suffix}"
    data = COMPRESS[suffix](LINES)
    path.write_bytes(data[: max(5, int(len(data) * kept))])
    with pytest.raises(InputError, match="is damaged or cut short"):
        list(read_documents(path))


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_a_damaged_file_is_an_error(tmp_path, suffix):
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(b"not compressed at all" * 10)
    with pytest.raises(InputError, match="is damaged or cut short"):
        list(read_documents(path))


@settings(deadline=None)
@given(st.lists(st.binary(max_size=2000), max_size=5))
def test_zstandard_frames_follow_each_other(tmp_path_factory, parts):
    path = tmp_path_factory.getbasetemp() / "frames.zst"
    path.write_bytes(b"".join(zstandard.ZstdCompressor().compress(part) for part in parts))
    with open_compressed(path) as file:
        assert file.read() == b"".join(parts)


def test_a_text_file_is_one_document_without_its_byte_order_mark(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\n\ntwo\n")
    assert list(read_documents(tmp_path / "a.txt")) == ["one\n\ntwo\n"]


def test_the_first_line_of_json_may_have_a_byte_order_mark(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "one"}\n{"text": "two"}\n')
    assert list(read_documents(tmp_path / "a.jsonl")) == ["one", "two"]


def test_blank_documents_and_lines_are_left_out(tmp_path):
    (tmp_path / "a.md").write_text(" \n\t ")
    (tmp_path / "a.jsonl").write_text('\n{"text": "  "}\n{"text": "x"}\n\n')
    assert list(read_documents(tmp_path / "a.md")) == []
    assert list(read_documents(tmp_path / "a.jsonl")) == ["x"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"text": "\xff"}', "line 2: is not valid UTF-8"),
        (b'{"text": "x"', "line 2: is not JSON"),
        (b'{"body": "x"}', 'line 2: has no "text" string'),
        (b'{"text": 3}', 'line 2: has no "text" string'),
        (b'["x"]', 'line 2: has no "text" string'),
        (rb'{"text": "\ud800"}', "line 2: has a lone surrogate"),
        (b'{"text": "x", "n": ' + b"9" * 5000 + b"}", "line 2: is not JSON"),
        (b"[" * 100_000, "line 2: is not JSON"),
        (b'\xef\xbb\xbf{"text": "x"}', "line 2: is not JSON"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "fine"}\n' + line + b"\n")
    with pytest.raises(InputError, match=message) as caught:
        list(read_documents(path))
    assert str(path) in str(caught.value)


def test_invalid_utf8_in_a_text_file_is_named(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"a.txt: is not valid UTF-8 \(unexpected end of data at byte 3\)"):
        list(read_documents(tmp_path / "a.txt"))


def test_a_document_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_DOCUMENT_BYTES", 100)
    (tmp_path / "a.txt").write_text("x" * 101)
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "x" * 101}))
    with pytest.raises(InputError, match="is one document of more than"):
        list(read_documents(tmp_path / "a.txt"))
    with pytest.raises(InputError, match="line 1: is longer than"):
        list(read_documents(tmp_path / "a.jsonl"))


def test_files_folders_and_globs_are_found_in_order_and_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.txt", "a.md", "deep/c.jsonl.xz", "deep/skipped.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [str(path) for path in text_files(["*.txt", "deep", ".", "a.md"])] == ["b.txt", "deep/c.jsonl.xz", "a.md"]
    assert text_files([str(tmp_path / "*.md")]) == [tmp_path / "a.md"]


@pytest.mark.parametrize("pattern", ["nothing.txt", "*.txt", "empty"])
def test_a_pattern_that_names_nothing_is_an_error(tmp_path, monkeypatch, pattern):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="names no text file"):
        text_files([pattern])


def test_a_file_of_another_kind_is_an_error(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"x")
    with pytest.raises(InputError, match="is not a kind of text file"):
        text_files([str(tmp_path / "a.pdf")])


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match="is missing"):
        list(read_documents(tmp_path / "a.txt.zst"))
