"""``tritgolf verify RESULTS``: whether a record's files are still those that its provenance records."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tritgolf.commands.output import print_json

if TYPE_CHECKING:
    from tritgolf.verify import Verification

DESCRIPTION = """Recompute the digests of a record's results and say what changed or is missing since they were made.
Exit code: 0, nothing changed; 1, something changed or is missing; 2, the folder has no provenance.json."""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    summary = "recompute the digests of a record's results; say what changed"
    parser = subparsers.add_parser("verify", help=summary, description=DESCRIPTION)
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
    print(f"{arguments.results}: {_summed_up(found)}")
    lost = [str(arguments.results / name) for name in found.lost]
    if lost and found.command[:1] == ("snakemake",):
        same = [word for word in found.command[1:] if not word.startswith("replace=")]  # it has replaced what it should
        again = ["snakemake", *lost, *same]  # by name: its targets ask for no file between input and table
        print(f"to make them again: rm -f {shlex.join(lost)} && {shlex.join(again)}")
    return int(not found.sound)


def _summed_up(found: Verification) -> str:
    if found.sound:
        return f"all {found.recorded} recorded files are as they were made"
    files = len(found.lost)
    inputs = len(found.changed) + len(found.missing) - files
    told = [(files, f"{files} of {found.recorded} recorded files", "what was made")] if files else []
    told += [(inputs, f"{inputs} input{'s' * (inputs != 1)}", "what was read")] if inputs else []
    return "; ".join(f"{what} {'differs' if count == 1 else 'differ'} from {then}" for count, what, then in told)
