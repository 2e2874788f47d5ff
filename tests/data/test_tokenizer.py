import json
import re
from itertools import pairwise

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from tritgolf.data.corpus import split_file
from tritgolf.data.dataset import TokenizerConfig
from tritgolf.data.spaces import SPACE
from tritgolf.data.tokenizer import (
    build_tokenizer,
    load_tokenizer,
    load_tokenizer_facts,
    save_tokenizer,
    train_tokenizer,
)
from tritgolf.data.training_text import MAX_LINE_BYTES, TrainingText, cut_line
from tritgolf.errors import InputError
from tritgolf.files import digest_file


def corpus_of(folder, documents):
    """A corpus folder with its training split alone (plain text would do, but a corpus is compressed)."""
    lines = "".join(json.dumps({"text": text}) + "\n" for text in documents).encode()
    (folder / "train.jsonl.zst").write_bytes(zstandard.compress(lines))
    return folder


@pytest.fixture
def corpus(tmp_path, documents):
    """The documents as a corpus."""
    return corpus_of(tmp_path, documents)


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


def test_a_vocabulary_that_the_text_does_not_give_is_an_error(corpus):
    with pytest.raises(InputError, match=r"tokenizer.vocab_size: 5000: this text gives \d+ pieces, no more") as caught:
        build_tokenizer(TokenizerConfig(vocab_size=5000), corpus, corpus / "tokenizer")
    assert not (corpus / "tokenizer").exists()
    told = int(re.search(r"put (\d+) in both the dataset's tokenizer.vocab_size and the", str(caught.value))[1])
    facts = build_tokenizer(TokenizerConfig(vocab_size=told), corpus, corpus / "tokenizer")
    assert facts["vocab_size"] == told


SPACELESS = {
    "none": "12\n345\n6789\n" * 30,  # spaces of the text to encode are its line ends
    "rare": "a b\n" + "abcdefgh" * 5000,
}


@pytest.mark.parametrize("text", SPACELESS.values(), ids=SPACELESS)
def test_the_space_is_a_piece_of_every_tokenizer(tmp_path, text):
    model = train_tokenizer(split_file(corpus_of(tmp_path, [text]), "train"), 290, 10**6)
    processor = SentencePieceProcessor(model_proto=model)
    assert processor.id_to_piece(processor.piece_to_id(SPACE)) == SPACE
    assert processor.encode("1 2", out_type=str)[-2:] in ([SPACE, "2"], [SPACE, "<0x32>"])


def test_where_the_space_takes_the_last_piece_the_rarest_character_is_written_as_bytes(tmp_path, capsys):
    """A vocabulary that fits a text without spaces to the piece fits it with the space too, and it is told."""
    lines = [str(number) for number in range(1000, 1900)] + ["7" * 9]
    corpus = corpus_of(tmp_path, ["\n".join(lines)])
    build_tokenizer(TokenizerConfig(vocab_size=270), corpus, tmp_path / "tokenizer")  # 260 and ten digits
    processor = load_tokenizer(tmp_path / "tokenizer" / "tokenizer.model")
    assert processor.vocab_size() == 270
    assert processor.encode("1\n2", out_type=str) == ["1", "▁", "2"]
    assert processor.decode(processor.encode("0123456789")) == "0123456789"
    assert "'9', which is written as bytes: the space takes the last piece" in capsys.readouterr().err
    with pytest.raises(InputError, match="ask for 271"):
        train_tokenizer(split_file(corpus, "train"), 269, 10**6)


def test_a_text_with_spaces_is_trained_on_once(corpus, monkeypatch):
    """So its model is, to the byte, what it was before spaces were asked for."""
    options = []
    train = SentencePieceTrainer.train
    monkeypatch.setattr(SentencePieceTrainer, "train", lambda **given: [options.append(given), train(**given)])
    train_tokenizer(corpus / "train.jsonl.zst", 350, 10**6)
    assert ["required_chars" in given for given in options] == [False]


