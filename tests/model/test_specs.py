"""The seam for other models: a network of two layers is trained, resumed, built again and scored; no class is named."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.small import small_training
from tritgolf.config.model import TernaryConfig
from tritgolf.config.settings import Settings
from tritgolf.evaluate.load import trained_network
from tritgolf.evaluate.score import score_windows
from tritgolf.evaluate.windows import chunked_windows
from tritgolf.model import specs
from tritgolf.model.layers import QuantizedLinear, rms_norm
from tritgolf.model.network import Head, device_of
from tritgolf.model.specs import ModelSpec, parameters_of, spec_of
from tritgolf.parameters import Normal, Parameter
from tritgolf.train.distributed import Ranks
from tritgolf.train.trainer import Trainer

TOKENS, WIDTH = 40, 16


class StubConfig(Settings):
    """All that trainer and scorer ask of a model's settings."""

    vocab_size: int = TOKENS
    context: int = 8
    compute: str = "float32"
    quantizer: TernaryConfig = TernaryConfig(group_size=8)


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


@pytest.fixture
def stub(monkeypatch):
    spec = ModelSpec(StubConfig, stub_parameters, f"{__name__}:StubNetwork")
    monkeypatch.setitem(specs.MODELS, "stub", spec)
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
