"""The points of a grid of records one after the other, without Snakemake: for a machine that is lent for minutes.

python benchmarks/isobyte.py EXPERIMENT [--gpus 4] [--together 1] [--only PART …] [--seconds 500] [--list]

A process a (record, seed), one a GPU at a time, or one at a time on the CPU. Small networks leave a GPU room for
several ``--together``; then times mean nothing. Jobs share the processor's cores. Files lie in ``results/`` of the
working folder as the workflow's do; where the text's shards are not there, it says how ``benchmarks/stages.py`` makes
them. What is done is not done again, a stopped training goes on, and what failed is told. The table is made once all
are done.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import NamedTuple

from options import parser_of

from tritgolf.config.record import load_record
from tritgolf.devices import HELD, VARIABLE, assigned_gpus
from tritgolf.errors import InputError, one_line_errors
from tritgolf.experiments.alike import check_alike
from tritgolf.experiments.ready import Ready, last_line, ready
from tritgolf.experiments.texts import check_files, manifest_of, texts_of
from tritgolf.report.experiment_kinds import write_experiment
from tritgolf.report.experiments import load_experiment, settings_of
from tritgolf.resources import datasets_folder, records_folder

STAGES = Path(__file__).with_name("stages.py")
OF_A_POINT = ("record", "train", "export", "roundtrip")


class Job(NamedTuple):
    """One seed of a record, which is loaded by the file ``given``, and reads ``text``."""

    given: str
    name: str
    seed: int
    text: str = ""
    stages: tuple[str, ...] = OF_A_POINT

    def is_done(self, results: Path) -> bool:
        """Whether its last stage wrote its file."""
        return (results / self.name / f"seed{self.seed}" / "final" / f"{self.stages[-1]}.json").exists()

    def run(self, results: Path, gpu: str | None, cores: int) -> bool:
        """Run its stages with ``cores`` of the processor, their output in ``logs/``; whether they ended well."""
        log = results / "logs" / f"{self.name}_{self.seed}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(STAGES), *self.stages, "--record", self.given, "--seed", str(self.seed)]
        device = ["--threads", "1", "--device", "cpu"] if gpu is None else []
        environment = os.environ if gpu is None else os.environ | environment_of(gpu, cores)
        began = time.monotonic()
        with log.open("w") as output:
            done = subprocess.run(
                [*command, "--results", str(results), *device],
                stdout=output,
                stderr=output,
                env=environment,
                check=False,
            )
        state = "done" if done.returncode == 0 else f"FAILED, see {log}"
        print(f"{self.name} seed {self.seed}: {state}, {time.monotonic() - began:.0f} s", flush=True)
        return done.returncode == 0


def environment_of(gpu: str, cores: int) -> dict[str, str]:
    """What a job on ``gpu`` is started with. Left to itself, each starts a thread a core, in each other's way."""
    return {VARIABLE: gpu, HELD: "1", "OMP_NUM_THREADS": str(cores), "TORCHINDUCTOR_COMPILE_THREADS": str(cores)}


def jobs_of(experiment: Ready, only: Sequence[str], records: Path) -> list[Job]:
    """All seeds of the experiment's records whose names hold one of ``only``, the first seed of each record first."""
    found = [(given, load_record(given, records)) for given in experiment.records]
    check_alike(experiment, [record for _, record in found])
    names = [record.name for _, record in found]
    for part in only:
        if not any(part in name for name in names):
            raise InputError(f"--only {part}", "is in the name of no record", f"records: {', '.join(names)}")
    chosen = [(given, record) for given, record in found if not only or any(part in record.name for part in only)]
    also = ("evaluate",) if settings_of(experiment.file).NEEDS else ()
    stages = (*OF_A_POINT, *also)
    jobs = [
        (n, Job(given, record.name, seed, record.dataset, stages))
        for given, record in chosen
        for n, seed in enumerate(record.seeds)
    ]
    return [job for _, job in sorted(jobs, key=lambda numbered: numbered[0])]


def check_shards(experiment: Ready, jobs: Sequence[Job], results: Path, datasets: Path) -> None:
    """``InputError`` where a job's text has no shards, with what makes them."""
    data, reads = results / "data", {job.text: job.given for job in jobs if not job.is_done(results)}
    for text in texts_of(experiment, datasets):
        if text.name in reads and not manifest_of(text.name, data).exists():
            check_files(experiment, text, data)
            of = f"--record {reads[text.name]} --text {text.name} --results {results}"
            fix = f"first: python {STAGES} corpus tokenizer shards {of}"
            raise InputError(manifest_of(text.name, data), f"is missing; {experiment.source} reads it", fix)


def run_all(jobs: Sequence[Job], results: Path, gpus: Sequence[str | None], seconds: float) -> list[Job]:
    """Run what is not done, none once ``seconds`` are over; the jobs that are not done then.

    ``gpus``: where jobs find room, a place for each that may run at a time; None: the CPU.
    """
    end, cores = time.monotonic() + seconds, max(1, len(os.sched_getaffinity(0)) // len(gpus))
    free: Queue[str | None] = Queue()
    for gpu in gpus:
        free.put(gpu)

    def run(job: Job) -> bool:
        gpu = free.get()
        try:
            return job.is_done(results) or (time.monotonic() < end and job.run(results, gpu, cores))
        finally:
            free.put(gpu)

    with ThreadPoolExecutor(len(gpus)) as pool:
        return [job for job, done in zip(jobs, pool.map(run, jobs), strict=True) if not done]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("experiment", help="of records/experiments/, as isobyte or isobyte/trials")
    parser.add_argument("--gpus", type=int, default=0, help="that take a job each (default: the CPU takes one)")
    parser.add_argument("--together", type=int, default=1, help="jobs that share a GPU (default: 1)")
    parser.add_argument("--only", nargs="*", default=[], metavar="PART", help="records whose names hold one of these")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="no job begins later (default: no limit)")
    parser.add_argument("--list", action="store_true", help="say what would be run, and no more")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="FOLDER", help="of all files")
    options = parser.parse_args()
    with one_line_errors():
        if options.together < 1:
            raise InputError("--together", f"{options.together} jobs can't share a GPU", "give 1 or more")
        experiment = ready(options.experiment, records_folder(), options.results / "experiments")
        jobs = jobs_of(experiment, options.only, records_folder())
        if options.list:
            print("\n".join(f"{job.name} {job.seed}{' done' * job.is_done(options.results)}" for job in jobs))
            return
        with assigned_gpus(options.gpus) as held:
            if len(held) < options.gpus:
                what = f"{options.gpus}: no job has a place, with {len(held)} GPUs here"
                raise InputError("--gpus", what, "leave it out to compute on the CPU")
            check_shards(experiment, jobs, options.results, datasets_folder())
            missing = run_all(jobs, options.results, held * options.together or [None], options.seconds)
        if missing:
            names = ", ".join(f"{job.name} seed {job.seed}" for job in missing)
            sys.exit(f"error: {options.experiment}: {len(missing)} of {len(jobs)} are not done: {names}")
        if not options.only:
            write_experiment(*load_experiment(experiment.file, options.results), experiment.file.with_name("compared"))
            print(last_line(options.experiment, options.results / "experiments"))


if __name__ == "__main__":
    main()
