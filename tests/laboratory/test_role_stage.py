"""The grid on a small transformer that GPTQ rounds, against the export and roundtrip stages."""

import json

import pytest

from tests.small import RECORDS, random_transformer, small_training, small_transformer
from tritgolf import checkpoint
from tritgolf.artifact import calibration
from tritgolf.config.export import RoleExport
from tritgolf.laboratory.grid import load_grid
from tritgolf.laboratory.role_grid import RoleGridConfig
from tritgolf.stages import laboratory as stage_module
from tritgolf.stages.export import export_stage
from tritgolf.stages.laboratory import laboratory_stage
from tritgolf.stages.roundtrip import roundtrip_stage

INT6 = {"grid": "integer", "bits": 6, "clip_sigmas": 12.85, "rounding": "gptq"}
INT8 = {"grid": "integer", "bits": 8}
OWN = {
    "attention": INT6,
    "mlp": INT6,
    "embedding": {**INT8, "clip_sigmas": 20, "rounding": "gptq"},
    "hash_embedding": {"grid": "integer", "bits": 6},
    "projection": INT8,
    "gate": INT8,
    "mix": {**INT8, "scale": "tensor", "scale_dtype": "float32"},
    "control": {"format": "float16"},
}
CALIBRATION = {"batches": 3, "sequences": 4}
EXPORT = {"calibration": CALIBRATION, "storages": {"own": {"roles": OWN}}, "own_storage": "own"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transformer")
    weights = {name: tensor.detach() for name, tensor in random_transformer(small_transformer()).state_dict().items()}
    checkpoint.save(folder / "final.safetensors", weights, {"step": 12, "seed": 1, "world": 1})
    return folder / "final.safetensors"


def run_of(trained) -> dict:
    return {"record": "small", "seed": 1, "name": "final", "model": small_transformer(), "checkpoint": trained}


def text_of(dataset) -> dict:
    return {"shards": dataset / "shards", "tokenizer": dataset / "tokenizer" / "tokenizer.model"}


def laboratory(trained, dataset, output, grid, **changes):
    usual = {"z_loss": 0.0, "attention": "auto", "batch": 64, "threads": 1, "train": small_training()}
    run = {**run_of(trained), **text_of(dataset), "facts": output / "laboratory.json", **usual}
    laboratory_stage(**{**run, "export": RoleExport.model_validate(EXPORT), "grid": grid, **changes})
    return json.loads((output / "laboratory.json").read_text())


@pytest.fixture(scope="module")
def measured(trained, dataset, tmp_path_factory):
    """The repository's grid, and how often Hessians were collected for it."""
    counted, collected = [], calibration.calibrated_rounding

    def calibrated_rounding(model, weights, text, settings):
        counted.append(settings.batches)
        return collected(model, weights, text, settings)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stage_module, "calibrated_rounding", calibrated_rounding)
        grid = load_grid("int6", RECORDS / "grids", RoleGridConfig)
        return laboratory(trained, dataset, tmp_path_factory.mktemp("laboratory"), grid), counted


def test_the_lossless_row_has_no_gap_and_every_other_has_one(measured):
    rows, names = measured[0]["metrics"]["rows"], measured[0]["metrics"]["names"]
    lossless = rows["lossless"]
    assert (lossless["gap_bpb"], lossless["gap_se"], lossless["max_tensor_error"]) == (0, 0, 0)
    assert lossless["bpb"] == measured[0]["metrics"]["trained"]["bpb"]
    for name, row in names.items():
        if row != "lossless":
            assert rows[row]["gap_bpb"] != 0 and rows[row]["gap_se"] > 0, name
    assert {"nearest", "calibration_8", "matrices_int5", "clip_10", "mixes_fp16", "only_mix", "without_mlp"} <= set(
        names
    )


def test_rows_agree_with_the_export_and_roundtrip_stages(measured, trained, dataset, tmp_path):
    """Another way to the same figures: artifacts that stay, networks built anew."""
    rows = measured[0]["metrics"]["rows"]
    storages = {"own": {"roles": OWN}, "nearest": {"roles": {r: {**f, "rounding": "nearest"} for r, f in OWN.items()}}}
    storages["nearest"]["roles"]["control"] = OWN["control"]
    export = RoleExport.model_validate({**EXPORT, "storages": storages})
    files = {"folder": tmp_path, "facts": tmp_path / "export.json", "shards": text_of(dataset)["shards"]}
    export_stage(**run_of(trained), export=export, threads=1, train=small_training(), **files)
    artifacts = {name: tmp_path / f"{name}.tgolf" for name in storages}
    scoring = {"own_storage": "own", "z_loss": 0.0, "attention": "auto", "batch": 64, "artifacts": artifacts}
    roundtrip_stage(**run_of(trained), **text_of(dataset), **scoring, facts=tmp_path / "roundtrip.json")
    exported = json.loads((tmp_path / "export.json").read_text())["metrics"]["storages"]
    scored = json.loads((tmp_path / "roundtrip.json").read_text())["metrics"]["storages"]
    for name in storages:
        assert rows[name]["payload_digest"] == exported[name]["payload_digest"]
        assert (rows[name]["bytes"], rows[name]["layout"]) == (exported[name]["bytes"], exported[name]["layout"])
        for key in ("bpb", "nats", "gap_bpb", "gap_se", "trits_changed", "max_weight_error"):
            assert rows[name][key] == scored[name][key], (name, key)


def test_rows_of_one_calibration_share_its_hessians(measured):
    assert sorted(measured[1]) == [1, 3, 8]
    rows = measured[0]["metrics"]["rows"]
    assert rows["calibration_1"]["payload_digest"] != rows["own"]["payload_digest"]
    assert measured[0]["provenance"]["inputs"].keys() == {"checkpoint", "tokenizer", "validation", "shards"}


def test_the_single_effects_and_the_remainder_make_up_the_own_gap(measured):
    metrics = measured[0]["metrics"]
    rows, names, decomposition = metrics["rows"], metrics["names"], metrics["decomposition"]
    assert set(decomposition["factors"]) == set(OWN)
    single = [rows[names[f"only_{factor}"]]["gap_bpb"] for factor in decomposition["factors"]]
    assert sum(single) + decomposition["remainder_bpb"] == pytest.approx(rows["own"]["gap_bpb"], abs=1e-12)


def test_nothing_is_said_of_trits(measured):
    assert measured[0]["metrics"].keys() == {"trained", "own_storage", "names", "rows", "decomposition"}


def test_errors_are_those_of_matrices_and_of_other_numbers(measured):
    rows, names = measured[0]["metrics"]["rows"], measured[0]["metrics"]["names"]
    assert rows[names["only_control"]]["max_weight_error"] == 0
    assert rows[names["only_control"]]["max_tensor_error"] > 0
    assert rows[names["only_mlp"]]["max_weight_error"] > 0 == rows[names["only_mlp"]]["max_tensor_error"]
    assert rows["matrices_int5"]["max_weight_error"] > rows["own"]["max_weight_error"]
