"""The record that a published artifact belongs to: named by the user, or recognized from its tensors."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tritgolf.errors import InputError

if TYPE_CHECKING:
    from tritgolf.artifact.header import Artifact
    from tritgolf.config.record import RecordConfig
    from tritgolf.config.settings import Settings

SIZES = ("layers", "width", "heads", "kv_heads", "mlp_multiple", "embed_dim", "vocab_size", "smear")  # shape tensors


def add_record_option(parser: argparse.ArgumentParser) -> None:
    """``--record`` and ``--records``, for files that don't say what they are."""
    parser.add_argument("--record", metavar="NAME", help="the record a published file belongs to (default: recognized)")
    parser.add_argument("--records", default="records", metavar="DIR", help="folder of records (default: records)")


def named_artifact(arguments: argparse.Namespace) -> Artifact:
    """The artifact that a command is given, read as one of the record that the user named, or of a known one.

    ``InputError`` where it has other tensors than that record's model, or can't be read.
    """
    from tritgolf.artifact.inspect import open_artifact  # noqa: PLC0415  (torch: slow to import)
    from tritgolf.config.record import load_record  # noqa: PLC0415

    if not arguments.record:
        return open_artifact(arguments.artifact, known=_known(arguments))
    record = load_record(arguments.record, arguments.records)
    artifact = open_artifact(arguments.artifact, record.model)
    found = artifact.header.model
    sizes = ((name, getattr(found, name, None), getattr(record.model, name, None)) for name in SIZES)
    if different := [f"{name} {size} instead of {wanted}" for name, size, wanted in sizes if size != wanted]:
        fix = "leave out --record, and it is recognized, or name another"
        raise InputError(arguments.artifact, f"is not of {record.name}: it has {', '.join(different)}", fix)
    return artifact


def scorable(artifact: Artifact) -> Artifact:
    """``artifact`` if all that its model computes is known; else an ``InputError``: a score would be of another one."""
    if artifact.assumed:
        what = f"is of no known record, and doesn't tell its model's {', '.join(artifact.assumed)}"
        raise InputError(artifact.path, what, "name a record of yours that does: --record NAME")
    return artifact


def recognized(model: Settings, arguments: argparse.Namespace) -> str | None:
    """The named record, or the known one whose model has the same tensors."""
    from tritgolf.artifact.published.recognize import recognize_record  # noqa: PLC0415

    return str(arguments.record) if arguments.record else recognize_record(model, _known(arguments))


def record_of(artifact: Artifact, arguments: argparse.Namespace) -> RecordConfig:
    """The record that the user named, else the one that ``artifact`` names (without its run), or is recognized as.

    ``InputError`` where none of the known ones is it.
    """
    from tritgolf.config.record import RUN_MARK, known_records, load_record  # noqa: PLC0415

    own = artifact.header.record.partition(RUN_MARK)[0]
    stated = own if own in known_records(arguments.records) else None
    name = arguments.record or stated or recognized(artifact.header.model, arguments)
    if name is None:
        raise InputError(artifact.path, f"is of no record in {arguments.records}", "name one by --record")
    return load_record(name, arguments.records)


def _known(arguments: argparse.Namespace) -> Iterator[RecordConfig]:
    """All records, each loaded when it is asked for."""
    from tritgolf.config.record import known_records, load_record  # noqa: PLC0415

    folder = Path(arguments.records)
    return (load_record(name, folder) for name in known_records(folder))
