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
SAVED = "tiny seed 42: stopped after step"
AGAIN = "tiny seed 42: stopped; SLURM is asked to run this job again"


def test_jobs_on_a_cluster_make_what_this_machine_makes(local, tmp_path):
    workspace = copy_of_the_repository(tmp_path / "pipeline")
    run = on_the_cluster(workspace, *METRICS, gpus=2)
    assert run.code == 0, run.said
    assert "has been submitted with SLURM jobid" in run.said
    assert len(workspace.payload_digests()) == len(METRICS)
    assert workspace.payload_digests() == local.payload_digests()
    assert workspace.artifact_digests() == local.artifact_digests()
    assert "already training here" not in logs(workspace, "train_tiny")  # a job of two GPUs is one process, not two


@pytest.mark.parametrize("nodes", [1, 2])
def test_training_beyond_its_time_limit_goes_on_where_it_was(nodes, local, tmp_path):
    """Without a hand: each turn ends with a saved state and SLURM runs the job again.

    Two ranks on two nodes compute what two ranks on one do, to the bit: a sum of two numbers knows no order.
    """
    workspace = local.copy(tmp_path / "pipeline", "results/data", ".snakemake/metadata")
    with (workspace.folder / "tritgolf" / "train" / "trainer.py").open("a") as trainer:
        trainer.write(SLOW)
    wishes, resources = "--signal=TERM@10 --open-mode=append", ["runtime=1"]
    if nodes == 2:  # as docs/cluster.md says
        wishes += " --ntasks-per-node=1 --gpus-per-node=1"
        resources += ["nodes=2", "tasks=2", "mpi=srun", "gpu=0"]
    resources.append(f'slurm_extra="{wishes}"')
    train = (f"train_tiny:{resource}" for resource in resources)
    run = on_the_cluster(workspace, TRAINING, "--set-resources", *train, gpus=2 // nodes)
    told = logs(workspace, "train_tiny")
    assert run.code == 0, run.said + told
    assert run.said.count("has been submitted with SLURM jobid") == 1
    assert SAVED in told
    assert AGAIN in told
    assert workspace.payload_digests() == {TRAINING: local.payload_digests()[TRAINING]}
