"""The command line: facts about single records and files. The workflow itself is Snakemake's."""

import argparse
import os
import sys

from tritgolf import __version__
from tritgolf.commands import audit, describe, evaluate, inspect, laboratory, verify
from tritgolf.errors import one_line_errors

COMMANDS = (describe, inspect, evaluate, laboratory, audit, verify)


def main(arguments: list[str] | None = None) -> int:
    """Run ``tritgolf``; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="tritgolf",
        description="Facts about ternary records and their artifacts. To reproduce a record: "
        "snakemake --cores all --config records='[ternary_v2]'",
        epilog="Each command has its own --help. Bad input ends in one line on standard error and exit code 2.",
    )
    parser.add_argument("--version", action="version", version=f"tritgolf {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    parsed = parser.parse_args(arguments)
    try:
        with one_line_errors(exit_code=2):
            code = int(parsed.run(parsed))
            sys.stdout.flush()
            return code
    except BrokenPipeError:  # who reads has left, as head does: nothing is wrong, and nothing more can be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
