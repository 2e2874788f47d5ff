"""A SLURM to send jobs to, and the same work done on this machine alone.

Every run has two ranks of one GPU each: made-up devices in ``.ci/slurm.sh``'s SLURM, none here. Both train on the CPU.
"""

import importlib.util
import shutil
import subprocess

import pytest

from tests.workflow.workspace import Finished, Workspace, copy_of_the_repository

FACTS = (
    "train/train.json",
    "final/evaluate.json",
    *(
        f"{name}/{stage}.json"
        for name in ("step_000008", "step_000016", "final")
        for stage in ("export/export", "roundtrip")
    ),
)
METRICS = [f"results/tiny/seed42/{file}" for file in FACTS]
TRAINING = METRICS[0]


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
    workspace = copy_of_the_repository(tmp_path_factory.mktemp("local") / "pipeline")
    run = workspace.snakemake(*METRICS, gpus=2)
    assert run.code == 0, run.said
    return workspace


def on_the_cluster(workspace: Workspace, *arguments: str, **config: object) -> Finished:
    """Run Snakemake with the SLURM profile, impatiently."""
    profile = (
        "--profile",
        "profiles/slurm",
        "--slurm-init-seconds-before-status-checks",
        "1",
        "--slurm-keep-successful-logs",
    )
    return workspace.snakemake(*arguments, *profile, **config)


def logs(workspace: Workspace, rule: str) -> str:
    """What SLURM wrote down of a rule's jobs."""
    found = sorted((workspace.folder / ".snakemake" / "slurm_logs" / f"rule_{rule}").rglob("*.log"))
    return "\n".join(path.read_text() for path in found)
