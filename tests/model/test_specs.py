"""The seam for other models: a network of two layers, on a grid of 8 bits, goes through training and all stages.

No class is named. What a model needs is this module and one YAML of its storage.
"""

from typing import Literal

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import nn

from tests.small import VOCABULARY, small_training
from tritgolf import checkpoint
from tritgolf.config import models
from tritgolf.config.evaluate import EvaluateConfig
from tritgolf.config.export import RoleExport
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.settings import Settings, validate
from tritgolf.evaluate.load import trained_network
from tritgolf.evaluate.score import score_windows
from tritgolf.evaluate.windows import chunked_windows
from tritgolf.files import read_json, write_json
from tritgolf.model import specs
from tritgolf.model.layers import QuantizedLinear, rms_norm
from tritgolf.model.network import Head, device_of
from tritgolf.model.specs import ModelSpec, parameters_of, spec_of
from tritgolf.parameters import Normal, Parameter
from tritgolf.ranks import Ranks
from tritgolf.stages.evaluate import evaluate_stage
from tritgolf.stages.export import export_stage
from tritgolf.stages.roundtrip import roundtrip_stage
from tritgolf.train.trainer import Trainer

TOKENS, WIDTH = 40, 16


class StubConfig(Settings):
    """All that trainer and scorer ask of a model's settings."""

    kind: Literal["stub"] = "stub"
    vocab_size: int = TOKENS
    context: int = 8
    layers: int = 2
    compute: str = "float32"
    quantizer: IntegerConfig = IntegerConfig(bits=8)


STORAGES = """
storages:
  own:  # the grid that it is trained on, all else as it is
    roles: {attention: &grid {grid: integer, bits: 8}, mlp: *grid, embedding: &fp32 {format: float32}, control: *fp32}
  narrow:
    roles: {attention: &grid6 {grid: integer, bits: 6}, mlp: *grid6, second: *grid, embedding: *grid, control: &tensor {
      grid: integer, bits: 8, scale: tensor, scale_dtype: float32}}
own_storage: own
"""


def stub_parameters(model: StubConfig) -> dict[str, Parameter]:
    return {
        "bias": Parameter((model.vocab_size,), "control"),
        "table.weight": Parameter((model.vocab_size, WIDTH), "embedding", Normal(0.3)),
        "first.weight": Parameter((WIDTH, WIDTH), "attention", Normal(0.3), "first"),
        "second.weight": Parameter((WIDTH, WIDTH), "mlp", Normal(0.3), "second"),
    }


class StubNetwork(nn.Module):
    """Looks at the last token alone."""

    def __init__(self, model, attend=None, fused=False) -> None:
        super().__init__()
        self.model, self.dtype = model, torch.float32
        self.bias = nn.Parameter(torch.zeros(model.vocab_size))
        self.table = nn.Embedding(model.vocab_size, WIDTH)
        self.first = QuantizedLinear(WIDTH, WIDTH)
        self.second = QuantizedLinear(WIDTH, WIDTH)

    def forward(self, tokens, tail=None):
        hidden = self.second(F.relu(self.first(rms_norm(self.table(tokens)))))
        return hidden if tail is None else hidden[:, -tail:]

    def head(self):
        return Head(self.table.weight, self.bias, 10.0)

    def linears(self):
        yield from (("first.weight", self.first), ("second.weight", self.second))

    def enter(self, phase):
        pass


@pytest.fixture
def stub(monkeypatch):
    spec = ModelSpec(StubConfig, stub_parameters, f"{__name__}:StubNetwork")
    monkeypatch.setitem(specs.MODELS, "stub", spec)
    monkeypatch.setitem(models.KINDS, "stub", StubConfig)
    return StubConfig()


def successors(count: int) -> np.ndarray:
    """A text in which every token says the next one."""
    return (np.arange(count) * 7 % TOKENS).astype(np.uint16)


