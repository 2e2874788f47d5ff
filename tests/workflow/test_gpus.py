"""Jobs take GPUs by lock, and want a torch that can use them. The GPUs are made up; everything runs on the CPU."""

import json
import os
import re
import shutil
import time

import pytest
import torch

from tests.small import TIMEOUT
from tests.warm import warm_python
from tests.workflow.workspace import copy_of_the_repository
from tritgolf.devices import VARIABLE, assigned_gpus

pytestmark = pytest.mark.workflow

TARGET = "results/tiny/seed42/train/train.json"
# In a workspace's copy of the package: a torch that finds two GPUs, and computes on the CPU all the same.
FAKE = {
    "torch_devices": "def found_here():\n    return Found('made up', True, 2)\n",
    "ranks": "def _own_device(*_):\n    return torch.device('cpu')\n",
}
LISTING = "GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-0a-1)\nGPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-0b-2)"


@pytest.fixture
def two_gpus(tmp_path) -> dict[str, str]:
    """The environment of a machine whose driver lists two GPUs."""
    program = tmp_path / "driver" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "{LISTING}"\n')
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}", VARIABLE: "0,1"}


@pytest.mark.skipif(torch.version.cuda is not None, reason="this torch has CUDA")
def test_a_torch_without_cuda_beside_gpus_ends_it_before_any_work(tmp_path, two_gpus):
    workspace = copy_of_the_repository(tmp_path / "pipeline")
    run = workspace.snakemake(environment=two_gpus)
    assert run.code == 2
    (line,) = run.errors
    assert "2 GPUs are listed here, and this torch has no CUDA: make TORCH=cuda install;" in line
    assert "--config device=cpu" in line and "Traceback" not in run.said
    assert not workspace.results().exists()


def test_gpus_that_are_not_there_end_it_before_any_work(tmp_path):
    workspace = copy_of_the_repository(tmp_path / "pipeline")
    run = workspace.snakemake(gpus=8)
    assert run.code == 2
    told = "gpus: 8 are asked for, none is here; compute on the CPU, in 8 processes: --config device=cpu"
    assert run.errors == [f"error: config.yaml: {told}"]
    assert not workspace.results().exists()


@pytest.mark.skipif(torch.version.cuda is not None, reason="this torch has CUDA")
def test_only_jobs_that_compute_ask_for_a_torch_that_can(copied, two_gpus):
    shutil.rmtree(copied.results("tiny", "tables"))
    assert copied.snakemake("tables", environment=two_gpus).code == 0
    scored = copied.snakemake("results/tiny/seed42/final/probes.json", environment=two_gpus)
    assert scored.code == 2
    assert "this torch has no CUDA: make TORCH=cuda install" in scored.errors[0]


def test_what_is_told_to_train_on_the_cpu_does_in_so_many_processes(untrained, two_gpus):
    run = untrained.snakemake(TARGET, environment=two_gpus, device="cpu", gpus=2)
    assert run.code == 0, run.said
    facts = json.loads((untrained.folder / TARGET).read_text())
    hardware = facts["provenance"]["hardware"]
    assert facts["metrics"]["world"] == 2
    assert hardware["gpus"] == []
    assert [stretch["devices"] for stretch in hardware["trained_on"]] == [[f"cpu: {hardware['processor']}"] * 2]


def test_training_waits_for_all_gpus_and_uses_them(untrained, monkeypatch):
    names = f"made-up-{os.getpid()}-a,made-up-{os.getpid()}-b"
    monkeypatch.setenv(VARIABLE, names)
    for module, code in FAKE.items():
        with (untrained.folder / "tritgolf" / f"{module}.py").open("a") as file:
            file.write(f"\n\n{code}")
    with assigned_gpus(1) as held:
        process = untrained.start(TARGET, environment={VARIABLE: names}, python=warm_python())
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
    logs = "".join(path.read_text() for path in (untrained.folder / ".snakemake" / "log").iterdir())
    assert re.search(r"^Provided resources: .*gpu.*2", logs, re.MULTILINE), "without a limit, jobs would only wait here"
    assert json.loads((untrained.folder / TARGET).read_text())["metrics"]["world"] == 2


def test_each_of_several_nodes_gets_all_its_ranks(untrained, tmp_path):
    """As docs/cluster.md asks for them; ``srun`` says only what it was told to start."""
    srun = tmp_path / "srun"
    srun.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/told\nexit 1\n')
    srun.chmod(0o755)
    settings = [f"train_tiny:{setting}" for setting in ("nodes=2", "tasks=2", "mpi=srun", "gpu=0")]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "1"}
    run = untrained.snakemake(TARGET, "--set-resources", *settings, gpus=8, device="cpu", environment=environment)
    assert run.code == 1
    assert "--nodes=2 --ntasks=2" in (tmp_path / "told").read_text(), run.said
    assert re.search(r"-m tritgolf\.train\.node \S+plan\.json 8 \d+", (tmp_path / "told").read_text())
