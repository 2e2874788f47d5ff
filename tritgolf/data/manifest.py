"""``manifest.json``: what a folder of shards holds and which tokenizer made it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tritgolf.config.settings import Settings, validate
from tritgolf.config.types import Positive
from tritgolf.data.byte_counts import open_sidecar
from tritgolf.data.shards import blocks, file_bytes, open_shard, read_header
from tritgolf.errors import InputError
from tritgolf.files import digest_file, digest_json, read_json, write_json

SCHEMA = "tritgolf/shards/1"
Split = Literal["train", "validation"]
PREFIX: dict[Split, str] = {"train": "train", "validation": "val"}


class SidecarFacts(Settings):
    """The byte counts of one shard's tokens: ``raw_bytes`` is their sum, UTF-8 bytes of text."""

    file: str
    raw_bytes: int
    digest: str


class ShardFacts(Settings):
    """One shard: ``documents`` begin in it (one may end in the next), ``bytes`` is the file's size.

    ``byte_counts``: the sidecar that tells the raw bytes of its tokens, where there is one.
    """

    file: str
    split: Split
    documents: int
    tokens: Positive
    bytes: Positive
    digest: str
    byte_counts: SidecarFacts | None = None


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
        return [shard.file for shard in self.of(split)]

    def of(self, split: Split) -> list[ShardFacts]:
        """The shards of a split, in the order in which they are read."""
        return sorted((shard for shard in self.shards if shard.split == split), key=lambda shard: shard.file)

    def raw_bytes(self, split: Split) -> int | None:
        """UTF-8 bytes of a split's text, None where they are not known."""
        counted = [shard.byte_counts for shard in self.of(split)]
        known = [sidecar.raw_bytes for sidecar in counted if sidecar is not None]
        return sum(known) if known and len(known) == len(counted) else None


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


def with_byte_counts(shards: Sequence[ShardFacts], sidecars: Sequence[Path]) -> list[ShardFacts]:
    """``shards`` with the facts of their ``sidecars``, one each, read through; as they are where there are none.

    Raises ``InputError`` if a sidecar has another number of counts than its shard has tokens.
    """
    if not sidecars:
        return list(shards)
    found = []
    for shard, path in zip(shards, sidecars, strict=True):
        counts = open_sidecar(path, shard.tokens)
        raw = sum(int(block.sum(dtype=np.int64)) for _, block in blocks(counts))
        facts = SidecarFacts(file=path.name, raw_bytes=raw, digest=digest_file(path))
        found.append(shard.model_copy(update={"byte_counts": facts}))
    return found


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``manifest.json``, with the totals of both splits for the reader."""
    totals = {split: _totals(manifest, split) for split in PREFIX}
    facts = manifest.model_dump(mode="json", exclude_none=True)
    write_json(folder / "manifest.json", {"schema": SCHEMA, "totals": totals, **facts})


def _totals(manifest: Manifest, split: Split) -> dict[str, int]:
    totals = {"documents": manifest.documents(split), "tokens": manifest.tokens(split)}
    raw = manifest.raw_bytes(split)
    return totals if raw is None else totals | {"raw_bytes": raw}


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
        if shard.byte_counts is not None:
            if Path(shard.byte_counts.file).name != shard.byte_counts.file:
                raise InputError(path, f"{shard.byte_counts.file!r}: impossible name", "make the shards again")
            open_sidecar(path.with_name(shard.byte_counts.file), shard.tokens)
    return manifest


def payload_digest(manifest: Manifest) -> str:
    """``sha256:…`` of what training reads: the shards' digests by split and order, and the tokenizer's."""
    shards = [[shard.split, shard.file, shard.digest] for shard in manifest.shards]
    return digest_json([manifest.tokenizer_digest, manifest.vocab_size, shards])


def validation_digest(manifest: Manifest) -> str:
    """``sha256:…`` of what evaluation reads: validation tokens, and the raw bytes of each where they are known."""
    counted = [(shard.digest, shard.byte_counts and shard.byte_counts.digest) for shard in manifest.of("validation")]
    return digest_json([list(pair) for pair in counted])


def verify_shards(folder: str | Path, splits: Sequence[Split] = ("train", "validation")) -> Manifest:
    """``load_manifest``, and every file's digest of these splits; ``InputError`` names the first that differs."""
    manifest = load_manifest(folder)
    for shard in (shard for split in splits for shard in manifest.of(split)):
        for facts in (shard, shard.byte_counts):
            if facts is not None and digest_file(Path(folder) / facts.file) != facts.digest:
                raise InputError(Path(folder) / facts.file, "does not have the digest of its manifest", "make it again")
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
