"""The record that a published artifact belongs to: named by the user, or recognized from its tensors."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tritgolf.errors import InputError
from tritgolf.resources import records_folder

if TYPE_CHECKING:
    from tritgolf.artifact.header import Artifact
    from tritgolf.config.record import RecordConfig
    from tritgolf.config.settings import Settings


def add_artifact(parser: argparse.ArgumentParser) -> None:
    """The artifact that a command is about."""
    parser.add_argument("artifact", help="a .tgolf file, or a published .ternary.ptz, .int6.ptz or .trinity.ptz")


def add_record_option(parser: argparse.ArgumentParser) -> None:
    """``--record`` and ``--records``, for files that don't say what they are."""
    text = "the record that the file belongs to, or its file ./mine.yaml (default: recognized; a .tgolf names its own)"
    parser.add_argument("--record", metavar="NAME", help=text)
    add_records_option(parser)


def add_records_option(parser: argparse.ArgumentParser) -> None:
    """``--records``: where records are looked up."""
    text = "folder of records (default: ./records, or those of the package)"
    parser.add_argument("--records", default=str(records_folder()), metavar="DIR", help=text)


def named_artifact(arguments: argparse.Namespace) -> Artifact:
    """The artifact that a command is given, read as one of the record that the user named, or of a known one.

    ``InputError`` where it has other tensors than that record's model, or can't be read.
    """
    from tritgolf.artifact.named import artifact_of  # noqa: PLC0415  (torch: slow to import)

    return artifact_of(arguments.artifact, arguments.record, arguments.records)


def scorable(artifact: Artifact) -> Artifact:
    """``artifact`` if all that its model computes is known, else an ``InputError``."""
    from tritgolf.artifact.named import scorable as checked  # noqa: PLC0415

    return checked(artifact)


def recognized(model: Settings, arguments: argparse.Namespace) -> str | None:
    """The named record, or the known one whose model has the same tensors."""
    from tritgolf.artifact.named import records_in  # noqa: PLC0415
    from tritgolf.artifact.published.recognize import recognize_record  # noqa: PLC0415

    return str(arguments.record) if arguments.record else recognize_record(model, records_in(arguments.records))


def record_of(artifact: Artifact, arguments: argparse.Namespace) -> RecordConfig:
    """The record that the user named, else that of the results which ``artifact`` lies in, as it was resolved there.

    Else the one that it names (without its run), or is recognized as. ``InputError`` where no known one is it.
    """
    from tritgolf.config.record import RUN_MARK, known_records, load_record  # noqa: PLC0415
    from tritgolf.report.metrics import read_record  # noqa: PLC0415
    from tritgolf.use.card import results_of  # noqa: PLC0415

    results = None if arguments.record else results_of(artifact.path)
    if results and (record := read_record(results / "record.json")).name == artifact.header.record:
        return record
    own = artifact.header.record.partition(RUN_MARK)[0]
    stated = own if own in known_records(arguments.records) else None
    name = arguments.record or stated or recognized(artifact.header.model, arguments)
    if name is None:
        raise InputError(artifact.path, f"is of no record in {arguments.records}", "name one by --record")
    return load_record(name, arguments.records)
