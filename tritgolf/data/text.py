"""Documents out of one local file, one at a time.

A .txt or .md is a document, or is cut into them. A .jsonl or .ndjson has a document {"text": …} a line, a .json has
them in a list or one after another.
"""

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tritgolf.data.compressed import SUFFIXES, open_compressed
from tritgolf.errors import InputError

WHOLE, LINES, VALUES = (".txt", ".md"), (".jsonl", ".ndjson"), (".json",)
KINDS = WHOLE + LINES + VALUES
MAX_DOCUMENT_BYTES = 64 << 20  # a document is held in memory whole, so its size must be bounded
READ_BYTES = 1 << 20
ACCEPTED = f"accepted are {', '.join(KINDS)}, plain or {', '.join(SUFFIXES)}"
HOW_TO_CUT = 'cut a .txt or .md with `documents: blank_lines` or `separator: "…"` in the source'
DOCUMENTS_OF_JSON = '[{"text": "…"}, …], or one {"text": "…"} a line'
BETWEEN_VALUES = re.compile(r"[\s,]*")


class NotDocumentsError(InputError):
    """A value that should be a document is not {"text": …}, or no JSON."""


def kind_of(path: Path) -> str:
    """The suffix that says how a file is read, in lower case and without that of a compression."""
    return (path.with_suffix("") if path.suffix.lower() in SUFFIXES else path).suffix.lower()


def read_documents(path: str | Path, *, documents: str = "files", separator: str | None = None) -> Iterator[str]:
    """Yield the documents of one file in order, without blank ones; memory is one document's.

    ``documents`` and ``separator`` say how a .txt or .md is cut, as in ``TextSource``. Raises ``InputError``, naming
    file and line, for invalid UTF-8, JSON without a "text" string, a damaged compression, or a document of more than
    64 MiB.
    """
    every = every_document(path, documents=documents, separator=separator)
    return (document for document in every if not is_blank(document))


def every_document(path: str | Path, *, documents: str = "files", separator: str | None = None) -> Iterator[str]:
    """The same with the blank ones, for those who count them."""
    path = Path(path)
    with open_compressed(path) as file:
        if kind_of(path) in LINES:
            yield from _lines_of_json(file, path)
        elif kind_of(path) in VALUES:
            yield from _values_of_json(file, path)
        elif separator is not None:
            yield from _between_separators(file, path, separator.encode())
        elif documents == "blank_lines":
            yield from _between_blank_lines(file, path)
        else:
            yield _whole_file(file, path)


def is_blank(document: str) -> bool:
    """Whether a document has nothing but white space."""
    return not document or document.isspace()


def why_no_documents(path: Path) -> str | None:
    """Why a .json that nobody named is no text, by its first value; None if it is text. Errors as in reading it."""
    try:
        next(every_document(path), None)
    except NotDocumentsError as error:
        return error.what
    return None


def _whole_file(file: BinaryIO, path: Path) -> str:
    data = file.read(MAX_DOCUMENT_BYTES + 1)
    _check_size(len(data), path)
    return _decode(data, path).removeprefix("\ufeff")


def _between_blank_lines(file: BinaryIO, path: Path) -> Iterator[str]:
    lines: list[str] = []
    size = number = 0
    while line := file.readline(MAX_DOCUMENT_BYTES + 1):
        number += 1
        text = _decode(line, f"{path}: line {number}").removeprefix("\ufeff" if number == 1 else "")
        if text and not text.isspace():
            lines.append(text)
            size += len(line)
            _check_size(size, f"{path}: line {number}")
        elif lines:
            yield "".join(lines).rstrip("\r\n")
            lines, size = [], 0
    if lines:
        yield "".join(lines).rstrip("\r\n")


def _between_separators(file: BinaryIO, path: Path, separator: bytes) -> Iterator[str]:
    """The parts of a file, without line ends around them; nothing for what is blank between two separators."""
    for number, part in enumerate(_split(file, path, separator), start=1):
        text = _decode(part, f"{path}: document {number}").removeprefix("\ufeff" if number == 1 else "")
        if not is_blank(text):
            yield text.strip("\r\n")


def _split(file: BinaryIO, path: Path, separator: bytes) -> Iterator[bytes]:
    rest = b""
    while chunk := file.read(READ_BYTES):
        *parts, rest = (rest + chunk).split(separator)
        yield from parts
        _check_size(len(rest), path)
    yield rest


def _lines_of_json(file: BinaryIO, path: Path) -> Iterator[str]:
    number = 0
    while line := file.readline(MAX_DOCUMENT_BYTES + 1):
        number += 1
        where = f"{path}: line {number}"
        if len(line) > MAX_DOCUMENT_BYTES:
            raise InputError(where, "is longer than 64 MiB", "split the document")
        if line.isspace():
            continue
        try:
            value = json.loads(_decode(line, where).removeprefix("\ufeff" if number == 1 else ""))
        except (ValueError, RecursionError) as error:  # no JSON, a number of thousands of digits, nested too deeply
            raise NotDocumentsError(where, f"is not JSON ({error})", 'write one {"text": "…"} a line') from None
        yield _text_of(value, where)


def _values_of_json(file: BinaryIO, path: Path) -> Iterator[str]:
    """The documents of a list, of lines, or of values over several lines; what is read ahead of one is bounded."""
    decoder, chunks = json.JSONDecoder(), _decoded(file, path)
    buffer = next((begun for chunk in chunks if (begun := chunk.lstrip())), "")
    closing = "]" if buffer.startswith("[") else ""
    position, number = len(closing), 1
    while True:
        where = f"{path}: value {number}"
        position = BETWEEN_VALUES.match(buffer, position).end()  # type: ignore[union-attr]  # it matches anything
        try:
            value, position = decoder.raw_decode(buffer, position)
        except (ValueError, RecursionError) as error:  # as above; or it goes on in the next chunk
            buffer, position, chunk = buffer[position:], 0, next(chunks, None)
            if chunk is None and buffer.strip() == closing:
                return
            if chunk is None:
                reason = error.msg if isinstance(error, json.JSONDecodeError) else error
                raise NotDocumentsError(where, f"is not JSON ({reason})", f"write {DOCUMENTS_OF_JSON}") from None
            if len(buffer) > MAX_DOCUMENT_BYTES:
                raise InputError(where, "is longer than 64 MiB, or not JSON", f"write {DOCUMENTS_OF_JSON}") from None
            buffer += chunk
            continue
        yield _text_of(value, where)
        number += 1


def _text_of(value: Any, where: str) -> str:
    text = value.get("text") if isinstance(value, dict) else None
    if not isinstance(text, str):
        raise NotDocumentsError(where, 'has no "text" string', 'write one {"text": "…"} for each document')
    if not _is_unicode(text):
        raise InputError(where, "has a lone surrogate, which is no character", "correct the escape sequence")
    return text


def _decoded(file: BinaryIO, path: Path) -> Iterator[str]:
    """A file's text in parts, without its byte order mark."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        while chunk := file.read(READ_BYTES):
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise InputError(path, f"is not valid UTF-8 ({error.reason})", "convert it to UTF-8") from None


def _decode(data: bytes, where: str | Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            where, f"is not valid UTF-8 ({error.reason} at byte {error.start})", "convert it to UTF-8"
        ) from None


def _check_size(size: int, where: str | Path) -> None:
    if size > MAX_DOCUMENT_BYTES:
        fix = f"{HOW_TO_CUT}, or write a .jsonl of documents"
        raise InputError(where, "is in one document of more than 64 MiB", fix)


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
