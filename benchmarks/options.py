"""What benchmarks have in common: their options, and the first batch of a folder of shards."""

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tritgolf.config.record import RecordConfig, load_record
from tritgolf.data.byte_counts import is_sidecar
from tritgolf.data.loader import TokenStream
from tritgolf.resources import records_folder

COMMON = {  # name → what stands for its value, and what it is
    "record": ("NAME", "whose model: records/NAME.yaml"),
    "sequences": ("N", "sequences at a time"),
    "repeats": ("N", "how often each is timed"),
    "attention": ("NAME", "backend, as train.attention"),
}


def parser_of(description: str | None, **defaults: int | str) -> argparse.ArgumentParser:
    """A parser with ``--record``, and with those of the common options that ``defaults`` gives a default."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {"record": "ternary_v2", **defaults}.items():
        metavar, what = COMMON[name]
        parser.add_argument(
            f"--{name}", type=type(default), default=default, metavar=metavar, help=f"{what} (default: %(default)s)"
        )
    return parser


def shard_files(folder: str | Path) -> list[Path]:
    """The shards in a folder, in name order, without the byte counts beside them."""
    return [path for path in sorted(Path(folder).glob("*.bin")) if not is_sidecar(path)]


def first_batch(record: RecordConfig, shards: str, sequences: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Inputs and targets of the first training tokens, int64 (sequences, context)."""
    context = record.model.context
    stream = TokenStream([path for path in shard_files(shards) if "train" in path.name], record.model.vocab_size)
    text = torch.from_numpy(stream.take(0, sequences * context + 1).astype("int64")).to(device)
    return text[:-1].view(-1, context), text[1:].view(-1, context)


def record_named(name: str, overrides: dict[str, Any] | None = None) -> RecordConfig:
    """The record ``name``, whatever the working folder is; ``overrides`` are laid over it."""
    return load_record(name, records_folder(), overrides)
