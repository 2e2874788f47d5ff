"""``tritgolf audit PATH``: what holds in a submission folder, or in a results folder of ours."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tritgolf.audit.report import Report

DESCRIPTION = """Check what a submission folder (README.md, submission.json, logs, script, artifact) or results/RECORD
claims. Nothing in the folder is executed. Logs of every style of the contest are read; runs are counted, not files. A
claim is contradicted where no reading of the texts fits the logs: a figure may be rounded or cut off, training may end
1 s or a step past its limit. Exit code: 0, no claim is contradicted; 1, some claim is; 2, PATH holds no submission, or
a folder that was named holds no logs."""
PUBLISHED = "published"


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "audit", help="check what a submission claims against its own logs", description=DESCRIPTION
    )
    parser.add_argument("path", help="a submission folder, or results/RECORD")
    parser.add_argument("--against", metavar="DIR", help="logs of the record to beat: adds the leaderboard's test")
    parser.add_argument(
        "--published",
        metavar="DIR",
        help=f"logs of known runs to compare with (default: {PUBLISHED}, if it has logs)",
    )
    parser.add_argument("--markdown", metavar="FILE", help="also write the report as Markdown")
    parser.add_argument(
        "--json",
        nargs="?",
        const="-",
        metavar="FILE",
        help="print JSON instead; with FILE: write it there, besides the report",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Audit the folder, report, and return the exit code."""
    from tritgolf.audit.auditor import audit  # noqa: PLC0415
    from tritgolf.audit.report import markdown  # noqa: PLC0415
    from tritgolf.commands.output import print_json  # noqa: PLC0415
    from tritgolf.files import check_target, write_json, write_text  # noqa: PLC0415

    for target in (arguments.markdown, arguments.json):
        if target not in (None, "-"):
            check_target(target)
    report = audit(arguments.path, arguments.published or _default_published(), arguments.against)
    if arguments.markdown:
        write_text(arguments.markdown, markdown(report))
    if arguments.json == "-":
        print_json(report.as_dict())
        return report.exit_code
    if arguments.json:
        write_json(arguments.json, report.as_dict())
    _print(report)
    return report.exit_code


def _default_published() -> str | None:
    """The default folder of known runs, if it is there with logs in it."""
    from tritgolf.audit.submission import log_files  # noqa: PLC0415

    return PUBLISHED if log_files(PUBLISHED) else None


def _print(report: Report) -> None:
    """To the terminal's width, in colour where it shows colours."""
    from tritgolf.audit.report import terminal  # noqa: PLC0415

    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    width = min(shutil.get_terminal_size((100, 24)).columns, 140)
    print(terminal(report, width, colour), end="")
