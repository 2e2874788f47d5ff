"""The tokenizer of an artifact: the given one or, by the digest that the artifact names, one that lies near it."""

from collections.abc import Iterator
from pathlib import Path

from sentencepiece import SentencePieceProcessor

from tritgolf.artifact.header import Artifact
from tritgolf.data.tokenizer import load_tokenizer
from tritgolf.errors import InputError
from tritgolf.files import check_readable, digest_file

LEVELS = 6  # folders above an artifact: results/RECORD/seedN/final/export/ is five below results/data's folder

SHOWN = 20  # characters of a text that a message quotes


def tokenizer_path(artifact: Artifact, given: str | Path | None) -> Path:
    """Where the tokenizer of ``artifact`` is. ``InputError`` where it is not at hand, or is another one."""
    wanted = artifact.header.tokenizer
    if given is not None:
        path = Path(given)
        check_readable(path)
        if wanted is not None and path.is_file() and digest_file(path) != wanted:
            raise InputError(path, f"is not the tokenizer of {artifact.path}, which has the digest {wanted}", "give it")
        return path
    if wanted is None:
        raise InputError(artifact.path, "doesn't say which tokenizer it was trained with", _give(artifact))
    found = next((path for path in _near(artifact.path) if path.is_file() and digest_file(path) == wanted), None)
    if found is None:
        raise InputError(artifact.path, f"its tokenizer, {wanted}, is not beside it", _give(artifact))
    return found


def tokenizer_of(artifact: Artifact, given: str | Path | None) -> SentencePieceProcessor:
    """The tokenizer of ``artifact``, loaded; ``InputError`` also where it has another number of pieces."""
    path = tokenizer_path(artifact, given)
    processor = load_tokenizer(path)
    vocabulary = artifact.header.model.vocab_size
    if processor.vocab_size() != vocabulary:
        what = f"has {processor.vocab_size()} pieces, the model of {artifact.path} {vocabulary}"
        raise InputError(path, what, "give the tokenizer that it was trained with")
    return processor


def encoded(processor: SentencePieceProcessor, text: str, where: str) -> list[int]:
    """``text`` as the beginning of a document: the bos piece, then its tokens.

    ``InputError`` that names ``where`` for text that isn't Unicode, or of characters that the tokenizer doesn't have.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(where, "is not valid UTF-8", "give it as UTF-8") from None
    tokens = list(processor.encode(text))
    if processor.unk_id() in tokens:
        pieces = processor.encode(text, out_type=str)
        unknown = next(piece for piece, token in zip(pieces, tokens, strict=True) if token == processor.unk_id())
        raise InputError(where, f"has {unknown!r}, which the tokenizer has no piece for", "use other characters")
    return [processor.bos_id(), *tokens]


def encoded_to_score(processor: SentencePieceProcessor, text: str, where: str) -> list[int]:
    """``encoded``, and an ``InputError`` too for text of which no token is left: none, or white space alone."""
    tokens = encoded(processor, text, where)
    if len(tokens) < 2:
        what = f"is {text[:SHOWN]!r}, of which the tokenizer keeps nothing" if text else "is empty"
        raise InputError(where, what, "give one character or more that is no white space")
    return tokens


def encoded_pair(
    processor: SentencePieceProcessor, context: str, continuation: str, where: str
) -> tuple[list[int], int]:
    """Both as one text, ``encoded``, and how many of the last tokens hold something of ``continuation``.

    A token that joins both over the seam is one of them. ``InputError`` where there is none, as of white space at a
    text's end, which the tokenizer drops.
    """
    tokens = encoded(processor, context + continuation, where)
    places = processor.encode(context + continuation, return_type="offset_mapping", return_bytes=True)["offsets"]
    seam = len(context.encode())
    asked = sum(begin >= seam or end > seam for begin, end in places)
    if not asked:
        what = (
            f"{continuation[:SHOWN]!r} has no token of its own: the tokenizer drops it" if continuation else "is empty"
        )
        raise InputError(where, f"its continuation {what}", "give a continuation with more than white space")
    return tokens, asked


def _near(artifact: Path) -> Iterator[Path]:
    """Tokenizers beside an artifact, then those of the texts of the results that it lies in."""
    yield from sorted(artifact.absolute().parent.glob("*.model"))
    for folder in artifact.absolute().parents[1:LEVELS]:
        yield from sorted(folder.glob("data/*/tokenizer/tokenizer.model"))


def _give(artifact: Artifact) -> str:
    record = artifact.header.record
    of_text = "of the text that it was trained on" if record == "published" else f"of {record}'s text"
    return f"give --tokenizer FILE: the tokenizer.model {of_text} (results/data/TEXT/tokenizer/tokenizer.model)"
