"""The Python API beside ``tritgolf.load`` (``use/model.py``): what is in an artifact, what holds of a submission."""

from pathlib import Path
from typing import Any


def inspect_artifact(path: str | Path) -> dict[str, Any]:
    """What is in an artifact, ours or a published one, as ``tritgolf inspect --json`` has it: bytes, fractions of 1.

    ``InputError``, one line, for what can't be read.
    """
    from tritgolf.artifact import inspect  # noqa: PLC0415  (torch, which an audit doesn't need)

    return inspect.inspect_artifact(path)


def audit_folder(
    path: str | Path, *, published: str | Path | None = None, against: str | Path | None = None
) -> dict[str, Any]:
    """Which claims of a submission's folder, or of ``results/RECORD``, hold, as ``tritgolf audit --json`` has it.

    ``published``: logs of known runs to compare with; ``against``: logs of the record to beat. ``InputError`` for a
    folder that is neither. Nothing in the folder is executed.
    """
    from tritgolf.audit.auditor import audit  # noqa: PLC0415

    texts = [None if folder is None else str(folder) for folder in (published, against)]
    return audit(str(path), *texts).as_dict()
