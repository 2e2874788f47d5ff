"""SentencePiece: train the specification's tokenizer, or take an existing one."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from tritgolf.data.corpus import split_file
from tritgolf.data.dataset import MAX_VOCABULARY, TokenizerConfig
from tritgolf.data.text import read_documents
from tritgolf.errors import InputError
from tritgolf.files import atomic_directory, digest_bytes, digest_file, read_json, write_json

SCHEMA = "tritgolf/tokenizer/1"
MAX_MODEL_BYTES = 64 << 20
SPACE = "▁"  # what SentencePiece writes for a space
ONLY_ERRORS = 2  # SentencePiece's minloglevel

# The options of the published tokenizer (its model file carries them); what is not here is SentencePiece's default.
TRAINING_OPTIONS: dict[str, Any] = {
    "model_type": "bpe",
    "character_coverage": 0.999,
    "byte_fallback": True,
    "split_digits": True,
    "normalization_rule_name": "nmt_nfkc",
    "add_dummy_prefix": False,
    "remove_extra_whitespaces": True,
    "hard_vocab_limit": False,
    "pad_id": 0,
    "bos_id": 1,
    "eos_id": 2,
    "unk_id": 3,
}


def build_tokenizer(config: TokenizerConfig, corpus: str | Path, folder: str | Path) -> dict[str, Any]:
    """Write ``tokenizer.model`` and ``tokenizer.json`` to ``folder`` and return the facts of the latter.

    A tokenizer to train sees the training split alone. The soft vocabulary limit may give fewer pieces than asked:
    ``requested_vocab_size`` and ``vocab_size`` are both recorded.
    """
    if config.model is not None:
        origin, model = Path(config.model).name, _read_model(Path(config.model))
    else:
        assert config.vocab_size is not None
        origin, model = (
            "trained",
            train_tokenizer(split_file(corpus, "train"), config.vocab_size, config.training_bytes),
        )
    return save_tokenizer(model, folder, origin=origin, requested_vocab_size=config.vocab_size)


def train_tokenizer(documents: str | Path, vocab_size: int, training_bytes: int) -> bytes:
    """Train BPE on the lines of the first ``training_bytes`` of a documents file; the model's bytes, always the same.

    Lines, because SentencePiece passes over a sentence of more than 4,192 bytes. Raises ``InputError`` when
    ``vocab_size`` has no room for the 256 byte pieces, the four special ones and the characters of the text.
    """
    model = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=_lines(documents, training_bytes),
            model_writer=model,
            vocab_size=vocab_size,
            num_threads=1,
            minloglevel=ONLY_ERRORS,
            **TRAINING_OPTIONS,
        )
    except RuntimeError as error:
        reason = str(error).rsplit("] ", 1)[-1].replace("\n", " ")  # without the place in SentencePiece's source
        raise InputError(
            f"tokenizer.vocab_size: {vocab_size}",
            f"cannot be trained on this text ({reason})",
            "ask for more pieces: 260 are bytes and special ones, and every frequent character needs its own",
        ) from None
    return model.getvalue()


def save_tokenizer(
    model: bytes, folder: str | Path, *, origin: str, requested_vocab_size: int | None = None
) -> dict[str, Any]:
    """Write a model and its facts to ``folder``, whole or not at all; return the facts."""
    with atomic_directory(folder) as temporary:
        path = temporary / "tokenizer.model"
        path.write_bytes(model)
        processor = load_tokenizer(path)
        facts = {
            "schema": SCHEMA,
            "origin": origin,
            "digest": digest_bytes(model),
            "requested_vocab_size": requested_vocab_size,
            "vocab_size": processor.vocab_size(),
            "bos_id": processor.bos_id(),
        }
        write_json(temporary / "tokenizer.json", facts)
    return facts


def load_tokenizer(path: str | Path) -> SentencePieceProcessor:
    """Load a SentencePiece model; ``InputError`` if it is missing, damaged, lacks bos or has over 65,536 pieces."""
    path = Path(path)
    processor = SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(_read_model(path))
    except RuntimeError:
        raise InputError(path, "is not a SentencePiece model", "make or download it again") from None
    if processor.bos_id() < 0:
        raise InputError(path, "has no bos piece, which every document begins with", "use a tokenizer that has one")
    if processor.vocab_size() > MAX_VOCABULARY:
        raise InputError(path, f"has {processor.vocab_size()} pieces", f"a shard holds at most {MAX_VOCABULARY}")
    return processor


def load_tokenizer_facts(folder: str | Path) -> dict[str, Any]:
    """The facts of ``tokenizer.json``, after checking that ``tokenizer.model`` beside it has the digest they say."""
    path = Path(folder) / "tokenizer.json"
    facts = read_json(path)
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA:
        raise InputError(path, f"is not of the schema {SCHEMA}", "delete the folder and make the tokenizer again")
    model = Path(folder) / "tokenizer.model"
    if not model.is_file() or digest_file(model) != facts.get("digest"):
        raise InputError(model, "is not the model that its tokenizer.json describes", "make the tokenizer again")
    return facts


def _read_model(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MODEL_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(path, "is missing", "give the path of a SentencePiece .model file") from None
    if not data or len(data) > MAX_MODEL_BYTES:
        raise InputError(path, "is empty or of more than 64 MiB", "give a SentencePiece .model file")
    return data


def _lines(documents: str | Path, limit: int) -> Iterator[str]:
    left = limit
    for text in read_documents(documents):
        for line in text.splitlines():
            yield line
            left -= len(line.encode())
            if left <= 0:
                return
