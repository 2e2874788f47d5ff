"""The storage ``lossless``: logits of the reloaded model equal those of the trained one to the bit, in every mode."""

import json
from pathlib import Path

import pytest
import torch

from tests.small import RECORDS, lossless_storage, random_network, random_tokens, small_export, small_model
from tritgolf import checkpoint as checkpoints
from tritgolf.artifact.container import read_artifact
from tritgolf.artifact.kinds import stored_bytes, tensor_specs
from tritgolf.config.export import StorageConfig
from tritgolf.config.lossless import lossy_settings
from tritgolf.config.model import UNetConfig
from tritgolf.config.record import load_record
from tritgolf.evaluate.load import reloaded_network, trained_network
from tritgolf.model.loss import capped_logits
from tritgolf.model.specs import parameters_of
from tritgolf.model.unet import UNet
from tritgolf.stages.export import export_stage
from tritgolf.stages.roundtrip import roundtrip_stage

HONEST = {"arithmetic": "float64"}, {"rotary_frequencies": "float32"}
FAITHFUL = {"arithmetic": "float64"}, {"rotary_frequencies": "bfloat16"}
AS_WRITTEN = {"arithmetic": "bf16_weight"}, {"rotary_frequencies": "bfloat16"}


def variants() -> dict[str, UNetConfig]:
    found = {}
    for mode, (arithmetic, settings) in {"honest": HONEST, "faithful": FAITHFUL, "as written": AS_WRITTEN}.items():
        for estimator in ("rms", "absmean"):
            for compute in ("float32", "bfloat16"):
                quantizer = {"group_size": 8, "estimator": estimator, **arithmetic}
                model = {**settings, "compute": compute, "smear": True, "quantizer": quantizer}
                found[f"{mode} {estimator} {compute}"] = small_model(**model)
    half = {"group_size": 8, "estimator": "rms", "arithmetic": "float64", "scale_dtype": "float16"}
    for compute in ("float32", "bfloat16"):
        settings = {"head_table": "e4m3", "mixes": "e4m3", "vectors": "bfloat16", "smear": True}
        quantizer = {"group_size": 8, "estimator": "rms", "arithmetic": "bf16_weight", "scale_dtype": "bfloat16"}
        found[f"trained as stored {compute}"] = small_model(compute=compute, quantizer=quantizer, **settings)
        scaled = {"group_size": 8, "estimator": "rms", "arithmetic": "float64", "scale_dtype": "e4m3"}
        found[f"e4m3 scales {compute}"] = small_model(compute=compute, quantizer=scaled)
    found["FP16 scales, no FP8, no smear"] = small_model(compute="bfloat16", fp8_embedding=False, quantizer=half)
    return found


VARIANTS = variants()


def logits(network: UNet) -> torch.Tensor:
    with torch.inference_mode():
        hidden = network(random_tokens(network.model, batch=4))
        return capped_logits(hidden, *network.head())


def exported(folder: Path, model: UNetConfig, storage: StorageConfig) -> tuple[Path, Path]:
    """A checkpoint of a random network, and its artifact in ``storage``."""
    weights = {name: p.detach() for name, p in random_network(model).named_parameters()}
    source = folder / "final.safetensors"
    checkpoints.save(source, weights, {"step": 12, "seed": 1})
    export_stage(
        record="small",
        seed=1,
        name="final",
        model=model,
        export=small_export(storages={"lossless": storage}, own_storage="lossless"),
        checkpoint=source,
        folder=folder / "export",
        facts=folder / "export.json",
        threads=1,
        code_bytes=1,
    )
    return source, folder / "export" / "lossless.tgolf"


def both_logits(source: Path, artifact: Path, model: UNetConfig) -> tuple[torch.Tensor, torch.Tensor]:
    trained = trained_network(model, checkpoints.load(source).tensors)
    return logits(trained), logits(reloaded_network(read_artifact(artifact)))


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_reloaded_model_s_logits_are_the_trained_one_s_to_the_bit(variant, tmp_path):
    model = VARIANTS[variant]
    trained, reloaded = both_logits(*exported(tmp_path, model, lossless_storage(model)), model)
    assert trained.std() > 0.1
    assert torch.equal(reloaded, trained)


