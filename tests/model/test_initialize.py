import math

import pytest
import torch

from tests.small import quantizer, small_model
from tritgolf.config.model import UNetConfig
from tritgolf.model.initialize import initialize
from tritgolf.model.unet import UNet


def initialized(model: UNetConfig, seed: int = 1) -> dict[str, torch.Tensor]:
    network = UNet(model)
    initialize(network, seed)
    return {name: parameter.detach() for name, parameter in network.named_parameters()}


@pytest.fixture(scope="module")
def weights():
    """Wide enough for statistics."""
    return initialized(small_model(width=256, embed_dim=100, smear=True, quantizer=quantizer(group_size=64)))


@pytest.mark.parametrize("name", ["attn.c_qkv", "mlp.fc"])
def test_ternary_matrices_are_normal(weights, name):
    weight = weights[f"blocks.1.{name}.weight"]
    assert float(weight.std()) == pytest.approx(0.02, rel=0.02)
    assert abs(float(weight.mean())) < 5 * 0.02 / math.sqrt(weight.numel())
    within = float((weight.abs() < 0.02).float().mean())
    assert within == pytest.approx(0.6827, abs=0.01)  # a uniform distribution of this spread has 0.577


def test_the_output_projections_are_zero(weights):
    for n in range(2):
        assert not weights[f"blocks.{n}.attn.proj.weight"].any()
        assert not weights[f"blocks.{n}.mlp.proj.weight"].any()


def test_the_table_is_normal_and_bf16(weights):
    table = weights["tok_emb.weight"]
    assert table.dtype == torch.bfloat16
    assert float(table.float().std()) == pytest.approx(0.005, rel=0.02)


@pytest.mark.parametrize(("name", "inputs"), [("embed_proj.weight", 100), ("embed_proj_rev.weight", 256)])
def test_the_embedding_projections_are_those_of_a_linear_layer(weights, name, inputs):
    weight, bound = weights[name], 1 / math.sqrt(inputs)
    assert weight.dtype == torch.float32
    assert float(weight.abs().max()) <= bound * (1 + 2**-8)
    assert float(weight.std()) == pytest.approx(bound / math.sqrt(3), rel=0.02)
    torch.manual_seed(0)
    theirs = torch.nn.Linear(inputs, weight.shape[0], bias=False).weight.detach()
    assert float(weight.std()) == pytest.approx(float(theirs.std()), rel=0.03)


def test_vectors_start_where_the_specification_says(weights):
    assert weights["skip_weights"].eq(1).all()
    assert not weights["vocab_bias"].any()
    for n in range(2):
        assert weights[f"blocks.{n}.attn_scale"].eq(1).all()
        assert weights[f"blocks.{n}.mlp_scale"].eq(1).all()
        assert weights[f"blocks.{n}.resid_mix"][0].eq(1).all()
        assert not weights[f"blocks.{n}.resid_mix"][1].any()
        assert weights[f"blocks.{n}.attn.q_gain"].eq(2.25).all()
        assert not weights[f"blocks.{n}.smear.gate"].any()


def test_everything_has_passed_through_bf16(weights):
    for name, weight in weights.items():
        assert torch.equal(weight, weight.bfloat16().to(weight.dtype)), name
        assert weight.dtype == (torch.bfloat16 if name == "tok_emb.weight" else torch.float32)


def test_the_seed_alone_decides():
    model = small_model()
    torch.manual_seed(5)
    first = initialized(model, seed=42)
    torch.manual_seed(6)
    again, other = initialized(model, seed=42), initialized(model, seed=43)
    for name, weight in first.items():
        assert torch.equal(weight, again[name]), name
    drawn = [name for name, weight in first.items() if not torch.equal(weight, other[name])]
    assert drawn == [
        "tok_emb.weight",
        "embed_proj.weight",
        "embed_proj_rev.weight",
        *(f"blocks.{n}.{matrix}.weight" for n in range(2) for matrix in ("attn.c_qkv", "mlp.fc")),
    ]
    blocks = [first[f"blocks.{n}.mlp.fc.weight"] for n in range(2)]
    assert not torch.equal(*blocks)
