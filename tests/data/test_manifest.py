import json

import numpy as np
import pytest

from tritgolf.data.manifest import Manifest, load_manifest, payload_digest, shard_facts, verify_shards, write_manifest
from tritgolf.data.shards import ShardWriter
from tritgolf.errors import InputError


@pytest.fixture
def folder(tmp_path):
    """Two training shards of one document and a half each, one validation shard."""
    facts = []
    for split, prefix, tokens in (("train", "train", [1, 5, 6, 1, 7, 8]), ("validation", "val", [1, 9])):
        with ShardWriter(tmp_path, prefix, 4) as writer:
            writer.add(np.array(tokens))
        facts += [shard_facts(path, split, vocab_size=10, bos_id=1) for path in writer.paths]
    manifest = Manifest(
        dataset="x", tokenizer_digest="sha256:0", vocab_size=10, bos_id=1, origin={}, shards=tuple(facts)
    )
    write_manifest(tmp_path, manifest)
    return tmp_path


def edit(folder, change):
    path = folder / "manifest.json"
    raw = json.loads(path.read_text())
    change(raw)
    path.write_text(json.dumps(raw))


def test_a_manifest_counts_documents_and_tokens(folder):
    manifest = verify_shards(folder)
    assert manifest.files("train") == ["train_000000.bin", "train_000001.bin"]
    assert [shard.documents for shard in manifest.shards] == [2, 0, 1]
    assert [shard.bytes for shard in manifest.shards] == [1032, 1028, 1028]
    assert json.loads((folder / "manifest.json").read_text())["totals"] == {
        "train": {"documents": 2, "tokens": 6},
        "validation": {"documents": 1, "tokens": 2},
    }


def test_the_payload_digest_is_of_what_is_read(folder):
    before = load_manifest(folder)
    edit(folder, lambda raw: raw.update(dataset="renamed", origin={"made": "elsewhere"}))
    assert payload_digest(load_manifest(folder)) == payload_digest(before)
    edit(folder, lambda raw: raw["shards"].reverse())
    edit(folder, lambda raw: raw["shards"][0].update(digest="sha256:1"))
    assert payload_digest(load_manifest(folder)) != payload_digest(before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw.update(schema="tritgolf/shards/9"), "is not of the schema"),
        (lambda raw: raw.pop("vocab_size"), "vocab_size"),
        (lambda raw: raw.update(extra=1), "extra: unknown key"),
        (lambda raw: raw["shards"][0].update(tokens=-1), "tokens: -1"),
        (lambda raw: raw["shards"][0].update(file="../train_000000.bin"), "impossible name"),
        (lambda raw: raw["shards"][0].update(bytes=1033), "impossible name or size"),
        (lambda raw: raw["shards"][0].update(tokens=5, bytes=1034), "has another token count"),
        (lambda raw: raw["shards"][0].update(file="train_000009.bin"), r"train_000009.bin: is missing"),
    ],
)
def test_a_manifest_that_is_wrong_is_an_error(folder, change, message):
    edit(folder, change)
    with pytest.raises(InputError, match=message):
        load_manifest(folder)


def test_a_changed_shard_is_found_by_its_digest(folder):
    path = folder / "train_000001.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    load_manifest(folder)
    with pytest.raises(InputError, match=r"train_000001.bin: does not have the digest of its manifest"):
        verify_shards(folder)


def test_a_missing_manifest_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"manifest.json: is missing"):
        load_manifest(tmp_path)
