"""Jobs take GPUs by lock. The GPUs are made up: CUDA finds none of these names and everything runs on the CPU."""

import json
import os
import re
import time

import pytest

from tests.small import TIMEOUT
from tritgolf.devices import VARIABLE, assigned_gpus

pytestmark = pytest.mark.workflow

TARGET = "results/tiny/seed42/train/train.json"


def test_training_waits_for_all_gpus_and_uses_them(untrained, monkeypatch):
    names = f"made-up-{os.getpid()}-a,made-up-{os.getpid()}-b"
    monkeypatch.setenv(VARIABLE, names)
    with assigned_gpus(1) as held:
        process = untrained.start(TARGET, environment={VARIABLE: names})
        said = ""
        patience = time.monotonic() + TIMEOUT
        while "waiting for" not in said:
            assert process.poll() is None and time.monotonic() < patience, said
            said += process.stdout.readline()
        assert f"waiting for 2 of 2 GPUs: 1 free, others held by process {os.getpid()}\n" in said
        assert held == (names.split(",", maxsplit=1)[0],)
        assert not (untrained.folder / TARGET).exists()
    rest, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, said + rest
    assert re.search(r"^Provided resources: .*gpu.*2", said, re.MULTILINE), "without a limit, jobs would only wait here"
    assert json.loads((untrained.folder / TARGET).read_text())["metrics"]["world"] == 2


def test_each_of_several_nodes_gets_all_its_ranks(untrained, tmp_path):
    """As docs/cluster.md asks for them; ``srun`` says only what it was told to start."""
    srun = tmp_path / "srun"
    srun.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/told\nexit 1\n')
    srun.chmod(0o755)
    settings = [f"train_tiny:{setting}" for setting in ("nodes=2", "tasks=2", "mpi=srun", "gpu=0")]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "1"}
    run = untrained.snakemake(TARGET, "--set-resources", *settings, gpus=8, environment=environment)
    assert run.code == 1
    assert "--nodes=2 --ntasks=2" in (tmp_path / "told").read_text(), run.said
    assert re.search(r"-m tritgolf\.train\.node \S+plan\.json 8 \d+", (tmp_path / "told").read_text())
