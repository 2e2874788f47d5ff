"""Documents out of local files, one at a time: a text file is a document, a line of .jsonl is a document."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from tritgolf.data.compressed import SUFFIXES, open_compressed
from tritgolf.errors import InputError

KINDS = (".txt", ".md", ".jsonl")
MAX_DOCUMENT_BYTES = 64 << 20  # a document is held in memory whole, so its size must be bounded
ACCEPTED = f"accepted are {', '.join(KINDS)}, plain or {', '.join(SUFFIXES)}"


def text_files(patterns: Iterable[str]) -> list[Path]:
    """The files that ``patterns`` (files, folders read recursively, globs) name: pattern by pattern, each sorted, once.

    Raises ``InputError`` for a pattern that names nothing, or a file of another kind.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file() and _kind(file) in KINDS)
        elif path.is_file():
            files = [path]
        else:
            anchor, relative = (Path(path.anchor), path.relative_to(path.anchor)) if path.anchor else (Path(), path)
            files = sorted(file for file in anchor.glob(str(relative)) if file.is_file())
        if not files:
            fix = f"put it there, or change the path in the dataset's YAML (from {Path.cwd()}); {ACCEPTED}"
            raise InputError(pattern, "names no text file", fix)
        found.update(dict.fromkeys(files))
    for file in found:
        if _kind(file) not in KINDS:
            raise InputError(file, "is not a kind of text file that can be read", ACCEPTED)
    return list(found)


def read_documents(path: str | Path) -> Iterator[str]:
    """Yield the documents of one file in order, without blank ones; memory is one document's.

    Raises ``InputError``, naming file and line, for invalid UTF-8, JSON without a "text" string, a damaged
    compression, or a document of more than 64 MiB.
    """
    path = Path(path)
    with open_compressed(path) as file:
        documents = _lines_of_json(file, path) if _kind(path) == ".jsonl" else iter([_whole_file(file, path)])
        for document in documents:
            if document and not document.isspace():
                yield document


def _kind(path: Path) -> str:
    name = path.with_suffix("") if path.suffix in SUFFIXES else path
    return name.suffix


def _whole_file(file: BinaryIO, path: Path) -> str:
    data = file.read(MAX_DOCUMENT_BYTES + 1)
    if len(data) > MAX_DOCUMENT_BYTES:
        raise InputError(path, "is one document of more than 64 MiB", "split it, or write a .jsonl of documents")
    return _decode(data, path).removeprefix("\ufeff")


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
            raise InputError(where, f"is not JSON ({error})", 'write one {"text": "…"} a line') from None
        text = value.get("text") if isinstance(value, dict) else None
        if not isinstance(text, str):
            raise InputError(where, 'has no "text" string', 'write one {"text": "…"} a line')
        if not _is_unicode(text):
            raise InputError(where, "has a lone surrogate, which is no character", "correct the escape sequence")
        yield text


def _decode(data: bytes, where: str | Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            where, f"is not valid UTF-8 ({error.reason} at byte {error.start})", "convert it to UTF-8"
        ) from None


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
