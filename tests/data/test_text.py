import gzip
import json
import lzma

import pytest
import zstandard

from tritgolf.data import text as module
from tritgolf.data.text import every_document, read_documents, why_no_documents
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
    with pytest.raises(InputError, match=r"is in one document of more than 64 MiB; cut a \.txt or \.md with"):
        list(read_documents(tmp_path / "a.txt"))
    with pytest.raises(InputError, match="line 1: is longer than"):
        list(read_documents(tmp_path / "a.jsonl"))


def documents_of(path, content, **how):
    path.write_bytes(content)
    return list(read_documents(path, **how))


@pytest.mark.parametrize("name", ["a.jsonl", "A.JSONL", "a.ndjson", "a.Json", "a.JSONL.GZ"])
def test_a_document_a_line_by_any_of_its_names(tmp_path, name):
    assert documents_of(tmp_path / name, b'{"text": "one"}\n\n{"text": "two"}') == ["one", "two"]


@pytest.mark.parametrize(
    "content",
    [
        '[{"text": "one"}, {"text": "tw\u00f6", "n": [1, {}]}]',
        '\ufeff [\n {"text": "one"},\n\n {"n": 2, "text": "tw\u00f6"}\n]\n',
        '{"text": "one"}\n{"text": "tw\u00f6"}\n',
        '{\n "text":\n "one"\n}\n{"text": "tw\u00f6"}',
    ],
)
@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_json_is_a_list_or_values(tmp_path, monkeypatch, content, chunk):
    monkeypatch.setattr(module, "READ_BYTES", chunk)
    assert documents_of(tmp_path / "a.json", content.encode()) == ["one", "tw\xf6"]


@pytest.mark.parametrize("content", [b"", b" \n", b"[]", b"[\n]\n"])
def test_json_without_a_value_has_no_documents(tmp_path, content):
    assert documents_of(tmp_path / "a.json", content) == []
    assert why_no_documents(tmp_path / "a.json") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[{"text": "x"}, {"text": "y"', "value 2: is not JSON"),
        (b'[{"text": "x"}, {"text": "y"}', "value 3: is not JSON"),
        (b'[{"text": "x"}] and more', "value 2: is not JSON"),
        (b'[{"text": "x"}, "y"]', 'value 2: has no "text" string'),
        (b'{"train": [{"text": "x"}]}', 'value 1: has no "text" string'),
        (rb'[{"text": "\udc00"}]', "value 1: has a lone surrogate"),
        (b'[{"text": "\xff"}]', "is not valid UTF-8"),
        (b"[" * 100_000, "value 1: is not JSON"),
    ],
)
def test_bad_json_is_named(tmp_path, content, message):
    with pytest.raises(InputError, match=message) as caught:
        documents_of(tmp_path / "a.json", content)
    assert str(tmp_path / "a.json") in str(caught.value)


def test_json_of_something_else_is_told_from_json_of_documents(tmp_path):
    (tmp_path / "a.json").write_text('{"vocab_size": 3}')
    assert why_no_documents(tmp_path / "a.json") == 'has no "text" string'
    (tmp_path / "a.json").write_text("// a comment")
    assert "is not JSON" in why_no_documents(tmp_path / "a.json")
    (tmp_path / "a.json").write_text('{"text": ""}\nwhat comes later is an error when it is read')
    assert why_no_documents(tmp_path / "a.json") is None


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["input.txt", "INPUT.MD"])
def test_a_text_is_cut_at_blank_lines(tmp_path, end, name):
    lines = ["\ufeff", "First:", "Speak.", " \t", "", "  All:", "Speak, speak.", "", "", "Last"]
    path = tmp_path / name
    expected = [f"First:{end}Speak.", f"  All:{end}Speak, speak.", "Last"]
    assert documents_of(path, end.join(lines).encode(), documents="blank_lines") == expected
    assert documents_of(path, (end.join(lines) + end).encode(), documents="blank_lines") == expected


@pytest.mark.parametrize("chunk", [1, 5, 1 << 20])
def test_a_text_is_cut_at_a_separator(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(module, "READ_BYTES", chunk)
    content = "\ufeffOne,\n\ntwo.\n<|end|>\nThr\u00e9e<|end|><|end|> \n<|end|>Four<|end|>\n".encode()
    assert documents_of(tmp_path / "a.txt", content, separator="<|end|>") == ["One,\n\ntwo.", "Thr\u00e9e", "Four"]
    assert documents_of(tmp_path / "a.txt", b"one|two", separator="<|end|>") == ["one|two"]


@pytest.mark.parametrize("how", [{"documents": "blank_lines"}, {"separator": "|"}])
def test_documents_of_json_are_not_cut(tmp_path, how):
    assert documents_of(tmp_path / "a.jsonl", b'{"text": "a\\n\\nb|c"}', **how) == ["a\n\nb|c"]


@pytest.mark.parametrize("how", [{"documents": "blank_lines"}, {"separator": "|"}])
def test_only_a_document_of_a_text_that_is_cut_is_bounded(tmp_path, monkeypatch, how):
    monkeypatch.setattr(module, "MAX_DOCUMENT_BYTES", 100)
    monkeypatch.setattr(module, "READ_BYTES", 10)
    between = b"|" if "separator" in how else b"\n\n"
    assert len(documents_of(tmp_path / "a.txt", between.join([b"y" * 30] * 9), **how)) == 9
    with pytest.raises(InputError, match="is in one document of more than 64 MiB"):
        documents_of(tmp_path / "a.txt", between.join([b"y" * 30 + b"\n" + b"y" * 80] * 2), **how)


def test_blank_documents_can_be_counted(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": " "}\n{"text": "x"}\n{"text": ""}\n')
    assert list(every_document(tmp_path / "a.jsonl")) == [" ", "x", ""]


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match="is missing"):
        list(read_documents(tmp_path / "a.txt.zst"))
