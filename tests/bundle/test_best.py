"""ternary_best: it fits with its script, its width is the largest that does, and nothing is lost by storing it."""

import json
import math

import pytest

from tests.kept import MEASURED
from tests.small import RECORDS
from tritgolf.artifact.estimate import coded_bytes
from tritgolf.artifact.kinds import tensor_specs
from tritgolf.artifact.trit_estimate import TAKEN, ternary_bytes
from tritgolf.bundle.script import script_of
from tritgolf.config.record import load_record
from tritgolf.model.specs import parameters_of

STEP = 16  # columns of the table at a time: products of a GPU want whole tiles
MARGIN = 0.002  # of the estimate; artifacts of two trainings differed by 0.0003


def estimate(width=None):
    over = {"model": {"factored": {"width": width}}} if width else None
    record = load_record("ternary_best", RECORDS, over)
    return ternary_bytes(parameters_of(record.model), record.export.storage("own"))


def stored_sizes(record):
    """Format and count of each tensor that is kept as numbers."""
    specs = tensor_specs(parameters_of(record.model), record.export.storage("own"))
    return [(spec.format, math.prod(spec.shape)) for spec in specs.values() if spec.codes is None]


def test_the_estimate_is_what_920_s_artifact_had():
    """ternary_v2's trits by columns instead of as they are in the file: 15,393,028 bytes less 589,581."""
    record = load_record("ternary_v2", RECORDS)
    roles = record.export.by_role(record.export.own_storage, record.model)
    assert ternary_bytes(parameters_of(record.model), roles) == pytest.approx(15_393_028 - 589_581, rel=1e-3)


@pytest.mark.parametrize(
    ("folder", "width", "fits"),
    [
        # once thought to fit: 1.533 bits a trit were assumed, and 1.585 came
        ("ternary_best_docs_en_h200", 352, False),
        ("ternary_best_early_docs_en_h200", 352, False),
        ("ternary_best_fits_docs_en_h200", 336, True),
        ("ternary_best_time1716_docs_en_h200", 336, True),
    ],
)
def test_the_estimate_is_what_its_own_artifacts_had(folder, width, fits):
    exported = json.loads((MEASURED / folder / "seed42/final/export/export.json").read_text())["metrics"]
    size = exported["storages"]["own"]["bytes"]
    assert (size + exported["code_bytes"] <= exported["byte_limit"]) == fits
    assert estimate(width) == pytest.approx(size, rel=1e-3)


def test_its_table_is_the_widest_that_fits_with_the_script():
    record = load_record("ternary_best", RECORDS)
    script, width = len(script_of(record)), record.model.factored.width
    limit = record.export.byte_limit
    assert (1 + MARGIN) * estimate() + script < limit < (1 + MARGIN) * estimate(width + STEP) + script


def taken(name, mlp_width):
    """Bytes of the artifact of a rival with integer weights and an MLP so wide, by the estimate."""
    record = load_record(name, RECORDS, {"model": {"mlp_multiple": mlp_width / 512}})
    table = parameters_of(record.model)
    in_e4m3 = sum(size for (name, size) in stored_sizes(record) if name == "e4m3")
    return coded_bytes(table, record.export.storage("own")) - (1 - TAKEN["absmean"].e4m3) * in_e4m3


# 4 bits trained on their grid code in fewer bits than rounded normal weights, which the estimate is made from
@pytest.mark.parametrize(("run", "within"), [("best_int4", 0.01), ("best_int6", 4e-3), ("best_int6_half", 4e-3)])
def test_the_estimate_of_its_rivals_is_what_their_own_artifacts_had(run, within):
    kept = json.loads((MEASURED / f"{run}_docs_en_h200/seed42/final/export/export.json").read_text())["metrics"]
    record = run.removesuffix("_half")
    model = load_record(record, RECORDS).model
    estimated = taken(record, round(model.width * model.mlp_multiple))
    assert estimated == pytest.approx(kept["storages"]["own"]["bytes"], rel=within)


@pytest.mark.parametrize("name", ["best_int6", "best_int4"])
def test_its_rivals_have_the_widest_mlps_that_fit_and_differ_in_nothing_else(name):
    record, best = load_record(name, RECORDS), load_record("ternary_best", RECORDS)
    script, width = len(script_of(record)), round(record.model.width * record.model.mlp_multiple)
    assert taken(name, width) + script < record.export.byte_limit < taken(name, width + 32) + script
    changed = {"width", "mlp_multiple", "rotary_dims", "qat"}
    assert record.model.model_dump(exclude=changed) == best.model.model_dump(exclude=changed)
    assert record.train.model_dump(exclude={"start"}) == best.train.model_dump(exclude={"start"})


def test_what_it_is_trained_in_is_what_is_stored():
    record = load_record("ternary_best", RECORDS)
    roles, model = record.export.storage("own").roles, record.model
    assert {roles[role].quantizer for role in ("attention", "mlp")} == {model.qat.quantizer}
    assert {roles[role].scales for role in ("attention", "mlp")} == {model.qat.quantizer.scale_dtype} == {"bfloat16"}
    assert {roles[role].format for role in ("embedding", "embed")} == {model.factored.format}
    assert {roles[role].format for role in ("mix", "control")} == {model.vectors}
    assert {roles[role].format for role in ("projection", "gate")} == {"float32"}
