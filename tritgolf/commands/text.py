"""The text that a command scores: shards and their tokenizer, as the user gives them."""

from __future__ import annotations

import argparse
import glob
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tritgolf.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tritgolf.config import ModelConfig
    from tritgolf.data.shards import Tokens
    from tritgolf.evaluate.bytes import TextBytes


def add_text_options(parser: argparse.ArgumentParser, required: bool) -> None:
    """``--shards``, ``--tokenizer`` and ``--batch``."""
    shards, tokenizer = "shards (.bin) to score, e.g. 'val_*.bin'", "the SentencePiece model of the shards"
    parser.add_argument("--shards", required=required, metavar="GLOB", help=shards)
    parser.add_argument("--tokenizer", required=required, metavar="MODEL", help=tokenizer)
    parser.add_argument("--batch", type=int, default=16, metavar="N", help="windows scored at a time (default: 16)")


def given_text(arguments: argparse.Namespace, model: ModelConfig) -> tuple[Tokens, TextBytes]:
    """All tokens of the shards, uint16, and their byte counts: raw ones where all shards have sidecars beside them.

    ``InputError`` where they don't fit the model, are no shards of one split, or the tokenizer is not the one that made
    them by the manifest beside them. Without a manifest nothing tells; a line on standard error says so.
    """
    import numpy as np  # noqa: PLC0415  (these are slow to import)

    from tritgolf.data.loader import check_window  # noqa: PLC0415
    from tritgolf.data.shards import open_shard  # noqa: PLC0415
    from tritgolf.evaluate.bytes import TextBytes, token_bytes  # noqa: PLC0415

    if arguments.batch < 1:
        raise InputError("--batch", f"{arguments.batch} is not possible", "give 1 or more windows")
    paths = _shards(arguments.shards, model.vocab_size)
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
    for folder in sorted({path.parent for path in paths}):
        _check_folder(folder, [path.name for path in paths if path.parent == folder], arguments.tokenizer)
    return tokens, TextBytes(pieces, _raw_bytes(paths, [len(shard) for shard in shards]))


def _shards(pattern: str, vocab_size: int) -> list[Path]:
    """The shards that ``pattern`` names, in name order; byte counts beside a shard are passed over, others refused."""
    from tritgolf.data.byte_counts import check_tokens, sidecar_path  # noqa: PLC0415

    named = [Path(path) for path in sorted(glob.glob(pattern))]  # noqa: PTH207  (the pattern may be absolute)
    if not named:
        raise InputError("--shards", f"{pattern!r} matches no file", "give the shards' path or pattern")
    sidecars = {sidecar_path(path) for path in named}
    paths = [path for path in named if path not in sidecars]
    for path in paths:
        check_tokens(path, vocab_size)
    return paths


def _check_folder(folder: Path, names: list[str], tokenizer: str) -> None:
    """What the manifest of ``folder`` says of the shards ``names`` in it: their tokenizer and their split."""
    from tritgolf.data.manifest import check_tokenizer, read_manifest  # noqa: PLC0415

    if not (folder / "manifest.json").exists():
        unknown = f"{folder}: no manifest.json says which tokenizer made these shards"
        _warn(f"{unknown}; taking {tokenizer}")
        return
    check_tokenizer(folder, tokenizer)
    splits = {shard.file: shard.split for shard in read_manifest(folder).shards}
    if unlisted := [name for name in names if name not in splits]:
        what = f"is not one of the shards that {folder / 'manifest.json'} lists"
        raise InputError(folder / unlisted[0], what, f"give shards of it, such as {folder / 'val_*.bin'}")
    if training := [name for name in names if splits[name] == "train"]:
        if len(training) < len(names):
            what = f"names validation and training shards ({training[0]} …), by {folder / 'manifest.json'}"
            raise InputError("--shards", what, f"give one of the two, such as {folder / 'val_*.bin'}")
        _warn(f"{folder}: {', '.join(training)}: training text, by its manifest.json, not validation text")


def _raw_bytes(paths: list[Path], tokens: list[int]) -> npt.NDArray[np.uint16] | None:
    """The raw bytes of every token of the shards, if each has a sidecar; else None, and a line says what is counted."""
    import numpy as np  # noqa: PLC0415

    from tritgolf.data.byte_counts import open_sidecar, sidecar_path  # noqa: PLC0415

    sidecars = [sidecar_path(path) for path in paths]
    if absent := [path for path, sidecar in zip(paths, sidecars, strict=True) if not sidecar.is_file()]:
        unknown = f"{absent[0]}: no {sidecar_path(absent[0]).name} beside it tells the raw bytes of its tokens"
        _warn(f"{unknown}; bytes are counted as the published code does")
        return None
    return np.concatenate([open_sidecar(path, count) for path, count in zip(sidecars, tokens, strict=True)])


def _warn(line: str) -> None:
    print(f"warning: {line}", file=sys.stderr, flush=True)
