import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from tritgolf.data.encode import encode_counted
from tritgolf.data.spaces import first_space_counts
from tritgolf.data.tokenizer import TRAINING_OPTIONS, load_tokenizer, save_tokenizer, train_tokenizer
from tritgolf.errors import InputError
from tritgolf.evaluate.bytes import bits_per_byte, token_bytes

LINES = ["A ternary weight is minus one, zero or plus one.", "Café, naïve, 東京 and 10⁸ tokens are in it too."]
TEXT = st.text(st.one_of(st.sampled_from(" \n\tabcXYZ019.,▁é\u0301東"), st.characters(codec="utf-8")), max_size=60)


@pytest.fixture(scope="module")
def processor(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "text.jsonl").write_text("".join(json.dumps({"text": line}) + "\n" for line in LINES * 20))
    model = train_tokenizer(folder / "text.jsonl", 360, 10**6)
    save_tokenizer(model, folder / "tokenizer", origin="trained")
    return load_tokenizer(folder / "tokenizer" / "tokenizer.model")


class Piece:
    """A vocabulary made by hand, with every kind of piece, that puts no space before a text and keeps none there."""

    pieces = ("<pad>", "<s>", "</s>", "<unk>", "<0xE2>", "▁", "▁é", "ab▁", "unused", "▁▁▁", "a▁▁b")
    keeps_first_space = False

    def vocab_size(self):
        return len(self.pieces)

    def id_to_piece(self, token):
        return self.pieces[token]

    def is_control(self, token):
        return token < 3

    def is_unknown(self, token):
        return token == 3

    def is_byte(self, token):
        return token == 4

    def is_unused(self, token):
        return token == 8

    def encode(self, text, out_type):
        assert out_type is str
        return list((text if self.keeps_first_space else text.lstrip()).replace(" ", "▁"))


class KeepsFirstSpace(Piece):
    keeps_first_space = True


@pytest.mark.parametrize(
    ("previous", "token", "expected"),
    [
        ("ab▁", "ab▁", 3),  # a ▁ is a space wherever it stands
        ("ab▁", "▁é", 3),
        ("<0xE2>", "▁é", 3),
        ("▁", "▁", 1),
        ("▁", "▁▁▁", 3),
        ("<s>", "▁▁▁", 2),
        ("▁", "a▁▁b", 4),
        ("<s>", "▁é", 2),  # no space at the start of a document
        ("unused", "▁é", 2),
        ("<pad>", "▁", 0),
        ("ab▁", "<0xE2>", 1),
        ("ab▁", "<s>", 0),
        ("ab▁", "unused", 0),
    ],
)
def test_the_bytes_of_every_kind_of_piece(previous, token, expected, monkeypatch):
    monkeypatch.setattr("tritgolf.evaluate.bytes.SentencePieceProcessor", Piece)
    table = token_bytes(Piece())
    counts = table.byte_counts(np.array([Piece.pieces.index(previous)]), np.array([Piece.pieces.index(token)]))
    assert counts.tolist() == [expected]
    assert counts.dtype == np.int64


def test_the_first_space_of_a_document_counts_where_it_is_the_text_s(monkeypatch):
    monkeypatch.setattr("tritgolf.evaluate.bytes.SentencePieceProcessor", Piece)
    first = np.array([1]), np.array([Piece.pieces.index("▁é")])
    assert token_bytes(Piece()).byte_counts(*first).tolist() == [2]
    assert token_bytes(KeepsFirstSpace()).byte_counts(*first).tolist() == [3]


def test_an_unknown_token_is_told_instead_of_counted_as_nothing(monkeypatch):
    monkeypatch.setattr("tritgolf.evaluate.bytes.SentencePieceProcessor", Piece)
    with pytest.raises(InputError, match=r"has 2 tokens of 3 that its tokenizer doesn't know"):
        token_bytes(Piece()).byte_counts(np.array([1, 1, 5]), np.array([3, 5, 3]))


SAMPLE = ["def f(x):", "    return x", "one two one two", "Café, naïve", "tail  ", "1 2 3"]
SPECIAL = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}


def trained(**options):
    model = io.BytesIO()
    SentencePieceTrainer.train(
        **{
            "sentence_iterator": iter(SAMPLE * 20),
            "model_writer": model,
            "vocab_size": 330,
            "model_type": "bpe",
            "byte_fallback": True,
            "hard_vocab_limit": False,
            "minloglevel": 2,
            "num_threads": 1,
            **SPECIAL,
            **options,
        }
    )
    processor = SentencePieceProcessor()
    processor.LoadFromSerializedProto(model.getvalue())
    return processor


AS_IT_IS = {"normalization_rule_name": "identity", "remove_extra_whitespaces": False, "add_dummy_prefix": False}
MODELS = {
    "as trained here": TRAINING_OPTIONS,
    "SentencePiece's default": {},
    "keeps white space": {"remove_extra_whitespaces": False},
    "keeps everything": AS_IT_IS,
    "pieces of spaces": AS_IT_IS | {"allow_whitespace_only_pieces": True, "split_by_whitespace": False},
    "user's pieces": AS_IT_IS | {"user_defined_symbols": ["def ", "    ", "▁▁▁", "<x>"]},
    "spaces behind words": AS_IT_IS | {"treat_whitespace_as_suffix": True},
    "unigrams": {"model_type": "unigram"},
    "no bytes": AS_IT_IS | {"byte_fallback": False, "vocab_size": 60},
    "words alone": {"model_type": "word", "byte_fallback": False, "vocab_size": 60},
    "a line end within": AS_IT_IS | {"user_defined_symbols": ["a\nX", "\n\n"]},
}


@pytest.fixture(scope="module", params=MODELS)
def any_model(request):
    return trained(**MODELS[request.param])


