"""An artifact as one of a record: of the record that a user names, or of the one that its tensors are of."""

from collections.abc import Iterator
from pathlib import Path

from tritgolf.artifact.header import Artifact
from tritgolf.artifact.inspect import open_artifact
from tritgolf.config.record import RecordConfig, known_records, load_record
from tritgolf.errors import InputError

SIZES = ("layers", "width", "heads", "kv_heads", "mlp_multiple", "embed_dim", "vocab_size", "smear")  # shape tensors


def artifact_of(path: str | Path, record: str | None, folder: str | Path) -> Artifact:
    """The artifact at ``path``, read as one of ``record`` in ``folder`` of records, or of a known one there.

    ``InputError`` where it has other tensors than that record's model, or can't be read.
    """
    if not record:
        return open_artifact(path, known=records_in(folder))
    named = load_record(record, folder)
    artifact = open_artifact(path, named.model)
    found = artifact.header.model
    sizes = ((name, getattr(found, name, None), getattr(named.model, name, None)) for name in SIZES)
    if different := [f"{name} {size} instead of {wanted}" for name, size, wanted in sizes if size != wanted]:
        fix = "leave out --record, and it is recognized, or name another"
        raise InputError(path, f"is not of {named.name}: it has {', '.join(different)}", fix)
    return artifact


def scorable(artifact: Artifact) -> Artifact:
    """``artifact`` if all that its model computes is known; else an ``InputError``: a score would be of another one."""
    if artifact.assumed:
        what = f"is of no known record, and doesn't tell its model's {', '.join(artifact.assumed)}"
        raise InputError(artifact.path, what, "name a record of yours that does: --record NAME")
    return artifact


def records_in(folder: str | Path) -> Iterator[RecordConfig]:
    """All records of ``folder``, each loaded when it is asked for."""
    return (load_record(name, folder) for name in known_records(folder))
