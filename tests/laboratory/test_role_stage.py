"""The grid on a small transformer that GPTQ rounds, against the export and roundtrip stages."""

import json

import pytest

from tests.small import RECORDS, random_transformer, small_training, small_transformer
from tritgolf import checkpoint
from tritgolf.artifact import calibration
from tritgolf.config.export import RoleExport
from tritgolf.config.record import load_record
from tritgolf.laboratory.grid import load_grid
from tritgolf.laboratory.role_grid import RoleGridConfig
from tritgolf.report.applies import NEEDS, applies
from tritgolf.report.catalogue import TABLES, draw
from tritgolf.report.laboratory_tables import LENGTH_OF_ROLES
from tritgolf.report.metrics import load_files
from tritgolf.report.record_facts import record_facts
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
EXPORT = {
    "codecs": ["none"],
    "code_layouts": ["arithmetic"],
    "calibration": CALIBRATION,
    "storages": {"own": {"roles": OWN}},
    "own_storage": "own",
}


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
    export_stage(**run_of(trained), export=export, code_bytes=0, threads=1, train=small_training(), **files)
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


@pytest.fixture(scope="module")
def run(measured, tmp_path_factory):
    """What reports read of the measurement."""
    path = tmp_path_factory.mktemp("run") / "laboratory.json"
    path.write_text(json.dumps(measured[0]))
    facts = record_facts(load_record("tiny_int6", RECORDS).model_copy(update={"name": "small", "seeds": (1,)}))
    return load_files([path], facts)


def test_tables_tell_forms_in_words(run):
    table = TABLES["laboratory"](run)
    words = dict(zip(table.cells["storage"], table.cells["what it is"], strict=True))
    assert words["nearest_matrices"] == "own but for attention, mlp: int6 a row, clip 12.85 σ, nearest"
    assert words["calibration_8"] == "own but for calibrated on 8 × 4 sequences"
    assert words["mixes_fp16"] == "own but for mix: float16"
    assert words["only_mlp"] == "lossless but for mlp: int6 a row, clip 12.85 σ, gptq"
    assert words["damping_0_1"].endswith("gptq, damping 0.1; embedding: int8 a row, clip 20 σ, gptq, damping 0.1")
    assert "projection, gate: int8 a row" in words["own"]
    assert "trits changed" not in table.cells and "ternary" not in " ".join(table.notes)
    assert any("by one range coder" in note for note in table.notes)
    parts = TABLES["decomposition"](run).cells["decision"].tolist()
    assert parts[:2] == ["attention matrices", "MLP matrices"] and len(parts) == len(OWN) + 2
    shown = TABLES["training_length"](run).cells.columns.tolist()
    assert shown == ["step", *(f"gap, {name}" for name in LENGTH_OF_ROLES)]


def test_plots_show_what_there_is(run):
    assert len(draw("gap_length", run).axes) == 2  # nothing of trits
    assert draw("waterfall", run).axes


@pytest.mark.parametrize(("record", "shown"), [("tiny_int6", False), ("tiny", True)])
def test_what_needs_trits_or_temperatures_is_planned_where_there_are_some(record, shown):
    facts = record_facts(load_record(record, RECORDS))
    assert {name: applies(name, facts) for name in (*NEEDS, "laboratory", "loss")} == {
        **dict.fromkeys(NEEDS, shown), "sliding": True, "laboratory": True, "loss": True
    }  # fmt: skip
