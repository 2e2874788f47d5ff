"""``tritgolf inspect ARTIFACT``: what is in an artifact, ours or a published one."""

import argparse
from typing import Any

from tritgolf.commands.output import print_json
from tritgolf.commands.published import add_record_option, check_named, named_estimator, recognized


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("inspect", help="bytes by kind, layout, zero fractions and scales of an artifact")
    parser.add_argument("artifact", help="a .tgolf file, or a published .ternary.ptz")
    add_record_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the facts."""
    from tritgolf.artifact.inspect import inspect_artifact, render_facts  # noqa: PLC0415  (torch: slow to import)
    from tritgolf.config import ModelConfig  # noqa: PLC0415

    facts = inspect_artifact(arguments.artifact, named_estimator(arguments))
    if facts["format"] == "ptz":
        model = ModelConfig(**facts["header"]["model"])
        check_named(model, arguments)
        name = recognized(model, arguments)
        facts["header"] |= {"record": name, "checkpoint": None, "storage_name": None}  # the file says none of them
    if arguments.json:
        print_json(facts)
    else:
        print(render_facts(facts))
    return 0
