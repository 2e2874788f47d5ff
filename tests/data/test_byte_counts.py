import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceTrainer

from tests.data.conftest import write_documents
from tritgolf.data.byte_counts import (
    MOST,
    capped,
    check_counts,
    check_tokens,
    fill_up,
    is_sidecar,
    open_sidecar,
    sidecar_path,
)
from tritgolf.data.corpus import build_corpus
from tritgolf.data.dataset import TextSource, TokenizerConfig
from tritgolf.data.encode import build_shards
from tritgolf.data.loader import validation_byte_counts, validation_tokens
from tritgolf.data.manifest import load_manifest, payload_digest, read_manifest, validation_digest, verify_shards
from tritgolf.data.shards import write_shard
from tritgolf.data.tokenizer import build_tokenizer
from tritgolf.errors import InputError

WHITE = " " * 70_000  # more bytes than a sidecar can give to one token


@pytest.fixture(scope="module")
def shards(tmp_path_factory, tokenizer):
    """Shards of validation text with everything that a normalizer changes; the last document is mostly white space."""
    folder = tmp_path_factory.mktemp("counted")
    texts = ["one\r\ntwo   three", "½ ﬁne Café", "  ", f"a{WHITE}b and on and on and on", f"x{WHITE}"]
    write_documents(folder / "val.jsonl", [*texts[:2], *texts[3:]])
    write_documents(folder / "train.jsonl", ["to train on " * 9])
    held = TextSource(kind="text", files=(str(folder / "train.jsonl"),), validation_files=(str(folder / "val.jsonl"),))
    build_corpus("x", held, None, folder / "corpus")
    build_shards("x", folder / "corpus", tokenizer, folder / "shards", tokens_per_shard=16, threads=1)
    return folder / "shards"


def test_every_byte_of_the_text_is_in_the_sidecars(shards):
    counts, tokens = validation_byte_counts(shards), validation_tokens(shards, 4)
    raw = json.loads((shards.parent / "corpus" / "corpus.json").read_text())["splits"]["validation"]["bytes"]
    assert raw > 140_000
    assert counts.dtype == np.uint16
    assert (len(counts), int(counts.sum(dtype=np.int64))) == (len(tokens), raw)
    assert counts.max() == MOST  # carried on to the tokens behind it, and back from the end of the text
    facts = json.loads((shards / "manifest.json").read_text())
    assert facts["totals"]["validation"]["raw_bytes"] == raw
    assert "raw_bytes" not in facts["totals"]["train"]


def test_the_manifest_lists_the_sidecars_of_validation_shards_alone(shards):
    manifest = verify_shards(shards)
    assert len(manifest.of("validation")) > 1
    for shard in manifest.of("validation"):
        assert shard.byte_counts.file == sidecar_path(shard.file).name
        assert len(open_sidecar(shards / shard.byte_counts.file, shard.tokens)) == shard.tokens
    assert {shard.byte_counts for shard in manifest.of("train")} == {None}
    assert sorted(path.name for path in shards.glob("*bytes*")) == [
        shard.byte_counts.file for shard in manifest.of("validation")
    ]


def test_what_training_reads_is_the_same_with_and_without(shards):
    with_counts = read_manifest(shards)
    without = with_counts.model_copy(
        update={"shards": tuple(shard.model_copy(update={"byte_counts": None}) for shard in with_counts.shards)}
    )
    assert payload_digest(with_counts) == payload_digest(without)
    assert validation_digest(with_counts) != validation_digest(without)
    assert without.raw_bytes("validation") is None


@pytest.mark.parametrize("how", ["cut", "lost", "other"])
def test_sidecars_that_are_not_what_the_manifest_says_are_told(shards, tmp_path, how):
    shutil.copytree(shards, tmp_path / "shards")
    sidecar = tmp_path / "shards" / "val_bytes_000000.bin"
    if how == "cut":
        write_shard(sidecar, np.ones(15, np.uint16))
    elif how == "lost":
        sidecar.unlink()
    else:
        sidecar.write_bytes(sidecar.read_bytes()[:-2] + b"\1\2")
    with pytest.raises(InputError, match=r"val_bytes_000000\.bin"):
        (verify_shards if how == "other" else load_manifest)(tmp_path / "shards")


