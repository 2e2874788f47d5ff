"""A training job over two nodes: two launchers on two loopback addresses, each with SLURM's variables and one rank.

Tolerances: before any update both worlds have the same weights and sequences, so the losses of step 1 differ by FP32
summation order alone (1e-6 of the loss, a few units in the last place); the first update of every weight differs by at
most 1 % of its own length (Newton-Schulz and Adam's division enlarge the last places of small gradients); and eight
steps, few enough for ternary flips not to pile up, keep the losses within 1 %.
"""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.small import REPOSITORY, TIMEOUT, small_training
from tests.train.test_distributed import in_folder, weights
from tests.train.test_loop import without_times
from tritgolf.errors import InputError
from tritgolf.files import read_json, write_json
from tritgolf.stages.train import _plan_json
from tritgolf.train import launch, slurm
from tritgolf.train.loop import run
from tritgolf.train.node import torchrun
from tritgolf.train.slurm import Nodes, allocated_nodes
from tritgolf.train.trainer import Trainer
from tritgolf.train.training_log import read_curve

HOSTS = ("127.0.0.1", "127.0.0.2")


def on_two_nodes(plan) -> dict:
    """Train ``plan`` with one rank on each of two nodes, as ``srun`` would start them; the run's facts."""
    write_json(plan.live / "plan.json", _plan_json(plan))
    command = [sys.executable, "-m", "tritgolf.train.node", str(plan.live / "plan.json"), "1", str(slurm._free_port())]
    job = os.environ | {"PYTHONPATH": str(REPOSITORY), "SLURM_NNODES": "2", "SLURM_JOB_NODELIST": ",".join(HOSTS)}
    nodes = [subprocess.Popen(command, env=job | {"SLURM_NODEID": str(index)}) for index in range(2)]
    try:
        assert [node.wait(timeout=TIMEOUT) for node in nodes] == [0, 0]
    finally:
        for node in nodes:
            node.kill()
    return read_json(plan.live / "finished.json")


def test_two_nodes_do_what_one_process_does_and_repeat_it_to_the_bit(plan, alone, tmp_path):
    train = small_training(steps=8, checkpoints=(1,))
    plan = dataclasses.replace(plan, train=train)
    single, double, again = (in_folder(plan, tmp_path / name) for name in ("single", "double", "again"))
    run(single, alone)
    assert on_two_nodes(double)["world"] == 2
    one, two = ([line["loss"] for line in read_curve(place.live / "metrics.jsonl")] for place in (single, double))
    assert two[0] == pytest.approx(one[0], rel=1e-6)
    assert two == pytest.approx(one, rel=1e-2)
    start = Trainer(plan.model, train, plan.seed, alone).weights()
    for name, after in weights(single.live, "step_000001").items():
        moved = (after.double() - start[name].double()).norm()
        assert (weights(double.live, "step_000001")[name].double() - after.double()).norm() <= 0.01 * moved, name

    on_two_nodes(again)
    assert without_times(again.live) == without_times(double.live)
    for name, tensor in weights(double.live, "final").items():
        assert torch.equal(weights(again.live, "final")[name], tensor), name


