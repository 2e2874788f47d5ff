import json

import numpy as np
import pytest
from hub_server import COMMIT, Hub, ignore_range, replace, status, truncate

from tritgolf.data import hub as module
from tritgolf.data.dataset import HubSource
from tritgolf.data.hub import Retry, fetch
from tritgolf.data.loader import TokenStream, training_files, validation_byte_counts, validation_tokens
from tritgolf.data.manifest import check_tokenizer, verify_shards
from tritgolf.data.published import build_published_dataset
from tritgolf.data.shards import write_shard
from tritgolf.data.tokenizer import load_tokenizer, load_tokenizer_facts
from tritgolf.errors import InputError

ONCE, TWICE = Retry(attempts=1, pause=0), Retry(attempts=2, pause=0)


pytestmark = pytest.mark.usefixtures("quick_hub")


@pytest.fixture(params=["dataset", "model"])
def kind(request):
    return request.param


@pytest.fixture
def hub(files, kind):
    server = Hub("someone/tokens", kind, dict(files))
    yield server
    server.close()


def source(hub, **change):
    return HubSource(
        **{
            "kind": "hub",
            "repository": hub.repository,
            "repository_type": hub.kind,
            "revision": "main",
            "train": "datasets/sp/fineweb_train_*.bin",
            "validation": "datasets/sp/fineweb_val_*.bin",
            "tokenizer": "tokenizers/t.model",
            "endpoint": hub.endpoint,
            **change,
        }
    )


def contents(hub, folder, found):
    """The fetched files by their names in the repo."""
    paths = [found.tokenizer, *found.shards["train"], *found.shards["validation"]]
    return {path.relative_to(folder / COMMIT).as_posix(): path.read_bytes() for path in paths}


def wanted(files):
    return {name: data for name, data in files.items() if name != "README.md"}


def test_what_the_source_names_is_downloaded_and_nothing_else(hub, files, tmp_path):
    found = fetch(source(hub), tmp_path, ONCE)
    assert contents(hub, tmp_path, found) == wanted(files)
    assert found.commit == COMMIT
    assert [path.name for path in found.shards["train"]] == ["fineweb_train_000000.bin", "fineweb_train_000001.bin"]
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".part" or path.name == "README.md"]
    before = len(hub.downloads())
    fetch(source(hub), tmp_path, ONCE)
    assert len(hub.downloads()) == before  # what is there is not asked for again


