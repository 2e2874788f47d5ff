"""The record that a published artifact belongs to: named by the user, or recognized from its tensors."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tritgolf.errors import InputError

if TYPE_CHECKING:
    from tritgolf.config import ModelConfig, RecordConfig
    from tritgolf.model.ternary import Estimator

SIZES = ("layers", "width", "heads", "kv_heads", "mlp_multiple", "embed_dim", "vocab_size", "smear")  # shape tensors


def add_record_option(parser: argparse.ArgumentParser) -> None:
    """``--record`` and ``--records``, for files that don't say what they are."""
    parser.add_argument("--record", metavar="NAME", help="the record a published file belongs to (default: recognized)")
    parser.add_argument("--records", default="records", metavar="DIR", help="folder of records (default: records)")


def named_record(arguments: argparse.Namespace) -> RecordConfig | None:
    """The record that the user named, if any."""
    from tritgolf.config import load_record  # noqa: PLC0415

    return load_record(arguments.record, arguments.records) if arguments.record else None


def named_estimator(arguments: argparse.Namespace) -> Estimator | None:
    """The scale estimator of the named record, if any."""
    record = named_record(arguments)
    return record.model.quantizer.estimator if record else None


def check_named(model: ModelConfig, arguments: argparse.Namespace) -> None:
    """``InputError`` where the artifact's ``model`` has other tensors than the record that the user named, if any."""
    record = named_record(arguments)
    if record is None:
        return
    sizes = ((name, getattr(model, name), getattr(record.model, name)) for name in SIZES)
    if different := [f"{name} {found} instead of {wanted}" for name, found, wanted in sizes if found != wanted]:
        fix = "leave out --record, and it is recognized, or name another"
        raise InputError(arguments.artifact, f"is not of {record.name}: it has {', '.join(different)}", fix)


def recognized(model: ModelConfig, arguments: argparse.Namespace) -> str | None:
    """The named record, or the known one whose model has the same tensors."""
    from tritgolf.artifact.recognize import recognize_record  # noqa: PLC0415
    from tritgolf.config import known_records, load_record  # noqa: PLC0415

    if arguments.record:
        return str(arguments.record)
    folder = Path(arguments.records)
    return recognize_record(model, (load_record(name, folder) for name in known_records(folder)))
