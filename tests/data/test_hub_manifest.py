"""Shards that a repo's own manifest lists: a prefix of them, of one commit."""

import json

import pytest
from hub_server import COMMIT, Hub, status

from tritgolf.data.dataset import HubSource
from tritgolf.data.hub import Retry, fetch
from tritgolf.data.manifest import verify_shards
from tritgolf.data.published import build_published_dataset
from tritgolf.errors import InputError

pytestmark = pytest.mark.usefixtures("quick_hub")
ONCE = Retry(attempts=1, pause=0)
OTHER = "decade" * 6 + "abcd"
MANIFEST = {
    "num_docs": 27,  # what is not used is no mistake
    "datasets": [
        {"name": "sp400", "tokenizer_name": "bpe_400", "stats": {"files_train": 2, "files_val": 1, "tokens_val": 100}},
        {"name": "byte260", "tokenizer_name": "bytes", "stats": {"files_train": 1, "files_val": 1}},
    ],
    "tokenizers": [
        {"name": "bpe_400", "model_path": "tokenizers/t.model", "vocab_path": "tokenizers/t.vocab"},
        {"name": "bytes", "path": "tokenizers/bytes.json"},
    ],
}


@pytest.fixture
def hub(files):
    """The small repo as the contest's download script expects one: all below ``datasets/``, with a manifest."""
    moved = {name.replace("datasets/sp/", "datasets/sp400/"): data for name, data in files.items()}
    server = Hub("someone/tokens", "dataset", {f"datasets/{name}": data for name, data in moved.items()})
    write(server, MANIFEST)
    yield server
    server.close()


def write(server, manifest):
    server.files["datasets/manifest.json"] = json.dumps(manifest).encode()


def source(hub, **change):
    where = {"repository": hub.repository, "revision": "main", "endpoint": hub.endpoint}
    return HubSource(**{"kind": "hub", **where, "manifest": "datasets/manifest.json", "dataset": "sp400", **change})


def names(paths, root):
    return [path.relative_to(root / COMMIT).as_posix() for path in paths]


def test_the_manifest_says_which_files(hub, tmp_path):
    found = fetch(source(hub), tmp_path, ONCE)
    shards = [f"datasets/datasets/sp400/fineweb_{name}.bin" for name in ("train_000000", "train_000001", "val_000000")]
    assert names(found.shards["train"] + found.shards["validation"], tmp_path) == shards
    assert names([found.tokenizer], tmp_path) == ["datasets/tokenizers/t.model"]
    assert all(
        path.read_bytes() == hub.files[path.relative_to(tmp_path / COMMIT).as_posix()]
        for path in [*found.shards["train"], found.tokenizer]
    )
    asked = len(hub.downloads())
    fetch(source(hub), tmp_path, ONCE)
    assert len(hub.downloads()) == asked


def test_a_prefix_of_the_training_shards_is_all_that_is_downloaded(hub, tmp_path):
    del hub.files["datasets/datasets/sp400/fineweb_train_000001.bin"]  # nor is more of them asked for
    folders = (tmp_path / "download", tmp_path / "tokenizer", tmp_path / "shards")
    manifest = build_published_dataset("x", source(hub, train_shards=1), *folders)
    assert manifest == verify_shards(tmp_path / "shards")
    assert (manifest.tokens("train"), manifest.tokens("validation")) == (5000, 100)
    with pytest.raises(InputError, match=r"has no file '.*fineweb_train_000001.bin' \(train\)"):
        fetch(source(hub), tmp_path / "all", ONCE)


def test_a_prefix_of_shards_that_a_pattern_names(hub, tmp_path):
    patterns = {
        "train": "datasets/datasets/sp400/fineweb_train_*.bin",
        "validation": "datasets/datasets/sp400/fineweb_val_*.bin",
        "tokenizer": "datasets/tokenizers/t.model",
    }
    found = fetch(source(hub, manifest=None, dataset=None, **patterns, train_shards=1), tmp_path, ONCE)
    assert names(found.shards["train"], tmp_path) == ["datasets/datasets/sp400/fineweb_train_000000.bin"]


def test_a_local_copy_has_a_manifest_too(hub, tmp_path):
    for name, data in hub.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    found = fetch(source(hub, folder=str(tmp_path), train_shards=1), tmp_path / "unused")
    assert [path.name for path in found.shards["train"]] == ["fineweb_train_000000.bin"]
    assert not hub.requests


def test_a_download_that_stopped_goes_on_with_its_commit_when_the_branch_has_moved(hub, tmp_path):
    hub.faults = [None, None, *[status(404)] * 9]  # manifest, tokenizer; then shards
    with pytest.raises(InputError, match=r"cannot give .*fineweb_val_000000.bin"):
        fetch(source(hub), tmp_path, ONCE)
    hub.faults, hub.main = [], OTHER
    assert fetch(source(hub), tmp_path, ONCE).commit == COMMIT
    with pytest.raises(InputError, match=r"cannot give datasets/manifest.json"):  # nobody noted a commit there
        fetch(source(hub), tmp_path / "other", ONCE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_shards": 3}, r"has 2 training shards, and source.train_shards is 3; ask for 2 or fewer"),
        ({"dataset": "sp999"}, r"manifest.json: has no dataset 'sp999'; name one of byte260, sp400 in source.dataset"),
        ({"dataset": "byte260"}, r"byte260 has the tokenizer 'bytes', of which there is no SentencePiece model"),
        ({"manifest": "manifest.json"}, r"has no file 'manifest.json' \(manifest\)"),
    ],
)
def test_what_the_manifest_does_not_have_is_one_line(hub, tmp_path, change, message):
    with pytest.raises(InputError, match=message) as caught:
        fetch(source(hub, **change), tmp_path, ONCE)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.bin"))


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ([], r"manifest.json: is no manifest of published shards"),
        ({"datasets": []}, r"manifest.json: tokenizers: is missing"),
        ({**MANIFEST, "datasets": [{"name": "sp400", "tokenizer_name": "t", "stats": {"files_train": "many"}}]},
         r"manifest.json: datasets.0.stats.files_train: 'many' is not a whole number"),
        ({**MANIFEST, "datasets": [{**MANIFEST["datasets"][0], "stats": {"files_train": 10**9, "files_val": 1}}]},
         r"files_train: 1000000000: Input should be less than"),
        ({**MANIFEST, "tokenizers": [{"name": "bpe_400", "model_path": "../../evil.model"}]},
         r"has no file 'datasets/../../evil.model' \(tokenizer\)"),
    ],
)  # fmt: skip
def test_a_manifest_that_is_none_is_one_line(hub, tmp_path, manifest, message):
    write(hub, manifest)
    hub.files["datasets/../../evil.model"] = b"x"
    with pytest.raises(InputError, match=message) as caught:
        fetch(source(hub), tmp_path / "download", ONCE)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("evil.model"))