@pytest.fixture
def in_slurm(monkeypatch, tmp_path):
    """A function that sets SLURM's variables, and one that puts a command of SLURM's on the path: its shell text."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    def variables(**values: str) -> None:
        for name in ("SLURM_JOB_ID", "SLURM_JOB_NODELIST", "SLURM_NNODES", "SLURM_NODEID"):
            monkeypatch.delenv(name, raising=False)
        for name, value in values.items():
            monkeypatch.setenv(f"SLURM_{name}", value)

    def command(name: str, text: str) -> None:
        path: Path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    return variables, command


def test_the_nodes_are_those_that_slurm_names(in_slurm):
    variables, command = in_slurm
    variables(JOB_NODELIST="b7,a1", NNODES="2", NODEID="1")
    assert allocated_nodes() == Nodes(("b7", "a1"), 1)
    command("scontrol", 'test "$*" = "show hostnames gpu[08-10]" && printf "gpu08\\ngpu09\\ngpu10\\n"')
    variables(JOB_NODELIST="gpu[08-10]", NNODES="3", NODEID="2")
    assert allocated_nodes() == Nodes(("gpu08", "gpu09", "gpu10"), 2)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "lacks SLURM's SLURM_JOB_NODELIST, SLURM_NNODES, SLURM_NODEID; start one task a node"),
        ({"JOB_NODELIST": "a,b", "NNODES": "2"}, "lacks SLURM's SLURM_NODEID"),
        ({"JOB_NODELIST": "a,b", "NNODES": "3", "NODEID": "0"}, "names 2 nodes; SLURM_NNODES is 3"),
        ({"JOB_NODELIST": "a,b", "NNODES": "2", "NODEID": "2"}, "SLURM_NODEID 2"),
        ({"JOB_NODELIST": "n[1-2]", "NNODES": "2", "NODEID": "0"}, "scontrol cannot tell its hosts"),
    ],
)
def test_variables_that_cannot_be_are_told(in_slurm, variables, told):
    set_variables, command = in_slurm
    command("scontrol", "exit 1")
    set_variables(**variables)
    with pytest.raises(InputError, match=r"^[^\n]*$") as caught:
        allocated_nodes()
    assert told in str(caught.value)


def test_ranks_meet_at_the_first_node():
    for index, host in enumerate("ab"):
        command = torchrun(Nodes(("a", "b"), index), "plan.json", 8, 4711)
        assert {"--nnodes=2", f"--node-rank={index}", f"--local-addr={host}", "--nproc-per-node=8"} <= set(command)
        assert {"--master-addr=a", "--master-port=4711"} <= set(command)
        assert command[-3:] == ["-m", "tritgolf.train", "plan.json"]


def test_only_a_job_that_runs_may_be_run_again(in_slurm):
    variables, command = in_slurm
    variables()
    command("squeue", "echo RUNNING")
    assert not slurm.may_requeue()
    variables(JOB_ID="17")
    assert slurm.may_requeue()
    command("squeue", 'test "$*" = "--noheader --jobs=17 --format=%T" && echo COMPLETING')
    assert not slurm.may_requeue()
    command("squeue", "exit 1")
    assert not slurm.may_requeue()


def test_several_nodes_need_a_job_of_slurm(plan, in_slurm):
    variables, _ = in_slurm
    variables()
    with pytest.raises(InputError, match="2 nodes are asked for outside of a SLURM job"):
        launch.train(_plan_json(plan), processes=1, nodes=2)


@pytest.mark.parametrize("progress", [True, False])
def test_a_stopped_run_is_queued_again_if_it_got_further(progress, plan, in_slurm, monkeypatch, tmp_path):
    """Else a time limit shorter than the way to the first state would be tried for ever."""
    variables, command = in_slurm
    variables(JOB_ID="17")
    command("squeue", "echo RUNNING")
    command("scontrol", f'echo "$*" >>{tmp_path}/asked')
    made = ["stopped.json", *(["state_00000004.safetensors"] if progress else [])]
    program = f"import pathlib\nfor name in {made}: pathlib.Path({str(plan.live)!r}, name).touch()\nraise SystemExit(1)"
    monkeypatch.setattr(launch, "_command", lambda *_: [sys.executable, "-c", program])
    with pytest.raises(SystemExit) as stopped:
        launch.train(_plan_json(plan), processes=2)
    assert stopped.value.code == 75
    assert (tmp_path / "asked").exists() == progress
    if progress:
        assert (tmp_path / "asked").read_text() == "requeue 17\n"


def test_a_run_on_nodes_is_started_and_stopped_by_slurm(plan, in_slurm, tmp_path):
    """``srun`` is given every node; what SIGTERM asks of the launcher is asked of the job's steps, once."""
    variables, command = in_slurm
    variables(JOB_ID="17")
    command("squeue", "echo COMPLETING")
    command("scancel", f'echo "scancel $*" >>{tmp_path}/asked; touch {plan.live}/stopped.json')
    until_passed_on = f"while [ ! -e {plan.live}/stopped.json ]; do sleep 0.05; done"
    twice = f"sleep 1; kill -TERM $PPID; {until_passed_on}; kill -TERM $PPID; exit 1"
    command("srun", f'echo "srun $*" >>{tmp_path}/asked; {twice}')
    with pytest.raises(SystemExit) as ended:
        launch.train(_plan_json(plan), processes=8, nodes=2)
    assert ended.value.code == 75
    started, *then = (tmp_path / "asked").read_text().splitlines()
    assert started.startswith("srun --nodes=2 --ntasks=2 --ntasks-per-node=1 ")
    assert f"-m tritgolf.train.node {plan.live}/plan.json 8 " in started
    assert then == ["scancel --signal=TERM 17"]
