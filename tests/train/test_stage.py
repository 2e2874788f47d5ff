import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.small import REPOSITORY, TIMEOUT, small_model, small_training, small_transformer
from tests.train.test_loop import NAMES, digests
from tritgolf import checkpoint
from tritgolf.devices import VARIABLE
from tritgolf.errors import InputError
from tritgolf.files import digest_json
from tritgolf.model.counts import trained_parameters
from tritgolf.model.specs import parameters_of
from tritgolf.provenance import SCHEMAS, made_here
from tritgolf.ranks import Ranks
from tritgolf.report.metrics import read_envelope
from tritgolf.stages import train as stage
from tritgolf.stages.train import train_stage
from tritgolf.torch_devices import Found
from tritgolf.train import launch
from tritgolf.train.live import finish, finished
from tritgolf.train.loop import run
from tritgolf.train.plan import Plan, PlanSettings
from tritgolf.train.step_timing import FASTEST, SLOWEST
from tritgolf.train.training_log import read_curve


def arguments(folder: Path, dataset: Path, **changes):
    """Of ``train_stage``, with everything it writes under ``folder``."""
    usual = {
        "record": "small",
        "seed": 1,
        "model": small_model(),
        "train": small_training(),
        "shards": dataset / "shards",
        "live": folder / "live",
        "checkpoints": {name: folder / "checkpoints" / f"{name}.safetensors" for name in NAMES},
        "curve": folder / "train" / "metrics.jsonl",
        "facts": folder / "train" / "train.json",
        "processes": 1,
    }
    return {**usual, **changes}


def train_here(plan: dict, _processes: int, _nodes: int) -> dict:
    """What the launcher's worker does, in this process."""
    paths = {key: Path(plan[key]) for key in ("shards", "live")}
    settings = PlanSettings(model=plan["model"], train=plan["train"])
    configs = {"model": settings.model, "train": settings.train}
    facts = run(Plan(label=plan["label"], seed=plan["seed"], **configs, **paths), Ranks(0, 1, torch.device("cpu")))
    finish(paths["live"], facts, made_here())
    return finished(paths["live"], facts["configuration"])


@pytest.fixture
def here(monkeypatch):
    """Train in this process: the launcher is tested elsewhere."""
    monkeypatch.setattr(launch, "train", train_here)


def facts_of(folder: Path) -> dict:
    return json.loads((folder / "train" / "train.json").read_text())


def test_the_stage_publishes_weights_curve_and_facts(straight, tmp_path, dataset, here):
    train_stage(**arguments(tmp_path, dataset))
    weights = digests(tmp_path / "checkpoints")
    assert weights == digests(straight)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] != ".") == ["checkpoints", "live", "train"]
    kept = ["final.safetensors", "finished.json", "metrics.jsonl", "step_000004.safetensors", "step_000008.safetensors"]
    assert sorted(path.name for path in (tmp_path / "live").iterdir()) == kept
    lines = read_curve(tmp_path / "train" / "metrics.jsonl")
    facts = facts_of(tmp_path)
    metrics = facts["metrics"]
    trained = facts["trained"]
    assert (trained["text"], trained["shards"]) == ("small", facts["provenance"]["inputs"]["shards"])
    assert trained["train"] == small_training().model_dump(mode="json")
    assert (facts["schema"], facts["record"], facts["seed"], facts["step"]) == (
        f"tritgolf/train/{SCHEMAS['train']}",
        "small",
        1,
        12,
    )
    assert metrics["weights_digest"] == dict(zip(NAMES, weights, strict=True))
    assert (metrics["steps"], metrics["tokens"], metrics["stop_reason"]) == (12, 12 * 256, "steps")
    assert (metrics["world"], metrics["attention"]) == (1, "sdpa")
    assert metrics["final_loss"] == lines[-1]["loss"]
    assert metrics["zero_fraction"] == lines[-1]["zero_fraction"]
    assert metrics["parameters"]["ternary"] == 2 * (64 * 32 + 32 * 32 + 2 * 64 * 32)
    assert list(metrics["phase_ms"]) == ["gradients", "average", "update", SLOWEST, FASTEST]
    pace = metrics["step_ms"]
    assert 0 < pace["p10"] <= pace["median"] <= pace["p90"]
    assert pace["mean"] == pytest.approx(1000 * metrics["training_seconds"] / 12)
    for name, step in zip(NAMES, (4, 8, 12), strict=True):
        published = checkpoint.load(tmp_path / "checkpoints" / f"{name}.safetensors").facts
        assert (published["step"], published["checkpoint"], published["seed"]) == (step, name, 1)