@pytest.mark.parametrize(
    "line", ["quick wizards jump ", "quickwizards", "w\u00f6rter \u6771\u4eac \U0001f600", "\u6771\u4eac"]
)
def test_long_lines_are_cut_and_none_is_skipped(tmp_path, line):
    """Trained on long lines alone, which SentencePiece would skip."""
    corpus = corpus_of(tmp_path, [line * (2 * MAX_LINE_BYTES // len(line.encode())), "short"])
    text = TrainingText(split_file(corpus, "train"), 10**6)
    assert len(list(text)) >= 3
    assert text.facts["lines_cut"] == 1
    model = train_tokenizer(split_file(corpus, "train"), 290, 10**6)
    processor = SentencePieceProcessor(model_proto=model)
    assert len(processor.encode(line * 100)) < len(line * 100)  # more than letters were learnt


@given(st.text(st.sampled_from("ab \t\u00e9\u6771\U0001f600"), max_size=80), st.integers(4, 20))
def test_a_cut_line_is_whole_and_cut_between_characters(line, most):
    parts = list(cut_line(line.encode(), most))
    assert "".join(part.decode() for part in parts) == line
    assert all(len(part) <= most for part in parts)
    for part, following in pairwise(parts):
        assert following[:1] in b" \t" or not re.search(rb"[ \t]", part[1:])


def test_what_training_leaves_out_is_told(tmp_path, documents, capsys):
    corpus = corpus_of(tmp_path, [f"{documents[0]} \u2585\u2585", *documents[1:]])
    facts = build_tokenizer(TokenizerConfig(vocab_size=310, training_bytes=500), corpus, tmp_path / "tokenizer")
    assert facts["training_text"] == {
        "bytes": pytest.approx(500, abs=100),
        "lines_cut": 0,
        "reserved_characters_left_out": 2,
        "text_left_behind_limit": True,
    }
    read = facts["training_text"]["bytes"]
    assert capsys.readouterr().err == (
        f"warning: tokenizer: its training leaves out all but the first {read} bytes of the text "
        "(tokenizer.training_bytes) and 2 \xd7 \u2585 (U+2585), which SentencePiece reserves\n"
    )


def test_a_line_with_a_reserved_character_is_trained_on(tmp_path):
    corpus = corpus_of(tmp_path, ["\u2585 only wizards jump here " * 20])
    build_tokenizer(TokenizerConfig(vocab_size=290), corpus, tmp_path / "tokenizer")
    assert len(load_tokenizer(tmp_path / "tokenizer" / "tokenizer.model").encode(" wizards")) < 8


def test_nothing_is_told_of_a_text_that_is_trained_on_whole(corpus, capsys):
    facts = build_tokenizer(TokenizerConfig(vocab_size=350), corpus, corpus / "tokenizer")
    assert not facts["training_text"]["text_left_behind_limit"]
    assert capsys.readouterr().err == ""


def test_an_existing_tokenizer_is_taken_as_it_is(tokenizer, tmp_path):
    config = TokenizerConfig(model=str(tokenizer / "tokenizer.model"))
    facts = build_tokenizer(config, tmp_path, tmp_path / "mine")
    assert facts["requested_vocab_size"] is None
    assert facts["origin"] == "tokenizer.model"
    assert facts["digest"] == digest_file(tokenizer / "tokenizer.model")


def test_too_few_pieces_for_the_text_are_told_with_how_many_it_takes(corpus):
    with pytest.raises(
        InputError, match=r"tokenizer.vocab_size: 200: is too small for this text: .* are 309; ask for 309"
    ):
        build_tokenizer(TokenizerConfig(vocab_size=200), corpus, corpus / "tokenizer")
    assert not (corpus / "tokenizer").exists()
    assert build_tokenizer(TokenizerConfig(vocab_size=309), corpus, corpus / "tokenizer")["vocab_size"] == 309


@pytest.mark.parametrize("text", ["\u2585", "\u200b\n\u200b"])
def test_a_text_without_a_character_to_train_on_is_told_as_that(tmp_path, text):
    with pytest.raises(InputError, match="the training text has no character that a tokenizer keeps; give more text"):
        build_tokenizer(TokenizerConfig(vocab_size=300), corpus_of(tmp_path, [text]), tmp_path / "tokenizer")


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


def test_a_model_whose_tokens_do_not_tell_their_bytes_is_told_here_not_when_text_is_scored(tmp_path):
    model = tmp_path / "own.model"
    with model.open("wb") as file:
        SentencePieceTrainer.train(
            sentence_iterator=iter(["one two three"] * 9),
            model_writer=file,
            vocab_size=300,
            byte_fallback=True,
            treat_whitespace_as_suffix=True,
            hard_vocab_limit=False,
        )
    with pytest.raises(InputError, match=r"own.model: puts a space of its own behind every text"):
        build_tokenizer(TokenizerConfig(model=str(model)), tmp_path, tmp_path / "tokenizer")
    assert not (tmp_path / "tokenizer").exists()
