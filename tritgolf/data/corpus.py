"""Text in, two disjoint splits out: ``{train,validation}.jsonl.zst`` and the facts about them, ``corpus.json``.

Documents stream through; what is kept of each is its SHA-256 alone (about 100 bytes a document). A document seen
before, in either split, is dropped, so the splits are disjoint; reading both back and comparing digests proves it.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

from tritgolf.data.dataset import DocstringsSource, HubSource, Source, SplitConfig, TextSource
from tritgolf.data.docstrings import package_version, read_docstrings
from tritgolf.data.text import read_documents, text_files
from tritgolf.errors import InputError
from tritgolf.files import atomic_directory, read_json, write_json
from tritgolf.progress import progress

SCHEMA = "tritgolf/corpus/1"
SPLITS = ("train", "validation")


def build_corpus(name: str, source: Source, rule: SplitConfig | None, folder: str | Path) -> dict[str, Any]:
    """Write the corpus of dataset ``name`` to ``folder`` (whole or not at all); return the facts of ``corpus.json``.

    ``rule`` chooses the validation documents; None where the source names validation files.

    Raises ``InputError`` for text that is missing, damaged or not UTF-8, and for a split without documents.
    """
    with atomic_directory(folder) as temporary:
        duplicates = _write_splits(source, rule, temporary)
        splits = _read_back(temporary)
        for split in SPLITS:
            if not splits[split]["documents"]:
                raise InputError(f"dataset {name!r}", f"has no {split} text", "give more text, or another split")
        facts = {"schema": SCHEMA, "dataset": name, "splits": splits, "duplicates_dropped": duplicates}
        write_json(temporary / "corpus.json", facts | {"source": _source_facts(source)})
    return load_corpus(folder)


def load_corpus(folder: str | Path) -> dict[str, Any]:
    """The facts of ``corpus.json``: per split documents, bytes (UTF-8 of the text) and digest (of all documents')."""
    path = Path(folder) / "corpus.json"
    facts = read_json(path)
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA:
        raise InputError(path, f"is not of the schema {SCHEMA}", "delete the folder and make the corpus again")
    return facts


def verify_corpus(folder: str | Path) -> None:
    """Read a corpus again: ``InputError`` unless its splits are disjoint and hold what ``corpus.json`` says."""
    if _read_back(Path(folder)) != load_corpus(folder)["splits"]:
        raise InputError(folder, "does not hold what its corpus.json says", "delete it and make the corpus again")


def split_file(folder: str | Path, split: str) -> Path:
    """Path of a split's documents in a corpus folder."""
    return Path(folder) / f"{split}.jsonl.zst"


def is_validation(rule: SplitConfig, index: int, digest: bytes) -> bool:
    """Whether the document at ``index`` (from 0) with this SHA-256 belongs to the validation split.

    A fraction compares the digest's last 64 bits with the fraction of their range, so the choice depends on the
    document alone (the last, because a source may order by the first); ``first_documents`` is the published rule.
    """
    if rule.first_documents is not None:
        return index < rule.first_documents
    assert rule.fraction is not None
    return int.from_bytes(digest[-8:], "big") < rule.fraction * 2**64


def _write_splits(source: Source, rule: SplitConfig | None, folder: Path) -> int:
    """Write both splits and return how many documents were dropped because they had been there before."""
    seen: set[bytes] = set()
    duplicates = 0
    with _open_split(folder, "train") as train, _open_split(folder, "validation") as validation:
        for held_out, text, digest in progress(_assigned_documents(source, rule), what="corpus", unit="documents"):
            if digest in seen:
                duplicates += 1
                continue
            seen.add(digest)
            line = json.dumps({"text": text}, ensure_ascii=False) + "\n"
            (validation if held_out else train).write(line.encode())
    return duplicates


def _assigned_documents(source: Source, rule: SplitConfig | None) -> Iterator[tuple[bool, str, bytes]]:
    """All documents as (held out, text, digest); given validation files come first, so theirs is what stays."""
    if isinstance(source, TextSource) and source.validation_files:
        for text in _read_files(source.validation_files):
            yield True, text, _digest(text)
    for index, text in enumerate(_source_documents(source)):
        digest = _digest(text)
        yield rule is not None and is_validation(rule, index, digest), text, digest


def _source_documents(source: Source) -> Iterator[str]:
    match source:
        case DocstringsSource(packages=packages, documents=limit):
            return iter(read_docstrings(packages)[:limit])
        case TextSource(files=files):
            return _read_files(files)
        case HubSource(repository=repository):
            raise InputError(f"repository {repository!r}", "holds tokens, not text", "download it instead")


def _read_files(patterns: tuple[str, ...]) -> Iterator[str]:
    for path in text_files(patterns):
        yield from read_documents(path)


def _source_facts(source: Source) -> dict[str, Any]:
    match source:
        case DocstringsSource(packages=packages):
            return {"kind": "docstrings", "packages": {package: package_version(package) for package in packages}}
        case TextSource(files=files, validation_files=held):
            return {"kind": "text", "files": [path.name for path in text_files([*held, *files])]}
        case _:
            return {"kind": source.kind}


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _read_back(folder: Path) -> dict[str, Any]:
    """Facts of both splits from their files; ``InputError`` if they share a document."""
    seen: set[bytes] = set()
    facts = {}
    for split in SPLITS:
        digests, documents, size = hashlib.sha256(), 0, 0
        for text in read_documents(split_file(folder, split)):
            digest = _digest(text)
            if digest in seen:
                raise InputError(split_file(folder, split), "repeats a document", "delete it and make the corpus again")
            seen.add(digest)
            digests.update(digest)
            documents, size = documents + 1, size + len(text.encode())
        facts[split] = {"documents": documents, "bytes": size, "digest": f"sha256:{digests.hexdigest()}"}
    return facts


@contextlib.contextmanager
def _open_split(folder: Path, split: str) -> Iterator[zstandard.ZstdCompressionWriter]:
    with split_file(folder, split).open("wb") as file, zstandard.ZstdCompressor(level=3).stream_writer(file) as stream:
        yield stream
