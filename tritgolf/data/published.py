"""Make a dataset of ours out of shards and a tokenizer that somebody else published (see ``hub``)."""

import contextlib
import os
import shutil
from pathlib import Path

import numpy as np

from tritgolf.data.byte_counts import check_counts, check_known, check_tokens, sidecar_path
from tritgolf.data.dataset import HubSource
from tritgolf.data.documents import fetch_documents, prove
from tritgolf.data.hub import fetch
from tritgolf.data.hub_files import HubFiles
from tritgolf.data.manifest import (
    PREFIX,
    Manifest,
    ShardFacts,
    Split,
    shard_facts,
    with_byte_counts,
    write_manifest,
)
from tritgolf.data.shards import read_header, write_shard
from tritgolf.data.tokenizer import load_tokenizer, load_tokenizer_facts, save_tokenizer
from tritgolf.errors import warn
from tritgolf.files import atomic_directory
from tritgolf.progress import progress


def build_published_dataset(
    name: str, source: HubSource, download: str | Path, tokenizer: str | Path, shards: str | Path
) -> Manifest:
    """Fetch the files of dataset ``name`` into the folder ``download``; write the folders ``tokenizer`` and ``shards``.

    Every shard is read through: header, size, token ids. The raw bytes of validation tokens come from sidecars of the
    repo, or from its documents where they prove to be the text (``documents``); where neither tells, a line says so.
    The shards folder holds hard links where the file system has them, so nothing is stored twice. Raises ``InputError``
    for whatever cannot be fetched or is not what it should be.
    """
    files = fetch(source, download)
    save_tokenizer(files.tokenizer.read_bytes(), tokenizer, origin=files.tokenizer.name, named=files.tokenizer)
    facts = load_tokenizer_facts(tokenizer)
    origin = {"repository": source.repository, "revision": source.revision, "commit": files.commit}
    with atomic_directory(shards) as temporary:
        linked = _link_shards(files, temporary, facts["vocab_size"], facts["bos_id"])
        check_known(files.shards["validation"], load_tokenizer(files.tokenizer).unk_id())
        sidecars, raw_bytes = _byte_counts(source, files, Path(download), temporary)
        manifest = Manifest(
            dataset=name,
            tokenizer_digest=facts["digest"],
            vocab_size=facts["vocab_size"],
            bos_id=facts["bos_id"],
            origin={**origin, "raw_bytes": raw_bytes},
            shards=(*linked["train"], *with_byte_counts(linked["validation"], sidecars)),
        )
        write_manifest(temporary, manifest)
    return manifest


def _link_shards(files: HubFiles, folder: Path, vocab_size: int, bos_id: int) -> dict[Split, list[ShardFacts]]:
    """Link every shard into ``folder`` under our name and read it through."""
    facts: dict[Split, list[ShardFacts]] = {}
    for split, prefix in PREFIX.items():
        facts[split] = []
        for index, path in enumerate(progress(files.shards[split], what=f"{split} shards", unit="shards")):
            check_tokens(path, vocab_size)
            ours = folder / f"{prefix}_{index:06d}.bin"
            _link(path, ours)
            facts[split].append(shard_facts(ours, split, vocab_size=vocab_size, bos_id=bos_id))
    return facts


def _byte_counts(source: HubSource, files: HubFiles, download: Path, folder: Path) -> tuple[list[Path], str]:
    """The sidecars of the validation shards in ``folder``, and where their counts come from, or why there are none."""
    prefix, shards = PREFIX["validation"], files.shards["validation"]
    ours = [sidecar_path(folder / f"{prefix}_{index:06d}.bin") for index in range(len(shards))]
    if len(files.sidecars) == len(shards):
        for path, link in zip(files.sidecars, ours, strict=True):
            check_counts(path)
            _link(path, link)
        return ours, "sidecars of the repository"
    documents = source.documents
    if documents is None or (source.folder is not None and documents.folder is None):
        why = "source.documents does not say where the text is" if documents is None else "source.folder has no text"
        if files.sidecars:
            why = (
                f"the repository has byte counts of {len(files.sidecars)} of {len(shards)} validation shards, and {why}"
            )
        return [], _unknown(why)
    text = fetch_documents(documents, download / "documents")
    counts = prove(text, files.tokenizer, shards)
    where = f"the first {documents.first:,} documents of {documents.repository}, {documents.file}"
    if isinstance(counts, str):
        return [], _unknown(f"{where} are not the text of the shards: {counts}")
    ends = np.cumsum([read_header(path) for path in shards])
    for link, part in zip(ours, np.split(counts, ends[:-1]), strict=True):
        write_shard(link, part)
    return ours, f"{where}, whose tokens are the shards'"


def _unknown(why: str) -> str:
    told = f"not known: {why}"
    warn(f"raw bytes of the validation text {told}; BPB is by published bytes")
    return told


def _link(path: Path, link: Path) -> None:
    with contextlib.suppress(OSError):  # another device, or a file system without hard links
        os.link(path.resolve(), link)
        return
    shutil.copyfile(path, link)
