"""The Python API: ``tritgolf.load``, ``tritgolf.inspect_artifact``, ``tritgolf.audit_folder`` (docs/use.md).

``import tritgolf`` imports neither this module nor torch; the first use of a name does.
"""

from pathlib import Path
from typing import Any

from tritgolf.artifact.inspect import inspect_artifact as _artifact_facts
from tritgolf.audit.auditor import audit
from tritgolf.errors import InputError
from tritgolf.use.model import Model, load

__all__ = ["InputError", "Model", "audit_folder", "inspect_artifact", "load"]


def inspect_artifact(path: str | Path) -> dict[str, Any]:
    """What is in an artifact, ours or a published one, as ``tritgolf inspect --json`` has it: bytes, fractions of 1.

    ``InputError``, one line, for what can't be read.
    """
    return _artifact_facts(path)


def audit_folder(path: str | Path, *, published: str | Path | None = None, against: str | Path | None = None) -> Any:
    """Which claims of a submission's folder, or of ``results/RECORD``, hold, as ``tritgolf audit --json`` has it.

    ``published``: logs of known runs to compare with; ``against``: logs of the record to beat. ``InputError`` for a
    folder that is neither. Nothing in the folder is executed.
    """
    texts = [None if folder is None else str(folder) for folder in (published, against)]
    return audit(str(path), *texts).as_dict()
