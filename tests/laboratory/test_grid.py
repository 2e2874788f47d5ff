from pathlib import Path

import pytest

from tests.small import RECORDS, small_export
from tritgolf.config.export import FACTORS, ExportConfig
from tritgolf.config.lossless import lossy_settings
from tritgolf.config.record import known_records, load_record
from tritgolf.config.yaml_files import read_yaml
from tritgolf.errors import InputError
from tritgolf.laboratory.grid import (
    LOSSLESS,
    GridConfig,
    differing,
    grid_storages,
    load_grid,
    merge_equal,
)
from tritgolf.laboratory.grids import grid_kind, grid_of
from tritgolf.laboratory.role_grid import RoleGridConfig, lossless_of

GRIDS = RECORDS / "grids"
OWN = small_export().storage("bf16")


def grid(**rows) -> GridConfig:
    return GridConfig(rows=rows)


def test_a_row_is_the_records_own_storage_but_for_what_it_states():
    own = OWN
    found = grid_storages(grid(mixed={"mixes": "e4m3"}, bare={"start": "lossless", "scales": "e8m0"}), own, "rms")
    assert found["own"] == own
    assert found["mixed"] == own.model_copy(update={"mixes": "e4m3"})
    assert found["bare"] == LOSSLESS.model_copy(update={"scales": "e8m0"})


def test_every_factor_that_differs_is_changed_alone_in_both_directions():
    own = small_export(decide="master", shrinkage=True, reload_dtype="bfloat16", mixes="e4m3").storage("bf16")
    found = grid_storages(grid(), own, "rms")
    factors = ["scales", "decide", "shrinkage", "reload_dtype", "table", "projections", "mixes", "vectors"]
    assert differing(own) == factors
    assert set(found) == {"own", "lossless"} | {f"{way}_{factor}" for way in ("only", "without") for factor in factors}
    for factor in factors:
        for other in FACTORS:
            only, without = getattr(found[f"only_{factor}"], other), getattr(found[f"without_{factor}"], other)
            assert only == getattr(own if other == factor else LOSSLESS, other)
            assert without == getattr(LOSSLESS if other == factor else own, other)


@pytest.mark.parametrize(("model", "other"), [("rms", "absmean"), ("absmean", "rms")])
def test_the_other_estimator_is_the_one_that_the_model_does_not_have(model, other):
    found = grid_storages(grid(cross={"estimator": "other"}), OWN, model)
    assert found["cross"].estimator == other
    assert found["own"].estimator == "own"


def test_equal_rows_are_measured_once():
    storages = grid_storages(grid(a={"scales": "bfloat16"}, b={"scales": "e4m3"}, c={"scales": "e4m3"}), OWN, "rms")
    names = merge_equal(storages)
    assert (names["own"], names["a"], names["b"], names["c"]) == ("own", "own", "b", "b")
    assert list(names) == list(storages)
    assert all(storages[name] == storages[first] for name, first in names.items())
    assert len({str(storages[first]) for first in names.values()}) == len(set(names.values()))


@pytest.mark.parametrize("name", ["own", "lossless", "only_mixes", "without_mixes", "Bad-Name"])
def test_the_names_of_the_rows_that_every_grid_has_are_taken(name, tmp_path):
    (tmp_path / "mine.yaml").write_text(f"rows: {{{name}: {{scales: e4m3}}}}")
    with pytest.raises(InputError, match=rf"mine\.yaml.*({name} is not possible|should match pattern)"):
        load_grid("mine", tmp_path)


def test_an_unknown_grid_setting_or_format_is_told(tmp_path):
    with pytest.raises(InputError, match="known grids: none"):
        load_grid("mine", tmp_path)
    (tmp_path / "mine.yaml").write_text("rows: {a: {table: e8m0}}")  # for scales alone
    with pytest.raises(InputError, match=r"rows\.a\.table: 'e8m0'"):
        load_grid("mine", tmp_path)
    (tmp_path / "mine.yaml").write_text("rows: {a: {scale: e4m3}}")
    with pytest.raises(InputError, match=r"rows\.a\.scale: unknown key.*scales"):
        load_grid("mine", tmp_path)


@pytest.mark.parametrize("record", known_records(RECORDS))
def test_the_lossless_row_loses_nothing_of_any_record(record):
    config = load_record(record, RECORDS)
    if isinstance(config.export, ExportConfig):
        assert lossy_settings(config.model, LOSSLESS) == {}
    else:
        assert {form.format for form in lossless_of(config.export.storage("own"), config.model).roles.values()} == {
            "float32", config.model.compute
        }  # fmt: skip


OF_1716, OF_1722 = {"tiny_int6", "int6_recurrent"}, {"tiny_slot", "int6_slot", "int6_xsa"}
WHOLE = {
    "int6": OF_1716,
    "trinity": OF_1722,
    "trinity_v1": set(),
}  # grids by role, and the records that have all their rows


@pytest.mark.parametrize("path", sorted(GRIDS.glob("*.yaml")), ids=lambda path: Path(path).stem)
@pytest.mark.parametrize("record", ["demo", "tiny", "ternary_v1", "ternary_v2", *sorted(OF_1716 | OF_1722)])
def test_the_grids_of_the_repository_fit_every_record_of_their_kind(path, record):
    config = load_record(record, RECORDS)
    kind = grid_kind(config.export)
    by_role = "change" in next(iter(read_yaml(path)["rows"].values()))
    if by_role != (kind.config is RoleGridConfig):
        with pytest.raises(InputError, match=f"grid {path.stem!r}: changes what another kind of storage has"):
            grid_of(path.stem, GRIDS, kind)
        return
    grid = grid_of(path.stem, GRIDS, kind)
    variants = kind.variants(grid, config.export, config.model)
    if record in WHOLE.get(path.stem, {record}):
        assert set(grid.rows) < set(variants)
    assert variants.keys() & grid.rows.keys()  # others leave rows out, and refuse none
    assert list(variants)[:2] == ["own", "lossless"]
    assert all(
        value is not None for variant in variants.values() for name, value in variant.storage if name != "shrinkage"
    )


def test_the_whole_grid_has_every_format_precision_and_reload():
    config = load_record("ternary_v2", RECORDS)
    rows = grid_storages(load_grid("roundtrip", GRIDS), config.export.storage("bf16"), "rms").values()
    seen = {factor: {getattr(row, factor) for row in rows} for factor in FACTORS}
    assert seen["scales"] == {"float32", "bfloat16", "float16", "e4m3", "e5m2", "e8m0", "bfp8", "scaled_e4m3"}
    assert seen["decide"] == {"forward", "forward_float16", "master", "master_float64", "master_bfloat16"}
    assert seen["shrinkage"] == {True, False}
    assert seen["estimator"] == {"own", "absmean"}
    for factor in ("table", "projections", "mixes", "vectors"):
        assert seen[factor] >= {"e4m3", "bfloat16", "float16", "float32"}
