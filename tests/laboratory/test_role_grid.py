"""Rows of storages by role: what each path changes, and what is said of one that can't be."""

import json

import pytest

from tests.laboratory.test_role_stage import CALIBRATION, INT8, OWN
from tests.small import RECORDS, small_transformer
from tritgolf.config.calibration import GeneratedText, TrainingText
from tritgolf.config.export import RoleExport
from tritgolf.config.record import known_records, load_record
from tritgolf.config.storage import RoleStorage, factors, forms_by_role
from tritgolf.errors import InputError
from tritgolf.laboratory.grid import load_grid, merge_equal
from tritgolf.laboratory.role_grid import RoleGridConfig, lossless_of, record_variants, role_variants
from tritgolf.laboratory.variant import single_factors
from tritgolf.report.storage_words import shown_factors

STORAGE, TEXT = RoleStorage(roles=OWN), TrainingText(**CALIBRATION)


def variants(own=STORAGE, calibration=TEXT, **rows):
    grid = RoleGridConfig(rows={name: row if "change" in row else {"change": row} for name, row in rows.items()})
    model = small_transformer(compute="bfloat16")
    return role_variants(grid, own, lossless_of(own, model), model.context, calibration)


def test_a_row_is_the_own_storage_but_for_what_it_changes():
    found = variants(
        narrow={"roles.mlp.bits": 5},
        fp16={"roles.mix": {"format": "float16"}},
        bare={"start": "lossless", "change": {"roles.gate": INT8}},
        reload={"reload_dtype": "bfloat16"},
    )
    own = found["own"].factors
    changed = {name: {path for path, value in v.factors.items() if value != own.get(path)} for name, v in found.items()}
    assert changed["narrow"] == {"roles.mlp.bits"}
    assert changed["reload"] == {"reload_dtype"}
    assert found["fp16"].storage.roles == {**STORAGE.roles, "mix": found["fp16"].storage.roles["mix"]}
    assert found["fp16"].factors["roles.mix.format"] == "float16"
    assert found["bare"].storage.roles["gate"] == STORAGE.roles["gate"]
    assert single_factors({**found, "only_gate": found["bare"]})


def test_every_form_that_has_the_setting_is_changed_by_a_star():
    found = variants(nearest={"roles.*.rounding": "nearest"})["nearest"]
    assert found.calibration is None  # nothing is left to calibrate
    assert {form.rounding for form in found.storage.roles.values() if hasattr(form, "rounding")} == {"nearest"}
    assert found.storage.roles["control"] == STORAGE.roles["control"]


def test_lossless_keeps_tables_in_the_models_precision_and_all_else_in_fp32():
    lossless = variants()["lossless"]
    formats = {role: form.format for role, form in lossless.storage.roles.items()}
    tables = {role for role, number_format in formats.items() if number_format == "bfloat16"}
    assert tables == {"embedding", "hash_embedding"}
    assert lossless.calibration is None


def test_every_role_is_changed_alone_in_both_directions():
    found = variants(RoleStorage(roles={**OWN, "control": {"format": "float32"}}, reload_dtype="bfloat16"))
    factors = ["attention", "mlp", "embedding", "hash_embedding", "projection", "gate", "mix", "reload_dtype"]
    assert single_factors(found) == factors
    own, lossless = found["own"].storage, found["lossless"].storage
    for factor in factors:
        for one, other, name in ((own, lossless, f"only_{factor}"), (lossless, own, f"without_{factor}")):
            storage = found[name].storage
            assert {r for r in own.roles if storage.roles[r] == one.roles[r]} - {"control"} == {
                factor
            } & own.roles.keys()
            assert (storage.reload_dtype == one.reload_dtype) == (factor == "reload_dtype")
            assert other.roles.keys() == storage.roles.keys()
    assert found["only_mlp"].calibration == TEXT
    assert found["only_mix"].calibration is None


def test_a_calibration_is_part_of_a_row():
    found = variants(short={"calibration.batches": 1})["short"]
    assert found.calibration == TrainingText(**{**CALIBRATION, "batches": 1})
    assert found.factors["calibration.batches"] == 1


