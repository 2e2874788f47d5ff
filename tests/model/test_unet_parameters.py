import pytest
import torch

from tests.small import random_network, small_model
from tritgolf.errors import InputError
from tritgolf.model.initialize import initialize
from tritgolf.model.unet_parameters import LAYERS, described, unet_parameters
from tritgolf.parameters import MATRICES, QUANTIZED, KaimingUniform, Normal, Zeros, layers_of


@pytest.mark.parametrize("smear", [False, True])
def test_the_table_has_the_network_s_parameters_in_their_order(smear):
    model = small_model(smear=smear)
    network = random_network(model)
    built = {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}
    assert list(built.items()) == [(name, each.shape) for name, each in unet_parameters(model).items()]


def test_roles_say_what_quantizers_and_muon_take():
    table = unet_parameters(small_model(smear=True))
    network = random_network(small_model(smear=True))
    assert [name for name, each in table.items() if each.is_quantized] == [name for name, _ in network.linears()]
    assert {name for name, each in table.items() if each.role in MATRICES - QUANTIZED} == {
        "embed_proj.weight",
        "embed_proj_rev.weight",
    }
    assert [name for name, each in table.items() if each.role == "embedding"] == ["tok_emb.weight"]
    assert layers_of(table) == list(LAYERS.values()) == ["attn.qkv", "attn.proj", "mlp.fc", "mlp.proj"]
    assert all((each.layer is not None) == each.is_quantized for each in table.values())


def test_a_name_tells_what_it_is_without_sizes():
    table = unet_parameters(small_model(smear=True))
    assert all(described(name, each.shape) == each for name, each in table.items())
    for name in ("blocks.0.attn.k.weight", "lm_head.weight", "blocks.x.attn.proj.weight", "embed_proj"):
        with pytest.raises(InputError, match="is not part of the ternary U-Net"):
            described(name)


def test_weights_are_drawn_as_the_table_says():
    model = small_model(width=64, vocab_size=600)
    network = random_network(model)
    initialize(network, seed=3)
    for name, parameter in network.named_parameters():
        match unet_parameters(model)[name].init:
            case Zeros():
                assert not parameter.any()
            case Normal(std):
                assert parameter.std().item() == pytest.approx(std, rel=0.1)
            case KaimingUniform():
                bound = parameter.shape[1] ** -0.5
                assert 0.9 * bound < parameter.abs().max().item() <= bound * 1.01
        assert torch.equal(parameter, parameter.bfloat16().float())
