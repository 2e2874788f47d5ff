"""``tritgolf inspect ARTIFACT``: what is in an artifact, ours or a published one."""

import argparse
from typing import Any

from tritgolf.commands.output import print_json
from tritgolf.commands.published import add_artifact, add_record_option, named_artifact, recognized


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "inspect",
        help="bytes by kind, layout, zero fractions and scales of an artifact",
        description="Print what an artifact holds: bytes by kind, layout, zero fractions, scales, and what its "
        "header says. Nothing in the file is executed.",
    )
    add_artifact(parser)
    add_record_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the facts."""
    from tritgolf.artifact.inspect import artifact_facts, render_facts  # noqa: PLC0415  (torch: slow to import)

    artifact = named_artifact(arguments)
    facts = artifact_facts(artifact, arguments.artifact)
    if facts["format"] != "tgolf":
        name = recognized(artifact.header.model, arguments)
        facts["header"] |= {"record": name, "checkpoint": None, "storage_name": None}  # the file says none of them
    if arguments.json:
        print_json(facts)
    else:
        print(render_facts(facts))
    return 0