@pytest.mark.parametrize("variant", ["as written rms bfloat16", "honest absmean float32", "e4m3 scales float32"])
def test_the_roundtrip_stage_finds_a_gap_of_exactly_zero(variant, tmp_path, dataset):
    model = VARIANTS[variant]
    source, artifact = exported(tmp_path, model, lossless_storage(model))
    roundtrip_stage(
        record="small",
        seed=1,
        name="final",
        model=model,
        own_storage="lossless",
        z_loss=1e-4,
        attention="auto",
        batch=7,
        checkpoint=source,
        artifacts={"lossless": artifact},
        shards=dataset / "shards",
        tokenizer=dataset / "tokenizer" / "tokenizer.model",
        facts=tmp_path / "roundtrip.json",
    )
    metrics = json.loads((tmp_path / "roundtrip.json").read_text())["metrics"]
    found = metrics["storages"]["lossless"]
    assert (found["gap_bpb"], found["gap_se"], found["trits_changed"]) == (0.0, 0.0, 0)
    assert all(found[key] == metrics["trained"][key] for key in ("bpb", "nats", "record_bpb"))


LOSSY = [
    ("trained as stored float32", "scales", "e4m3"),
    ("trained as stored bfloat16", "mixes", "bfloat16"),
    ("trained as stored bfloat16", "projections", "e5m2"),
    ("trained as stored float32", "vectors", "float16"),
    ("honest rms float32", "scales", "bfloat16"),
    ("honest rms bfloat16", "scales", "e4m3"),
    ("FP16 scales, no FP8, no smear", "scales", "e5m2"),
    ("e4m3 scales float32", "scales", "e5m2"),
    ("honest rms bfloat16", "table", "e4m3"),
    ("honest rms bfloat16", "projections", "e5m2"),
    ("FP16 scales, no FP8, no smear", "projections", "e4m3"),
    ("honest rms float32", "mixes", "bfloat16"),
    ("honest rms bfloat16", "mixes", "float16"),
    ("honest rms bfloat16", "vectors", "bfloat16"),
    ("as written rms bfloat16", "shrinkage", True),
    ("as written rms bfloat16", "decide", "master"),
    ("honest rms float32", "reload_dtype", "bfloat16"),
]


@pytest.mark.parametrize(("variant", "key", "value"), LOSSY)
def test_what_is_said_to_lose_something_does(variant, key, value, tmp_path):
    model = VARIANTS[variant]
    storage = lossless_storage(model).model_copy(update={key: value})
    assert lossy_settings(model, lossless_storage(model)) == {}
    assert list(lossy_settings(model, storage)) == [key]
    trained, reloaded = both_logits(*exported(tmp_path, model, storage), model)
    assert not torch.equal(reloaded, trained)


def test_a_format_between_the_master_s_and_the_forward_pass_s_can_lose_something():
    """1.0625 + 2^-12 rounds to 1.125 in e4m3; by way of BF16 it is 1.0625, a half, which goes to the even 1."""
    model = small_model()
    assert list(lossy_settings(model, lossless_storage(model).model_copy(update={"projections": "bfloat16"}))) == [
        "projections"
    ]
    weight = torch.tensor(1.0625 + 2**-12)
    assert weight.to(torch.float8_e4m3fn).float() == 1.125
    assert weight.bfloat16().to(torch.float8_e4m3fn).float() == 1.0


PUBLISHED = ("scales", "table", "projections", "mixes", "vectors")


@pytest.mark.parametrize(("own", "published"), [("ternary_lossless", "ternary_v2"), ("demo_lossless", "demo_v2")])
def test_a_model_trained_in_what_it_stores_is_stored_in_the_formats_of_920(own, published):
    ours, theirs = (load_record(name, RECORDS) for name in (own, published))
    mine, record = ours.export.storage(ours.export.own_storage), theirs.export.storage(theirs.export.own_storage)
    assert lossy_settings(ours.model, mine) == {}
    assert {"table", "mixes"} <= set(lossy_settings(theirs.model, record))
    assert all(getattr(mine, kind) == getattr(record, kind) for kind in PUBLISHED)
    sizes = [
        stored_bytes(tensor_specs(parameters_of(model), storage.by_role(model)), model.quantizer.group_size)
        for model, storage in ((ours.model, mine), (theirs.model, record))
    ]
    assert sizes[0] == sizes[1]


def test_its_artifact_is_no_larger_than_the_same_weights_in_920_s_storage(tmp_path):
    model = VARIANTS["trained as stored bfloat16"]
    own = lossless_storage(model)
    published = own.model_copy(update={"decide": "master", "shrinkage": True, "reload_dtype": "bfloat16"})
    ours, theirs = (exported(tmp_path / name, model, s)[1] for name, s in (("own", own), ("published", published)))
    found, record = (json.loads((path.parents[1] / "export.json").read_text())["metrics"] for path in (ours, theirs))
    assert found["storages"]["lossless"]["bytes_by_kind"] == record["storages"]["lossless"]["bytes_by_kind"]
    assert ours.stat().st_size <= 1.01 * theirs.stat().st_size  # trits near a threshold compress differently
