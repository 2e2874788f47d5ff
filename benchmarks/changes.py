"""The runs of an experiment of changes, one after the other, without Snakemake: for a machine that is lent for minutes.

python benchmarks/changes.py EXPERIMENT [--seeds 42 1337 7] [--only context order] [--seconds 500] [--overrides YAML]

A run is a process of ``stages.py``: train, export, roundtrip, evaluate. What has its ``evaluate.json`` is passed over,
so the same command goes on. All records have a seed before the next begins. After ``--seconds`` no run starts; one that
fails is told, and the next begins. ``--table`` writes ``levers.md`` and ``levers.csv`` once all are there.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from tritgolf.config.changes import MARK, Changes, changes_of
from tritgolf.errors import InputError, one_line_errors
from tritgolf.report.experiments import experiment_file, load_experiment
from tritgolf.report.lever_table import lever_table

STAGES = ("train", "export", "roundtrip", "evaluate")


def wanted(changes: Changes, only: list[str]) -> list[str]:
    """The base and the records of ``only``, by the names of their changes; all records where none is named."""
    records = list(changes.records)
    chosen = {changes.base, *(f"{changes.base}{MARK}{name}" for name in only)} if only else set(records)
    if unknown := chosen - set(records):
        raise InputError(f"record {min(unknown)!r}", "is none of the experiment", f"it has {', '.join(records)}")
    return [record for record in records if record in chosen]


def folder_of(options: argparse.Namespace, record: str) -> Path:
    """Where the results of ``record`` are; a run's name is joined to a change's as the workflow does."""
    name = record if options.run is None else f"{record}{'-' if MARK in record else MARK}{options.run}"
    return options.results / name


def run_all(options: argparse.Namespace, records: list[str]) -> None:
    """Every run that is not there, until the time is up."""
    began = time.monotonic()
    for seed in options.seeds:
        for record in records:
            done = (folder_of(options, record) / f"seed{seed}" / "final" / "evaluate.json").is_file()
            if done or time.monotonic() - began > options.seconds:
                print(f"{record}, seed {seed}: {'there' if done else 'not started, the time is up'}", flush=True)
                continue
            started = time.monotonic()
            code = subprocess.run(command(options, record, seed), check=False).returncode
            told = "done" if code == 0 else f"FAILED with {code}"
            print(f"{record}, seed {seed}: {told} in {time.monotonic() - started:.0f} s", flush=True)


def command(options: argparse.Namespace, record: str, seed: int) -> list[str]:
    """``stages.py`` for one run."""
    script = str(Path(__file__).with_name("stages.py"))
    of_run = ["--run", options.run] if options.run else []
    return [
        *(sys.executable, script, "record", *STAGES, "--record", record, "--experiment", options.experiment),
        *("--seed", str(seed), "--results", str(options.results), "--overrides", options.overrides, *of_run),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", metavar="EXPERIMENT", help="of records/experiments/")
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 1337, 7], help="default: %(default)s")
    parser.add_argument("--only", nargs="*", default=[], metavar="CHANGE", help="besides the base (default: all)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="after so many no run starts")
    parser.add_argument("--overrides", default="{}", metavar="YAML", help="settings laid over every record")
    parser.add_argument("--run", metavar="NAME", help="results are RECORD@NAME's")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="FOLDER", help="of all files")
    parser.add_argument("--table", type=Path, metavar="FOLDER", help="where to write the table of what is there")
    options = parser.parse_args()
    with one_line_errors():
        path = experiment_file(options.experiment, "records/experiments")
        changes = changes_of(path)
        if changes is None:
            raise InputError(path, "states no changes", "run it by snakemake compared")
        run_all(options, wanted(changes, options.only))
        if options.table:
            lever_table(*load_experiment(path, options.results)).write(options.table / "levers")


if __name__ == "__main__":
    main()
