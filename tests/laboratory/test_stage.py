"""The grid on the checkpoint of a small random network, against the export and roundtrip stages."""

import json
from pathlib import Path

import pytest

from tests.small import small_export, small_model
from tritgolf.artifact import sections as sections_module
from tritgolf.config.export import ExportConfig
from tritgolf.laboratory.grid import GridConfig
from tritgolf.stages.export import export_stage
from tritgolf.stages.laboratory import laboratory_stage
from tritgolf.stages.roundtrip import roundtrip_stage

ROWS = {
    "scales_fp16": {"scales": "float16"},
    "scales_e8m0": {"scales": "e8m0"},
    "scales_bfp8": {"scales": "bfp8"},
    "scales_bf16": {"scales": "bfloat16"},
    "decide_bf16": {"decide": "master_bfloat16"},
    "cross": {"estimator": "other", "decide": "master"},
    "mixes_e4m3": {"mixes": "e4m3"},
}
FAITHFUL = {"decide": "master", "shrinkage": True, "reload_dtype": "bfloat16", "mixes": "e4m3"}


def laboratory(finished: Path, dataset: Path, output: Path, export: ExportConfig, **changes) -> dict:
    usual = {
        "record": "small",
        "seed": 1,
        "name": "final",
        "model": small_model(),
        "export": export,
        "grid": GridConfig(rows=ROWS),
        "z_loss": 1e-4,
        "attention": "auto",
        "batch": 64,
        "checkpoint": finished / "final.safetensors",
        "shards": dataset / "shards",
        "tokenizer": dataset / "tokenizer" / "tokenizer.model",
        "facts": output / "laboratory.json",
        "threads": 1,
    }
    laboratory_stage(**{**usual, **changes})
    assert [path.name for path in output.iterdir()] == ["laboratory.json"]
    return json.loads((output / "laboratory.json").read_text())


@pytest.fixture(scope="module")
def faithful(tmp_path_factory, finished, dataset) -> dict:
    return laboratory(finished, dataset, tmp_path_factory.mktemp("laboratory"), small_export(**FAITHFUL))


def test_the_lossless_row_has_no_gap_and_every_other_has_one(faithful):
    rows = faithful["metrics"]["rows"]
    lossless = rows["lossless"]
    assert (lossless["gap_bpb"], lossless["gap_se"]) == (0, 0)
    assert (lossless["trits_changed"], lossless["max_weight_error"], lossless["max_tensor_error"]) == (0, 0, 0)
    assert lossless["bpb"] == faithful["metrics"]["trained"]["bpb"]
    for name in ("own", "scales_fp16", "scales_e8m0", "cross", "mixes_e4m3"):
        found = rows[faithful["metrics"]["names"][name]]
        assert found["gap_bpb"] != 0 and found["gap_se"] > 0, name


def test_rows_agree_with_the_export_and_roundtrip_stages(faithful, finished, dataset, tmp_path):
    """Another way to the same figures: artifacts that stay, networks built anew."""
    metrics = faithful["metrics"]
    storages = {name: row["factors"] for name, row in metrics["rows"].items()}
    export = small_export(**FAITHFUL, storages=storages, own_storage="own")
    common = {"record": "small", "seed": 1, "name": "final", "model": small_model()}
    checkpoint = finished / "final.safetensors"
    export_stage(
        **common,
        export=export,
        checkpoint=checkpoint,
        folder=tmp_path,
        facts=tmp_path / "export.json",
        threads=2,
        code_bytes=1,
    )
    roundtrip_stage(
        **common,
        own_storage="own",
        z_loss=1e-4,
        attention="auto",
        batch=7,
        checkpoint=checkpoint,
        artifacts={name: tmp_path / f"{name}.tgolf" for name in storages},
        shards=dataset / "shards",
        tokenizer=dataset / "tokenizer" / "tokenizer.model",
        facts=tmp_path / "roundtrip.json",
    )
    exported = json.loads((tmp_path / "export.json").read_text())["metrics"]
    assert metrics["record_zero_fraction"] == exported["record_zero_fraction"]
    exported = exported["storages"]
    scored = json.loads((tmp_path / "roundtrip.json").read_text())["metrics"]["storages"]
    for name, row in metrics["rows"].items():
        assert row["payload_digest"] == exported[name]["payload_digest"]
        assert (row["bytes"], row["layout"]) == (exported[name]["bytes"], exported[name]["layout"])
        for key in ("bpb", "nats", "record_bpb", "gap_bpb", "gap_se", "trits_changed", "max_weight_error"):
            assert row[key] == scored[name][key], (name, key)


