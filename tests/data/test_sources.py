"""The files that a corpus was made of: what is recorded of them, and which have changed, whatever their times say."""

import json
import os
from pathlib import Path

import pytest

from tritgolf.data.corpus import build_corpus
from tritgolf.data.dataset import DocstringsSource, SplitConfig, TextSource
from tritgolf.data.sources import compare, recorded_inputs, resized
from tritgolf.errors import InputError
from tritgolf.files import digest_file, write_json

FILES = ("texts/a.jsonl", "texts/new\nline.jsonl", "held.txt")


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """A corpus of three files, all named from the working folder on."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    for name in FILES:
        (tmp_path / name).write_text(json.dumps({"text": f"Text of {name}."}))
    files = {"files": ("texts",), "validation_files": ("held.txt",)}
    build_corpus("x", TextSource(kind="text", **files), None, tmp_path / "corpus")
    return tmp_path / "corpus"


def replace(path, text):
    """By a file with an older time, as ``cp -p`` does."""
    path.write_text(text)
    os.utime(path, (0, 0))


def test_size_and_digest_of_each_file_are_recorded(corpus, tmp_path):
    facts = json.loads((corpus / "corpus.json").read_text())["inputs"]
    assert list(facts) == ["held.txt", "texts/a.jsonl", "texts/new\\x0aline.jsonl"]
    for name, path in zip(facts, ("held.txt", *FILES), strict=False):
        assert facts[name] == {"bytes": Path(path).stat().st_size, "digest": digest_file(path)}
    assert resized(corpus, FILES) == []
    assert compare(corpus, tmp_path).changed == []


def test_a_file_that_an_older_one_replaced_has_changed(corpus, tmp_path):
    replace(tmp_path / FILES[0], json.dumps({"text": "Of another length."}))
    replace(tmp_path / "held.txt", (tmp_path / "held.txt").read_text().replace("Text", "text"))
    assert resized(corpus, FILES) == [FILES[0]]
    assert compare(corpus, tmp_path).changed == ["held.txt", FILES[0]]


def test_what_is_not_here_is_told_and_no_pipe_is_waited_for(corpus, tmp_path):
    (tmp_path / FILES[0]).unlink()
    (tmp_path / "held.txt").unlink()
    os.mkfifo(tmp_path / "held.txt")
    found = compare(corpus, tmp_path)
    assert found.changed == [] and found.absent[:2] == ["held.txt", FILES[0]]


def test_of_an_older_corpus_nothing_is_known(corpus, tmp_path):
    facts = json.loads((corpus / "corpus.json").read_text())
    facts.pop("inputs")
    write_json(corpus / "corpus.json", facts)
    assert recorded_inputs(corpus) == recorded_inputs(tmp_path / "none") == {}


@pytest.mark.parametrize("content", ["[]", "{", '{"inputs": 1}', '{"inputs": {"a": {"bytes": -1, "digest": "x"}}}'])
def test_a_damaged_one_is_one_line(corpus, content):
    (corpus / "corpus.json").write_text(content)
    with pytest.raises(InputError, match=r"corpus\.json: "):
        recorded_inputs(corpus)


def test_packages_have_versions_instead(tmp_path):
    few = DocstringsSource(kind="docstrings", packages=("pydantic",), documents=20)
    assert "inputs" not in build_corpus("x", few, SplitConfig(fraction=0.5), tmp_path / "corpus")