def test_a_transformer_is_trained_by_the_same_stage(tmp_path, dataset, here):
    model = small_transformer()
    train = small_training(order="shuffled", steps=2, checkpoints=())
    final = {"final": tmp_path / "final.safetensors"}
    train_stage(**arguments(tmp_path, dataset, model=model, train=train, checkpoints=final))
    metrics = facts_of(tmp_path)["metrics"]
    assert metrics["parameters"] == dict.fromkeys(("published", "trained"), trained_parameters(model))
    assert "zero_fraction" not in metrics
    assert checkpoint.load(final["final"]).tensors.keys() == parameters_of(model).keys()


def test_two_runs_in_two_folders_have_the_same_payload(tmp_path, dataset, here):
    for folder in ("a", "b"):
        train_stage(**arguments(tmp_path / folder, dataset))
    train_stage(**arguments(tmp_path / "c", dataset, seed=2))
    first, second, other = (facts_of(tmp_path / folder) for folder in "abc")
    assert first["payload_digest"] == second["payload_digest"] != other["payload_digest"]
    assert first["provenance"]["inputs"] == second["provenance"]["inputs"]


def test_published_outputs_are_not_made_again(tmp_path, dataset, here, monkeypatch):
    train_stage(**arguments(tmp_path, dataset))
    before = (tmp_path / "train" / "train.json").read_bytes()
    monkeypatch.setattr(launch, "train", None)
    train_stage(**arguments(tmp_path, dataset))
    assert (tmp_path / "train" / "train.json").read_bytes() == before


def test_a_finished_training_is_published_again_where_its_outputs_were_deleted(tmp_path, dataset, here, monkeypatch):
    """As Snakemake does when it was killed while this job ran, though the job lived on and ended well."""
    train_stage(**arguments(tmp_path, dataset))
    before = facts_of(tmp_path)
    for folder in ("checkpoints", "train"):
        shutil.rmtree(tmp_path / folder)
    with monkeypatch.context() as patch:
        patch.setattr(launch, "train", None)
        patch.setattr("tritgolf.provenance.hardware", lambda: {"gpus": ["of another machine"]})
        train_stage(**arguments(tmp_path, dataset))
        assert facts_of(tmp_path) == before  # what trained it, not what published it
        with pytest.raises(TypeError):  # another configuration is trained
            train_stage(**arguments(tmp_path, dataset, seed=2))


@pytest.mark.parametrize("missing", ["train/train.json", "train/metrics.jsonl", "checkpoints/final.safetensors"])
def test_an_output_that_is_gone_is_made_again(tmp_path, dataset, here, missing):
    train_stage(**arguments(tmp_path, dataset))
    before = facts_of(tmp_path)["payload_digest"]
    (tmp_path / missing).unlink()
    train_stage(**arguments(tmp_path, dataset))
    assert (tmp_path / missing).exists()
    assert facts_of(tmp_path)["payload_digest"] == before


def test_outputs_of_another_configuration_are_made_again(tmp_path, dataset, here):
    train_stage(**arguments(tmp_path, dataset, train=small_training(z_loss=0.1)))
    before = digests(tmp_path / "checkpoints")
    train_stage(**arguments(tmp_path, dataset))
    assert digests(tmp_path / "checkpoints") != before


def test_states_of_another_configuration_give_way(straight, tmp_path, dataset, here, monkeypatch, capsys):
    """The workflow asks for another training of this name only where the user said so (``train.earlier``)."""
    with monkeypatch.context() as patch:
        patch.setattr(launch, "publish", None)
        with pytest.raises(TypeError):
            train_stage(**arguments(tmp_path, dataset, seed=2))
    train_stage(**arguments(tmp_path, dataset))
    assert capsys.readouterr().err.count("belongs to another configuration or data; deleted") == 2
    assert digests(tmp_path / "checkpoints") == digests(straight)


