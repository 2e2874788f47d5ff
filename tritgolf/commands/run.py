"""``tritgolf run …``: Snakemake, with the package's workflow and profile, in the working folder."""

import argparse
import os
import sys
from typing import Any

from tritgolf.resources import workflow_folder

USAGE = """usage: tritgolf run [TARGET …] [OPTION …] [--config records='[NAME or ./FILE.yaml]' …]

Run the workflow in this folder: snakemake --snakefile {folder}/Snakefile with what follows,
and --cores all where no --cores is among it. Results are in ./results. Targets: docs/running.md.
"""
SAYS_CORES = ("-c", "--cores", "-j", "--jobs", "--profile")


def add_parser(subparsers: Any) -> None:
    """Register the command; no character begins an option of its own, so that all options are Snakemake's."""
    parser = subparsers.add_parser("run", help="run the workflow (snakemake) here", prefix_chars="\0", add_help=False)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Become Snakemake."""
    if arguments.arguments in (["--help"], ["-h"]):
        print(USAGE.format(folder=workflow_folder()), end="")
        raise SystemExit(0)
    sys.stdout.flush()
    return os.execv(sys.executable, command(arguments.arguments))


def command(arguments: list[str]) -> list[str]:
    """The command line of Snakemake."""
    said = any(argument.startswith(SAYS_CORES) for argument in arguments)
    given = [] if said else ["--cores", "all"]
    snakefile = str(workflow_folder() / "Snakefile")
    return [sys.executable, "-m", "snakemake", "--snakefile", snakefile, *given, *arguments]
