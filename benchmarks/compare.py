"""A command with this checkout and with another one, in turn: what a change did to its time.

    git worktree add /tmp/before main
    python benchmarks/compare.py /tmp/before --what "tritgolf --help" -- python -m tritgolf.cli --help

Each run gets its checkout as working folder and first on ``PYTHONPATH``. Prints JSON: medians of seconds and processor
seconds (of the command and its children; a busy machine says more by these), and the ratio before / after, run by run.
"""

import argparse
import json
import os
import statistics
import subprocess
import time
from pathlib import Path

from timing import ratios

from tritgolf.files import write_json
from tritgolf.provenance import provenance

REPOSITORY = Path(__file__).parents[1]
MEASURES = ("seconds", "cpu_seconds")


def timed(command: list[str], checkout: Path) -> dict[str, float]:
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(command, cwd=checkout, env=environment, stdout=subprocess.DEVNULL, check=False)
    seconds, after = time.perf_counter() - began, os.times()
    if done.returncode != 0:
        raise SystemExit(f"error: {command} failed in {checkout}")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return {"seconds": seconds, "cpu_seconds": used}


def commit(checkout: Path) -> str | None:
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="the other checkout")
    parser.add_argument(
        "--repeats", type=int, default=5, metavar="N", help="how often each is timed (default: %(default)s)"
    )
    parser.add_argument("--what", required=True, help="what the command is, for the table")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON here too")
    parser.add_argument("command", nargs="+", metavar="-- COMMAND …", help="what is timed in both checkouts")
    arguments = parser.parse_args()

    checkouts = {"before": arguments.before.resolve(), "after": REPOSITORY}
    for checkout in checkouts.values():  # once, for caches
        timed(arguments.command, checkout)
    rounds = [
        {name: timed(arguments.command, checkout) for name, checkout in checkouts.items()}
        for _ in range(arguments.repeats)
    ]
    found = {
        measure: {
            **{name: statistics.median(times[name][measure] for times in rounds) for name in checkouts},
            "ratio": ratios(*([times[name][measure] for times in rounds] for name in checkouts)),
        }
        for measure in MEASURES
    }
    facts = {
        "what": arguments.what,
        "command": arguments.command,
        "before": commit(checkouts["before"]),
        "repeats": arguments.repeats,
        **found,
        "provenance": provenance(arguments.command, {}),
    }
    if arguments.out:
        write_json(arguments.out, facts)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
