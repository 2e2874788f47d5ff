"""The pipeline through SLURM: the payload digests of a run on one machine, whatever happens to the jobs."""

import pytest

from tests.cluster.conftest import METRICS, TRAINING, logs, on_the_cluster
from tests.workflow.workspace import copy_of_the_repository

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("slurm"), pytest.mark.usefixtures("slurm")]

# In a workspace's copy of the trainer: a machine on which 24 steps take more than the minute that a job is given.
SLOW = """

import time

Trainer.step = lambda *arguments, step=Trainer.step, **named: time.sleep(2.5) or step(*arguments, **named)
"""
STEP_DONE = "tiny seed 42: stopped after step"
AGAIN = "tiny seed 42: stopped; SLURM will run this job again"


def test_jobs_on_a_cluster_make_what_this_machine_makes(local, tmp_path):
    workspace = copy_of_the_repository(tmp_path / "pipeline")
    run = on_the_cluster(workspace, *METRICS, gpus=2)
    assert run.code == 0, run.said
    assert "has been submitted with SLURM jobid" in run.said
    assert len(workspace.payload_digests()) == len(METRICS)
    assert workspace.payload_digests() == local.payload_digests()
    assert workspace.artifact_digests() == local.artifact_digests()
    assert "already training here" not in logs(workspace, "train_tiny")  # a job of two GPUs is one process, not two


def test_training_beyond_its_time_limit_goes_on_where_it_was(local, tmp_path):
    """Without a hand: each turn ends with a saved state and SLURM runs the job again."""
    workspace = local.copy(tmp_path / "pipeline", "results/data", ".snakemake/metadata")
    with (workspace.folder / "tritgolf" / "train" / "trainer.py").open("a") as trainer:
        trainer.write(SLOW)
    limit = ("--set-resources", "train_tiny:runtime=1", 'train_tiny:slurm_extra="--signal=TERM@10 --open-mode=append"')
    run = on_the_cluster(workspace, TRAINING, *limit, gpus=2)
    told = logs(workspace, "train_tiny")
    assert run.code == 0, run.said + told
    assert run.said.count("has been submitted with SLURM jobid") == 1
    assert STEP_DONE in told
    assert AGAIN in told
    assert workspace.payload_digests() == {TRAINING: local.payload_digests()[TRAINING]}


def test_one_training_on_two_nodes(local, tmp_path):
    """Two ranks on two nodes compute what two ranks on one machine do, to the bit: a sum of two has one order."""
    workspace = local.copy(tmp_path / "pipeline", "results/data", ".snakemake/metadata")
    two_nodes = ("nodes=2", "tasks=2", "mpi=srun", 'slurm_extra="--ntasks-per-node=1 --gpus-per-node=1"', "gpu=0")
    run = on_the_cluster(workspace, TRAINING, "--set-resources", *(f"train_tiny:{one}" for one in two_nodes), gpus=1)
    assert run.code == 0, run.said + logs(workspace, "train_tiny")
    assert workspace.payload_digests() == {TRAINING: local.payload_digests()[TRAINING]}