def test_a_stage_stopped_while_publishing_needs_no_steps_to_end(straight, tmp_path, dataset, here, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(launch, "publish", killed)
        with pytest.raises(KeyboardInterrupt):
            train_stage(**arguments(tmp_path, dataset))
    assert not (tmp_path / "train").exists()
    monkeypatch.setattr("tritgolf.train.trainer.Trainer.step", None)
    train_stage(**arguments(tmp_path, dataset))
    assert digests(tmp_path / "checkpoints") == digests(straight)


def test_a_second_process_waits_and_takes_over_what_the_first_made(tmp_path, dataset, monkeypatch):
    program = f"""
import sys
from pathlib import Path
from tests.train.test_stage import arguments
from tritgolf.train import launch
from tritgolf.stages.train import train_stage
launch.train = None  # there is nothing left to train
train_stage(**arguments(Path({str(tmp_path)!r}), Path({str(dataset)!r})))
"""
    waiting = []

    def train_while_another_waits(plan, processes, nodes):
        second = subprocess.Popen(
            [sys.executable, "-c", program],
            stderr=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        waiting.append(second)
        line = second.stderr.readline()
        assert f"process {os.getpid()} is already training here; waiting" in line and "live/metrics.jsonl" in line
        assert second.poll() is None
        return train_here(plan, processes, nodes)

    monkeypatch.setattr(launch, "train", train_while_another_waits)
    train_stage(**arguments(tmp_path, dataset))
    before = (tmp_path / "train" / "train.json").read_bytes()
    (second,) = waiting
    _, rest = second.communicate(timeout=TIMEOUT)
    assert (second.returncode, rest) == (0, "")
    assert (tmp_path / "train" / "train.json").read_bytes() == before


@pytest.mark.parametrize(
    ("visible", "settings"), [("", {"processes": 2}), ("0,1", {"processes": 2}), ("", {"device": "cuda"}), ("0", {})]
)
def test_gpus_that_cannot_be_used_are_told_before_anything_starts(tmp_path, dataset, monkeypatch, visible, settings):
    monkeypatch.setenv(VARIABLE, visible)
    monkeypatch.setattr(stage, "found_here", lambda: Found("2.13.0+cpu", False, 0))
    monkeypatch.setattr(launch, "train", None)
    with pytest.raises(InputError, match="no CUDA" if visible else "none is here"):
        train_stage(**arguments(tmp_path, dataset, **settings))


@pytest.mark.parametrize(
    ("settings", "device"), [({}, None), ({"device": "cpu", "processes": 2}, "cpu"), ({"nodes": 2}, None)]
)
def test_the_ranks_are_told_on_what_to_train(tmp_path, dataset, monkeypatch, settings, device):
    def train(plan, processes, _nodes):
        raise InputError("the plan", f"device {plan['device']}, {processes} processes")

    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr(launch, "train", train)
    with pytest.raises(InputError, match=f"device {device}, {settings.get('processes', 1)} processes"):
        train_stage(**arguments(tmp_path, dataset, **settings))


def test_hardware_is_that_of_the_ranks(tmp_path, dataset, monkeypatch):
    """A run that began on two GPUs and went on on one; the machine that publishes it has others."""
    stretches = [{"to_step": 4, "devices": ["G", "G"]}, {"to_step": 12, "devices": ["H"]}]

    def train(*plan):
        finished_here = train_here(*plan)
        return {**finished_here, "trained_on": stretches}

    monkeypatch.setattr(launch, "train", train)
    train_stage(**arguments(tmp_path, dataset))
    hardware = facts_of(tmp_path)["provenance"]["hardware"]
    assert (hardware["gpus"], hardware["trained_on"]) == (["H"], stretches)
    machine = read_envelope(tmp_path / "train" / "train.json").provenance.machine
    assert machine == "2 × G to step 4, then 1 × H to step 12"


@pytest.mark.parametrize("world", [3, 5, 32])
def test_a_world_size_that_does_not_divide_is_told_before_anything_starts(tmp_path, dataset, monkeypatch, world):
    monkeypatch.setattr(launch, "train", None)
    with pytest.raises(InputError) as caught:
        train_stage(**arguments(tmp_path, dataset, processes=world))
    assert str(caught.value) == (
        f"world size {world}: does not divide the 16 sequences of a step (batch_tokens 256); use one of 1, 2, 4, 8, 16"
    )
    assert not (tmp_path / "train").exists()


def test_a_model_that_no_artifact_holds_is_told_before_anything_starts(tmp_path, dataset, monkeypatch):
    monkeypatch.setattr(launch, "train", None)
    with pytest.raises(
        InputError, match=r"record small: has a model of [\d,]+ parameters, and an artifact holds at most"
    ):
        train_stage(**arguments(tmp_path, dataset, model=small_model(width=4096, heads=4, kv_heads=2, layers=2)))


def test_shards_of_another_vocabulary_are_told_before_anything_starts(tmp_path, dataset, monkeypatch):
    monkeypatch.setattr(launch, "train", None)
    with pytest.raises(InputError, match="holds tokens of a vocabulary of 300, the model has 512"):
        train_stage(**arguments(tmp_path, dataset, model=small_model(vocab_size=512)))


def test_a_time_budget_leaves_times_out_of_the_payload(tmp_path, dataset, here):
    """How many steps fit into the budget is the machine's: the weights' digests alone are compared."""
    settings = small_training(seconds=1000.0, checkpoints=())
    outputs = {"final": tmp_path / "final.safetensors"}
    train_stage(**arguments(tmp_path, dataset, train=settings, checkpoints=outputs))
    facts = facts_of(tmp_path)
    assert facts["metrics"]["stop_reason"] == "steps"
    assert facts["payload_digest"] == digest_json({"weights_digest": facts["metrics"]["weights_digest"]})
