"""Faithful and honest mode: what each fills in of a record, and what a record states itself."""

import pytest

from tests.small import RECORDS
from tritgolf.config.model import UNetConfig
from tritgolf.config.modes import MECHANISMS_OF, MODES
from tritgolf.config.record import known_records, load_record
from tritgolf.errors import InputError


@pytest.mark.parametrize("mode", MODES)
def test_trits_are_decided_from_fp32_weights_and_a_records_dump_says_so(mode):
    dumped = load_record("ternary_v2", RECORDS, {"mode": mode}).model_dump()
    assert dumped["model"]["quantizer"]["arithmetic"] == "float64"


def test_one_record_is_kept_as_the_published_source_is_written():
    models = {name: load_record(name, RECORDS).model for name in known_records(RECORDS)}
    arithmetic = {name: model.quantizer.arithmetic for name, model in models.items() if isinstance(model, UNetConfig)}
    assert [name for name, each in arithmetic.items() if each != "float64"] == ["ternary_v2_as_written"]
    written, faithful = (load_record(name, RECORDS).model_dump() for name in ("ternary_v2_as_written", "ternary_v2"))
    assert written["model"].pop("quantizer") == faithful["model"].pop("quantizer") | {"arithmetic": "bf16_weight"}
    assert {key for key in written if written[key] != faithful[key]} == {"name"}


def test_a_mode_decides_mechanisms_where_a_record_has_them():
    slot, xsa = (load_record(name, RECORDS).model for name in ("int6_slot", "int6_xsa"))
    assert (slot.qat.roles, slot.qat.scored, slot.rotary_stretch.of) == (("projection",), False, "call")
    assert (xsa.qat.roles, xsa.qat.scored, xsa.rotary_stretch.of) == (("attention", "mlp"), True, "context")
    assert "qat" not in load_record("int6_recurrent", RECORDS).model_dump()["model"]


def test_what_is_of_another_kind_or_grid_takes_the_place_of_what_it_inherits():
    trits = {"grid": "ternary", "group_size": 64}
    hybrid = load_record("int6_xsa", RECORDS, {"model": {"qat": {"roles": ["mlp"], "quantizer": trits}}}).model.qat
    assert (hybrid.roles, hybrid.quantizer.group_size, hybrid.scored) == (("mlp",), 64, True)
    again = load_record(
        "int6_xsa", RECORDS, {"model": {"qat": {"quantizer": {"grid": "integer", "bits": 4}}}}
    ).model.qat
    assert (again.quantizer.bits, again.quantizer.scale_dtype) == (4, "float32")  # the same grid: laid over


@pytest.mark.parametrize(
    ("record", "overrides", "complaint"),
    [
        ("int6_recurrent", {"train": {"start": {"qat": 0.5}}}, "train.start.qat: 0.5 is not possible; it must be left"),
        (
            "int6_slot",
            {"model": {"qat": {"roles": []}}},
            "model.qat.roles: [] is not possible; it must be at least one",
        ),
        (
            "int6_slot",
            {"model": {"qat": {"quantizer": {"grid": "x"}}}},
            "model.qat.quantizer.grid: 'x' is not possible",
        ),
        (
            "int6_slot",
            {"model": {"mlp_multiple": 3.0001}},
            "model.mlp_multiple: 3.0001 is not possible; it must be such",
        ),
        (
            "int6_slot",
            {"model": {"value_embedding": {"layers": 12}}},
            "model.value_embedding.layers: 12 is not possible",
        ),
        ("int6_recurrent", {"train": {"products": "fp8"}}, "train.products: fp8 is not possible; it must be compute"),
        ("tiny_fp8", {"train": {"start": {"qat": 0.5}}}, "train.start.qat: 0.5 is not possible; it must be left out"),
    ],
)
def test_mechanisms_that_cannot_be_are_told_in_one_line(record, overrides, complaint):
    with pytest.raises(InputError) as caught:
        load_record(record, RECORDS, overrides)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_modes_speak_of_the_same_settings():
    transformer = MECHANISMS_OF["transformer"]
    assert transformer["faithful"].keys() == transformer["honest"].keys()
    assert MODES["faithful"].keys() == MODES["honest"].keys()
    assert all(MODES["faithful"][key] != MODES["honest"][key] for key in MODES["honest"])
