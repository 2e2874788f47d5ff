"""``tritgolf verify RESULTS``: whether a record's files are still those that its provenance records."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from tritgolf.commands.output import print_json


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("verify", help="recompute the digests of a record's results; say what changed")
    parser.add_argument("results", type=Path, help="results/RECORD, with its provenance.json")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what changed; 1 if anything did."""
    from tritgolf.verify import verify  # noqa: PLC0415  (slow to import)

    found = verify(arguments.results)
    if arguments.json:
        print_json({**dataclasses.asdict(found), "sound": found.sound})
        return int(not found.sound)
    for kind, names in (("changed", found.changed), ("missing", found.missing), ("note", found.notes)):
        for name in names:
            print(f"{kind + ':':<8} {name}")
    if found.sound:
        print(f"{arguments.results}: all {found.recorded} recorded files are as they were made")
    else:
        count = len(found.changed) + len(found.missing)
        print(f"{arguments.results}: {count} differ from what was made, of {found.recorded} recorded files")
    return int(not found.sound)