@pytest.mark.parametrize("kind", ["dataset"], indirect=True)
class TestFaults:
    """The second content request is the first training shard (11,024 bytes), then the others (7,024 and 1,224)."""

    def test_a_truncated_answer_is_gone_on_with(self, hub, files, tmp_path):
        hub.faults = [None, truncate(4000)]
        found = fetch(source(hub), tmp_path, ONCE)
        assert contents(hub, tmp_path, found) == wanted(files)
        assert ("/cdn/datasets/sp/fineweb_train_000000.bin", "bytes=4000-") in hub.requests

    def test_a_later_call_asks_for_what_an_earlier_one_lacks(self, hub, files, tmp_path):
        hub.faults = [None, truncate(4000), *[status(503)] * 20]
        with pytest.raises(InputError, match=r"fineweb_val_000000.bin .1224 bytes. and 2 more .HTTP 503"):
            fetch(source(hub), tmp_path, ONCE)
        seen, hub.faults = len(hub.requests), []
        found = fetch(source(hub), tmp_path, ONCE)
        assert contents(hub, tmp_path, found) == wanted(files)
        ranges = [asked for path, asked in hub.requests[seen:] if path.startswith("/cdn/")]
        assert ranges == [None] * 3  # of the file alone that was torn all is asked for again

    @pytest.mark.parametrize("code", [500, 502, 503, 504, 429])
    def test_a_passing_server_error_is_tried_again(self, hub, files, tmp_path, code):
        hub.list_faults = [status(code)]
        hub.faults = [None, status(code), None, status(code)]
        assert contents(hub, tmp_path, fetch(source(hub), tmp_path, TWICE)) == wanted(files)

    @pytest.mark.parametrize("code", [500, 503])
    def test_a_lasting_server_error_is_one_line(self, hub, tmp_path, code):
        hub.faults = [status(code)] * 20
        with pytest.raises(InputError, match=rf"cannot give tokenizers/t.model .*HTTP {code}.*source.folder") as caught:
            fetch(source(hub), tmp_path, TWICE)
        assert "\n" not in str(caught.value)

    def test_a_server_that_ignores_ranges_is_no_harm(self, hub, files, tmp_path):
        hub.faults = [None, truncate(4000), ignore_range]
        assert contents(hub, tmp_path, fetch(source(hub), tmp_path, TWICE)) == wanted(files)

    def test_other_content_of_the_right_size_is_found_by_its_digest(self, hub, files, tmp_path):
        data = files["datasets/sp/fineweb_val_000000.bin"]
        hub.faults = [None, None, None, replace(data[:-1] + b"\7")]
        assert contents(hub, tmp_path, fetch(source(hub), tmp_path, TWICE)) == wanted(files)
        hub.lfs_digests["datasets/sp/fineweb_val_000000.bin"] = "0" * 64
        with pytest.raises(InputError, match=r"fineweb_val_000000.bin .*does not have the digest sha256:0000"):
            fetch(source(hub), tmp_path / "other", TWICE)
        assert not list((tmp_path / "other" / COMMIT).rglob("fineweb_val*"))

    def test_a_small_file_is_checked_by_git_s_blob_id(self, hub, files, tmp_path):
        data = files["tokenizers/t.model"]
        hub.faults = [replace(data[:-1] + b"\7")]
        with pytest.raises(InputError, match=r"t.model .*does not have the digest git-sha1:"):
            fetch(source(hub), tmp_path, ONCE)
        assert contents(hub, tmp_path, fetch(source(hub), tmp_path, ONCE)) == wanted(files)

    def test_a_page_instead_of_a_list_is_one_line(self, hub, tmp_path):
        hub.list_faults = [replace(b"<html>please log in</html>")] * 2
        with pytest.raises(InputError, match="cannot give the file list of revision 'main'"):
            fetch(source(hub), tmp_path, TWICE)

    def test_a_full_disk_is_not_taken_for_a_fault_of_the_network(self, hub, tmp_path, monkeypatch):
        def full(*_, **__):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(module, "snapshot_download", full)
        with pytest.raises(OSError, match="No space left"):
            fetch(source(hub), tmp_path, TWICE)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"repository": "someone/else"}, r"dataset someone/else: cannot give the file list .*no such repo"),
            ({"revision": "v9"}, r"cannot give the file list of revision 'v9' \(HTTP 404"),
            ({"repository_type": "model"}, r"model someone/tokens: cannot give the file list"),
            ({"train": "datasets/other/*.bin"}, r"has no file 'datasets/other/\*.bin' \(train\)"),
            ({"tokenizer": "t.model"}, r"has no file 't.model' \(tokenizer\)"),
            ({"repository": "a/b/c"}, r"a/b/c"),
            ({"endpoint": "http://127.0.0.1:9"}, r"http://127.0.0.1:9 dataset .*source.folder to a local copy"),
        ],
    )
    def test_what_is_not_there_is_one_line(self, hub, tmp_path, change, message):
        with pytest.raises(InputError, match=message) as caught:
            fetch(source(hub, **change), tmp_path, TWICE)
        assert "\n" not in str(caught.value)

    def test_a_name_that_leaves_the_folder_is_not_taken(self, hub, tmp_path):
        hub.files["datasets/sp/fineweb_train_/../../../../evil.bin"] = b"x"
        found = fetch(source(hub), tmp_path / "download", ONCE)
        assert len(found.shards["train"]) == 2
        assert not list(tmp_path.rglob("evil.bin"))