def test_the_single_effects_and_the_remainder_make_up_the_own_gap(faithful):
    metrics = faithful["metrics"]
    rows, names, found = metrics["rows"], metrics["names"], metrics["decomposition"]
    single = [rows[names[f"only_{factor}"]]["gap_bpb"] for factor in found["factors"]]
    assert len(single) == 8
    assert sum(single) + found["remainder_bpb"] == pytest.approx(rows["own"]["gap_bpb"], abs=1e-12)
    assert found["remainder_se"] > 0


def test_over_own_is_paired(faithful):
    rows = faithful["metrics"]["rows"]
    assert (rows["own"]["over_own_bpb"], rows["own"]["over_own_se"]) == (0, 0)
    for row in rows.values():
        assert row["over_own_bpb"] == pytest.approx(row["gap_bpb"] - rows["own"]["gap_bpb"], abs=1e-12)
    # Scales in FP16 or BF16 barely differ, window by window: far less than either differs from the trained model.
    assert rows["scales_fp16"]["over_own_se"] < rows["scales_fp16"]["gap_se"] / 2


def test_a_record_that_loses_nothing_has_nothing_to_decompose(finished, dataset, tmp_path):
    found = laboratory(finished, dataset, tmp_path, small_export(own_storage="exact"))["metrics"]
    assert found["decomposition"]["factors"] == ["table"]  # FP32 instead of the BF16 that it has anyway
    assert found["decomposition"]["remainder_bpb"] == 0


def test_the_digest_depends_on_neither_threads_nor_batch(faithful, finished, dataset, tmp_path):
    again = laboratory(finished, dataset, tmp_path, small_export(**FAITHFUL), threads=3, batch=5)
    assert again["payload_digest"] == faithful["payload_digest"]


def test_trits_that_rows_share_are_compressed_once(finished, dataset, tmp_path, monkeypatch):
    compressed, plain = [], sections_module.compress

    def counted(data, codec):
        compressed.append(data)
        return plain(data, codec)

    monkeypatch.setattr(sections_module, "compress", counted)
    laboratory(finished, dataset, tmp_path, small_export(**FAITHFUL), grid=GridConfig(rows={}))
    assert len(compressed) == len(set(compressed))
    largest = max(map(len, compressed))
    assert sum(len(data) > largest / 2 for data in compressed) <= 4  # forward and master trits, two layouts


def test_margins_are_those_of_the_numbers(faithful):
    for row in faithful["metrics"]["margins"]:
        assert 0 < row["smallest"] <= row["median"] <= row["largest"]
        largest = {"float16": 65504, "e4m3": 448, "e5m2": 57344}[row["format"]]
        zero = {"float16": 2.0**-24, "e4m3": 2.0**-9, "e5m2": 2.0**-16}[row["format"]]
        assert row["largest"] * 2 ** row["binades_above"] == pytest.approx(largest)
        assert row["smallest"] / 2 ** row["binades_to_zero"] == pytest.approx(zero)
        assert (row["binades_to_zero"] < -1) <= (row["share_zeroed"] > 0)
    assert {row["kind"] for row in faithful["metrics"]["margins"]} == {
        "scales", "table", "projections", "mixes", "vectors"
    }  # fmt: skip
