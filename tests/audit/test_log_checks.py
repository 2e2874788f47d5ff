"""Every check of a log: one it must pass, one it must flag, and garbled ones on which it must say it can't tell."""

import pytest

from tests.audit.folders import GARBLINGS, text, without
from tritgolf.audit.checks import LOG_CHECKS
from tritgolf.audit.checks.timing import training_is_within_the_limit
from tritgolf.audit.logs import parse_log
from tritgolf.outcome import Verdict

GOOD, LONG = "pr640/seed42", "pr923/seed7"

# check → (a log it must pass, a log it must flag, what its evidence must say of the latter)
CASES = {
    "budget.sum": (text(GOOD), text(LONG), "16.14 MB; the artifact line says 15.88"),
    "budget.megabytes": (text(GOOD), text(LONG), "16.22 MB; printed 15.95"),
    "budget.fits": (text(GOOD), text(LONG), "OVER; printed FITS"),
    "parameters.count": (text("ternary_150k_fp16/seed42"), text(LONG), "7,680, is the smear gates"),
    "parameters.stored": (text(GOOD), text(LONG), "expected 3,116,960"),
    "parameters.used": (text(GOOD, ("params:73685840", "params:67394384")), text(GOOD), "the 8192×768 output matrix"),
    "ternary.layout": (text(GOOD), text(GOOD, ("14239486B", "5000000B")), "neither base-3 (13,989,910)"),
    "ternary.zero_fraction": (text(GOOD, ("zero_frac:0.336", "zero_frac:0.369")), text(GOOD), "make it 0.3692"),
    "evaluation.stride": (text("pr920/seed7"), text("pr920/seed42"), "stride=8; configured: 16"),
    "evaluation.temperature": (text(GOOD), text(GOOD, ("T=0.90", "T=0.95")), "found T = 0.90, scored at T = 0.95"),
    "evaluation.step_zero": (text(LONG, ("val_loss:9.0188", "val_loss:9.0109")), text(LONG), "with the z-loss 9.0190"),
    "timing.stop": (text(GOOD), text(GOOD, ("cap train_time:599652", "cap train_time:599000")), "599000 ms"),
    "timing.averages": (text("ternary_150k_fp16/seed42"), text(LONG), "96 of 100 are not t/step (down to 1.1 ms)"),
    "timing.order": (text(GOOD), text(GOOD, ("t:367178ms", "t:36717ms")), "goes back at step 4000"),
    "lines.complete": (text(LONG), without(LONG, "step:20000/100000 val", "temp_scaling"), "validations (1 of 21)"),
    "lines.formats": (text(GOOD), text(LONG), "the code prints '(16.22/16.00MB) OVER'"),
}


def outcome(name, content):
    check = next(check for check in LOG_CHECKS.checks if check.name == name)
    return check.run(parse_log(content, "x.log"))


def test_every_check_has_its_cases():
    assert set(CASES) == {check.name for check in LOG_CHECKS.checks}


def test_every_check_says_what_it_proves():
    assert all(check.run.__doc__.startswith("Proves ") for check in LOG_CHECKS.checks)


@pytest.mark.parametrize("name", CASES)
def test_passes_a_sound_log(name):
    assert outcome(name, CASES[name][0]).verdict is Verdict.HOLDS


@pytest.mark.parametrize("name", CASES)
def test_flags_a_log_that_contradicts_it(name):
    verdict, evidence = outcome(name, CASES[name][1])
    assert verdict is Verdict.CONTRADICTED
    assert CASES[name][2] in evidence


@pytest.mark.parametrize("garble", GARBLINGS)
@pytest.mark.parametrize("name", CASES)
def test_cannot_tell_from_a_garbled_log(name, garble):
    assert outcome(name, garble(CASES[name][1])).verdict is Verdict.CANT_TELL


def test_base3_is_recognised():
    verdict, evidence = outcome("ternary.layout", text(GOOD, ("14239486B", "13989910B")))
    assert verdict is Verdict.HOLDS
    assert evidence.endswith("base-3")


def test_a_temperature_outside_the_grid_is_flagged():
    content = text(GOOD, ("optimal_T:0.90", "optimal_T:0.85"), ("T=0.90", "T=0.85"))
    assert "not in the grid" in outcome("evaluation.temperature", content).evidence


def test_to_the_letter_a_log_without_a_time_limit_is_not_judged_by_it():
    assert training_is_within_the_limit(parse_log(text(LONG), "x")).verdict is Verdict.CANT_TELL
    verdict, evidence = training_is_within_the_limit(parse_log(text("pr920/seed42"), "x"))
    assert (verdict, evidence) == (Verdict.CONTRADICTED, "600.666 s of 600 s")


def test_another_architecture_is_not_judged_by_this_ones_counts():
    content = text(GOOD, ("attn_proj_type=standard", "attn_proj_type=retention"))
    for name in ("parameters.count", "parameters.stored", "ternary.layout", "ternary.zero_fraction"):
        assert outcome(name, content).verdict is Verdict.CANT_TELL


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("val_bpb:1.1816", "val_bpb:1.18"), "val_bpb:1.18 "),
        (
            ("step:2000/10000 loss:3.2883 t:183345ms avg", "step:2000/10000 loss:3.2883 t:183345ms step_avg"),
            "two names",
        ),
        (("(15.99/16.00MB) FITS", "(15.99/16.00MB) OK"), "OK"),
    ],
)
def test_a_line_the_code_cannot_print_is_flagged(edit, said):
    verdict, evidence = outcome("lines.formats", text(GOOD, edit))
    assert verdict is Verdict.CONTRADICTED
    assert said in evidence


@pytest.mark.parametrize("start", ["artifact:", "budget:", "temp_scaling", "warmup:3", "stopping_early", "step:3000"])
def test_a_missing_line_is_named(start):
    assert outcome("lines.complete", without(GOOD, start)).verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize("start", ["stopping_early", "artifact:", "budget:", "final_ternary", "final_sliding"])
def test_a_log_that_was_cut_lacks_no_line_before(start):
    verdict, evidence = outcome("lines.complete", text(GOOD).partition(f"\n{start}")[0])
    assert verdict is Verdict.CANT_TELL and "the log ends before the " in evidence
