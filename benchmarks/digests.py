"""The payload digests of runs that should agree, side by side: digests.py RECORD NAME=RESULTS [NAME=RESULTS …]

``RESULTS`` is a run's results folder. Prints a Markdown table; exit code 1 if any digest differs or is missing.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from tritgolf.errors import InputError, one_line_errors
from tritgolf.files import read_json

SHOWN = len("sha256:") + 12  # characters of a digest


def payload_digests(results: Path, record: str) -> dict[str, str]:
    """Payload digest of each metrics file of a record's seeds, by its path below the record."""
    found = {
        str(path.relative_to(results / record)): read_json(path) for path in (results / record).glob("seed*/**/*.json")
    }
    digests = {path: facts["payload_digest"] for path, facts in sorted(found.items()) if "payload_digest" in facts}
    if not digests:
        raise InputError(results / record, "holds no metrics of a seed", "name the results folder of a finished run")
    return digests


def named(run: str) -> tuple[str, Path]:
    name, _, folder = run.rpartition("=")
    return name or folder, Path(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("record", help="name of a record that each of the results has")
    parser.add_argument(
        "runs", nargs="+", type=named, metavar="NAME=RESULTS", help="a name for the column, and a results folder"
    )
    arguments = parser.parse_args()
    runs = dict(arguments.runs)
    table = pd.DataFrame({name: payload_digests(folder, arguments.record) for name, folder in runs.items()})
    print(table.map(lambda digest: digest[:SHOWN], na_action="ignore").fillna("—").rename_axis("metrics").to_markdown())
    alike = int(table.eq(table.iloc[:, 0], axis=0).all(axis=1).sum())
    print(f"\n{alike} of {len(table)} alike in {len(runs)} runs")
    return 0 if alike == len(table) else 1


if __name__ == "__main__":
    with one_line_errors():
        sys.exit(main())
