"""A copy of the pipeline in a folder of its own, to run Snakemake in as a user does."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.small import REPOSITORY, TIMEOUT
from tests.warm import warm_python

# All that the workflow reads. Kept GPU runs (measured/) stay behind: their tables are not what is tested here.
FOLDERS = ("rules", "workflow_scripts", "tritgolf", "records", "datasets", "profiles", "captions", "published", "envs")
PARTS = ("Snakefile", "config.yaml", *FOLDERS)
SCRIPT = "results/tiny/script"  # making it takes every first export seconds
SNAKEMAKE_MEMORY = ".snakemake/metadata"  # what it knows about the files that it made
BEING_COMPILED = shutil.ignore_patterns("*.pyc.*")  # by another worker, and renamed in the end

JOB_COUNT = re.compile(r"^([\w@.-]+) +(\d+)$", re.MULTILINE)  # of a dry run's table
JOBS = re.compile(
    r"^\d+ jobs?: (.*(?:\n  .*)*)", re.MULTILINE
)  # of a run: "3 train_demo, corpus, …", over several lines


@dataclass(frozen=True)
class Finished:
    """A Snakemake that has ended: its exit code and all that it and its jobs said."""

    code: int
    said: str

    @property
    def jobs(self) -> dict[str, int]:
        """How many jobs of each rule were planned; empty when there was nothing to do."""
        if told := JOBS.search(self.said):
            each = (job.strip().rpartition(" ") for job in told[1].replace("\n", "").split(","))
            return {rule: int(count or 1) for count, _, rule in each}
        return {rule: int(count) for rule, count in JOB_COUNT.findall(self.said) if rule != "total"}

    @property
    def errors(self) -> list[str]:
        """The lines with which our code tells an error.

        Snakemake writes a line's end apart from the line, so ours may begin behind "exit status 2." of another job.
        """
        return re.findall(r"(?:^|exit status \d\.)(error: .*)$", self.said, flags=re.MULTILINE)


@dataclass(frozen=True)
class Workspace:
    """A folder with the pipeline and, once run, its results; and what is run in it as ``snakemake``."""

    folder: Path
    program: tuple[str, ...] = ("-m", "snakemake")

    def snakemake(self, *arguments: str, environment: dict[str, str] | None = None, **config: object) -> Finished:
        """Run ``snakemake --cores 2 ARGUMENTS --config CONFIG`` to its end; the record is ``tiny`` if none is named.

        It and its jobs are forks of a process that has their libraries. Another program, or one with variables that
        Python reads as it starts, is a process from the start, and so are its jobs.
        """
        reads_variables = any(name.startswith("PYTHON") for name in environment or {})
        is_forked = self.program[0] == "-m" and not reads_variables
        python = warm_python() if is_forked else sys.executable
        process = self.start(*arguments, environment=environment, python=python, **config)
        said, _ = process.communicate(timeout=TIMEOUT)
        return Finished(process.returncode, said)

    def start(
        self,
        *arguments: str,
        environment: dict[str, str] | None = None,
        python: str = sys.executable,
        **config: object,
    ) -> subprocess.Popen[str]:
        """Start the same, in a process group of its own."""
        settings = [f"{key}={json.dumps(value)}" for key, value in ({"records": ["tiny"]} | config).items()]
        return subprocess.Popen(
            [python, *self.program, "--cores", "2", *arguments, "--config", *settings],
            cwd=self.folder,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": ""} | (environment or {}),  # bits are promised on the CPU
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def planned(self, *arguments: str, **config: object) -> dict[str, int]:
        """The jobs that the same command would run, by rule; the target rules themselves left out."""
        dry = self.snakemake("--dry-run", *arguments, **config)
        assert dry.code == 0, dry.said
        return {rule: count for rule, count in dry.jobs.items() if rule not in ("all", "tables", "train")}

    def copy(self, folder: Path, *parts: str) -> "Workspace":
        """This workspace's pipeline in ``folder``, with these other parts too; file times are kept."""
        script = [SCRIPT] * ("results" not in parts and (self.folder / SCRIPT).exists())
        for part in [*PARTS, *script, *parts]:
            source, target = self.folder / part, folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)
        return Workspace(folder)

    def payload_digests(self, record: str = "tiny") -> dict[str, str]:
        """The payload digest of each of a record's metrics files."""
        found = sorted(self.results(record).glob("seed*/**/*.json"))
        return {str(path.relative_to(self.folder)): json.loads(path.read_text())["payload_digest"] for path in found}

    def artifact_digests(self, record: str = "tiny") -> dict[str, str]:
        """The SHA-256 of each of a record's artifacts, whole files."""
        found = sorted(self.results(record).glob("seed*/*/export/*.tgolf"))
        return {str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}

    def results(self, *parts: str) -> Path:
        """A path below the results folder."""
        return self.folder.joinpath("results", *parts)

    def left_behind(self) -> list[str]:
        """Temporary files that an atomic write should have taken away."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.glob("results/**/.*.tmp*"))


def copy_of_the_repository(folder: Path) -> Workspace:
    """A workspace with this repository's pipeline, as it is compiled, and no results."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source, target = REPOSITORY / part, folder / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=BEING_COMPILED)
        else:
            shutil.copy2(source, target)
    return Workspace(folder)
