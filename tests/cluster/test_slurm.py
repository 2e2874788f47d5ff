"""The pipeline through SLURM: the payload digests of a run on one machine, whatever happens to the jobs."""

import pytest

from tests.cluster.conftest import METRICS, TRAINING, logs

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("slurm"), pytest.mark.usefixtures("slurm")]

SAVED = "tiny seed 42: stopped after step"
AGAIN = "tiny seed 42: stopped; SLURM is asked to run this job again"


def test_jobs_on_a_cluster_make_what_this_machine_makes(on_the_cluster, local):
    workspace, run = on_the_cluster["all"].workspace, on_the_cluster["all"].ending.result()
    assert run.code == 0, run.said
    assert "has been submitted with SLURM jobid" in run.said
    assert len(workspace.payload_digests()) == len(METRICS)
    assert workspace.payload_digests() == local.payload_digests()
    assert workspace.artifact_digests() == local.artifact_digests()
    assert "already training here" not in logs(workspace, "train_tiny")  # a job of two GPUs is one process, not two


@pytest.mark.parametrize("nodes", ["one node", "two nodes"])
def test_training_beyond_its_time_limit_goes_on_where_it_was(nodes, on_the_cluster, local):
    """Without a hand: each turn ends with a saved state and SLURM runs the job again.

    Two ranks on two nodes compute what two ranks on one do, to the bit: a sum of two numbers knows no order.
    """
    workspace, run = on_the_cluster[nodes].workspace, on_the_cluster[nodes].ending.result()
    told = logs(workspace, "train_tiny")
    assert run.code == 0, run.said + told
    assert run.said.count("has been submitted with SLURM jobid") == 1
    assert SAVED in told
    assert AGAIN in told
    assert workspace.payload_digests() == {TRAINING: local.payload_digests()[TRAINING]}