def test_a_row_may_calibrate_on_another_text():
    own_text = GeneratedText(sequences=4, tokens=16, damping=0.01)
    rows = {
        "short": {"calibration.tokens": 8},
        "training": {"calibration": {"source": "training_tokens", "batches": 2}},
        "batches": {"calibration.batches": 1},  # of training tokens, which this record doesn't calibrate on
    }
    found = variants(calibration=own_text, **rows)
    assert found["short"].calibration == GeneratedText(sequences=4, tokens=8, damping=0.01)
    assert found["training"].calibration == TrainingText(batches=2)
    assert "batches" not in found
    words = {name: shown_factors(found[name].factors)["calibration"] for name in ("own", "training", "lossless")}
    of_itself = "4 × 16 tokens of its own at temperature 0.8, damped by 0.01"
    assert words == {"own": of_itself, "training": "2 × 48 sequences", "lossless": "none"}


def test_a_row_about_what_the_record_has_not_is_left_out():
    plain = {role: form for role, form in OWN.items() if role != "hash_embedding"}
    nearest = {role: {**form, "rounding": "nearest"} if "bits" in form else form for role, form in plain.items()}
    rows = {"hashed": {"roles.hash_embedding.bits": 8}, "short": {"calibration.batches": 1}}
    damped = {"damped": {"roles.*.damping": 0.1}}  # which GPTQ alone reads
    assert (rows | damped).keys() & variants(RoleStorage(roles=nearest), None, **rows, **damped).keys() == set()
    assert "damped" in variants(**damped)


@pytest.mark.parametrize("record", ["demo_trinity_v1", "trinity_v1", "hybrid_ternary", "int6_slot", "int6_honest"])
def test_the_default_grid_is_one_of_every_record(record):
    """A row about codes is left out where a role is kept as numbers: demo_trinity_v1 once could not be planned."""
    config = load_record(record, RECORDS)
    rows = record_variants(load_grid("int6", RECORDS / "grids", RoleGridConfig), config.export, config.model)
    assert ("nearest_table" in rows) == ("rounding" in config.export.storage("own").roles["embedding"].model_dump())


def test_words_tell_every_row_from_its_start():
    """A row of the repository's grids changes nothing that its words don't say."""
    for record, grid in (("int6_slot", "trinity"), ("demo_trinity_v1", "trinity_v1"), ("int6_recurrent", "int6")):
        config = load_record(record, RECORDS)
        rows = record_variants(load_grid(grid, RECORDS / "grids", RoleGridConfig), config.export, config.model)
        distinct = {name: rows[name] for name in merge_equal(rows).values()}
        words = {name: json.dumps(shown_factors(one.factors)) for name, one in distinct.items()}
        assert len(set(words.values())) == len(words), record


def test_every_record_of_roles_has_the_grid_that_the_workflow_plans_with():
    """Of one whose tables are numbers (#1722's first version, ternary_best) rows about their codes are left out."""
    grid = load_grid("int6", RECORDS / "grids", RoleGridConfig)
    records = [load_record(name, RECORDS) for name in known_records(RECORDS)]
    by_role = [record for record in records if isinstance(record.export, RoleExport)]
    of_roles = {record.name: record_variants(grid, record.export, record.model) for record in by_role}
    assert {"trinity_v1", "ternary_best", "int6_recurrent"} <= of_roles.keys()
    assert "nearest_table" in of_roles["int6_recurrent"] and "nearest_table" not in of_roles["ternary_best"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"roles.mpl.bits": 5}, r"roles\.mpl\.bits: is of no role; name one of \*, attention, mlp"),
        ({"roles.control.bit": 5}, r"control is stored without a setting 'bit'; it has format"),
        ({"roles.mlp.bits": 50}, r"bits: 50: "),
        ({"roles.mlp.bits": 7}, "has no codes of 7 bits with a scale a row; use 2 bits a row"),
        ({"calibration.bathces": 5}, r"bathces: unknown key"),
        ({"calibration": {"source": "generated"}}, r"tokens: 2048 is not possible; it must be at most .* = 17"),
        ({"calibration.source": "validation"}, r"source: 'validation' is not possible; it must be one of training_to"),
        ({"reloading": 5}, r"reloading: unknown key"),
    ],
)
def test_an_impossible_row_is_told_in_one_line(change, complaint):
    with pytest.raises(InputError, match=rf"row 'mine' of the grid: .*{complaint}") as caught:
        variants(mine=change)
    assert "\n" not in str(caught.value)


def test_forms_come_back_from_flat_factors():
    storage = RoleStorage(roles={"attn.q": INT8, **OWN})
    assert forms_by_role(factors(storage)) == storage.model_dump(mode="json")["roles"]
