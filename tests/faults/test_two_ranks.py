"""Faults of one training run on two ranks (gloo, torchrun). Each ends in the weights of a run that nobody disturbed.

``kill -9`` of one of two ranks: tests/train/test_distributed.py.
"""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.small import REPOSITORY, TIMEOUT, small_model, small_training
from tests.train.test_launch import running, wait_for
from tests.train.test_loop import digests, without_times
from tritgolf.files import write_json
from tritgolf.processes import EXIT_PREEMPTED
from tritgolf.stages.train import _plan_json
from tritgolf.train import launch
from tritgolf.train.loop import Plan

HANG_SECONDS = 4.0
STEP = "6"  # of twelve: after the first state, before the second
LAUNCHER = """
import json, sys
from tritgolf.train import launch
plan, *ranks = sys.argv[1:]
torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
launch._command = lambda plan_path, _: [*torchrun, *ranks, str(plan_path)]
launch.train(json.load(open(plan)), 2)
"""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, dataset) -> Plan:
    """The plan of a run of twelve steps that is done. Its live folder is not to be changed."""
    live = tmp_path_factory.mktemp("undisturbed")
    plan = Plan("small seed 1", small_model(), small_training(), 1, dataset / "shards", live, device="cpu")
    assert launch.train(_plan_json(plan), processes=2)["world"] == 2
    return plan


@pytest.fixture
def plan(undisturbed, tmp_path) -> Plan:
    """The same plan in a new live folder."""
    (tmp_path / "live").mkdir()
    return dataclasses.replace(undisturbed, live=tmp_path / "live", hang_seconds=HANG_SECONDS)


@pytest.fixture
def launched(plan, tmp_path):
    """Run the launcher, in a process of its own, with this fault; its exit code and what it said."""
    write_json(tmp_path / "plan.json", _plan_json(plan))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}

    def launch_with(fault: str) -> tuple[int, str]:
        ranks = [str(Path(__file__).with_name("faulty_rank.py")), fault, STEP, str(tmp_path)]
        command = [sys.executable, "-c", LAUNCHER, str(tmp_path / "plan.json"), *ranks]
        done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT, check=False)
        return done.returncode, done.stderr

    return launch_with


def assert_ranks_are_gone(tmp_path: Path) -> None:
    """Of the start in which the fault happened."""
    rank = int((tmp_path / "happened").read_text())
    wait_for(lambda: not running(rank))
    plan = str(tmp_path / "live" / "plan.json")
    wait_for(lambda: not any(plan in (process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])))


def assert_as_if_undisturbed(plan: Plan, undisturbed: Plan) -> None:
    assert digests(plan.live) == digests(undisturbed.live)
    assert without_times(plan.live) == without_times(undisturbed.live)


@pytest.mark.parametrize(
    ("fault", "told"), [("stopped", "no sign of life for 4 s"), ("waiting", "the other ranks have waited for 4 s")]
)
def test_a_rank_that_hangs_is_named_and_all_continue(plan, undisturbed, launched, tmp_path, fault, told):
    code, said = launched(fault)
    assert code == 0, said
    assert f"rank 1 hangs: {told}; ending all ranks" in said
    assert "a rank ended with exit code -9; continuing at the last state" in said
    assert_ranks_are_gone(tmp_path)
    assert_as_if_undisturbed(plan, undisturbed)


def test_sigterm_saves_the_state_of_all_and_the_same_command_continues(plan, undisturbed, launched):
    code, said = launched("launcher_terminated")
    assert code == EXIT_PREEMPTED, said
    assert "small seed 1: stopped; the same command continues" in said
    assert max(path.name for path in plan.live.glob("state_*")) > "state_00000004.safetensors"
    assert not (plan.live / "final.safetensors").exists()
    code, said = launched("launcher_terminated")
    assert code == 0, said
    assert_as_if_undisturbed(plan, undisturbed)


def test_a_killed_launcher_takes_its_ranks_along_and_the_same_command_continues(plan, undisturbed, launched, tmp_path):
    code, _ = launched("launcher_killed")
    assert code == -9
    assert_ranks_are_gone(tmp_path)
    assert not (plan.live / "final.safetensors").exists()
    code, said = launched("launcher_killed")
    assert code == 0, said
    assert_as_if_undisturbed(plan, undisturbed)