def batch(step: int, sequences: int = 16, context: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    rows = torch.from_numpy(successors(5000)[step : step + sequences * context + 1].astype(np.int64))
    return rows[:-1].view(sequences, context), rows[1:].view(sequences, context)


def trained(stub, steps: int) -> tuple[Trainer, list[float]]:
    trainer = Trainer(stub, small_training(micro_batch_sequences=8), 1, Ranks(0, 1, torch.device("cpu")))
    return trainer, [float(trainer.step(step, 1.0, *batch(step))[1]) for step in range(steps)]


def test_a_model_is_known_by_its_settings(stub):
    assert spec_of(stub) is specs.MODELS["stub"]
    assert list(parameters_of(stub)) == [name for name, _ in StubNetwork(stub).named_parameters()]


def test_another_network_is_trained_resumed_and_scored(stub):
    trainer, losses = trained(stub, 40)
    assert losses[-1] < 0.5 * losses[0]
    again, _ = trained(stub, 20)
    halfway = {name: tensor.clone() for name, tensor in again.state().items()}
    resumed = Trainer(stub, small_training(micro_batch_sequences=8), 9, Ranks(0, 1, torch.device("cpu")))
    resumed.load_state(halfway)
    for step in range(20, 40):
        resumed.step(step, 1.0, *batch(step))
    assert all(torch.equal(tensor, resumed.weights()[name]) for name, tensor in trainer.weights().items())

    network = trained_network(stub, trainer.weights())
    assert device_of(network).type == "cpu"
    tokens = successors(200)
    scored = score_windows(network, tokens, chunked_windows(len(tokens), 8), batch=4)
    assert scored.nats.sum() / 192 == pytest.approx(losses[-1], rel=0.5)


def test_each_parameter_goes_to_the_optimizer_of_its_role(stub):
    trainer, _ = trained(stub, 0)
    assert {name for stack in trainer.stacks.stacks for name in stack.names} == {"first.weight", "second.weight"}
    tables, vectors = ([id(p) for p in group.parameters] for group in trainer.adam.groups)
    assert tables == [id(trainer.network.get_parameter("table.weight"))]
    assert vectors == [id(trainer.network.get_parameter("bias"))]


@pytest.fixture
def finished_stub(stub, tmp_path):
    """Settings of a stub with the data set's vocabulary; ``tmp_path`` has its checkpoint and ``train.json``."""
    model = stub.model_copy(update={"vocab_size": VOCABULARY})
    trainer, _ = trained(model, 5)
    checkpoint.save(tmp_path / "final.safetensors", trainer.weights(), {"step": 5, "seed": 1})
    write_json(tmp_path / "train.json", {"metrics": {"steps": 5, "world": 1}})
    return model


def test_another_network_is_exported_reloaded_and_scored_by_the_same_stages(finished_stub, dataset, tmp_path):
    run = {"record": "stub", "seed": 1, "name": "final", "model": finished_stub}
    weights, facts = tmp_path / "final.safetensors", tmp_path / "facts.json"
    text = {"shards": dataset / "shards", "tokenizer": dataset / "tokenizer" / "tokenizer.model", "facts": facts}

    export = validate(RoleExport, yaml.safe_load(STORAGES), "stub.yaml")
    export_stage(**run, export=export, checkpoint=weights, folder=tmp_path, facts=facts, threads=1, code_bytes=1)
    metrics = read_json(facts)["metrics"]
    assert metrics.keys() == {"storages", "code_bytes", "byte_limit"}  # nothing of trits
    own, narrow = (metrics["storages"][name]["bytes_by_kind"] for name in ("own", "narrow"))
    assert own["codes8"] == 2 * WIDTH * WIDTH
    assert (narrow["codes6"], narrow["codes8"]) == (WIDTH * WIDTH * 6 // 8, WIDTH * WIDTH + VOCABULARY * (WIDTH + 1))

    artifacts = {name: tmp_path / f"{name}.tgolf" for name in export.storages}
    scoring = {"z_loss": 0.0, "attention": "math", "batch": 64, "own_storage": "own", "checkpoint": weights}
    roundtrip_stage(**run, **text, **scoring, artifacts=artifacts)
    gaps = read_json(facts)["metrics"]
    own, narrow = (gaps["storages"][name] for name in ("own", "narrow"))
    assert (own["gap_bpb"], own["trits_changed"], own["max_weight_error"]) == (0, 0, 0)  # stored as it was trained
    assert narrow["gap_bpb"] != 0
    assert narrow["max_weight_error"] > 0

    settings = EvaluateConfig(
        stride=8, window_rule="every_token", headline_z_loss=False, apply_temperature=False, calibration_tokens=100
    )
    files = {"artifact": artifacts["own"], "training": tmp_path / "train.json"}
    evaluate_stage(**run, **text, **files, train=small_training(), settings=settings)
    assert read_json(facts)["metrics"]["methods"]["chunked"]["nats"] == gaps["trained"]["nats"]
