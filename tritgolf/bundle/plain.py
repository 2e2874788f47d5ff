"""The contest's own folder of shards, which has no manifest, as a folder of ours: links to its files and a manifest."""

from pathlib import Path

from tritgolf.data.manifest import Manifest, Split, shard_facts, write_manifest
from tritgolf.files import atomic_directory, digest_file

NAMES: dict[Split, str] = {"train": "fineweb_train_*.bin", "validation": "fineweb_val_*.bin"}
BOS = 1  # the piece that begins documents in all published shards


def with_manifest(data: Path, tokenizer: Path, vocab_size: int, links: Path) -> Path:
    """``data``, if it has a manifest or no shards by the contest's names; else the folder ``links``, made of them.

    Every shard is read through; ``InputError`` for one with a token that is none of ``vocab_size``.
    """
    shards = [(split, path) for split, names in NAMES.items() for path in sorted(data.glob(names))]
    if (data / "manifest.json").exists() or not shards:
        return data
    with atomic_directory(links) as folder:
        facts = []
        for split, path in shards:
            link = folder / path.name
            link.symlink_to(path.resolve())
            facts.append(shard_facts(path, split, vocab_size=vocab_size, bos_id=BOS))
        write_manifest(
            folder,
            Manifest(
                dataset=data.name,
                tokenizer_digest=digest_file(tokenizer),
                vocab_size=vocab_size,
                bos_id=BOS,
                origin={},
                shards=tuple(facts),
            ),
        )
    return links
