"""Golden copies: every configuration as it is dumped, and digests of the tables of kept runs.

A changed configuration dump makes finished results stale, and a changed table says something else of a run that is
kept. Where that is meant, say so in CHANGELOG and make them again: python -m tests.golden.make
"""

import json
from pathlib import Path

from tests.small import RECORDS, REPOSITORY
from tritgolf.config.record import known_records, load_record
from tritgolf.data.dataset import load_dataset
from tritgolf.errors import InputError
from tritgolf.files import digest_bytes
from tritgolf.report.catalogue import TABLES, make_table
from tritgolf.report.metrics import Run, load_run
from tritgolf.report.published import published_files

FOLDER = Path(__file__).parent
DATASETS = REPOSITORY / "datasets"
SHOWN = len("sha256:") + 16  # characters of a digest


def configurations() -> dict[str, dict]:
    """Every record and dataset as params and results have it."""
    records = {f"records/{name}": load_record(name, RECORDS) for name in known_records(RECORDS)}
    datasets = {f"datasets/{name}": load_dataset(name, DATASETS) for name in known_records(DATASETS)}
    return {name: settings.model_dump(mode="json") for name, settings in (records | datasets).items()}


def kept_tables() -> dict[str, dict[str, str]]:
    """Digests of every table that a kept run has the metrics for: of all its figures, and of what it shows."""
    found = {}
    for record in sorted((REPOSITORY / "measured").glob("*/record.json")):
        run = load_run(record.parent)
        for name in (*TABLES, "published"):
            if table := _table(name, run):
                texts = {"figures": table.csv(), "page": table.markdown()}
                found[f"{record.parent.name}/{name}"] = {what: _digest(text) for what, text in texts.items()}
    return found


def _digest(text: str) -> str:
    """The same wherever the repository lies: tables name the files that they are made from."""
    return digest_bytes(text.replace(f"{REPOSITORY}/", "").encode())[:SHOWN]


def _table(name: str, run: Run):
    """The table, or None where the run was kept without what it is made from."""
    try:
        return make_table(name, run, published_files(REPOSITORY / "published", run.facts.source))
    except InputError:
        return None


GOLDEN = {"configurations.json": configurations, "kept_tables.json": kept_tables}


if __name__ == "__main__":
    for name, make in GOLDEN.items():
        (FOLDER / name).write_text(json.dumps(make(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
