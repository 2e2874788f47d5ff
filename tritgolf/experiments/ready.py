"""An experiment's name to the file that says which records it compares; where that is a grid, both are made of it.

``isobyte`` is ``records/experiments/isobyte.yaml``, and ``isobyte/trials`` the part of it that comes first. What is
made lies in ``results/experiments/isobyte/trials/``: ``experiment.yaml``, and its records in ``records/``.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tritgolf.config.layers import with_ancestors
from tritgolf.config.named import RENAME, RESULTS_NAME, named_file
from tritgolf.config.record import known_records, load_record
from tritgolf.config.yaml_files import read_yaml
from tritgolf.errors import InputError
from tritgolf.experiments.isobyte_points import FITTED, write_isobyte
from tritgolf.experiments.levers import write_levers
from tritgolf.experiments.own_files import OwnFiles
from tritgolf.report.experiment_settings import SETTINGS
from tritgolf.report.experiments import records_of, settings_of

RESULTS = Path("results") / "experiments"
# Kind → what writes the records of a grid, which is at a path, or of a part of it, and what compares them. It returns
# the texts that the records read, and those of parts that come later.
GRIDS: dict[str, Callable[[dict[str, Any], Path, str, OwnFiles], list[str]]] = {
    "isobyte_grid": write_isobyte,
    "levers": write_levers,
}


class Ready(NamedTuple):
    """An experiment that can be run: its file, and what its records are loaded by, names or files.

    ``source``: what the user wrote, of which the file may be made. ``texts``: what its records read, and later parts'.
    """

    file: Path
    records: list[str]
    source: Path
    texts: list[str]


def ready(name: str, records: Path, results: Path = RESULTS) -> Ready:
    """The experiment ``name``, with ``records`` the folder of all records.

    ``InputError`` where it is unknown or not sound, or asks for a part of it to be run first.
    """
    base, _, part = name.partition("/") if re.match(r"\w", name) and not name.endswith(".yaml") else (name, "", "")
    path = named_file("experiment", base, records / "experiments")
    if not re.fullmatch(RESULTS_NAME, base):
        raise InputError(path, "has a name that folders of results can't have", RENAME)
    raw = with_ancestors(path, {other.stem: other for other in path.parent.glob("*.yaml")})
    kind = raw.get("kind", "rows")
    if not isinstance(kind, str) or kind not in SETTINGS.keys() | GRIDS.keys():
        raise InputError(path, f"kind: {kind!r} is unknown", f"write {' or '.join(GRIDS)}, or leave it out above rows")
    if kind not in GRIDS:
        if part:
            raise InputError(f"experiment {name!r}", "is unknown", f"{base} has no parts: ask for {base}")
        return _of_rows(path, raw, records)
    own = OwnFiles(base, path, results, part, records)
    texts = GRIDS[kind](raw, path, part, own)
    made = [str(own.record_file(record)) for record in records_of(own.experiment)]
    return Ready(own.experiment, made, path, list(dict.fromkeys(texts)))


def table_of(name: str, results: Path = RESULTS) -> Path:
    """The table of the experiment ``name``, once it is made."""
    return results / name / "compared.md"


def last_line(name: str, results: Path = RESULTS) -> str:
    """What is said at the end of the experiment ``name``: where its table is, and whether that is the final one."""
    base, _, part = name.partition("/")
    final = f" (final; {table_of(base, results)} is from before)" if part == FITTED else ""
    return f"The table is {table_of(name, results)}{final}"


def _of_rows(path: Path, raw: dict[str, Any], records: Path) -> Ready:
    """An experiment that names its records, each with a storage choice that it has."""
    if "inherit" in read_yaml(path):
        raise InputError(path, "inherit: is for experiments of a kind", "write out the rows of this one")
    if isinstance(raw.get("rows"), list) and len(raw["rows"]) < 2:
        raise InputError(path, "rows: an experiment compares at least two points", "add a row")
    texts = []
    for row in settings_of(path).rows:
        if row.record not in (known := known_records(records)):
            raise InputError(path, f"rows: record {row.record!r} is unknown", f"known records: {', '.join(known)}")
        record = load_record(row.record, records)
        if row.storage not in record.export.storages:
            known = list(record.export.storages)
            raise InputError(path, f"rows: {row.record} has no storage {row.storage!r}", f"known: {', '.join(known)}")
        texts.append(record.dataset)
    return Ready(path, records_of(path), path, list(dict.fromkeys(texts)))
