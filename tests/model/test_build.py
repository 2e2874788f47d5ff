import pytest
import torch

from tests.small import random_network, random_tokens, small_model
from tritgolf.errors import InputError
from tritgolf.model.build import build_network
from tritgolf.model.specs import parameters_of
from tritgolf.quantize.plan import quantizers

CPU = torch.device("cpu")


@pytest.fixture
def network():
    return random_network(small_model())


def weights_of(network):
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


@pytest.mark.parametrize("settings", [{}, {"rotary_frequencies": "bfloat16"}])
def test_a_built_network_computes_what_the_trained_one_does(settings):
    network = random_network(small_model(**settings))
    tokens, plan = random_tokens(network.model), quantizers(network.model, parameters_of(network.model))
    built = build_network(network.model, weights_of(network), plan, attention="math", device=CPU)
    assert not built.training
    with torch.no_grad():
        assert torch.equal(built(tokens), network(tokens))


def test_a_built_network_is_plain(network):
    weights = weights_of(network)
    built = build_network(network.model, weights, attention="math", device=CPU)
    assert all(torch.equal(parameter, weights[name]) for name, parameter in built.named_parameters())
    for name, layer in built.linears():
        assert torch.equal(layer.used_weight(torch.float32), weights[name])


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("vocab_bias", None, "tensor vocab_bias: has shape missing, the model wants (300,)"),
        ("blocks.1.mlp.fc.weight", None, "tensor blocks.1.mlp.fc.weight: has shape missing"),
        ("skip_weights", torch.ones(2, 32), "tensor skip_weights: has shape (2, 32), the model wants (1, 32)"),
        ("blocks.0.smear.gate", torch.ones(32), "tensor blocks.0.smear.gate: has shape (32,), the model wants none"),
    ],
)
def test_tensors_of_another_model_are_told(network, name, change, complaint):
    weights = weights_of(network)
    weights.pop(name, None)
    if change is not None:
        weights[name] = change
    with pytest.raises(InputError) as caught:
        build_network(network.model, weights, device=CPU)
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)
