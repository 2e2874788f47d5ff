import math

import pytest

from tests.artifact.conftest import honest_storage, small_model
from tritgolf.artifact.kinds import kind_of, stored_bytes, tensor_specs
from tritgolf.artifact.published.ptz import published_role
from tritgolf.config.model import UNetConfig
from tritgolf.config.record import load_record
from tritgolf.config.storage import RoleStorage
from tritgolf.errors import InputError
from tritgolf.model.counts import parameter_shapes
from tritgolf.model.specs import parameters_of
from tritgolf.model.unet_parameters import described
from tritgolf.parameters import Parameter

GROUP = 128


def published_storage(vectors):
    return honest_storage(scales=vectors, mixes="e4m3", vectors=vectors)


def published_specs(record):
    model = full_size(record)
    return tensor_specs(parameters_of(model), published_storage("bfloat16").by_role(model))


def full_size(record) -> UNetConfig:
    return load_record(record).model


@pytest.mark.parametrize(("record", "stored_fp"), [("ternary_v1", 2_513_744), ("ternary_v2", 3_077_968)])
def test_full_size_sizes_are_the_published_ones(record, stored_fp):
    specs = published_specs(record)
    sizes = stored_bytes(specs, GROUP)
    assert sizes["trits"] == 12_976_150
    assert sizes["trits"] + sizes["scales"] == 13_989_910
    assert sum(math.prod(spec.shape) for spec in specs.values() if spec.kind != "ternary") == stored_fp
    assert sum(spec.kind == "ternary" for spec in specs.values()) == 40


def test_embedding_312_costs_564224_bytes_more_than_254():
    v1, v2 = (stored_bytes(published_specs(record), GROUP) for record in ("ternary_v1", "ternary_v2"))
    assert sum(v2.values()) - sum(v1.values()) == 564_224


def test_every_parameter_has_a_kind_and_the_ternary_ones_are_the_model_s():
    shapes = parameter_shapes(small_model(smear=True))
    kinds = {name: kind_of(name, shape) for name, shape in shapes.items()}
    assert all((kind == "ternary") == described(name).is_quantized for name, kind in kinds.items())
    assert all((kind == "vector") == (len(shapes[name]) == 1) for name, kind in kinds.items())
    assert {kinds[name] for name in ("skip_weights", "blocks.0.resid_mix")} == {"mix"}
    assert {kinds[name] for name in ("embed_proj.weight", "embed_proj_rev.weight")} == {"projection"}
    assert kinds["tok_emb.weight"] == "table"


@pytest.mark.parametrize(
    "name",
    [
        "lm_head.weight",
        "blocks.x.attn_scale",
        "blocks.0.attn_scale.more",
        "blocks.0",
        "attn_scale",
        "blocks.0.tok_emb.weight",
    ],
)
def test_an_unknown_tensor_is_named(name):
    with pytest.raises(InputError, match="is not part of the ternary U-Net") as error:
        kind_of(name, (2, 2))
    assert name in str(error.value)


def test_formats_come_from_the_storage_choice():
    formats = {"table": "e4m3", "projections": "e5m2", "mixes": "bfloat16", "vectors": "float32"}
    model = small_model()
    specs = tensor_specs(parameters_of(model), honest_storage("float16", **formats).by_role(model))
    found = {spec.kind: spec.format for spec in specs.values()}
    assert found == {
        "ternary": "float16", "table": "e4m3", "projection": "e5m2", "mix": "bfloat16", "vector": "float32"
    }  # fmt: skip


def test_an_open_storage_choice_is_a_bug():
    with pytest.raises(ValueError, match="leaves 'mixes' open"):
        honest_storage(mixes=None).by_role(small_model())


def test_the_published_rule_keeps_only_large_matrices_ternary():
    name = "blocks.0.attn.proj.weight"
    assert published_role(name, described(name, (256, 256))) == "projection"
    assert published_role(name, described(name, (256, 257))) == "attention"
    assert published_role("tok_emb.weight", described("tok_emb.weight", (8192, 312))) == "embedding"
    assert kind_of(name, (256, 256)) == "ternary"


ROLES = {"attention": {"grid": "integer", "bits": 6}}


def test_a_role_that_the_storage_forgets_is_told():
    with pytest.raises(InputError, match="don't say how mlp is stored"):
        tensor_specs({"fc": Parameter((4, 4), "mlp")}, RoleStorage(roles=ROLES))


def test_codes_that_no_file_stores_are_told():
    form = {"grid": "integer", "bits": 7}
    with pytest.raises(InputError, match="has no codes of 7 bits with a scale a row"):
        tensor_specs({"fc": Parameter((4, 4), "mlp")}, RoleStorage(roles={"mlp": form}))