@pytest.mark.parametrize("kind", ["dataset"], indirect=True)
def test_a_published_dataset_becomes_one_of_ours(hub, tokenizer, tmp_path):
    manifest = build_published_dataset(
        "x", source(hub), tmp_path / "download", tmp_path / "tokenizer", tmp_path / "shards"
    )
    assert manifest == verify_shards(tmp_path / "shards")
    assert manifest.files("train") == ["train_000000.bin", "train_000001.bin"]
    assert manifest.files("validation") == ["val_000000.bin"]
    assert manifest.origin["commit"] == COMMIT
    assert manifest.raw_bytes("validation") is None
    assert manifest.origin["raw_bytes"] == "not known: source.documents does not say where the text is"
    assert [shard.documents for shard in manifest.shards] == [17, 10, 1]  # how often the counting passes 1
    assert load_tokenizer_facts(tmp_path / "tokenizer")["digest"] == manifest.tokenizer_digest
    check_tokenizer(tmp_path / "shards", tokenizer / "tokenizer.model")
    stream = TokenStream(training_files(tmp_path / "shards"), manifest.vocab_size)
    assert stream.take(4990, 20).tolist() == [position % 300 for position in range(4990, 5010)]
    assert validation_tokens(tmp_path / "shards", context=49).tolist() == [0, 1, 2, *range(4, 101)]


def test_a_local_copy_needs_no_network(files, tmp_path):
    for name, data in files.items():
        path = tmp_path / "copy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    local = HubSource(
        kind="hub",
        repository="a/b",
        revision="main",
        train="datasets/sp/fineweb_train_*.bin",
        validation="datasets/sp/fineweb_val_*.bin",
        tokenizer="tokenizers/t.model",
        endpoint="http://127.0.0.1:9",
        folder=str(tmp_path / "copy"),
    )
    folders = (tmp_path / "download", tmp_path / "tokenizer", tmp_path / "shards")
    manifest = build_published_dataset("x", local, *folders)
    assert (manifest.tokens("train"), manifest.tokens("validation")) == (8000, 100)
    assert manifest.origin["commit"] == "local"
    with pytest.raises(InputError, match=r"nowhere: has no file"):
        build_published_dataset("x", local.model_copy(update={"folder": str(tmp_path / "nowhere")}), *folders)


@pytest.mark.parametrize("damage", [lambda data: data[:-2], lambda data: b"\0" + data[1:]])
def test_a_published_shard_that_is_no_shard_leaves_no_dataset(files, tmp_path, damage):
    server = Hub("someone/tokens", "dataset", dict(files))
    name = "datasets/sp/fineweb_train_000001.bin"
    server.files[name] = damage(files[name])
    try:
        with pytest.raises(InputError, match=r"train_000001.bin: (is cut short|is not a shard)"):
            build_published_dataset(
                "x", source(server), tmp_path / "download", tmp_path / "tokenizer", tmp_path / "shards"
            )
    finally:
        server.close()
    assert not (tmp_path / "shards").exists()


def test_sidecars_that_a_repo_ships_are_read_not_taken_for_shards(files, tmp_path):
    counts = np.arange(100) % 7
    write_shard(tmp_path / "counts.bin", counts)
    name = "datasets/sp/fineweb_val_bytes_000000.bin"  # which the validation pattern matches too
    server = Hub("someone/tokens", "dataset", files | {name: (tmp_path / "counts.bin").read_bytes()})
    folders = (tmp_path / "download", tmp_path / "tokenizer", tmp_path / "shards")
    try:
        manifest = build_published_dataset("x", source(server), *folders)
        narrow = source(server, validation="datasets/sp/fineweb_val_0*.bin")
        assert build_published_dataset("x", narrow, *folders).shards == manifest.shards
        server.files["datasets/sp/fineweb_lone_bytes_000000.bin"] = server.files[name]
        lone = source(server, validation="datasets/sp/fineweb_lone*.bin")
        with pytest.raises(InputError, match=r"lone_bytes_000000.bin: is a sidecar of byte counts by its name"):
            build_published_dataset("x", lone, tmp_path / "other", *folders[1:])  # a commit's files never change
    finally:
        server.close()
    assert manifest.files("validation") == ["val_000000.bin"]
    assert validation_byte_counts(tmp_path / "shards").tolist() == counts.tolist()
    assert manifest.origin["raw_bytes"] == "sidecars of the repository"
    verify_shards(tmp_path / "shards")


