"""The record that a published artifact belongs to: named by the user, or recognized from its tensors."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tritgolf.errors import InputError

if TYPE_CHECKING:
    from tritgolf.artifact.header import Artifact
    from tritgolf.config.model import UNetConfig

SIZES = ("layers", "width", "heads", "kv_heads", "mlp_multiple", "embed_dim", "vocab_size", "smear")  # shape tensors


def add_record_option(parser: argparse.ArgumentParser) -> None:
    """``--record`` and ``--records``, for files that don't say what they are."""
    parser.add_argument("--record", metavar="NAME", help="the record a published file belongs to (default: recognized)")
    parser.add_argument("--records", default="records", metavar="DIR", help="folder of records (default: records)")


def named_artifact(arguments: argparse.Namespace) -> Artifact:
    """The artifact that a command is given, read as one of the record that the user named, if any.

    ``InputError`` where it has other tensors than that record's model, or can't be read.
    """
    from tritgolf.artifact.inspect import open_artifact  # noqa: PLC0415  (torch: slow to import)
    from tritgolf.config.models import unet_of  # noqa: PLC0415
    from tritgolf.config.record import load_record  # noqa: PLC0415

    if not arguments.record:
        return open_artifact(arguments.artifact)
    record = load_record(arguments.record, arguments.records)
    model = unet_of(record.model, record.name)
    artifact = open_artifact(arguments.artifact, model.quantizer.estimator)
    sizes = ((name, getattr(artifact.header.model, name), getattr(model, name)) for name in SIZES)
    if different := [f"{name} {found} instead of {wanted}" for name, found, wanted in sizes if found != wanted]:
        fix = "leave out --record, and it is recognized, or name another"
        raise InputError(arguments.artifact, f"is not of {record.name}: it has {', '.join(different)}", fix)
    return artifact


def recognized(model: UNetConfig, arguments: argparse.Namespace) -> str | None:
    """The named record, or the known one whose model has the same tensors."""
    from tritgolf.artifact.published.recognize import recognize_record  # noqa: PLC0415
    from tritgolf.config.record import known_records, load_record  # noqa: PLC0415

    if arguments.record:
        return str(arguments.record)
    folder = Path(arguments.records)
    return recognize_record(model, (load_record(name, folder) for name in known_records(folder)))
