"""``manifest.json``: what a folder of shards holds and which tokenizer made it."""

from pathlib import Path
from typing import Any, Literal

import numpy as np

from tritgolf.config import Positive
from tritgolf.data.shards import blocks, file_bytes, open_shard, read_header
from tritgolf.errors import InputError
from tritgolf.files import digest_file, digest_json, read_json, write_json
from tritgolf.settings import Settings, validate

SCHEMA = "tritgolf/shards/1"
Split = Literal["train", "validation"]
PREFIX: dict[Split, str] = {"train": "train", "validation": "val"}


class ShardFacts(Settings):
    """One shard: ``documents`` begin in it (one may end in the next), ``bytes`` is the file's size."""

    file: str
    split: Split
    documents: int
    tokens: Positive
    bytes: Positive
    digest: str


class Manifest(Settings):
    """All shards of a dataset, in name order, and what made them: digests of the tokenizer and of the ``origin``."""

    dataset: str
    tokenizer_digest: str
    vocab_size: Positive
    bos_id: int
    origin: dict[str, Any]
    shards: tuple[ShardFacts, ...]

    def tokens(self, split: Split) -> int:
        """Tokens of a split."""
        return sum(shard.tokens for shard in self.shards if shard.split == split)

    def documents(self, split: Split) -> int:
        """Documents of a split."""
        return sum(shard.documents for shard in self.shards if shard.split == split)

    def files(self, split: Split) -> list[str]:
        """File names of a split, in the order in which they are read."""
        return sorted(shard.file for shard in self.shards if shard.split == split)


def shard_facts(path: Path, split: Split, *, vocab_size: int, bos_id: int) -> ShardFacts:
    """Read a shard through: its tokens checked against the vocabulary, its documents counted, its file digested."""
    tokens = open_shard(path, vocab_size)
    return ShardFacts(
        file=path.name,
        split=split,
        documents=sum(int(np.count_nonzero(block == bos_id)) for _, block in blocks(tokens)),
        tokens=len(tokens),
        bytes=path.stat().st_size,
        digest=digest_file(path),
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``manifest.json``, with the totals of both splits for the reader."""
    totals = {split: {"documents": manifest.documents(split), "tokens": manifest.tokens(split)} for split in PREFIX}
    write_json(folder / "manifest.json", {"schema": SCHEMA, "totals": totals, **manifest.model_dump(mode="json")})


def read_manifest(folder: str | Path) -> Manifest:
    """The manifest of a folder, whatever has become of its shards; ``InputError`` if it is missing or malformed."""
    path = Path(folder) / "manifest.json"
    raw = read_json(path)
    if not isinstance(raw, dict) or raw.pop("schema", None) != SCHEMA:
        raise InputError(path, f"is not of the schema {SCHEMA}", "delete the folder and make the shards again")
    raw.pop("totals", None)
    return validate(Manifest, raw, path)


def load_manifest(folder: str | Path) -> Manifest:
    """``read_manifest``; ``InputError`` also if a shard is missing or cut short."""
    path, manifest = Path(folder) / "manifest.json", read_manifest(folder)
    for shard in manifest.shards:
        if Path(shard.file).name != shard.file or shard.bytes != file_bytes(shard.tokens):
            raise InputError(path, f"{shard.file!r}: impossible name or size", "make the shards again")
        if read_header(path.with_name(shard.file)) != shard.tokens:
            raise InputError(
                path.with_name(shard.file), "has another token count than its manifest says", "make it again"
            )
    return manifest


def payload_digest(manifest: Manifest) -> str:
    """``sha256:…`` of what training reads: the shards' digests by split and order, and the tokenizer's."""
    shards = [[shard.split, shard.file, shard.digest] for shard in manifest.shards]
    return digest_json([manifest.tokenizer_digest, manifest.vocab_size, shards])


def verify_shards(folder: str | Path) -> Manifest:
    """``load_manifest``, and every shard's digest; ``InputError`` names the first that differs."""
    manifest = load_manifest(folder)
    for shard in manifest.shards:
        if digest_file(Path(folder) / shard.file) != shard.digest:
            raise InputError(Path(folder) / shard.file, "does not have the digest of its manifest", "make it again")
    return manifest


def check_tokenizer(folder: str | Path, model: str | Path) -> None:
    """``InputError`` unless ``model`` is the tokenizer that made the shards in ``folder``."""
    manifest = read_manifest(folder)
    if not Path(model).is_file():
        raise InputError(model, "is missing", "give the tokenizer that made the shards")
    if digest_file(model) != manifest.tokenizer_digest:
        raise InputError(
            model, f"is not the tokenizer that made the shards in {folder}", "use theirs, or make them again"
        )
