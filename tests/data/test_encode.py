import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceTrainer

from tritgolf.data.corpus import SPLITS, build_corpus, split_file
from tritgolf.data.dataset import SplitConfig, TextSource
from tritgolf.data.encode import build_shards, cut, encode_documents
from tritgolf.data.loader import TokenStream, training_files, validation_tokens
from tritgolf.data.manifest import check_tokenizer, load_manifest, payload_digest, verify_shards
from tritgolf.data.text import read_documents
from tritgolf.data.tokenizer import load_tokenizer, save_tokenizer
from tritgolf.errors import InputError

TEXT = st.text(st.one_of(st.sampled_from(" \n\tabcXYZ019.,▁é\u0301"), st.characters(codec="utf-8")), max_size=60)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, documents):
    folder = tmp_path_factory.mktemp("encode")
    (folder / "text").mkdir()
    for index, text in enumerate(documents):
        (folder / "text" / f"{index:03d}.txt").write_text(text)
    source = TextSource(kind="text", files=(str(folder / "text"),))
    build_corpus("x", source, SplitConfig(fraction=0.3), folder / "corpus")
    return folder / "corpus"


def shards(corpus, tokenizer, folder, threads=1, tokens_per_shard=500):
    build_shards("x", corpus, tokenizer, folder, tokens_per_shard=tokens_per_shard, threads=threads)
    return folder


def test_shards_are_the_documents_each_beginning_with_bos(corpus, tokenizer, tmp_path):
    folder = shards(corpus, tokenizer, tmp_path / "shards")
    processor = load_tokenizer(tokenizer / "tokenizer.model")
    expected = {
        split: [
            token
            for text in read_documents(split_file(corpus, split))
            for token in [processor.bos_id(), *processor.encode(text)]
        ]
        for split in SPLITS
    }
    stream = TokenStream(training_files(folder), processor.vocab_size())
    assert stream.take(0, len(stream)).tolist() == expected["train"]
    assert validation_tokens(folder, 8).tolist() == expected["validation"]
    manifest = verify_shards(folder)
    assert {shard.tokens for shard in manifest.shards if shard.split == "train"} >= {500}
    for split in SPLITS:
        assert manifest.tokens(split) == len(expected[split])
        assert manifest.documents(split) == len(list(read_documents(split_file(corpus, split))))


def test_the_number_of_threads_changes_nothing(corpus, tokenizer, tmp_path):
    one, four = (shards(corpus, tokenizer, tmp_path / str(n), threads=n) for n in (1, 4))
    assert [path.name for path in sorted(one.iterdir())] == [path.name for path in sorted(four.iterdir())]
    for path in one.iterdir():
        assert path.read_bytes() == (four / path.name).read_bytes()
    assert payload_digest(load_manifest(one)) == payload_digest(load_manifest(four))


@settings(deadline=None)
@given(text=TEXT, part=st.integers(1, 9))
def test_a_document_encoded_in_parts_has_the_tokens_of_the_whole(tokenizer, text, part):
    processor = load_tokenizer(tokenizer / "tokenizer.model")
    assert "".join(cut(text, part)) == text
    (tokens,) = encode_documents(processor, [text], 1, part_characters=part)
    assert tokens.tolist() == [processor.bos_id(), *processor.encode(text)]


def test_a_vocabulary_with_pieces_across_spaces_is_given_whole_documents(tmp_path):
    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(["one two one two one two"] * 50),
        model_writer=model,
        vocab_size=30,
        model_type="bpe",
        split_by_whitespace=False,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    save_tokenizer(model.getvalue(), tmp_path / "tokenizer", origin="trained")
    processor = load_tokenizer(tmp_path / "tokenizer" / "tokenizer.model")
    text = "one two " * 30
    (tokens,) = encode_documents(processor, [text], 1, part_characters=10)
    assert tokens.tolist() == [processor.bos_id(), *processor.encode(text)]


def test_documents_are_read_only_as_they_are_needed(tokenizer):
    processor = load_tokenizer(tokenizer / "tokenizer.model")
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield "ten chars."

    batches = encode_documents(processor, endless(), 1, batch_characters=100)
    for number in range(1, 4):
        assert np.count_nonzero(next(batches) == processor.bos_id()) == 10
        assert taken == 10 * number


def test_a_long_document_is_in_several_batches(tokenizer):
    processor = load_tokenizer(tokenizer / "tokenizer.model")
    batches = encode_documents(processor, ["word " * 400], 1, batch_characters=100, part_characters=20)
    sizes = [len(tokens) for tokens in batches]
    assert len(sizes) > 10
    assert max(sizes) < 200


def test_a_tokenizer_that_does_not_match_the_shards_is_an_error(corpus, tokenizer, tmp_path):
    folder = shards(corpus, tokenizer, tmp_path / "shards")
    check_tokenizer(folder, tokenizer / "tokenizer.model")
    other = tmp_path / "other.model"
    other.write_bytes((tokenizer / "tokenizer.model").read_bytes() + b"\0")
    with pytest.raises(InputError, match=r"other.model: is not the tokenizer that made the shards"):
        check_tokenizer(folder, other)
    with pytest.raises(InputError, match="is missing"):
        check_tokenizer(folder, tmp_path / "none.model")


def test_damaged_inputs_leave_no_shards(corpus, tokenizer, tmp_path):
    save_tokenizer((tokenizer / "tokenizer.model").read_bytes(), tmp_path / "tokenizer", origin="x")
    with (tmp_path / "tokenizer" / "tokenizer.model").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(InputError, match="is not the model"):
        shards(corpus, tmp_path / "tokenizer", tmp_path / "shards")
    with pytest.raises(InputError, match=r"corpus.json: is missing"):
        shards(tmp_path, tokenizer, tmp_path / "shards")
    assert not (tmp_path / "shards").exists()
