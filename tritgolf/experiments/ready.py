"""An experiment's name to the file that says which records it compares; where that is a grid, both are made of it.

``isobyte`` is ``records/experiments/isobyte.yaml``, and ``isobyte/trials`` the part of it that comes first. What is
made lies in ``results/experiments/isobyte/trials/``: ``experiment.yaml``, and its records in ``records/``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tritgolf.config.settings import with_ancestors
from tritgolf.errors import InputError
from tritgolf.experiments.isobyte_points import write_isobyte
from tritgolf.experiments.levers import write_levers
from tritgolf.experiments.own_files import OwnFiles
from tritgolf.report.experiments import experiment_file, records_of

RESULTS = Path("results") / "experiments"
# Kind → what writes the records of a grid, which is at a path, or of a part of it, and what compares them.
GRIDS: dict[str, Callable[[dict[str, Any], Path, str, OwnFiles], None]] = {
    "isobyte_grid": write_isobyte,
    "levers": write_levers,
}


class Ready(NamedTuple):
    """An experiment that can be run: its file, and what its records are loaded by, names or files."""

    file: Path
    records: list[str]


def ready(name: str, records: Path, results: Path = RESULTS) -> Ready:
    """The experiment ``name``, with ``records`` the folder of all records.

    ``InputError`` where it is unknown or not sound, or asks for a part of it to be run first.
    """
    base, _, part = name.partition("/")
    path = experiment_file(base, records / "experiments")
    raw = with_ancestors(path, {other.stem: other for other in path.parent.glob("*.yaml")})
    write = GRIDS.get(raw.get("kind", ""))
    if write is None:
        if part:
            raise InputError(f"experiment {name!r}", "is unknown", f"{base} has no parts: ask for {base}")
        return Ready(path, records_of(path))
    own = OwnFiles(base, results, part, records)
    write(raw, path, part, own)
    return Ready(own.experiment, [str(own.record_file(record)) for record in records_of(own.experiment)])
