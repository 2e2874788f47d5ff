"""A SLURM to send jobs to, what is sent to it, and the same work done on this machine alone.

Every run has two ranks of one GPU each: made-up devices in ``.ci/slurm.sh``'s SLURM, none here. Both train on the CPU.
"""

import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.workflow.workspace import SCRIPT, Finished, Workspace, copy_of_the_repository
from tritgolf.bundle.script import NAME, write_script
from tritgolf.config.record import load_record

FACTS = ("train/train.json", "final/export/export.json", "final/roundtrip.json", "final/evaluate.json")
METRICS = [f"results/tiny/seed42/{file}" for file in FACTS]
TRAINING = METRICS[0]

# The signal comes 120 to 150 seconds after the start, as SLURM looks every 30 seconds. Until then, a busy machine must
# have begun to train; 24 slow steps must take longer.
SIGNAL = "--signal=TERM@30 --open-mode=append"
ONE_NODE = ("runtime=3", f'slurm_extra="{SIGNAL}"', "gpu=2")
ON_TWO_GPUS = ("--set-resources", "train_tiny:gpu=2")  # the job has them, its ranks train on the CPU all the same
TWO_NODES = (  # as docs/cluster.md says
    "runtime=3",
    f'slurm_extra="{SIGNAL} --ntasks-per-node=1 --gpus-per-node=1"',
    "nodes=2",
    "tasks=2",
    "mpi=srun",
    "gpu=0",
)
# In a workspace's copy of the trainer: a machine too slow for its time limit, until training continues.
SLOW = """

import time

began: list[int] = []


def slow_step(self, index, *arguments, step=Trainer.step, **named):
    began.append(index)
    if began[0] == 0:
        time.sleep(7)
    return step(self, index, *arguments, **named)


Trainer.step = slow_step
"""


@pytest.fixture(scope="session")
def slurm() -> None:
    """Skips, with the reason, where there is no SLURM to test with."""
    if shutil.which("sinfo") is None:
        pytest.skip("no SLURM here: .ci/slurm.sh starts one")
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("no SLURM plugin here: .venv/bin/pip install --no-deps -r envs/slurm.lock")
    answer = subprocess.run(
        ["sinfo", "--noheader", "--format=%G"], capture_output=True, text=True, timeout=60, check=False
    )
    if answer.returncode:
        pytest.skip(f"SLURM does not answer ({answer.stderr.strip()}): .ci/slurm.sh starts one")
    if "gpu" not in answer.stdout:
        pytest.skip("this SLURM has no GPUs: .ci/slurm.sh starts one with two made-up ones a node")


@pytest.fixture(scope="session")
def local(slurm, tmp_path_factory) -> Workspace:
    """A workspace in which everything of one seed was made on this machine. Not to be changed."""
    workspace = repository_with_script(tmp_path_factory.mktemp("local") / "pipeline")
    run = workspace.snakemake(*METRICS, gpus=2, device="cpu")
    assert run.code == 0, run.said
    return workspace


@dataclass(frozen=True)
class OnTheCluster:
    """A workspace, and the end of the Snakemake that runs there through SLURM."""

    workspace: Workspace
    ending: Future[Finished]


@pytest.fixture(scope="session")
def on_the_cluster(slurm, request, tmp_path_factory) -> Iterator[dict[str, OnTheCluster]]:
    """All that is sent to SLURM, by name, and all at once: it waits for most of its time."""
    folder = tmp_path_factory.mktemp("cluster")
    with ThreadPoolExecutor() as pool:

        def start(workspace: Workspace, *arguments: str, **config: object) -> OnTheCluster:
            impatient = replace(workspace, program=(str(Path(__file__).with_name("impatient.py")),))
            profile = ("--profile", "profiles/slurm", "--slurm-keep-successful-logs")
            return OnTheCluster(workspace, pool.submit(impatient.snakemake, *arguments, *profile, **config))

        runs = {"all": start(repository_with_script(folder / "all"), *METRICS, *ON_TWO_GPUS, gpus=2, device="cpu")}
        local: Workspace = request.getfixturevalue("local")  # meanwhile
        for name, gpus, resources in (("one node", 2, ONE_NODE), ("two nodes", 1, TWO_NODES)):
            workspace = local.copy(folder / name.replace(" ", "_"), "results/data", ".snakemake/metadata")
            with (workspace.folder / "tritgolf" / "train" / "trainer.py").open("a") as trainer:
                trainer.write(SLOW)
            train = (f"train_tiny:{resource}" for resource in resources)
            runs[name] = start(workspace, TRAINING, "--set-resources", *train, gpus=gpus, device="cpu")
        yield runs


def repository_with_script(folder: Path) -> Workspace:
    """A workspace with no results but the script, whose making takes every first export seconds."""
    workspace = copy_of_the_repository(folder)
    write_script(load_record("tiny"), workspace.folder / SCRIPT / NAME)
    return workspace


def logs(workspace: Workspace, rule: str) -> str:
    """What SLURM wrote down of a rule's jobs."""
    found = sorted((workspace.folder / ".snakemake" / "slurm_logs" / f"rule_{rule}").rglob("*.log"))
    return "\n".join(path.read_text() for path in found)
