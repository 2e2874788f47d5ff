"""``tritgolf tensorboard RESULTS``: training logs as events of TensorBoard, of runs that are done or still train."""

import argparse
from pathlib import Path
from typing import Any

from tritgolf.errors import InputError

EVERY = 10.0  # seconds between two looks at the logs


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "tensorboard",
        help="training logs as TensorBoard events (needs the extra tensorboard)",
        description="Write TensorBoard events of each metrics.jsonl below a folder, of running and finished trainings.",
    )
    parser.add_argument("results", type=Path, help="results/RECORD, or results")
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), metavar="DIR", help="the log directory (default: runs)"
    )
    parser.add_argument("--follow", action="store_true", help="keep adding new lines until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="print JSON: the runs whose events were written")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the events."""
    from tritgolf.commands.output import print_json  # noqa: PLC0415
    from tritgolf.use.events import follow, logs_in  # noqa: PLC0415

    runs = logs_in(arguments.results)
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415
    except ImportError:
        fix = "pip install 'tritgolf[tensorboard]'"
        raise InputError("tensorboard", "is not installed", fix) from None
    follow(
        arguments.results,
        lambda name: SummaryWriter(str(arguments.out / name)),
        EVERY if arguments.follow else None,
    )
    if arguments.json:
        print_json({"out": str(arguments.out), "runs": sorted(runs)})
    else:
        print(f"{arguments.out}: {', '.join(sorted(runs))}; show them: tensorboard --logdir {arguments.out}")
    return 0
