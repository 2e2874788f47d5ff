import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tritgolf.data.tokenizer import load_tokenizer, save_tokenizer, train_tokenizer
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
    """A vocabulary made by hand, with every kind of piece."""

    pieces = ("<pad>", "<s>", "</s>", "<unk>", "<0xE2>", "▁", "▁é", "ab▁", "unused")

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


@pytest.mark.parametrize(
    ("previous", "token", "expected"),
    [
        ("ab▁", "ab▁", 5),  # only a leading ▁ is a space; one inside counts its own three bytes
        ("ab▁", "▁é", 3),
        ("<0xE2>", "▁é", 3),
        ("▁", "▁", 1),
        ("<s>", "▁é", 2),  # no space at the start of a document
        ("<unk>", "▁é", 2),
        ("unused", "▁é", 2),
        ("<pad>", "▁", 0),
        ("ab▁", "<0xE2>", 1),
        ("ab▁", "<s>", 0),
        ("ab▁", "<unk>", 0),
        ("ab▁", "unused", 0),
    ],
)
def test_the_bytes_of_every_kind_of_piece(previous, token, expected, monkeypatch):
    monkeypatch.setattr("tritgolf.evaluate.bytes.SentencePieceProcessor", Piece)
    table = token_bytes(Piece())
    counts = table.byte_counts(np.array([Piece.pieces.index(previous)]), np.array([Piece.pieces.index(token)]))
    assert counts.tolist() == [expected]
    assert counts.dtype == np.int64


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
