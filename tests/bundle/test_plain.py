"""The contest's folder of shards: no manifest, names of the published files."""

import pytest

from tritgolf.bundle.plain import with_manifest
from tritgolf.data.manifest import load_manifest, verify_shards
from tritgolf.errors import InputError


@pytest.fixture
def plain(dataset, tmp_path):
    """The shards of ``dataset`` as the contest has them."""
    folder = tmp_path / "fineweb"
    folder.mkdir()
    for facts in load_manifest(dataset / "shards").shards:
        (folder / f"fineweb_{facts.file}").symlink_to(dataset / "shards" / facts.file)
    return folder


def test_it_becomes_a_folder_of_ours_of_links(dataset, plain, tmp_path):
    tokenizer, own = dataset / "tokenizer" / "tokenizer.model", load_manifest(dataset / "shards")
    made = with_manifest(plain, tokenizer, own.vocab_size, tmp_path / "links")
    manifest = verify_shards(made)
    assert made == tmp_path / "links" and all((made / shard.file).is_symlink() for shard in manifest.shards)
    assert [shard.digest for shard in manifest.of("train")] == [shard.digest for shard in own.of("train")]
    assert manifest.tokens("validation") == own.tokens("validation")
    assert (manifest.tokenizer_digest, manifest.raw_bytes("validation")) == (own.tokenizer_digest, None)


def test_one_of_ours_is_taken_as_it_is_and_one_of_neither_is_told_later(dataset, tmp_path):
    for folder in (dataset / "shards", tmp_path):
        assert with_manifest(folder, tmp_path / "none", 300, tmp_path / "links") == folder
    assert not (tmp_path / "links").exists()


def test_a_token_of_another_vocabulary_is_told(dataset, plain, tmp_path):
    with pytest.raises(InputError, match=rf"^{plain}/fineweb_train_000000\.bin: has token \d+"):
        with_manifest(plain, dataset / "tokenizer" / "tokenizer.model", 5, tmp_path / "links")
    assert not (tmp_path / "links").exists()
