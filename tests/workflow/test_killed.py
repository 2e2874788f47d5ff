"""``kill -9`` in the middle of training, then the same command: the results of a run that nobody disturbed."""

import contextlib
import json
import os
import signal
import time

import psutil
import pytest

from tests.small import TIMEOUT
from tests.workflow.workspace import Workspace
from tritgolf.config.record import load_record

pytestmark = pytest.mark.workflow

RECORD = load_record("tiny")
TARGET = "results/tiny/seed42/train/train.json"
EXPORT = "results/tiny/seed42/final/export/export.json"
TIMES = ("training_seconds", "step_ms", "phase_ms", "tokens_per_second")


@pytest.fixture
def training(untrained):
    """A workspace whose training has just saved its first state, the Snakemake that runs it, and all its processes."""
    process = untrained.start(TARGET)
    states = untrained.results("tiny", "seed42", "live")
    patience = time.monotonic() + TIMEOUT
    while not list(states.glob("state_*.safetensors")):
        assert process.poll() is None and time.monotonic() < patience, "training did not come to its first state"
        time.sleep(0.002)
    children = psutil.Process(process.pid).children(recursive=True)
    yield untrained, process, children
    for child in [process, *children]:
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            child.kill()
    process.communicate()


def test_a_killed_training_process_is_started_again(training, base):
    workspace, process, children = training
    (worker,) = [child for child in children if "tritgolf.train" in child.cmdline()]
    worker.kill()
    assert_unfinished(workspace)
    said, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, said
    assert "ended with exit code -9; continuing at the last state" in said
    assert_same_training(workspace, base)


def test_after_snakemake_is_killed_the_same_command_goes_on(training, base):
    workspace, process, _ = training
    process.kill()  # and nothing else: its jobs live on, and the same command must not get in their way
    process.wait()
    assert_unfinished(workspace)
    again = workspace.snakemake(TARGET)
    assert again.code == 0, again.said
    assert_same_training(workspace, base)


def test_what_ended_after_snakemake_was_killed_is_not_trained_again(training, base):
    """Snakemake takes the outputs of a job that it did not see end for unfinished, and deletes them."""
    workspace, process, children = training
    process.kill()
    process.wait()
    assert_unfinished(workspace)
    psutil.wait_procs(children, timeout=TIMEOUT)
    assert (workspace.folder / TARGET).exists()
    other = workspace.snakemake("published")  # which asks for nothing of it
    assert other.code == 0, other.said
    again = workspace.snakemake(TARGET)
    assert again.code == 0, again.said
    assert "tiny seed 42: is trained already; its outputs are made again (to train anew, delete results/" in again.said
    assert "begins" not in again.said and "goes on" not in again.said
    assert_same_training(workspace, base)


def test_after_everything_is_killed_the_same_command_goes_on(training, base):
    workspace, process, children = training
    os.killpg(process.pid, signal.SIGKILL)
    psutil.wait_procs(children, timeout=TIMEOUT)
    assert_unfinished(workspace)
    again = workspace.snakemake(EXPORT)
    assert again.code == 0, again.said
    assert_same_training(workspace, base)
    made = workspace.payload_digests() | workspace.artifact_digests()
    assert len(made) == 2 + len(RECORD.export.storages)  # train.json, export.json, artifacts
    assert made.items() <= (base.payload_digests() | base.artifact_digests()).items()


def test_ctrl_c_ends_in_one_line_and_the_same_command_goes_on(training, base):
    workspace, process, _ = training
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
    said, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode != 0
    assert_unfinished(workspace)
    (*_, begun, last) = filter(None, said.splitlines())
    assert last == "Stopped. The same command goes on where this one was." and "begins" in begun
    assert "tiny seed 42: stopped after step" in workspace.results("tiny", "seed42", "logs", "train.log").read_text()
    assert workspace.snakemake(TARGET).code == 0
    assert_same_training(workspace, base)


def assert_unfinished(workspace: Workspace) -> None:
    """The kill came in the middle, or the test would show nothing."""
    assert not (workspace.folder / TARGET).exists(), "training was done before it was killed"


def assert_same_training(workspace: Workspace, base: Workspace) -> None:
    """The same weights, curve and facts but for times, and nothing left to do or lying about."""
    facts, expected = (json.loads((place.folder / TARGET).read_text()) for place in (workspace, base))
    assert facts["metrics"]["weights_digest"] == expected["metrics"]["weights_digest"]
    assert facts["payload_digest"] == expected["payload_digest"]
    assert _curve(workspace) == _curve(base)
    assert workspace.planned(TARGET) == {}
    assert workspace.left_behind() == []
    assert not workspace.results("tiny", "seed42", "live").exists()


def _curve(workspace: Workspace) -> list[dict]:
    lines = workspace.results("tiny", "seed42", "train", "metrics.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in TIMES} for line in lines]
