"""The command line: facts about single records and files. The workflow itself is Snakemake's."""

import argparse
import sys

from tritgolf import __version__
from tritgolf.commands import (
    audit,
    bundle,
    describe,
    evaluate,
    export,
    generate,
    inspect,
    laboratory,
    run,
    tensorboard,
    verify,
)
from tritgolf.errors import one_line_errors
from tritgolf.streams import written_out

COMMANDS = (describe, run, inspect, evaluate, generate, laboratory, audit, verify, bundle, export, tensorboard)
EXIT_CODES = (
    "Exit codes: 0, no claim is contradicted, no file has changed; 1, audit found a contradicted claim, or verify a "
    "changed file; 2, bad input or usage (one line says what); 3, a crash; 130, Ctrl-C; 141, the output's pipe closed."
)


def main(arguments: list[str] | None = None) -> int:
    """Run ``tritgolf``; returns the exit code, or ends with one (``tritgolf.errors``)."""
    with one_line_errors(), written_out():
        parsed = _parser().parse_args(arguments)
        return int(parsed.run(parsed))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tritgolf",
        description="Facts about records, their artifacts and submissions. To reproduce a record: "
        "snakemake --cores all --config records='[ternary_v2]'",
        epilog=f"Each command has its own --help. {EXIT_CODES}",
    )
    parser.add_argument("--version", action="version", version=f"tritgolf {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
