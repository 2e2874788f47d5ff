"""The ledger's rulings by measurement on #1722 and #1019: what is kept decides, and other figures decide otherwise."""

from dataclasses import replace
from functools import cache

import pytest

from tests.audit.folders import PUBLISHED
from tests.small import REPOSITORY
from tritgolf.audit.claims import Published
from tritgolf.audit.int6_measurements import RULES, Int6Measurements
from tritgolf.audit.ledger import BY_MEASUREMENT
from tritgolf.audit.measurements import Measurements
from tritgolf.audit.measurements_reader import read_measurements
from tritgolf.audit.rulings.int6_measured import LATER_PASS, ON_CONTEXT, ON_SCORED, SCORE_FIRST
from tritgolf.errors import InputError
from tritgolf.outcome import Verdict

HOLDS, CONTRADICTED, OPEN = Verdict.HOLDS, Verdict.CONTRADICTED, Verdict.CANT_TELL

# What the kept measurements decide, and a part of the evidence that the ruling must give.
KEPT = {
    "t03": (CONTRADICTED, "SLOT on the targets before (#1350): no later token moves any"),
    "t04": (HOLDS, "add up to 1.78"),
    "t05": (CONTRADICTED, "a token moves scores up to 21 before it"),
    "t06": (CONTRADICTED, "the first stage: no later token moves any"),
    "t22": (HOLDS, "of a floor this says nothing"),
    "t34": (OPEN, "never: MLP made ternary at export +0.3"),
    "t35": (OPEN, "how near is similar the claim doesn't say"),
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
