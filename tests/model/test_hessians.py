"""Hessians of the layers' inputs, held to what every product of the forward pass is given."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from tests.small import random_network, random_tokens, small_model
from tritgolf.config.settings import Settings
from tritgolf.errors import InputError
from tritgolf.model import specs
from tritgolf.model.hessians import collect_hessians
from tritgolf.model.specs import ModelSpec
from tritgolf.parameters import Parameter

WIDTH, TOKENS = 6, 10


class Products(TorchFunctionMode):
    """All (inputs, weight) that F.linear is called with."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is F.linear:
            self.seen.append(args[:2])
        return function(*args, **(kwargs or {}))


class TwiceConfig(Settings):
    vocab_size: int = TOKENS


class Twice(nn.Module):
    """A layer that runs twice."""

    def __init__(self):
        super().__init__()
        self.model = TwiceConfig()
        self.table = nn.Embedding(TOKENS, WIDTH)
        self.layer = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, tokens, tail=None):
        return self.layer(self.layer(self.table(tokens)).relu())

    def linears(self):
        yield "layer.weight", self.layer


@pytest.fixture
def twice(monkeypatch):
    table = {"table.weight": Parameter((TOKENS, WIDTH), "embedding")}
    monkeypatch.setitem(specs.MODELS, "twice", ModelSpec(TwiceConfig, lambda _: table, ""))
    torch.manual_seed(0)
    return Twice()


def gram(inputs):
    """Σ xᵀx in FP64, token by token."""
    return sum(torch.outer(row, row) for row in inputs.detach().double().flatten(0, -2))


def assert_hessian(found, wanted):
    assert found.dtype == torch.float32
    assert (found.double() - wanted).norm() <= 1e-6 * wanted.norm()


@pytest.mark.parametrize("compute", ["float32", "bfloat16"])
def test_inputs_of_every_matrix_of_the_unet_and_of_its_table(compute):
    model = small_model(compute=compute)
    network = random_network(model)
    batches = [random_tokens(model, seed=seed) for seed in range(2)]
    found = collect_hessians(network, batches)

    layers = dict(network.linears())
    assert found.keys() == {*layers, "tok_emb.weight"}
    with torch.no_grad(), Products() as products:
        hidden = torch.stack([network(tokens) for tokens in batches])
    for name, layer in layers.items():
        weight = layer.used_weight(network.dtype)
        inputs = [x for x, w in products.seen if w.shape == weight.shape and torch.equal(w, weight)]
        assert len(inputs) == 2
        assert_hessian(found[name], gram(torch.stack(inputs)) / 2)
    assert_hessian(found["tok_emb.weight"], gram(hidden) / 2)


def test_runs_of_a_repeated_layer_add_up(twice):
    tokens = torch.arange(TOKENS).view(2, 5)
    first = twice.table(tokens)
    second = twice.layer(first).relu()
    found = collect_hessians(twice, [tokens])
    assert_hessian(found["layer.weight"], gram(first) + gram(second))
    assert_hessian(found["table.weight"], gram(twice.layer(second)))


def test_the_network_stays_as_it_is(twice):
    with pytest.raises(IndexError):
        collect_hessians(twice, [torch.tensor([[TOKENS]])])
    assert not twice.layer._forward_pre_hooks
    assert collect_hessians(twice, [torch.tensor([[1]])])["layer.weight"].requires_grad is False


def test_a_calibration_without_text_is_refused(twice):
    with pytest.raises(InputError, match=r"^calibration: has no batch"):
        collect_hessians(twice, [])


def test_a_network_that_passes_its_layers_by_is_a_bug_that_is_named():
    """The forms made for a GPU multiply by the weights themselves."""
    model = small_model()
    with pytest.raises(RuntimeError, match=r"blocks\.0\.attn\.proj\.weight"):
        collect_hessians(random_network(model, fused=True), [random_tokens(model)])
