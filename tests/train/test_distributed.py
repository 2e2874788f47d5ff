"""Two ranks on one machine, with gloo and torchrun, as the launcher starts them."""

import dataclasses
import sys

import pytest
import torch

from tests.small import REPOSITORY, small_training
from tests.train.test_launch import FAULTY
from tests.train.test_loop import without_times
from tritgolf import checkpoint
from tritgolf.devices import VARIABLE
from tritgolf.errors import InputError
from tritgolf.provenance import processor
from tritgolf.ranks import Ranks, joined_ranks
from tritgolf.stages.train import _plan_json
from tritgolf.torch_devices import Found
from tritgolf.train import launch
from tritgolf.train.loop import run
from tritgolf.train.trainer import Trainer
from tritgolf.train.training_log import read_curve


def in_folder(plan, folder):
    folder.mkdir()
    return dataclasses.replace(plan, live=folder)


def weights(live, name):
    return checkpoint.load(live / f"{name}.safetensors").tensors


def test_two_ranks_do_what_one_does_and_repeat_it_to_the_bit_though_killed(plan, alone, tmp_path, monkeypatch):
    """The record's data order gives both worlds the same sequences: 8 micro-steps alone, 4 on each of two ranks.

    The run that is killed averages during the backward pass and shares Muon's work, as ranks on GPUs do: with two of
    them no bit is another. What is saved was brought together before.
    """
    train = small_training(steps=8, checkpoints=(1,))
    single, double, again = (
        in_folder(dataclasses.replace(plan, train=train), tmp_path / name) for name in ("single", "double", "again")
    )
    run(single, alone)
    facts = launch.train(_plan_json(double), processes=2)
    assert (facts["world"], facts["steps"]) == (2, 8)
    assert facts["trained_on"] == [{"to_step": 8, "devices": [f"cpu: {processor()}"] * 2}]
    one, two = (read_curve(live / "metrics.jsonl") for live in (single.live, double.live))
    assert [line["step"] for line in two] == [line["step"] for line in one]
    assert two[0]["loss"] == pytest.approx(one[0]["loss"], rel=1e-6)
    assert [line["loss"] for line in two] == pytest.approx([line["loss"] for line in one], rel=1e-2)
    start = Trainer(plan.model, train, plan.seed, alone).weights()
    for name, after in weights(single.live, "step_000001").items():
        moved = (after.double() - start[name].double()).norm()
        assert (weights(double.live, "step_000001")[name].double() - after.double()).norm() <= 0.01 * moved, name

    def killed(plan_path, processes):
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        return [*torchrun, str(FAULTY), "kill_shared", "6", str(tmp_path), str(plan_path)]

    monkeypatch.setattr(launch, "_command", killed)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    launch.train(_plan_json(again), processes=2)
    assert (tmp_path / "happened").exists()
    assert without_times(again.live) == without_times(double.live)
    for name, tensor in weights(double.live, "final").items():
        assert torch.equal(weights(again.live, "final")[name], tensor), name


def test_small_tensors_are_averaged_together(monkeypatch):
    """With a rank whose tensors are three times ours: twice ours is the mean, in every tensor's own dtype."""
    sizes = []

    def with_another(wide, group):
        assert group == "these"
        sizes.append(wide.numel())
        wide.mul_(4)

    monkeypatch.setattr("tritgolf.ranks.ALONE_FROM", 6)
    monkeypatch.setattr(torch.distributed, "all_reduce", with_another)
    ranks = Ranks(0, 2, torch.device("cpu"), group="these")
    shapes = [(2, 3), (5,), (), (7,), (2, 2)]
    dtypes = [torch.float32, torch.float32, torch.float32, torch.bfloat16, torch.bfloat16]
    tensors = [torch.randn(shape).to(dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    before = [tensor.clone() for tensor in tensors]
    ranks.average_(tensors)
    assert sizes == [6, 7, 5 + 1 + 4]
    assert ranks.entered == 3
    for ours, own in zip(tensors, before, strict=True):
        assert ours.dtype == own.dtype
        assert torch.equal(ours, 2 * own)


def test_one_process_needs_no_group():
    ranks = Ranks(0, 1, torch.device("cpu"))
    tensor = torch.tensor([1.0, 2.0])
    ranks.average_([tensor])
    assert tensor.tolist() == [1.0, 2.0]
    assert ranks.agree([3.0, 0.0]) == [3.0, 0.0]
    assert ranks.is_main
    ranks.wait()
    ranks.synchronize()


def test_without_a_launcher_a_process_is_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined_ranks() as ranks:
        assert (ranks.rank, ranks.world) == (0, 1)
        assert not torch.distributed.is_initialized()


@pytest.mark.parametrize(("device", "visible"), [("cuda", ""), ("cuda", "0"), (None, "0")])
def test_a_rank_that_means_a_gpu_does_not_train_on_the_cpu(monkeypatch, device, visible):
    monkeypatch.setenv(VARIABLE, visible)
    monkeypatch.setattr("tritgolf.ranks.found_here", lambda: Found("2.13.0+cpu", False, 0))
    with pytest.raises(InputError, match="no CUDA" if visible else "none is here"), joined_ranks(device=device):
        pass


@pytest.mark.parametrize(("device", "visible"), [("cpu", "0"), ("cpu", ""), (None, "")])
def test_a_rank_that_means_the_cpu_gets_it(monkeypatch, device, visible):
    monkeypatch.setenv(VARIABLE, visible)
    monkeypatch.setattr("tritgolf.ranks.found_here", lambda: Found("2.13.0+cpu", False, 0))
    with joined_ranks(device=device) as ranks:
        assert ranks.device == torch.device("cpu")
