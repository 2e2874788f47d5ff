"""Text in, two disjoint splits out: ``{train,validation}.jsonl.zst`` and the facts about them, ``corpus.json``.

Documents stream through; what is kept of each is its SHA-256 alone (about 100 bytes a document). A document seen
before, in either split, is dropped, so the splits are disjoint; reading both back and comparing digests proves it.
What is left out of the source is told on standard error and in ``corpus.json``, which has size and digest of each file
of the user's too (``tritgolf.data.sources``).
"""

import contextlib
import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

from tritgolf.data.dataset import DocstringsSource, DocumentsSource, HubSource, Source, SplitConfig, TextSource
from tritgolf.data.docstrings import package_version, read_docstrings
from tritgolf.data.find import Texts, find_texts, printable
from tritgolf.data.left_out import LeftOut, no_text
from tritgolf.data.sources import input_facts
from tritgolf.data.text import every_document, is_blank, read_documents
from tritgolf.errors import InputError, warn
from tritgolf.files import atomic_directory, read_json, write_json
from tritgolf.progress import progress

SCHEMA = "tritgolf/corpus/1"
SPLITS = ("train", "validation")
RANGE = 2**64  # of a digest's last 64 bits, by which a share of the documents is chosen


def build_corpus(name: str, source: Source, rule: SplitConfig | None, folder: str | Path) -> dict[str, Any]:
    """Write the corpus of dataset ``name`` to ``folder`` (whole or not at all); return the facts of ``corpus.json``.

    ``rule`` chooses the validation documents; None where the source names validation files. Documents of a repo are
    read from the local copy that ``documents.fetch_text`` has made.

    Raises ``InputError`` for text that is missing, damaged or not UTF-8, and for a split without documents.
    """
    text = _SourceText(source)
    inputs = text.inputs()  # before it is read: what changes meanwhile is told as changed
    with atomic_directory(folder) as temporary:
        _write_splits(text, rule, temporary)
        splits = _read_back(temporary)
        for split, other in (SPLITS, SPLITS[::-1]):
            if not splits[split]["documents"]:
                raise no_text(name, source, rule, split, splits[other]["documents"], text.left_out)
        facts = {"schema": SCHEMA, "dataset": name, "splits": splits} | text.left_out.facts()
        write_json(temporary / "corpus.json", facts | {"source": text.facts()} | inputs)
    if told := text.left_out.told():
        warn(f"dataset {name!r}: {told}; {Path(folder) / 'corpus.json'} has all")
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
    return _place(digest) < (rule.fraction or 0) * RANGE


def split_of(rule: SplitConfig | None, held_out: bool, digest: bytes) -> str | None:
    """The split of a document that is ``held_out`` as validation text or not; None for one that is left out.

    With ``rule.tune`` no validation text is read, and a share of the other documents has its place.
    """
    if rule is None or rule.tune is None:
        return "validation" if held_out else "train"
    if held_out:
        return None
    first = rule.fraction or 0
    return "validation" if first * RANGE <= _place(digest) < (first + rule.tune) * RANGE else "train"


def _place(digest: bytes) -> int:
    """Where a document lies in ``RANGE``."""
    return int.from_bytes(digest[-8:], "big")


class _SourceText:
    """A source's documents, without blank ones, and what of it is left out, complete once they are read."""

    def __init__(self, source: Source) -> None:
        self.source, self.left_out = source, LeftOut()
        self._held = self._texts = Texts([])
        self._cut: dict[str, Any] = {}
        if isinstance(source, DocumentsSource):
            if source.folder is None:
                raise InputError(f"repository {source.repository!r}", "is not here", "download its documents first")
            self._texts = Texts([Path(source.folder) / source.file])
        if isinstance(source, TextSource):
            self._cut = {"documents": source.documents, "separator": source.separator}
            self._held, self._texts = find_texts(source.validation_files), find_texts(source.files)
            self.left_out.not_read |= self._held.not_read | self._texts.not_read
            self._train_on_no_held_file()

    def held_out(self) -> Iterator[str]:
        """The documents of validation files."""
        return self._documents(self._held)

    def documents(self) -> Iterator[str]:
        """The others, which a rule splits if no validation files are given."""
        match self.source:
            case DocstringsSource(packages=packages, documents=limit):
                return iter(read_docstrings(packages, self.left_out.not_read)[:limit])
            case TextSource():
                return self._documents(self._texts)
            case DocumentsSource(first=first):
                return self._documents(self._texts, first)
            case HubSource(repository=repository):
                raise InputError(f"repository {repository!r}", "holds tokens, not text", "download it instead")

    def facts(self) -> dict[str, Any]:
        match self.source:
            case DocstringsSource(packages=packages):
                return {"kind": "docstrings", "packages": {package: package_version(package) for package in packages}}
            case TextSource():
                return {
                    "kind": "text",
                    "files": [printable(path.name) for path in self._held.files + self._texts.files],
                }
            case DocumentsSource(repository=repository, revision=commit, file=file, first=first):
                return {"kind": "documents", "repository": repository, "commit": commit, "file": file, "first": first}
            case _:
                return {"kind": self.source.kind}

    def inputs(self) -> dict[str, Any]:
        """Size and digest of the user's files; of published documents and of packages ``facts`` has the versions."""
        files = [*self._held.files, *self._texts.files]
        return {"inputs": input_facts(files)} if isinstance(self.source, TextSource) else {}

    def _documents(self, texts: Texts, first: int | None = None) -> Iterator[str]:
        """The documents of all files, of each the ``first`` so many; ``InputError`` for a file of fewer."""
        for path in texts.files:
            found = blank = 0
            for text in itertools.islice(every_document(path, **self._cut), first):
                if is_blank(text):
                    blank += 1
                else:
                    found += 1
                    yield text
            if first is not None and found + blank < first:
                raise InputError(
                    path, f"has {found + blank:,} documents, and source.first is {first:,}", "ask for fewer"
                )
            if found:
                self.left_out.blank += blank
            else:
                self.left_out.not_read[path] = "has no text"

    def _train_on_no_held_file(self) -> None:
        """What both ``files`` and ``validation_files`` name is validation text alone."""
        held = {path.resolve() for path in self._held.files}
        both = {path: path.resolve() in held for path in self._texts.files}
        self._texts = Texts([path for path in both if not both[path]])
        self.left_out.not_read |= {path: "in validation_files too, so not trained on" for path in both if both[path]}


def _write_splits(text: _SourceText, rule: SplitConfig | None, folder: Path) -> None:
    """Write both splits; a document that has been there before is dropped and counted."""
    seen: set[bytes] = set()
    with _open_split(folder, "train") as train, _open_split(folder, "validation") as validation:
        files = {"train": train, "validation": validation}
        for held_out, document, digest in progress(_assigned(text, rule), what="corpus", unit="documents"):
            if digest in seen:
                text.left_out.repeated += 1
                continue
            seen.add(digest)
            if split := split_of(rule, held_out, digest):
                files[split].write((json.dumps({"text": document}, ensure_ascii=False) + "\n").encode())


def _assigned(text: _SourceText, rule: SplitConfig | None) -> Iterator[tuple[bool, str, bytes]]:
    """All documents as (held out, text, digest); given validation files come first, so theirs is what stays."""
    for document in text.held_out():
        yield True, document, _digest(document)
    for index, document in enumerate(text.documents()):
        digest = _digest(document)
        yield rule is not None and is_validation(rule, index, digest), document, digest


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
