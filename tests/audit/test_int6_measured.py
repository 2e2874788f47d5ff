"""The ledger's rulings by measurement on #1722 and #1019: what is kept decides, and other figures decide otherwise."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import pytest

from tests.audit.folders import PUBLISHED
from tests.small import RECORDS, REPOSITORY
from tritgolf.audit.claims import Published
from tritgolf.audit.int6_measurements import RULES, Int6Measurement, Int6Measurements
from tritgolf.audit.ledger import BY_MEASUREMENT
from tritgolf.audit.measurements import Measurements
from tritgolf.audit.measurements_reader import read_measurements
from tritgolf.audit.recurrent_measurements import Probe
from tritgolf.audit.rulings.int6_measured import LATER_PASS, ON_CONTEXT, ON_SCORED, SCORE_FIRST
from tritgolf.config.record import load_record
from tritgolf.errors import InputError
from tritgolf.outcome import Verdict

HOLDS, CONTRADICTED, OPEN = Verdict.HOLDS, Verdict.CONTRADICTED, Verdict.CANT_TELL

# What the kept measurements decide, and a part of the evidence that the ruling must give.
KEPT = {
    "t03": (CONTRADICTED, "SLOT on the targets before (#1350): no later token moves any"),
    "t04": (HOLDS, "add up to 1.78"),
    "t05": (CONTRADICTED, "a token moves scores up to 21 before it"),
    "t06": (CONTRADICTED, "the first stage: no later token moves any"),
    "t17": (CONTRADICTED, "other codes, whatever the score"),
    "t18": (CONTRADICTED, "of the 36 matrices that are stored in 6 bits none"),
    "t22": (HOLDS, "of a floor this says nothing"),
    "t34": (OPEN, "never: MLP made ternary at export +0.3"),
    "t35": (OPEN, "how near is similar the claim doesn't say"),
    "t47": (CONTRADICTED, "draws a token at each length"),
    "t49": (CONTRADICTED, "96 scores are of targets that had one"),
    "t51": (OPEN, "damped by 0.01 as #1019"),
    "t40": (HOLDS, "fixes 2, 3, 4: largest error of a ternary weight 0, gap"),
}


@cache
def kept() -> Int6Measurements:
    return read_measurements(REPOSITORY / "measured").int6


@cache
def claims():
    return {claim.id: claim for claim in Published(PUBLISHED).claims}


def ruling(claim, int6):
    return BY_MEASUREMENT[claim](claims()[claim], Published(PUBLISHED), Measurements(int6=int6)).outcome


@pytest.mark.parametrize("claim", KEPT)
def test_what_is_kept_decides(claim):
    verdict, evidence = ruling(claim, kept())
    assert (verdict, KEPT[claim][1] in evidence) == (KEPT[claim][0], True), evidence


@pytest.mark.parametrize("claim", KEPT)
def test_nothing_is_decided_without_a_measurement(claim):
    assert ruling(claim, Int6Measurements()) == (OPEN, "not measured yet")


def probed(mechanism, **changes):
    """The kept rules table with other findings on one way to score."""
    rules = kept().rules
    rows = tuple(
        row.model_copy(update={"causality": row.causality.model_copy(update=changes)})
        if row.mechanism == mechanism
        else row
        for row in rules.rows
    )
    return replace(kept(), rules=rules.model_copy(update={"rows": rows}))


def causality(mechanism):
    return next(row for row in reversed(kept().rules.rows) if row.mechanism == mechanism).causality


@pytest.mark.parametrize(
    ("mechanism", "like", "open_then"),
    [
        (ON_SCORED, ON_CONTEXT, {"t03", "t04", "t05"}),  # nothing tells it from a valid score
        (ON_CONTEXT, ON_SCORED, {"t03", "t04", "t05"}),  # it's SLOT as such then
        (LATER_PASS, SCORE_FIRST, {"t03", "t04", "t05", "t06", "t22"}),
        (SCORE_FIRST, ON_SCORED, {"t06"}),
    ],
)
def test_other_findings_of_the_probes_take_no_side(mechanism, like, open_then):
    other = probed(mechanism, **dict(causality(like)))
    decided = {claim for claim in ("t03", "t04", "t05", "t06", "t22") if ruling(claim, other).verdict is OPEN}
    assert decided == open_then


def test_an_error_of_an_exact_storage_contradicts_that_it_is_lossless():
    losses = tuple(one._replace(largest_error=0.01) if one.is_exact else one for one in kept().losses)
    assert ruling("t40", replace(kept(), losses=losses)).verdict is CONTRADICTED
    inexact = tuple(one for one in kept().losses if not one.is_exact)
    assert ruling("t40", replace(kept(), losses=inexact)).verdict is OPEN


def test_a_damaged_rules_table_is_told(tmp_path):
    (tmp_path / RULES).parent.mkdir()
    (tmp_path / RULES).write_text('{"metrics": {"rows": []}}')
    with pytest.raises(InputError, match="is no table of what probes say"):
        read_measurements(tmp_path)


def run_of_its_kind(scored_again=31, damped=(0.0004, 0.0001), **model) -> Int6Measurement:
    """One that was never run: of the demo's settings, but for ``model``."""
    record = load_record("demo_slot", RECORDS)
    return Int6Measurement(
        run="demo",
        seed=42,
        steps=200,
        model=record.model.model_copy(update=model),
        storage=record.export.storage("own"),
        damping=record.export.calibration.damping,
        probes={"sliding": Probe(True, "each", scored_again, 0, False)},
        rows={"damping_0_01": SimpleNamespace(over_own_bpb=damped[0], over_own_se=damped[1])} if damped else {},
    )


def qat(*roles):
    return load_record("demo_slot", RECORDS).model.qat.model_copy(update={"roles": roles})


def stretch(of):
    return load_record("demo_slot", RECORDS).model.rotary_stretch.model_copy(update={"of": of})


@pytest.mark.parametrize(
    ("claim", "settings", "verdict", "evidence"),
    [
        ("t17", {}, CONTRADICTED, "demo (200 steps, seed 42) +0.000400 ± 0.000100 BPB: other codes"),
        ("t17", {"damped": (0.0, 0.0)}, OPEN, ""),
        ("t17", {"damped": None}, OPEN, "not measured yet"),
        ("t51", {}, OPEN, "+0.000400 ± 0.000100"),
        ("t18", {}, CONTRADICTED, "ve_shared.proj.weight (stored in float16) on the grid; of the 36 matrices"),
        ("t18", {"qat": qat("attention", "mlp")}, HOLDS, "of the 36 matrices that are stored in 6 bits 36"),
        ("t18", {"qat": None}, OPEN, "not measured yet"),
        ("t47", {}, CONTRADICTED, "at 127 of 127 its rotary base is another"),
        ("t47", {"rotary_stretch": stretch("context")}, HOLDS, "at 0 of 127"),
        ("t49", {}, CONTRADICTED, "31 scores are of targets that had one"),
        ("t49", {"scored_again": 0}, HOLDS, ""),
    ],
)
def test_a_run_of_its_kind_decides(claim, settings, verdict, evidence):
    found = ruling(claim, Int6Measurements(runs=(run_of_its_kind(**settings),)))
    assert (found.verdict, evidence in found.evidence) == (verdict, True), found.evidence
