"""Records that inherit from others whose parts are of another kind, which those say or leave at its default."""

import pytest
import yaml

from tests.small import RECORDS
from tritgolf.config.calibration import SOURCES, USUAL_SOURCE
from tritgolf.config.kinds import lay_over, with_kinds
from tritgolf.config.layers import merge, with_ancestors
from tritgolf.config.models import KINDS, USUAL_KIND
from tritgolf.config.quantization import GRIDS, USUAL_GRID
from tritgolf.config.record import RecordConfig, known_records, load_record
from tritgolf.errors import InputError

INT6 = {"grid": "integer", "bits": 6}
FLOAT16 = {"format": "float16"}
TRITS = {"quantizer": {"group_size": 32}, "scales": "float16"}
OWN_STORAGE = ["attention", "mlp", "embedding", "projection", "control", "mix"]
NUMBERS = {"own_storage": "own", "storages": {"own": {"roles": dict.fromkeys(OWN_STORAGE, FLOAT16)}}}
SMALL = {"vocab_size": 512, "layers": 2, "width": 64, "heads": 2, "kv_heads": 1, "context": 32, "rotary_dims": 4}
SCORED = {"window_rule": "every_token", "headline_z_loss": False, "apply_temperature": False}


def inheriting(folder, raw: dict, **parents: dict) -> RecordConfig:
    """The record ``raw``, in a file beside those of ``parents`` by name."""
    for name, settings in {**parents, "child": raw}.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    return load_record(str(folder / "child.yaml"), RECORDS)


def form(role: str, of: dict) -> dict:
    return {"export": {"storages": {"nearest": {"roles": {role: of}}}}}


def test_the_usual_kinds_are_kinds():
    assert USUAL_KIND in KINDS
    assert USUAL_GRID in GRIDS
    assert USUAL_SOURCE in SOURCES


def test_another_kind_of_model_takes_the_place_of_one_that_leaves_it_open_and_its_export_that_of_the_other(tmp_path):
    model, report = {"kind": "transformer", **SMALL}, {"zero_fraction": "true"}
    raw = {"inherit": "tiny", "model": model, "export": NUMBERS, "evaluate": SCORED, "report": report}
    record = inheriting(tmp_path, raw)
    assert record.model.kind == "transformer"
    assert list(record.export.storages) == ["own"]
    assert record.train.steps == load_record("tiny", RECORDS).train.steps


def test_and_the_reverse(tmp_path):
    tiny = load_record("tiny", RECORDS).model_dump(mode="json", exclude_none=True)
    raw = {"inherit": "tiny_int6", "model": {"kind": "unet", **tiny["model"]}, "export": tiny["export"]}
    raw |= {"train": {"average": None, "clip_norm": None}}
    record = inheriting(tmp_path, raw)
    assert (record.model.kind, list(record.export.storages)) == ("unet", list(tiny["export"]["storages"]))


def test_the_export_of_another_kind_of_model_is_asked_for(tmp_path):
    with pytest.raises(InputError, match=r"child\.yaml: export\.storages: is missing"):
        inheriting(tmp_path, {"inherit": "tiny", "model": {"kind": "transformer", **SMALL}, "evaluate": SCORED})


def test_a_kind_that_is_said_again_replaces_nothing(tmp_path):
    raw = {"inherit": "tiny", "model": {"kind": "unet", "layers": 3}}
    before = load_record("tiny", RECORDS)
    after = inheriting(tmp_path, raw)
    assert after.model == before.model.model_copy(update={"layers": 3})
    assert after.export == before.export


def test_a_calibration_of_another_source(tmp_path):
    generated = {"source": "generated", "sequences": 4, "tokens": 32}
    record = inheriting(tmp_path, {"inherit": "tiny_int6", "export": {"calibration": generated}})
    assert record.export.calibration.model_dump(include=set(generated)) == generated
    batches = {"source": "training_tokens", "batches": 2}
    record = inheriting(tmp_path, {"inherit": "tiny_slot", "export": {"calibration": batches}})
    assert record.export.calibration.batches == 2


@pytest.mark.parametrize(("below", "over"), [({"group_size": 32}, INT6), (INT6, {"grid": "ternary", "group_size": 32})])
def test_training_on_another_grid(tmp_path, below, over):
    parent = {"inherit": "tiny_int6", "model": {"qat": {"quantizer": below}}}
    record = inheriting(tmp_path, {"inherit": "parent", "model": {"qat": {"quantizer": over}}}, parent=parent)
    assert record.model.qat.quantizer.model_dump(include={*over} - {"grid"}).items() <= over.items()
    assert record.model.qat.quantizer.grid == over["grid"]


@pytest.mark.parametrize(
    "below", [{"bits": 6, "clip_sigmas": 12.0}, TRITS, INT6, FLOAT16, {"grid": "ternary", **TRITS}]
)
@pytest.mark.parametrize("over", [INT6, FLOAT16, {"grid": "ternary", **TRITS}])
def test_a_role_stored_in_another_form(tmp_path, below, over):
    parents = {"bare": {"inherit": "tiny_int6", **form("mlp", FLOAT16)}, "parent": {"inherit": "bare"}}
    parents["parent"] |= {"export": {"storages": {"mine": {"roles": {"mlp": below}}}}}
    raw = {"inherit": "parent", "export": {"storages": {"mine": {"roles": {"mlp": over}}}}}
    mlp = inheriting(tmp_path, raw, **parents).export.storages["mine"].roles["mlp"].model_dump(mode="json")
    assert {key: mlp.get(key) for key in over if key != "quantizer"} == {
        k: v for k, v in over.items() if k != "quantizer"
    }


def test_what_the_command_line_says_is_laid_over_a_record_alike():
    over = {"export": {"calibration": {"source": "generated", "sequences": 4, "tokens": 32}}}
    assert load_record("tiny_int6", RECORDS, over).export.calibration.tokens == 32


@pytest.mark.parametrize("name", known_records(RECORDS))
def test_a_record_whose_parts_say_their_kinds_is_the_same(name):
    files = {path.stem: path for path in [*RECORDS.glob("*.yaml"), *RECORDS.glob("variants/*.yaml")]}
    said = with_kinds(with_ancestors(files[name], files, lay_over))
    assert load_record(name, RECORDS, said) == load_record(name, RECORDS)


def test_a_source_elsewhere_is_no_kind():
    """The record of an experiment that inherits another says its own source and keeps the rest."""
    assert merge({"record": {"source": "a", "width": 3}}, {"record": {"source": "b"}})["record"]["width"] == 3


@pytest.mark.parametrize("raw", [{}, {"model": None}, {"model": []}, {"export": {"storages": [1], "calibration": 3}}])
def test_what_is_no_record_is_left_to_validation(raw):
    assert lay_over(raw, raw) == raw
    assert lay_over(raw, {"model": {"kind": [1]}})["model"] == {"kind": [1]}
