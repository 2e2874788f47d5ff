"""Make a dataset of ours out of shards and a tokenizer that somebody else published (see ``hub``)."""

import contextlib
import os
import shutil
from pathlib import Path

from tritgolf.data.dataset import HubSource
from tritgolf.data.hub import HubFiles, fetch
from tritgolf.data.manifest import PREFIX, Manifest, shard_facts, write_manifest
from tritgolf.data.tokenizer import load_tokenizer_facts, save_tokenizer
from tritgolf.files import atomic_directory
from tritgolf.progress import progress


def build_published_dataset(
    name: str, source: HubSource, download: str | Path, tokenizer: str | Path, shards: str | Path
) -> Manifest:
    """Fetch the files of dataset ``name`` into the folder ``download``; write the folders ``tokenizer`` and ``shards``.

    Every shard is read through: header, size, token ids. The shards folder holds hard links where the file system has
    them, so nothing is stored twice. Raises ``InputError`` for whatever cannot be fetched or is not what it should be.
    """
    files = fetch(source, download)
    save_tokenizer(files.tokenizer.read_bytes(), tokenizer, origin=files.tokenizer.name)
    return _link_shards(name, source, files, Path(tokenizer), Path(shards))


def _link_shards(name: str, source: HubSource, files: HubFiles, tokenizer: Path, folder: Path) -> Manifest:
    facts = load_tokenizer_facts(tokenizer)
    vocabulary = {"vocab_size": facts["vocab_size"], "bos_id": facts["bos_id"]}
    shards = []
    with atomic_directory(folder) as temporary:
        for split, prefix in PREFIX.items():
            for index, path in enumerate(progress(files.shards[split], what=f"{split} shards", unit="shards")):
                ours = temporary / f"{prefix}_{index:06d}.bin"
                _link(path, ours)
                shards.append(shard_facts(ours, split, **vocabulary))
        manifest = Manifest(
            dataset=name,
            tokenizer_digest=facts["digest"],
            origin={"repository": source.repository, "revision": source.revision, "commit": files.commit},
            shards=tuple(shards),
            **vocabulary,
        )
        write_manifest(temporary, manifest)
    return manifest


def _link(path: Path, link: Path) -> None:
    with contextlib.suppress(OSError):  # another device, or a file system without hard links
        os.link(path.resolve(), link)
        return
    shutil.copyfile(path, link)