class TestDocuments:
    """Raw bytes out of the first documents of a published file, where they prove to be the text of the shards."""

    texts = ("One document,  with\tspaces.", "Another: Café ½.", "And a third one, again and again.", "Not validation.")

    @pytest.fixture
    def repos(self, tokenizer, tmp_path, monkeypatch):
        monkeypatch.setattr("tritgolf.data.documents.RANGE", 50)
        processor = load_tokenizer(tokenizer / "tokenizer.model")
        tokens = [token for text in self.texts[:3] for token in [processor.bos_id(), *processor.encode(text)]]
        write_shard(tmp_path / "train.bin", np.arange(500) % 300)
        write_shard(tmp_path / "val_0.bin", np.array(tokens[:20]))
        write_shard(tmp_path / "val_1.bin", np.array(tokens[20:]))
        names = {"train": "train_000000", "val_0": "val_000000", "val_1": "val_000001"}
        published = {
            f"datasets/sp/fineweb_{new}.bin": (tmp_path / f"{old}.bin").read_bytes() for old, new in names.items()
        }
        published["tokenizers/t.model"] = (tokenizer / "tokenizer.model").read_bytes()
        lines = "".join(json.dumps({"text": text}) + "\n" for text in self.texts)
        tokens_hub = Hub("someone/tokens", "dataset", published)
        text_hub = Hub("someone/text", "dataset", {"docs.jsonl": lines.encode() + b"x" * 500})
        yield tokens_hub, text_hub
        tokens_hub.close()
        text_hub.close()

    def build(self, repos, tmp_path, first=3, **change):
        tokens_hub, text_hub = repos
        documents = {"repository": "someone/text", "revision": "main", "file": "docs.jsonl", "first": first}
        documents |= {"endpoint": text_hub.endpoint} | change
        folders = (tmp_path / "download", tmp_path / "tokenizer", tmp_path / "shards")
        return build_published_dataset("x", source(tokens_hub, documents=documents), *folders)

    def test_a_prefix_is_streamed_and_its_bytes_are_counted(self, repos, tmp_path):
        repos[1].faults = [None, status(503), truncate(10)]
        manifest = self.build(repos, tmp_path)
        assert manifest == verify_shards(tmp_path / "shards")
        assert manifest.raw_bytes("validation") == sum(len(text.encode()) for text in self.texts[:3])
        assert "the first 3 documents of someone/text" in manifest.origin["raw_bytes"]
        asked = [wanted for path, wanted in repos[1].downloads()]
        assert asked[0] == "bytes=0-49"
        assert max(int(wanted.split("-")[1]) for wanted in asked) < 300  # not the 500 bytes behind them
        before = len(repos[1].downloads())
        self.build(repos, tmp_path)
        assert len(repos[1].downloads()) == before

    @pytest.mark.parametrize("first", [2, 1])
    def test_too_few_documents_are_not_the_text(self, repos, tmp_path, first, capfd):
        manifest = self.build(repos, tmp_path, first)
        assert manifest.raw_bytes("validation") is None
        assert "are not the text of the shards: the shards have" in manifest.origin["raw_bytes"]
        assert "warning: raw bytes of the validation text not known" in capfd.readouterr().err

    def test_other_documents_are_not_the_text(self, repos, tmp_path):
        repos[1].files["docs.jsonl"] = repos[1].files["docs.jsonl"].replace(b"Another", b"Other")
        manifest = self.build(repos, tmp_path)
        assert manifest.raw_bytes("validation") is None
        assert "of the documents" in manifest.origin["raw_bytes"]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"file": "none.jsonl"}, r"has no file 'none.jsonl'; correct the dataset's source"),
            ({"first": 6}, r"docs.jsonl: has 5 documents, and source.documents.first is 6"),
            ({"endpoint": "http://127.0.0.1:9"}, r"cannot give the file list"),
            ({"folder": "/nowhere"}, r"/nowhere/docs.jsonl: is missing"),
        ],
    )
    def test_what_is_not_there_is_one_line(self, repos, tmp_path, change, message):
        with pytest.raises(InputError, match=message) as caught:
            self.build(repos, tmp_path, **change)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "shards").exists()

    def test_a_server_without_ranges_is_told(self, repos, tmp_path):
        repos[1].faults = [ignore_range]
        with pytest.raises(InputError, match="does not serve parts of a file"):
            self.build(repos, tmp_path)

    def test_a_local_copy_of_the_documents(self, repos, tmp_path):
        (tmp_path / "docs.jsonl").write_bytes(repos[1].files["docs.jsonl"])
        manifest = self.build(repos, tmp_path, folder=str(tmp_path))
        assert manifest.raw_bytes("validation") == sum(len(text.encode()) for text in self.texts[:3])
        assert not repos[1].requests