@given(st.lists(st.integers(0, 3 * MOST), max_size=8), st.integers(0, 2 * MOST))
def test_no_byte_is_lost_where_a_token_has_more_than_it_can_hold(counts, carried):
    sizes, left = capped(np.array(counts, np.int64), carried)
    assert int(sizes.sum(dtype=np.int64)) + left == sum(counts) + carried
    found = sizes.copy()
    over = fill_up(found, left)
    assert int(found.sum(dtype=np.int64)) + over == sum(counts) + carried
    assert over == 0 or (found == MOST).all()


@pytest.mark.parametrize(
    ("shard", "sidecar"),
    [
        ("val_000000.bin", "val_bytes_000000.bin"),
        ("a/fineweb_val_000012.bin", "a/fineweb_val_bytes_000012.bin"),
        ("val.bin", "val_bytes.bin"),
    ],
)
def test_the_name_of_a_sidecar(shard, sidecar):
    assert sidecar_path(shard).as_posix() == sidecar
    assert is_sidecar(sidecar)
    assert not is_sidecar(shard)


@pytest.mark.parametrize("name", ["folder", "val_000000.bin.part", "val.BIN", ".bin", "val_000000"])
def test_no_file_is_its_own_sidecar(name):
    """It would be passed over as one."""
    assert sidecar_path(name).name != name


def test_byte_counts_are_not_taken_for_tokens(tmp_path):
    write_shard(tmp_path / "val_000000.bin", np.arange(2000) % 1000)
    check_tokens(tmp_path / "val_000000.bin", 1000)
    write_shard(tmp_path / "val_bytes_000000.bin", np.arange(2000) % 1000)
    with pytest.raises(InputError, match="is a sidecar of byte counts by its name"):
        check_tokens(tmp_path / "val_bytes_000000.bin", 1000)
    write_shard(tmp_path / "counts.bin", np.arange(2000) % 17)
    with pytest.raises(InputError, match="holds byte counts, it seems, not tokens: 0 of 2000 values are above"):
        check_tokens(tmp_path / "counts.bin", 1000)
    check_tokens(tmp_path / "counts.bin", 100)  # so small a vocabulary has no larger tokens


def test_tokens_are_not_taken_for_byte_counts(tmp_path):
    write_shard(tmp_path / "val_bytes_000000.bin", np.arange(2000) % 17)
    check_counts(tmp_path / "val_bytes_000000.bin")
    write_shard(tmp_path / "val_bytes_000000.bin", np.arange(2000) % 300)
    with pytest.raises(InputError, match=r"bytes_000000.bin: holds tokens, it seems, not byte counts: \d+ of 2000"):
        check_counts(tmp_path / "val_bytes_000000.bin")
    write_shard(tmp_path / "val_bytes_000000.bin", np.zeros(2000))
    with pytest.raises(InputError, match="counts no byte at all"):
        check_counts(tmp_path / "val_bytes_000000.bin")


@pytest.mark.parametrize("last", ["three one two", "one 2"])
def test_validation_text_that_the_tokenizer_does_not_know_is_told_before_any_training(tmp_path, last):
    """Its bytes can't be counted: that must not come out only when the trained model is scored."""
    model = tmp_path / "own.model"
    with model.open("wb") as file:
        SentencePieceTrainer.train(
            sentence_iterator=iter(["one two three"] * 9), model_writer=file, vocab_size=30, hard_vocab_limit=False
        )
    write_documents(tmp_path / "train.jsonl", ["one two 3"])
    write_documents(tmp_path / "val.jsonl", ["one two", last])
    files = {"files": (str(tmp_path / "train.jsonl"),), "validation_files": (str(tmp_path / "val.jsonl"),)}
    build_corpus("x", TextSource(kind="text", **files), None, tmp_path / "corpus")
    build_tokenizer(TokenizerConfig(model=str(model)), tmp_path / "corpus", tmp_path / "tokenizer")
    folders = (tmp_path / "corpus", tmp_path / "tokenizer", tmp_path / "shards")
    if "2" in last:
        with pytest.raises(InputError, match=r"validation text: has 1 tokens of \d+ that its tokenizer doesn't know"):
            build_shards("x", *folders, tokens_per_shard=16, threads=1)
    else:
        assert build_shards("x", *folders, tokens_per_shard=16, threads=1).raw_bytes("validation") == 20
