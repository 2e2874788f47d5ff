"""The text that a command scores: shards and their tokenizer, as the user gives them."""

from __future__ import annotations

import argparse
import glob
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tritgolf.errors import InputError

if TYPE_CHECKING:
    from tritgolf.config import ModelConfig
    from tritgolf.data.shards import Tokens
    from tritgolf.evaluate.bytes import TokenBytes


def add_text_options(parser: argparse.ArgumentParser, required: bool) -> None:
    """``--shards``, ``--tokenizer`` and ``--batch``."""
    shards, tokenizer = "shards (.bin) to score, e.g. 'val_*.bin'", "the SentencePiece model of the shards"
    parser.add_argument("--shards", required=required, metavar="GLOB", help=shards)
    parser.add_argument("--tokenizer", required=required, metavar="MODEL", help=tokenizer)
    parser.add_argument("--batch", type=int, default=16, metavar="N", help="windows scored at a time (default: 16)")


def given_text(arguments: argparse.Namespace, model: ModelConfig) -> tuple[Tokens, TokenBytes]:
    """All tokens of the shards, uint16, and their byte counts.

    ``InputError`` where they don't fit the model, or the tokenizer is not the one that made the shards by the manifest
    beside them. Without a manifest nothing tells; a line on standard error says so.
    """
    import numpy as np  # noqa: PLC0415  (these are slow to import)

    from tritgolf.data.loader import check_window  # noqa: PLC0415
    from tritgolf.data.manifest import check_tokenizer  # noqa: PLC0415
    from tritgolf.data.shards import open_shard  # noqa: PLC0415
    from tritgolf.evaluate.bytes import token_bytes  # noqa: PLC0415

    if arguments.batch < 1:
        raise InputError("--batch", f"{arguments.batch} is not possible", "give 1 or more windows")
    paths = sorted(glob.glob(arguments.shards))  # noqa: PTH207  (the pattern may be absolute)
    if not paths:
        raise InputError("--shards", f"{arguments.shards!r} matches no file", "give the shards' path or pattern")
    tokens = np.concatenate([open_shard(path, model.vocab_size) for path in paths])
    check_window(tokens, model.context, arguments.shards)
    sizes = token_bytes(arguments.tokenizer)
    if sizes.vocab_size != model.vocab_size:
        raise InputError(
            arguments.tokenizer,
            f"has {sizes.vocab_size} pieces, the artifact's model {model.vocab_size}",
            "give the tokenizer of the shards and the model",
        )
    for folder in sorted({Path(path).parent for path in paths}):
        if (folder / "manifest.json").exists():
            check_tokenizer(folder, arguments.tokenizer)
        else:
            unknown = f"warning: {folder}: no manifest.json says which tokenizer made these shards"
            print(f"{unknown}; taking {arguments.tokenizer}", file=sys.stderr, flush=True)
    return tokens, sizes
