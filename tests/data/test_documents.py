"""Published documents as text: downloaded whole or as a prefix, split by their order, made into shards."""

import json
from pathlib import Path

import pytest
from hub_server import COMMIT, Hub, part, status

from tritgolf.data.corpus import build_corpus, split_file
from tritgolf.data.dataset import DocumentsSource, SplitConfig, TokenizerConfig
from tritgolf.data.documents import fetch_text
from tritgolf.data.encode import build_shards
from tritgolf.data.hub import Retry
from tritgolf.data.manifest import verify_shards
from tritgolf.data.text import read_documents
from tritgolf.data.tokenizer import build_tokenizer
from tritgolf.errors import InputError

pytestmark = pytest.mark.usefixtures("quick_hub")
ONCE, TWICE = Retry(attempts=1, pause=0), Retry(attempts=2, pause=0)
FILE = "datasets/docs_selected.jsonl"
RULE = SplitConfig(first_documents=2)


@pytest.fixture
def hub(documents):
    server = Hub("someone/text", "dataset", {FILE: lines(documents)})
    yield server
    server.close()


def lines(documents):
    return "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in documents).encode()


def source(hub, **change):
    where = {"repository": hub.repository, "revision": "main", "file": FILE, "endpoint": hub.endpoint}
    return DocumentsSource(**{"kind": "documents", **where, **change})


def content(copy):
    return (Path(copy.folder) / copy.file).read_bytes()


def test_all_documents_are_downloaded_once_and_verified(hub, documents, tmp_path, monkeypatch):
    monkeypatch.setattr("tritgolf.data.documents.RANGE", 3000)
    hub.faults = [None, status(503)]
    copy = fetch_text(source(hub), tmp_path, TWICE)
    assert content(copy) == lines(documents)
    assert copy.revision == COMMIT
    asked = [asked for _, asked in hub.downloads()]
    assert asked == ["bytes=0-2999", "bytes=3000-5999", "bytes=3000-5999", "bytes=6000-8959"]
    assert fetch_text(source(hub), tmp_path, ONCE) == copy
    prefix = fetch_text(source(hub, first=5), tmp_path, ONCE)  # it is there already
    assert prefix.folder == copy.folder
    assert len(hub.downloads()) == 4


def test_other_content_is_found_by_its_digest(hub, documents, tmp_path):
    hub.faults = [part(lines(documents)[:-2] + b"]\n")]
    with pytest.raises(InputError, match=r"docs_selected.jsonl .*does not have the digest git-sha1:"):
        fetch_text(source(hub), tmp_path, ONCE)
    assert not list(tmp_path.rglob("docs_selected.jsonl"))


def test_a_prefix_is_fetched_and_goes_on_where_it_stopped(hub, documents, tmp_path, monkeypatch):
    monkeypatch.setattr("tritgolf.data.documents.RANGE", 200)  # a document or two
    hub.faults = [None, None, status(404)]
    with pytest.raises(InputError, match="cannot give bytes 400 to 600 of"):
        fetch_text(source(hub, first=5), tmp_path, ONCE)
    hub.main = "decade" * 6 + "abcd"  # the branch moves on; the download does not
    copy = fetch_text(source(hub, first=5), tmp_path, ONCE)
    assert content(copy) == lines(documents[:5])
    assert copy.revision == COMMIT
    assert [asked.split("-")[0] for _, asked in hub.downloads()][:4] == [
        "bytes=0",
        "bytes=200",
        "bytes=400",
        "bytes=400",
    ]
    assert max(int(asked.split("-")[1]) for _, asked in hub.downloads()) < len(lines(documents[:5])) + 200
    before = len(hub.downloads())
    assert fetch_text(source(hub, first=5), tmp_path, ONCE) == copy
    assert len(hub.downloads()) == before


@pytest.mark.parametrize("first", [None, 40])
def test_a_tokenizer_and_shards_are_made_of_them(hub, documents, tmp_path, first):
    corpus, tokenizer, shards = (tmp_path / name for name in ("corpus", "tokenizer", "shards"))
    facts = build_corpus("own", fetch_text(source(hub, first=first), tmp_path / "documents", ONCE), RULE, corpus)
    assert list(read_documents(split_file(corpus, "validation"))) == documents[:2]  # the first ones, as published
    assert list(read_documents(split_file(corpus, "train"))) == documents[2:first]
    commit = {"repository": "someone/text", "commit": COMMIT}
    assert facts["source"] == {"kind": "documents", **commit, "file": FILE, "first": first}
    build_tokenizer(TokenizerConfig(vocab_size=400), corpus, tokenizer)
    manifest = build_shards("own", corpus, tokenizer, shards, tokens_per_shard=1000, threads=1)
    assert manifest == verify_shards(shards)
    assert manifest.documents("train") == len(documents[2:first])
    assert manifest.raw_bytes("validation") == sum(len(text.encode()) for text in documents[:2])


def test_a_local_copy_needs_no_network(hub, documents, tmp_path):
    (tmp_path / "copy/datasets").mkdir(parents=True)
    (tmp_path / "copy" / FILE).write_bytes(lines(documents))
    local = fetch_text(source(hub, folder=str(tmp_path / "copy"), first=10), tmp_path / "unused")
    facts = build_corpus("own", local, RULE, tmp_path / "corpus")
    assert facts["splits"]["train"]["documents"] == 8
    assert facts["source"]["commit"] == "local"
    assert not hub.requests


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"file": "none.jsonl"}, r"has no file 'none.jsonl'; correct the dataset's source"),
        ({"revision": "v9"}, r"cannot give the file list of revision 'v9'"),
        ({"first": 61}, r"docs_selected.jsonl: has 60 documents, and source.first is 61"),
        ({"folder": "/nowhere"}, r"/nowhere/datasets/docs_selected.jsonl: is missing"),
    ],
)
def test_what_is_not_there_is_one_line(hub, tmp_path, change, message):
    with pytest.raises(InputError, match=message) as caught:
        build_corpus("own", fetch_text(source(hub, **change), tmp_path / "d", ONCE), RULE, tmp_path / "corpus")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "corpus").exists()


def test_documents_that_were_not_fetched_are_told(hub, tmp_path):
    with pytest.raises(InputError, match="repository 'someone/text': is not here"):
        build_corpus("own", source(hub), RULE, tmp_path / "corpus")
