"""Storage by role: what #1716 stores its transformer as, through a file and back."""

import re

import pytest
import torch
from pydantic import ValidationError

from tests.artifact.conftest import header_for, honest_storage
from tests.small import random_transformer, small_transformer
from tritgolf.artifact.container import read_artifact, write_artifact
from tritgolf.artifact.inspect import artifact_facts, render_facts
from tritgolf.artifact.kinds import CODES, KINDS, stored_bytes, tensor_specs
from tritgolf.artifact.payload import SECTIONS
from tritgolf.artifact.rounding import BY_GRID, by_hessians
from tritgolf.artifact.storage import restore, store
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.storage import FORMS, WORDS, RoleStorage, factors
from tritgolf.errors import InputError
from tritgolf.model.build import build_network
from tritgolf.model.specs import parameters_of
from tritgolf.quantize.base import dequantize, quantize
from tritgolf.quantize.gptq import gptq
from tritgolf.quantize.plan import quantizer_of

INT6 = {"grid": "integer", "bits": 6, "clip_sigmas": 12.85, "rounding": "gptq"}
SMALL = {"grid": "integer", "bits": 8}
INT8 = IntegerConfig(bits=8)
ROLES = {
    "attention": INT6,
    "mlp": INT6,
    "embedding": {"grid": "integer", "bits": 8, "clip_sigmas": 20, "rounding": "gptq"},
    "hash_embedding": {"grid": "integer", "bits": 6},
    "projection": SMALL,
    "gate": SMALL,
    "mix": {"grid": "integer", "bits": 8, "scale": "tensor", "scale_dtype": "float32"},
    "control": {"format": "float16"},
}
STORAGE = RoleStorage(roles=ROLES)


@pytest.fixture(scope="module")
def transformer():
    return small_transformer()


@pytest.fixture(scope="module")
def weights(transformer):
    return {name: tensor.detach() for name, tensor in random_transformer(transformer).state_dict().items()}


def halved(name, weight, form):
    """Stands for GPTQ: codes that nearest rounding would not give."""
    return quantize(weight / 2, quantizer_of(form))


@pytest.mark.parametrize("registry", [WORDS, KINDS, {None: "numbers", **BY_GRID}])
def test_every_form_has_its_words_its_kind_and_its_rounding(registry):
    assert set(registry) == set(FORMS)


def test_every_kind_of_codes_has_a_section():
    assert set(SECTIONS) == set(CODES)


def test_grids_with_a_scale_a_group_have_one_group_size():
    """An artifact's header holds one: with two, no reader knew how many scales a matrix has."""

    def trits(size):
        quantizer = {"group_size": size, "estimator": "absmean", "arithmetic": "float64"}
        return {"grid": "ternary", "quantizer": quantizer, "scales": "float16"}

    assert RoleStorage(roles=ROLES | {"attention": trits(32), "mlp": trits(32)}).group_size == 32
    with pytest.raises(ValidationError, match=r"group_size: \[16, 32\] is not possible; it must be the same"):
        RoleStorage(roles=ROLES | {"attention": trits(32), "mlp": trits(16)})


def test_each_tensor_has_the_form_of_its_role(transformer):
    specs = tensor_specs(parameters_of(transformer), STORAGE)
    found = {name: (spec.kind, spec.format, spec.numbers_shape(0)) for name, spec in specs.items()}
    width, vocabulary = transformer.width, transformer.vocab_size
    expected = {
        "tok_emb.weight": ("int8_row", "float16", (vocabulary, 1)),
        "bigram.embed.weight": ("int6_row", "float16", (32, 1)),
        "bigram.proj.weight": ("int8_row", "float16", (width, 1)),
        "blocks.0.attn.attn_gate_proj.weight": ("int8_row", "float16", (4, 1)),
        "blocks.0.attn.c_q.weight": ("int6_row", "float16", (width, 1)),
        "blocks.4.mlp.fc.weight": ("int6_row", "float16", (2 * width, 1)),
        "blocks.1.resid_mix": ("int8_tensor", "float32", (1, 1)),
        "blocks.1.attn_scale": ("int8_tensor", "float32", (1, 1)),
        "blocks.1.attn.q_gain": ("vector", "float16", (4,)),
        "logit_temp": ("vector", "float16", ()),
    }
    assert expected.items() <= found.items()
    sizes = stored_bytes(specs, 0)
    of_six = sum(
        p.size for p in parameters_of(transformer).values() if p.role in ("attention", "mlp", "hash_embedding")
    )
    assert sizes["codes6"] == of_six * 6 // 8


