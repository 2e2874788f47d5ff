"""Transformers that train trits: #1722's first version through its grid, and a ternary MLP beside int6 by GPTQ."""

import json

import pytest

from tests.artifact.conftest import header_for
from tests.laboratory.test_role_stage import laboratory, text_of
from tests.small import RECORDS, random_transformer, small_training, small_transformer
from tritgolf import checkpoint
from tritgolf.artifact.container import write_artifact
from tritgolf.artifact.inspect import inspect_artifact, open_artifact, render_facts
from tritgolf.artifact.storage import store
from tritgolf.config.export import RoleExport
from tritgolf.config.record import load_record
from tritgolf.config.storage import RoleStorage
from tritgolf.laboratory.grid import load_grid
from tritgolf.laboratory.published import restorations
from tritgolf.laboratory.role_grid import RoleGridConfig, record_variants
from tritgolf.model.specs import parameters_of
from tritgolf.report.catalogue import TABLES
from tritgolf.report.metrics import load_files
from tritgolf.report.record_facts import record_facts
from tritgolf.stages.export import export_stage
from tritgolf.stages.roundtrip import roundtrip_stage

TRITS = {"grid": "ternary", "estimator": "absmean", "group_size": 8}
FP16 = {"format": "float16"}
FIXES = {"fix_2", "fix_3", "fix_4", "fixes_2_3", "fixes_2_4", "fixes_2_3_4"}
PLAIN = {"gates": {}, "bigram": None, "recurrence": None, "logit_temp": False, "layers": 3, "xsa_layers": 0}
PLAIN |= {"parallel_from": None}
# #1722's first version, and how it is stored
FIRST = small_transformer(**PLAIN, qat={"roles": ["attention", "mlp"], "quantizer": TRITS})
REQUANTIZED = {"grid": "ternary", "quantizer": TRITS, "scales": "float16", "rounding": "requantized"}
FIRST_ROLES = {"attention": REQUANTIZED, "mlp": REQUANTIZED, "embedding": FP16, "mix": FP16, "control": FP16}
FIRST_STORAGE = {"roles": FIRST_ROLES, "reload_dtype": "bfloat16"}


def saved(folder, model):
    weights = {name: tensor.detach() for name, tensor in random_transformer(model).state_dict().items()}
    checkpoint.save(folder / "final.safetensors", weights, {"step": 12, "seed": 1, "world": 1})
    return folder / "final.safetensors"


@pytest.fixture(scope="module")
def measured(dataset, tmp_path_factory):
    """The laboratory's file of a ternary transformer that is stored as #1722's first version was."""
    folder = tmp_path_factory.mktemp("ternary")
    storages = {"own": FIRST_STORAGE}
    export = RoleExport.model_validate({"codecs": ["none"], "storages": storages, "own_storage": "own"})
    grid = load_grid("trinity_v1", RECORDS / "grids", RoleGridConfig)
    laboratory(saved(folder, FIRST), dataset, folder, grid, model=FIRST, export=export)
    return folder / "laboratory.json"


@pytest.fixture(scope="module")
def rows(measured):
    return json.loads(measured.read_text())["metrics"]


def test_each_fix_is_a_row_with_its_paired_error(rows):
    assert rows["names"].keys() >= FIXES
    found = rows["rows"]
    for name in FIXES:
        assert found[name]["over_own_se"] > 0 and found[name]["trits_changed"] == 0, name
    # The second quantization's scales, mean|q|·s, are off by the share of zeros; the formats by a 2,000th and a 250th.
    assert abs(found["fix_2"]["over_own_bpb"]) > 20 * abs(found["fix_3"]["over_own_bpb"])
    assert found["fix_2"]["max_weight_error"] < found["own"]["max_weight_error"] / 10
    errors = [found[name]["max_weight_error"] for name in ("fixes_2_3_4", "fixes_2_4", "fixes_2_3")]
    assert errors[0] == 0 < errors[1] < errors[2]


def test_the_file_alone_leaves_out_rows_that_decide_its_trits_anew(tmp_path):
    """They once were told as 0 exactly: scales of the first quantization are not in the file."""
    storage = RoleStorage.model_validate(FIRST_STORAGE)
    weights = checkpoint.load(saved(tmp_path, FIRST)).tensors
    write_artifact(tmp_path / "own.tgolf", store(weights, FIRST, storage), header_for(FIRST, storage))
    grid = load_grid("trinity_v1", RECORDS / "grids", RoleGridConfig)
    found = restorations(open_artifact(tmp_path / "own.tgolf"), grid)
    assert found["names"].keys() & FIXES == {"fix_3", "fix_4"}


