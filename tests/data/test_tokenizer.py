import json

import pytest

from tritgolf.data.dataset import TokenizerConfig
from tritgolf.data.tokenizer import (
    build_tokenizer,
    load_tokenizer,
    load_tokenizer_facts,
    save_tokenizer,
    train_tokenizer,
)
from tritgolf.errors import InputError
from tritgolf.files import digest_file


@pytest.fixture
def corpus(tmp_path, documents):
    """A corpus folder with its training split alone (plain text would do, but a corpus is compressed)."""
    zstandard = pytest.importorskip("zstandard")
    lines = "".join(json.dumps({"text": text}) + "\n" for text in documents).encode()
    (tmp_path / "train.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(lines))
    return tmp_path


def test_the_options_are_the_specification_s(tokenizer):
    processor = load_tokenizer(tokenizer / "tokenizer.model")
    assert [processor.pad_id(), processor.bos_id(), processor.eos_id(), processor.unk_id()] == [0, 1, 2, 3]
    assert all(processor.is_byte(token) for token in range(4, 260))
    pieces = [processor.id_to_piece(token) for token in range(260, processor.vocab_size())]
    assert not [piece for piece in pieces if sum(letter.isdigit() for letter in piece) > 1]  # digits are split
    assert processor.encode("The", out_type=str)[0] != "▁"  # no dummy prefix
    assert processor.decode(processor.encode("  two   spaces \n")) == "two spaces"  # extra whitespace removed
    assert processor.decode(processor.encode("ﬁ ①")) == "fi 1"  # NFKC
    assert processor.decode(processor.encode("unseen 漢字 ☃")) == "unseen 漢字 ☃"  # byte fallback


def test_training_is_deterministic_and_reads_no_more_than_asked(corpus):
    documents = corpus / "train.jsonl.zst"
    assert train_tokenizer(documents, 350, 10**6) == train_tokenizer(documents, 350, 10**6)
    assert train_tokenizer(documents, 320, 200) != train_tokenizer(documents, 320, 10**6)


def test_a_trained_tokenizer_is_described(corpus):
    facts = build_tokenizer(TokenizerConfig(vocab_size=350), corpus, corpus / "tokenizer")
    assert facts == load_tokenizer_facts(corpus / "tokenizer")
    assert facts["digest"] == digest_file(corpus / "tokenizer" / "tokenizer.model")
    assert (facts["origin"], facts["requested_vocab_size"], facts["vocab_size"]) == ("trained", 350, 350)


def test_a_soft_limit_that_is_not_reached_is_told(corpus):
    facts = build_tokenizer(TokenizerConfig(vocab_size=5000), corpus, corpus / "tokenizer")
    assert facts["requested_vocab_size"] == 5000
    assert 260 < facts["vocab_size"] < 5000


def test_an_existing_tokenizer_is_taken_as_it_is(tokenizer, tmp_path):
    config = TokenizerConfig(model=str(tokenizer / "tokenizer.model"))
    facts = build_tokenizer(config, tmp_path, tmp_path / "mine")
    assert facts["requested_vocab_size"] is None
    assert facts["origin"] == "tokenizer.model"
    assert facts["digest"] == digest_file(tokenizer / "tokenizer.model")


def test_an_impossible_vocabulary_is_an_error(corpus):
    with pytest.raises(
        InputError, match=r"tokenizer.vocab_size: 200: cannot be trained on this text \(.*200 vs 309"
    ) as caught:
        build_tokenizer(TokenizerConfig(vocab_size=200), corpus, corpus / "tokenizer")
    assert "\n" not in str(caught.value)
    assert not (corpus / "tokenizer").exists()


@pytest.mark.parametrize("data", [b"", b"not a model", b"\x0a\x03\x0a\x01a"])
def test_what_is_no_model_is_an_error_and_leaves_nothing(tmp_path, data):
    with pytest.raises(InputError, match=r"tokenizer.model: "):
        save_tokenizer(data, tmp_path / "tokenizer", origin="x")
    assert not (tmp_path / "tokenizer").exists()


def test_a_missing_model_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"no.model: is missing; give the path"):
        build_tokenizer(TokenizerConfig(model=str(tmp_path / "no.model")), tmp_path, tmp_path / "tokenizer")


def test_a_model_that_its_facts_do_not_describe_is_an_error(corpus):
    build_tokenizer(TokenizerConfig(vocab_size=350), corpus, corpus / "tokenizer")
    with (corpus / "tokenizer" / "tokenizer.model").open("ab") as file:
        file.write(b"\x00")
    with pytest.raises(InputError, match=r"is not the model that its tokenizer.json describes"):
        load_tokenizer_facts(corpus / "tokenizer")
