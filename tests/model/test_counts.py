import json
from pathlib import Path

import pytest

from tests.small import matrices_of, quantizer, record_model, small_model
from tritgolf.config.model import UNetConfig
from tritgolf.model.counts import count_parameters, parameter_shapes
from tritgolf.model.unet import UNet
from tritgolf.model.unet_parameters import described

PUBLISHED = Path(__file__).parents[1] / "fixtures" / "published"


@pytest.mark.parametrize(
    ("record", "published", "stored_fp"),
    [
        ("ternary_v1", 73_685_840, 2_513_744),
        ("ternary_v2", 74_250_064, 3_077_968),
        ("ternary_100k", 74_257_744, 3_077_968 + 7_680),
    ],
)
def test_counts_of_the_records(record, published, stored_fp):
    counts = count_parameters(record_model(record))
    assert counts.published == published
    assert counts.unused == 6_291_456
    assert counts.trained == published - 6_291_456
    assert counts.ternary == 64_880_640
    assert counts.groups == 506_880
    assert counts.stored_fp == stored_fp
    assert counts.as_dict()["published"] == published


@pytest.mark.parametrize("settings", [{}, {"smear": True}, {"layers": 5}, {"heads": 2, "kv_heads": 1}])
def test_counts_are_those_of_the_network(settings):
    model = small_model(**settings)
    network = UNet(model)
    built = {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}
    assert list(built.items()) == list(parameter_shapes(model).items())
    assert list(network.state_dict()) == list(built)
    counts = count_parameters(model)
    assert counts.trained == sum(parameter.numel() for parameter in network.parameters())
    assert counts.ternary == sum(layer.weight.numel() for _, layer in network.linears())
    assert counts.groups == sum(t.scale.numel() for t in matrices_of(network).values())
    assert [name for name, _ in network.linears()] == [name for name in built if described(name).is_quantized]


@pytest.mark.parametrize("sample", ["sample_pr640", "sample_pr920"])
def test_names_shapes_and_order_are_the_published_ones(sample):
    facts = json.loads((PUBLISHED / f"{sample}.json").read_text())
    sizes = facts["config"]
    model = UNetConfig(
        vocab_size=sizes["vocab_size"],
        layers=sizes["num_layers"],
        width=sizes["model_dim"],
        heads=sizes["num_heads"],
        kv_heads=sizes["num_kv_heads"],
        mlp_multiple=sizes["mlp_mult"],
        embed_dim=sizes["embed_dim"],
        smear=sizes["smear"],
        rotary_frequencies="bfloat16",
        quantizer=quantizer(group_size=sizes["group_size"]),
    )
    published = [(name, tuple(tensor["shape"])) for name, tensor in facts["tensors"].items()]
    assert list(parameter_shapes(model).items()) == published
    assert count_parameters(model).ternary == facts["stats"]["ternary_params"]
    assert count_parameters(model).stored_fp == facts["stats"]["fp_params"]
