"""Published documents, all or the first lines of them: as text for a corpus, and as that behind published shards.

A published set of documents is large and only its first lines are validation text, so ranges of it are fetched until
these are there. Whether they are the text of the shards is not believed but shown: their tokens must be the shards'.
"""

import contextlib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from filelock import FileLock
from huggingface_hub import hf_hub_url
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

from tritgolf.data.byte_counts import capped, fill_up
from tritgolf.data.dataset import DocumentsSource, HubDocuments
from tritgolf.data.encode import encode_counted
from tritgolf.data.hub import RemoteFile, Retry, content_digest, list_pinned, with_retries
from tritgolf.data.hub_files import address
from tritgolf.data.shards import Tokens, open_shard
from tritgolf.data.text import read_documents
from tritgolf.data.tokenizer import load_tokenizer
from tritgolf.errors import InputError
from tritgolf.files import atomic_path
from tritgolf.progress import progress

RANGE = 8 << 20  # bytes asked for at a time
PATIENT = Retry()


def fetch_documents(documents: HubDocuments, folder: Path, retry: Retry = PATIENT) -> Path:
    """Have the first lines of the documents' file as a .jsonl in ``folder`` and return its path.

    What was downloaded stays for the next call. Raises ``InputError`` for a file that can't be had, or is too short.
    """
    assert documents.first is not None  # HubSource sees to it
    if documents.folder is not None:
        path, commit = Path(documents.folder) / documents.file, "local"
        if not path.is_file():
            raise InputError(path, "is missing", "put the documents there, or leave source.documents.folder out")
        return _first_lines(path, folder / commit / f"first_{documents.first}.jsonl", documents, documents.first)
    with _locked(folder):
        commit, file = _listed(documents, folder, retry)
        target = folder / commit / f"first_{documents.first}.jsonl"
        if target.is_file():
            return target
        part = target.with_suffix(".part")
        _download_lines(documents, documents.first, commit, part, file.size, retry)
        return _first_lines(part, target, documents, documents.first)


def fetch_text(source: DocumentsSource, folder: Path, retry: Retry = PATIENT) -> DocumentsSource:
    """Have the documents of ``source`` in ``folder``; return the source as its local copy, at the commit it is from.

    Of the ``first`` lines ranges are fetched until these are there; a whole file must have the digest that the hub
    states, which a part can't be held to. What was downloaded stays for the next call, and for other datasets. Raises
    ``InputError`` for a file that can't be had.
    """
    if source.folder is not None:
        return source.model_copy(update={"revision": "local"})
    with _locked(folder):
        commit, file = _listed(source, folder, retry)
        root = folder / commit
        whole = root / "whole" / source.file
        if source.first is None or whole.is_file():
            _have_all(source, commit, file, whole, retry)
            copy = root / "whole"
        else:
            copy = root / f"first_{source.first}"
            _have_lines(source, source.first, commit, copy / source.file, file.size, retry)
    return source.model_copy(update={"folder": str(copy), "revision": commit})


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two datasets may want the same documents."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        yield


def _listed(documents: HubDocuments, folder: Path, retry: Retry) -> tuple[str, RemoteFile]:
    """The commit and the file that hold the documents."""
    commit, files = list_pinned(documents, folder, retry)
    if documents.file not in files:
        raise InputError(address(documents), f"has no file {documents.file!r}", "correct the dataset's source")
    (folder / commit).mkdir(exist_ok=True)
    return commit, files[documents.file]


def _have_lines(documents: HubDocuments, first: int, commit: str, path: Path, size: int, retry: Retry) -> None:
    """Have the ``first`` lines of the documents' file at ``path``, whole or not at all."""
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    _download_lines(documents, first, commit, part, size, retry)
    with part.open("rb+") as file:
        file.truncate(sum(len(line) for line in itertools.islice(file, first)))
    part.replace(path)


