"""SentencePiece: train the specification's tokenizer, or take an existing one."""

import contextlib
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from tritgolf.data.corpus import split_file
from tritgolf.data.dataset import MAX_VOCABULARY, TokenizerConfig
from tritgolf.data.spaces import SPACE, first_space_counts
from tritgolf.data.training_text import TrainingText
from tritgolf.errors import InputError, warn
from tritgolf.files import atomic_directory, check_readable, digest_bytes, digest_file, read_json, write_json

SCHEMA = "tritgolf/tokenizer/1"
MAX_MODEL_BYTES = 64 << 20
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


def build_tokenizer(
    config: TokenizerConfig, corpus: str | Path, folder: str | Path, *, setting: str = "tokenizer"
) -> dict[str, Any]:
    """Write ``tokenizer.model`` and ``tokenizer.json`` to ``folder`` and return the facts of the latter.

    A tokenizer to train sees the training split alone; what its training left out of that is told. Raises
    ``InputError`` if the text gives fewer pieces than ``vocab_size`` asks for, which no record could train with.
    ``setting``: where ``config`` stands, as messages name it.
    """
    if config.model is not None:
        path = Path(config.model)
        check_readable(path)
        return save_tokenizer(_read_model(path), folder, origin=path.name, named=path)
    assert config.vocab_size is not None
    text = TrainingText(split_file(corpus, "train"), config.training_bytes)
    where = f"{setting}.vocab_size: {config.vocab_size}"
    model = _train(text, config.vocab_size, where)
    _check_size(model, config.vocab_size, where)
    if told := text.told():
        warn(f"{setting}: its training leaves out {told}")
    return save_tokenizer(
        model, folder, origin="trained", requested_vocab_size=config.vocab_size, training_text=text.facts
    )


def train_tokenizer(documents: str | Path, vocab_size: int, training_bytes: int) -> bytes:
    """Train BPE on the lines of the first ``training_bytes`` of a documents file; the model's bytes, always the same.

    The space is a piece of every tokenizer. The soft vocabulary limit may give fewer pieces than asked. Raises
    ``InputError`` when ``vocab_size`` has no room for the 256 byte pieces, the four special ones and the characters of
    the text.
    """
    return _train(TrainingText(documents, training_bytes), vocab_size, f"tokenizer.vocab_size: {vocab_size}")


def _train(text: TrainingText, vocab_size: int, where: str) -> bytes:
    fits = False
    with contextlib.suppress(InputError):  # too few pieces: what follows tells how many it takes with the space
        model, fits = _train_once(text, vocab_size, where), True
        if SPACE in _pieces(model):
            return model
    # Few spaces or none, but the text to encode has some: as line ends, say. Only such texts are trained on again: a
    # model carries the options that made it, and all others are to stay what they were, to the byte.
    try:
        return _train_once(text, vocab_size, where, required_chars=SPACE)
    except InputError:
        if not fits:
            raise
        # Room for every frequent character and not for the space too: the rarest of them is written as bytes instead.
        rest = text.without_the_rarest(TRAINING_OPTIONS["character_coverage"])
        return _train_once(rest, vocab_size, where, required_chars=SPACE)


def _train_once(lines: Iterable[str], vocab_size: int, where: str, **options: Any) -> bytes:
    model = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            vocab_size=vocab_size,
            num_threads=1,
            minloglevel=ONLY_ERRORS,
            **TRAINING_OPTIONS,
            **options,
        )
    except RuntimeError as error:
        raise _not_trained(where, str(error)) from None
    return model.getvalue()


def _not_trained(where: str, message: str) -> InputError:
    """SentencePiece's complaint in plain words."""
    if needed := re.search(r"smaller than required_chars\. \d+ vs (\d+)", message):
        what = f"is too small for this text: bytes, special pieces and its frequent characters alone are {needed[1]}"
        return InputError(where, what, f"ask for {needed[1]} or more, here and in the record's model.vocab_size")
    if "!sentences_.empty()" in message or "all_chars_count" in message:
        return InputError(where, "the training text has no character that a tokenizer keeps", "give more text")
    reason = re.sub(r"\s+", " ", message.partition(") ")[2] or message)  # without the place in SentencePiece's source
    return InputError(where, f"cannot be trained on this text ({reason})", "give other text, or another vocab_size")


def _check_size(model: bytes, vocab_size: int, where: str) -> None:
    size = len(_pieces(model))
    if size < vocab_size:
        raise InputError(
            where,
            f"this text gives {size} pieces, no more",
            f"put {size} in both the dataset's tokenizer.vocab_size and the record's model.vocab_size",
        )


def _pieces(model: bytes) -> list[str]:
    processor = SentencePieceProcessor(model_proto=model)
    return [processor.id_to_piece(token) for token in range(processor.vocab_size())]


def save_tokenizer(
    model: bytes,
    folder: str | Path,
    *,
    origin: str,
    requested_vocab_size: int | None = None,
    training_text: dict[str, Any] | None = None,
    named: str | Path | None = None,
) -> dict[str, Any]:
    """Write a model and its facts to ``folder``, whole or not at all; return the facts.

    ``training_text``: the facts of what a tokenizer made here was trained on; ``named``: how messages name the model.
    Raises ``InputError`` for a model that can't be used here: told now, not when the text is scored.
    """
    where = named or Path(folder) / "tokenizer.model"
    processor = _loaded(model, where)
    first_space_counts(processor, where)
    with atomic_directory(folder) as temporary:
        (temporary / "tokenizer.model").write_bytes(model)
        facts = {
            "schema": SCHEMA,
            "origin": origin,
            "digest": digest_bytes(model),
            "requested_vocab_size": requested_vocab_size,
            "vocab_size": processor.vocab_size(),
            "bos_id": processor.bos_id(),
            "training_text": training_text,
        }
        write_json(temporary / "tokenizer.json", facts)
    return facts


def load_tokenizer(path: str | Path) -> SentencePieceProcessor:
    """Load a SentencePiece model; ``InputError`` if it is missing, damaged, lacks bos or has over 65,536 pieces."""
    return _loaded(_read_model(Path(path)), path)


def _loaded(model: bytes, where: str | Path) -> SentencePieceProcessor:
    processor = SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(model)
    except RuntimeError:
        raise InputError(where, "is not a SentencePiece model", "make or download it again") from None
    if processor.bos_id() < 0:
        raise InputError(where, "has no bos piece, which every document begins with", "use a tokenizer that has one")
    if processor.vocab_size() > MAX_VOCABULARY:
        raise InputError(where, f"has {processor.vocab_size()} pieces", f"a shard holds at most {MAX_VOCABULARY}")
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