WORDS = st.lists(
    st.sampled_from(["a", "def ", " ", "    ", "\n", "\r\n", "\t", "\0", "▁", "½", "東", "😀"])
    | st.sampled_from(["\u200b", "\u3000", "\ufb01", "e\u0301"])  # what a normalizer drops, widens, takes apart
    | st.characters(codec="utf-8"),
    max_size=40,
).map("".join)


@settings(deadline=None, max_examples=60)
@given(st.lists(WORDS, max_size=5), st.integers(1, 50), st.integers(1, 30), st.integers(1, 2))
def test_the_raw_bytes_of_tokens_are_those_of_the_text(any_model, texts, batch, part, threads):
    """Whatever the normalizer does, however documents are cut; and what a sidecar then holds has the same sum."""
    found = list(encode_counted(any_model, texts, threads, batch_characters=batch, part_characters=part))
    tokens = [token for ids, _ in found for token in ids.tolist()]
    assert tokens == [token for text in texts for token in [any_model.bos_id(), *any_model.encode(text)]]
    counts = [count for _, sizes in found for count in sizes.tolist()]
    assert len(counts) == len(tokens)
    assert sum(counts) == sum(len(text.encode()) for text in texts)
    assert all(count >= 0 for count in counts)


@settings(deadline=None, max_examples=40)
@given(st.lists(WORDS, min_size=1, max_size=5).filter(lambda texts: not any("▁" in text for text in texts)))
def test_published_bytes_are_those_of_the_normalized_text(any_model, texts):
    """By tokens alone a ▁ of the text can't be told from a space, so texts have none here; nor an unknown token."""
    tokens = np.array([token for text in texts for token in [any_model.bos_id(), *any_model.encode(text)]])
    if any_model.unk_id() in tokens:
        with pytest.raises(InputError, match="that its tokenizer doesn't know"):
            token_bytes(any_model).byte_counts(tokens[:-1], tokens[1:])
        return
    counted = int(token_bytes(any_model).byte_counts(tokens[:-1], tokens[1:]).sum())
    assert counted == sum(len(any_model.decode(any_model.encode(text)).encode()) for text in texts)


DIGITS = ["1", "2", "3"] * 20  # no space is seen in training


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"treat_whitespace_as_suffix": True}, "puts a space of its own behind every text"),
        ({"sentence_iterator": iter(DIGITS), "add_dummy_prefix": False}, "has no piece for a space"),
        (
            {"sentence_iterator": iter(DIGITS), "add_dummy_prefix": False, "user_defined_symbols": ["▁a"]},
            "has no piece for a space",
        ),
        ({"model_type": "word"}, "has no piece for a space"),  # an unknown word begins with three byte pieces
    ],
)
def test_a_model_whose_tokens_do_not_tell_their_bytes_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        token_bytes(trained(**options))


@pytest.mark.parametrize("dummy_prefix", [True, False])
def test_a_model_that_keeps_spaces_as_they_are_is_refused(dummy_prefix):
    """None can be trained so; one may be made so."""

    class KeepsSpaces(Piece):
        def encode(self, text, out_type):
            return list(" " * dummy_prefix + text)

    with pytest.raises(InputError, match="tokenizer: keeps spaces as they are"):
        first_space_counts(KeepsSpaces(), "tokenizer")


def test_a_text_without_known_characters_is_refused_and_one_with_them_is_counted():
    processor = trained(byte_fallback=False, vocab_size=60)
    table = token_bytes(processor)
    for text, known in (("one two", True), ("one 東", False)):
        tokens = np.array([processor.bos_id(), *processor.encode(text)])
        if known:
            assert table.byte_counts(tokens[:-1], tokens[1:]).sum() == len(text)
        else:
            with pytest.raises(InputError, match="with byte fallback"):
                table.byte_counts(tokens[:-1], tokens[1:])


@settings(deadline=None)
@given(TEXT)
def test_a_document_has_the_bytes_of_its_normalized_text(processor, text):
    tokens = np.array([processor.bos_id(), *processor.encode(text)])
    counted = int(token_bytes(processor).byte_counts(tokens[:-1], tokens[1:]).sum())
    assert counted == len(processor.decode(tokens.tolist()).encode())
    assert counted == len(processor.normalize(text).replace("▁", " ").encode())


@settings(deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=5))
def test_documents_that_follow_each_other_add_up(processor, texts):
    tokens = np.array([token for text in texts for token in [processor.bos_id(), *processor.encode(text)]])
    counted = token_bytes(processor).byte_counts(tokens[:-1], tokens[1:])
    assert counted.shape == (len(tokens) - 1,)
    assert counted.sum() == sum(len(processor.decode(processor.encode(text)).encode()) for text in texts)


def test_counts_keep_the_shape_of_a_batch(processor):
    tokens = np.array([processor.bos_id(), *processor.encode("Café one two three 10⁸")], dtype=np.uint16)
    table = token_bytes(processor)
    flat = table.byte_counts(tokens[0:6], tokens[1:7])
    assert (
        table.byte_counts(tokens[0:6].reshape(2, 3), tokens[1:7].reshape(2, 3)).tolist() == flat.reshape(2, 3).tolist()
    )
    assert table.vocab_size == processor.vocab_size()


def test_bits_per_byte_of_a_uniform_guess():
    # 8 equally likely tokens of 2 bytes each: 3 bits a token, 1.5 bits a byte
    assert bits_per_byte(np.log(8), tokens=10, bytes_=20) == pytest.approx(1.5)
    # the record's validation figures: nats × (tokens / bytes) / ln 2
    assert bits_per_byte(3.0, tokens=1000, bytes_=3000) == pytest.approx(3.0 / 0.6931471805599453 / 3)