def test_trits_of_a_transformer_are_counted(rows):
    assert rows["estimator"] == "absmean"
    assert rows["ternary_weights"] == 3 * (2 * 32 * 32 + 2 * 16 * 32 + 2 * 64 * 32)
    assert 0 < rows["zero_fraction"]["mlp.fc"] < 1 and {"margins", "threshold"} <= rows.keys()


def test_tables_tell_what_each_fix_changes(measured):
    config = load_record("demo_trinity_v1", RECORDS)
    facts = record_facts(config.model_copy(update={"name": "small", "seeds": (1,)}))
    table = TABLES["laboratory"](load_files([measured], facts))
    words = dict(zip(table.cells["storage"], table.cells["what it is"], strict=True))
    assert words["fix_2"] == "own but for attention, mlp: ternary, scales float16"
    assert words["fix_3"] == "own but for attention, mlp: ternary, scales float32, requantized"
    assert words["fix_4"] == "own but for reload in float32"
    assert "±" in dict(zip(table.cells["storage"], table.cells["over own storage"], strict=True))["fix_2"]


def test_a_ternary_mlp_and_int6_elsewhere_are_one_artifact(dataset, tmp_path):
    """The hybrid: its trits come back as the network is scored with them, GPTQ sees the trits' activations."""
    model = small_transformer(recurrence=None, qat={"roles": ["mlp"], "quantizer": TRITS})
    int6 = {"grid": "integer", "bits": 6, "clip_quantiles": [0.99, 1.0], "rounding": "gptq"}
    roles = {"attention": int6, "mlp": {"grid": "ternary", "quantizer": TRITS, "scales": "float32"}, "embedding": FP16}
    roles |= dict.fromkeys(("hash_embedding", "projection", "gate", "mix", "control"), FP16)
    text = {"source": "generated", "sequences": 2, "tokens": 16}
    raw = {"calibration": text, "storages": {"own": {"roles": roles}}, "own_storage": "own"}
    run = {"record": "small", "seed": 1, "name": "final", "model": model, "checkpoint": saved(tmp_path, model)}
    export = RoleExport.model_validate(raw)
    files = {"folder": tmp_path, "facts": tmp_path / "export.json"}
    export_stage(**run, export=export, code_bytes=0, threads=1, train=small_training(), **files)
    facts = json.loads((tmp_path / "export.json").read_text())
    assert facts["provenance"]["inputs"].keys() == {"checkpoint"}  # no text was read
    assert set(facts["metrics"]["storages"]["own"]["layout"].split("+")) <= {
        "base3",
        "bitmask",
        "int_bits",
        "byte_planes",
    }
    assert facts["metrics"]["zero_fraction"].keys() == {"mlp.fc", "mlp.proj", "all"}
    told = inspect_artifact(tmp_path / "own.tgolf")
    assert told["ternary_weights"] == 8 * told["scales"] == 5 * 2 * 64 * 32  # groups of 8, none of int6
    assert told["codes"] == {"int6_row": 5 * (2 * 32 * 32 + 2 * 16 * 32)}
    shown = render_facts(told)
    assert "codes, int6_row     15,360" in shown and "scales of trits     min" in shown
    scoring = {"own_storage": "own", "z_loss": 0.0, "attention": "auto", "batch": 64}
    artifacts = {"own": tmp_path / "own.tgolf"}
    roundtrip_stage(**run, **text_of(dataset), **scoring, artifacts=artifacts, facts=tmp_path / "roundtrip.json")
    own = json.loads((tmp_path / "roundtrip.json").read_text())["metrics"]["storages"]["own"]
    assert own["trits_changed"] == 0 and own["gap_bpb"] != 0


def test_the_first_version_has_the_published_counts_and_every_row():
    record = load_record("trinity_v1", RECORDS)
    table = parameters_of(record.model)
    assert sum(parameter.size for parameter in table.values()) == 65_701_712
    assert sum(parameter.size for parameter in table.values() if parameter.role in ("attention", "mlp")) == 64_880_640
    grid = load_grid("trinity_v1", RECORDS / "grids", RoleGridConfig)
    assert record_variants(grid, record.export, record.model).keys() >= grid.rows.keys()


def test_a_hybrid_leaves_out_rows_about_the_other_grid():
    record = load_record("hybrid_ternary", RECORDS)
    rows = record_variants(load_grid("trinity", RECORDS / "grids", RoleGridConfig), record.export, record.model)
    assert not {"nearest_matrices", "matrices_int5", "clip_largest"} & rows.keys()
    assert {"calibration_8", "no_floor_table", "only_mlp"} <= rows.keys()