def _have_all(documents: DocumentsSource, commit: str, file: RemoteFile, path: Path, retry: Retry) -> None:
    """Have the whole documents' file at ``path``, in ranges, so that a later call goes on, and verified."""
    if path.is_file() and path.stat().st_size == file.size:
        return  # it came here through the verification below
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    if part.is_file() and part.stat().st_size > file.size:
        part.unlink()
    _download_lines(documents, sys.maxsize, commit, part, file.size, retry)
    if content_digest(part, file.digest) != file.digest:
        part.unlink()
        what = f"gave a {documents.file} that does not have the digest {file.digest}"
        raise InputError(address(documents), what, "run again")
    part.replace(path)


def _download_lines(documents: HubDocuments, first: int, commit: str, part: Path, size: int, retry: Retry) -> None:
    """Append ranges of the file to ``part`` until it holds the ``first`` lines, or all of the file."""
    url = hf_hub_url(
        documents.repository,
        documents.file,
        repo_type=documents.repository_type,
        revision=commit,
        endpoint=documents.endpoint,
    )
    part.touch()
    lines = _count_lines(part)
    while lines < first and (start := part.stat().st_size) < size:
        stop = min(start + RANGE, size)

        def get(start: int = start, stop: int = stop) -> bytes:
            headers = build_hf_headers() | {"Range": f"bytes={start}-{stop - 1}"}
            response = get_session().get(url, headers=headers, follow_redirects=True, timeout=60)
            hf_raise_for_status(response)
            if response.status_code != 206 or len(response.content) != stop - start:
                raise InputError(
                    address(documents), "does not serve parts of a file", "name a local copy of the repo (folder)"
                )
            return bytes(response.content)

        block = with_retries(get, f"bytes {start} to {stop} of {documents.file}", address(documents), retry)
        with part.open("ab") as file:
            file.write(block)
        lines += block.count(b"\n")
        of_first = f"of {first:,} documents" if first < sys.maxsize else "documents"
        had = f"{min(lines, first):,} {of_first}, {stop / 1e6:,.0f} MB"
        print(f"{documents.file}: {had}", file=sys.stderr, flush=True)


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(RANGE), b""))


def _first_lines(source: Path, target: Path, documents: HubDocuments, first: int) -> Path:
    """Write the ``first`` lines of ``source`` to ``target``, whole or not at all."""
    with atomic_path(target) as whole:
        with source.open("rb") as lines, whole.open("wb") as file:
            count = sum(bool(file.write(line)) for line in itertools.islice(lines, first))
        if count < first:
            what = f"has {count:,} documents, and source.documents.first is {first:,}"
            raise InputError(f"{address(documents)}: {documents.file}", what, "correct source.documents")
    return target


def prove(documents: Path, tokenizer: Path, shards: list[Path], threads: int = 1) -> Tokens | str:
    """The raw bytes of every token of ``shards`` (uint16), if the ``documents`` encode to just these tokens.

    Else what differs, in words: then these documents are not the text of the shards, and say nothing of its bytes.
    """
    published = np.concatenate([open_shard(path) for path in shards])
    counts, position, carried = [], 0, 0
    for tokens, sizes in encode_counted(load_tokenizer(tokenizer), _shown(documents), threads):
        theirs = published[position : position + len(tokens)]
        same = tokens[: len(theirs)] == theirs
        if not same.all():
            at = int(same.argmin())
            return f"token {position + at} of the shards is {theirs[at]}, of the documents {tokens[at]}"
        capped_sizes, carried = capped(sizes, carried)
        counts.append(capped_sizes[: len(theirs)])
        position += len(theirs)
        if position == len(published):
            found = np.concatenate(counts)
            fill_up(found, carried)
            return found
    return f"the shards have {len(published)} tokens, the documents {position}"


def _shown(documents: Path) -> Iterator[str]:
    return iter(progress(read_documents(documents), what="raw bytes", unit="documents"))
