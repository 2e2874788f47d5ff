"""The text that a command scores: shards and their tokenizer, as the user gives them."""

from __future__ import annotations

import argparse
import glob
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tritgolf.errors import InputError, warn
from tritgolf.files import check_readable, digest_file

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tritgolf.config.model import UNetConfig
    from tritgolf.data.manifest import ShardFacts, Split
    from tritgolf.data.shards import Tokens
    from tritgolf.evaluate.bytes import TextBytes


BATCH = 16


def add_text_options(parser: argparse.ArgumentParser, required: bool) -> None:
    """``--shards``, ``--tokenizer`` and ``--batch``."""
    shards, tokenizer = "shards (.bin) to score, e.g. 'val_*.bin'", "the SentencePiece model of the shards"
    parser.add_argument("--shards", required=required, metavar="GLOB", help=shards)
    parser.add_argument("--tokenizer", required=required, metavar="MODEL", help=tokenizer)
    parser.add_argument("--batch", type=int, metavar="N", help=f"windows scored at a time (default: {BATCH})")


def given_batch(arguments: argparse.Namespace) -> int:
    """Windows at a time."""
    batch = BATCH if arguments.batch is None else int(arguments.batch)
    if batch < 1:
        raise InputError("--batch", f"{batch} is not possible", "give 1 or more windows")
    return batch


class GivenText(NamedTuple):
    """Tokens (uint16), their bytes by both countings, and the split that they are of, None where nothing says it."""

    tokens: Tokens
    sizes: TextBytes
    split: Split | None


def given_text(arguments: argparse.Namespace, model: UNetConfig) -> GivenText:
    """All tokens of the shards, and their byte counts: raw ones where all shards have sidecars beside them.

    ``InputError`` where they don't fit the model, are no shards of one split, or the tokenizer is not the one that made
    them by the manifest beside them. Without a manifest nothing tells; a line on standard error says so.
    """
    import numpy as np  # noqa: PLC0415  (these are slow to import)

    from tritgolf.data.loader import check_window  # noqa: PLC0415
    from tritgolf.data.shards import open_shard  # noqa: PLC0415
    from tritgolf.evaluate.bytes import TextBytes, token_bytes  # noqa: PLC0415

    check_readable(arguments.tokenizer)
    paths = _shards(arguments.shards)
    shards = [open_shard(path, model.vocab_size) for path in paths]
    tokens = np.concatenate(shards)
    check_window(tokens, model.context, arguments.shards)
    pieces = token_bytes(arguments.tokenizer)
    if pieces.vocab_size != model.vocab_size:
        raise InputError(
            arguments.tokenizer,
            f"has {pieces.vocab_size} pieces, the artifact's model {model.vocab_size}",
            "give the tokenizer of the shards and the model",
        )
    listed = _listed(paths, arguments.tokenizer, model.vocab_size)
    by = "manifest.json" if any(listed) else "names"
    splits = [facts.split if facts else None for facts in listed] if any(listed) else _splits_by_name(paths)
    if len(set(splits)) > 1:
        of_training = paths[splits.index("train")] if "train" in splits else paths[0]
        what = f"names shards of validation and of other text ({of_training.name} …), by their {by}"
        raise InputError("--shards", what, "give those of one, such as 'FOLDER/val_*.bin'")
    return GivenText(tokens, TextBytes(pieces, _raw_bytes(paths, [len(shard) for shard in shards], listed)), splits[0])


def _shards(pattern: str) -> list[Path]:
    """The shards that ``pattern`` names, in name order; byte counts beside a shard are passed over, others refused."""
    from tritgolf.data.byte_counts import check_name, sidecar_path  # noqa: PLC0415

    named = [Path(path) for path in sorted(glob.glob(pattern))]  # noqa: PTH207  (the pattern may be absolute)
    if not named:
        raise InputError("--shards", f"{pattern!r} matches no file", "give the shards' path or pattern")
    sidecars = {sidecar_path(path) for path in named}
    paths = [path for path in named if path not in sidecars]
    for path in paths:
        check_readable(path)
        check_name(path)
        if path.is_file() and path.suffix != ".bin":
            raise InputError(path, "is no shard, by its ending", "give shards alone, such as 'FOLDER/val_*.bin'")
    return paths


def _listed(paths: list[Path], tokenizer: str, vocab_size: int) -> list[ShardFacts | None]:
    """What the manifest beside every shard says of it, None without one.

    ``InputError`` for a shard that its manifest doesn't list, one of another ``tokenizer``, and byte counts.
    """
    from tritgolf.data.byte_counts import check_tokens  # noqa: PLC0415
    from tritgolf.data.manifest import check_tokenizer, read_manifest  # noqa: PLC0415

    known: dict[Path, dict[str, ShardFacts]] = {}
    for folder in sorted({path.parent for path in paths}):
        if (folder / "manifest.json").exists():
            check_tokenizer(folder, tokenizer)
            known[folder] = {shard.file: shard for shard in read_manifest(folder).shards}
        else:
            warn(f"{folder}: no manifest.json says which tokenizer made these shards; taking {tokenizer}")
    found = [known.get(path.parent, {}).get(path.name) for path in paths]
    for path in (path for path, facts in zip(paths, found, strict=True) if facts is None):
        check_tokens(path, vocab_size)
        if path.parent in known:
            what = f"is not one of the shards that {path.parent / 'manifest.json'} lists"
            raise InputError(path, what, "give those of it, such as 'FOLDER/val_*.bin'")
    return found


def _splits_by_name(paths: list[Path]) -> list[Split | None]:
    """The splits of shards without a manifest as published sets name them, if that tells all of them; else None."""
    names = [path.name.lower() for path in paths]
    splits: list[Split | None] = ["train" if "train" in name else "validation" for name in names]
    told = all(("train" in name) != ("val" in name) for name in names)
    return splits if told else [None] * len(paths)


def _raw_bytes(paths: list[Path], tokens: list[int], listed: list[ShardFacts | None]) -> npt.NDArray[np.uint16] | None:
    """The raw bytes of every token of the shards, if each has a sidecar, else None; some without are told.

    ``InputError`` for a sidecar that can't be the shard's, or is not the one that its manifest lists.
    """
    import numpy as np  # noqa: PLC0415

    from tritgolf.data.byte_counts import check_counts, open_sidecar, sidecar_path  # noqa: PLC0415

    sidecars = [sidecar_path(path) for path in paths]
    if lacking := [path for path in sidecars if not path.is_file()]:
        if len(lacking) < len(sidecars):
            warn(f"{lacking[0]}: is missing, so the raw bytes of all {len(paths)} shards are not known")
        return None
    for path, facts in zip(sidecars, listed, strict=True):
        check_counts(path)
        if facts and facts.byte_counts and digest_file(path) != facts.byte_counts.digest:
            raise InputError(path, "does not have the digest of its manifest", "put the sidecar of this shard there")
    return np.concatenate([open_sidecar(path, count) for path, count in zip(sidecars, tokens, strict=True)])
