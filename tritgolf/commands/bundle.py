"""``tritgolf bundle RECORD``: the folder of a submission, from what the workflow has made."""

import argparse
from pathlib import Path
from typing import Any

from tritgolf.commands.output import print_json
from tritgolf.errors import InputError
from tritgolf.files import read_json


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "bundle",
        help="write a submission: script, artifact, logs, submission.json",
        description="Write results/RECORD/bundle, the folder of a submission, from what the workflow has made. What "
        "can't be submitted is refused, with the reason. A bundle that is there is written anew.",
    )
    parser.add_argument("record", help="name of a record that has results/RECORD, or that folder")
    parser.add_argument(
        "--results", type=Path, default=Path("results"), metavar="DIR", help="the folder of results (default: results)"
    )
    parser.add_argument("--author", help="who submits it, for submission.json")
    parser.add_argument("--github-id", help="their name on GitHub, for submission.json")
    parser.add_argument("--anyway", action="store_true", help="also write what can't be submitted, and mark it so")
    parser.add_argument("--json", action="store_true", help="print submission.json")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the folder and print where it is."""
    from tritgolf.bundle.folder import OURS, Author, write_bundle  # noqa: PLC0415  (torch)

    author = Author(arguments.author or OURS, arguments.github_id or OURS)
    results = arguments.results / arguments.record
    if not results.is_dir() and Path(arguments.record, "record.json").is_file():
        results = Path(arguments.record)
    if not results.is_dir():
        from tritgolf.config.record import named_again  # noqa: PLC0415

        command = f"snakemake --cores all --config {named_again(Path(arguments.record).name)}"
        fix = f"train it first: {command}; or say --results DIR"
        raise InputError(f"record {arguments.record!r}", f"has no results: {results} is not there", fix)
    folder = write_bundle(results, anyway=arguments.anyway, author=author)
    if arguments.json:
        print_json(read_json(folder / "submission.json"))
    else:
        print(folder)
    return 0