def test_it_comes_back_from_a_file(transformer, weights, tmp_path):
    stored = store(weights, transformer, STORAGE, calibrated=halved)
    write_artifact(tmp_path / "a.tgolf", stored, header_for(transformer, STORAGE))
    artifact = read_artifact(tmp_path / "a.tgolf")
    assert artifact.header.model == transformer
    assert artifact.stored.payload_digest == stored.payload_digest
    shown = re.findall(r"^bytes, (\w+) +(\d\S*) ", render_facts(artifact_facts(artifact, "a.tgolf")), re.M)
    assert {kind for kind, _ in shown} == {
        "codes6",
        "codes8",
        "scales",
        "vectors",
    }
    reloaded = artifact.restore().weights()
    assert {name: tensor.shape for name, tensor in reloaded.items()} == {n: t.shape for n, t in weights.items()}
    form = {name: STORAGE.roles[parameter.role] for name, parameter in parameters_of(transformer).items()}
    name = "blocks.2.attn.c_k.weight"
    assert torch.equal(reloaded[name], dequantize(halved(name, weights[name], form[name])))
    name = "blocks.3.mlp_scale"  # a vector: one scale
    mixed = dequantize(quantize(weights[name][None], quantizer_of(form[name])))
    assert torch.equal(reloaded[name], mixed[0])
    assert torch.equal(reloaded["bigram.scale"], weights["bigram.scale"].half().float())
    network = build_network(transformer, reloaded, attention="math")
    assert all(torch.equal(layer.weight, reloaded[name]) for name, layer in network.linears())


def test_clipped_tables_are_rounded_by_scales_that_are_rounded_when_they_are_stored(transformer, weights):
    clipped = {"grid": "integer", "bits": 8, "clip_quantiles": [0.99], "least_clip": 1, "rounding": "clipped"}
    storage = RoleStorage(roles={**ROLES, "embedding": clipped})
    name = "tok_emb.weight"
    found = store(weights, transformer, storage, calibrated=halved).quantized[name]
    exact = quantizer_of(storage.roles["embedding"]).clipped(weights[name])
    assert torch.equal(found.codes, exact.codes)
    assert torch.equal(found.scale, exact.scale.half().float()) and not torch.equal(found.scale, exact.scale)


def test_gptq_needs_a_calibration(transformer, weights):
    with pytest.raises(InputError, match="to be rounded by GPTQ: that needs a calibration"):
        store(weights, transformer, STORAGE)


def test_gptq_rounds_each_matrix_by_its_own_hessian(transformer, weights):
    inputs = {name: torch.randn(200, w.shape[1]) for name, w in weights.items() if w.ndim == 2}
    hessians = {name: rows.T @ rows for name, rows in inputs.items()}
    stored = store(weights, transformer, STORAGE, calibrated=by_hessians(hessians))
    for name in ("tok_emb.weight", "blocks.2.mlp.proj.weight"):
        form = STORAGE.roles[parameters_of(transformer)[name].role]
        expected = gptq(weights[name], hessians[name], quantizer_of(form))
        assert torch.equal(stored.quantized[name].codes, expected.codes)
        assert torch.equal(stored.quantized[name].scale, expected.scale)
    name = "bigram.embed.weight"  # by nearest rounding
    assert torch.equal(
        stored.quantized[name].codes, quantize(weights[name], quantizer_of(STORAGE.roles["hash_embedding"])).codes
    )
    del hessians["blocks.2.mlp.proj.weight"]
    with pytest.raises(InputError, match=r"Hessian of blocks\.2\.mlp\.proj\.weight: is missing"):
        store(weights, transformer, STORAGE, calibrated=by_hessians(hessians))


def test_codes_are_rounded_once_for_storages_that_round_alike(transformer, weights):
    rounded, names = {}, []

    def counted(name, weight, form):
        names.append(name)
        return quantize(weight, quantizer_of(form))

    for control in ("float16", "float32"):
        roles = {**ROLES, "control": {"format": control}}
        store(weights, transformer, RoleStorage(roles=roles), rounded=rounded, calibrated=counted)
    assert len(names) == len(set(names)) == 1 + 5 * 6


def test_factors_are_dotted_paths():
    storage = RoleStorage(roles={"control": {"format": "float16"}, "mlp": {"grid": "integer", "bits": 6}})
    found = factors(storage)
    assert (found["roles.control.format"], found["roles.mlp.bits"], found["roles.mlp.rounding"]) == (
        "float16", 6, "nearest"
    )  # fmt: skip


def test_the_shrinkage_correction_is_for_trits_alone(model, state):
    """A file may hold integer codes beside them, of vectors too."""
    by_role = honest_storage(shrinkage=True).by_role(model)
    storage = by_role.model_copy(update={"roles": {**by_role.roles, "mlp": INT8, "control": INT8}})
    stored = store(state, model, storage)
    restored = restore(stored, model, storage)
    assert torch.equal(restored.tensors["vocab_bias"], dequantize(stored.quantized["vocab_bias"])[0])
    name = "blocks.0.mlp.fc.weight"
    assert torch.equal(restored.quantized[name].codes, stored.quantized[name].codes)
