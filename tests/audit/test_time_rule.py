"""The rules of time bind the runs that a record's score is of, whatever those runs were configured for."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tritgolf.audit.auditor import audit
from tritgolf.outcome import Verdict

README = "# val_bpb: 1.0810\n"
TRACK = {"val_bpb": 1.081, "track": "10min_16mb"}
CAP, GPUS = "max_wallclock_seconds: 600.0", "world_size: 8"
LONG = ("train_time: 588047ms", "train_time: 2588047ms")
SLOW = ("eval_time:366525ms", "eval_time:3665250ms")


def finding(path, check):
    return next(finding for finding in audit(path).findings if finding.check == check)


def run(*edits, bpb=1.081):
    log = styles.sp8192(bpb=bpb)
    for old, new in edits:
        assert old in log
        log = log.replace(old, new)
    return log


@pytest.mark.parametrize("cap", ["max_wallclock_seconds: 6000.0", "max_wallclock_seconds: 0.0", "other: 1"])
@pytest.mark.parametrize("track", ["10min_16mb", "track_10min_16mb", "10-minute"])
def test_a_longer_configuration_frees_no_run_of_the_track(track, cap, tmp_path):
    made = folder(tmp_path, {"seed42": run((CAP, cap), LONG, SLOW)}, README, {**TRACK, "track": track})
    assert "2588.047 s (seed42.log)" in (found := finding(made, "timing.limit")).evidence
    assert found.verdict is Verdict.CONTRADICTED
    assert "longest evaluation 3665.2 s" in (found := finding(made, "timing.evaluation")).evidence
    assert found.verdict is Verdict.CONTRADICTED


def test_a_longer_run_that_the_score_is_not_of_is_free(tmp_path):
    longer = run((CAP, "max_wallclock_seconds: 6000.0"), LONG, SLOW, bpb=1.05)
    made = folder(tmp_path / "a", {"seed42": run(), "longer": longer}, f"{README}\nLonger: 1.0500\n", TRACK)
    assert {finding(made, f"timing.{name}").verdict for name in ("limit", "evaluation")} == {Verdict.HOLDS}
    # A score that no log has may be of any run, so it binds none that was configured for more.
    made = folder(tmp_path / "b", {"longer": longer}, "# val_bpb: 1.0200\n", {**TRACK, "val_bpb": 1.02})
    for name in ("limit", "evaluation"):
        assert finding(made, f"timing.{name}").verdict is Verdict.CANT_TELL


@pytest.mark.parametrize("facts", [{"val_bpb": 1.081, "track": "non-record-16mb"}, {"val_bpb": 1.081}])
def test_no_other_track_has_the_rule(facts, tmp_path):
    made = folder(tmp_path, {"seed42": run((CAP, "max_wallclock_seconds: 6000.0"), LONG, SLOW)}, README, facts)
    for name in ("limit", "evaluation"):
        assert finding(made, f"timing.{name}").verdict is not Verdict.CONTRADICTED


@pytest.mark.parametrize("gpus", [16, 64])
def test_more_gpus_than_the_rule_is_for_keep_it_never_beyond_doubt(gpus, tmp_path):
    more = (GPUS, f"world_size: {gpus}")
    made = folder(tmp_path / "a", {"seed42": run(more)}, README, TRACK)
    for name in ("limit", "evaluation"):
        found = finding(made, f"timing.{name}")
        assert found.verdict is Verdict.CANT_TELL
        assert f"the limit is for 8 GPUs, not {gpus} GPUs (seed42.log)" in found.evidence
    made = folder(tmp_path / "b", {"seed42": run(more, LONG, SLOW)}, README, TRACK)
    for name in ("limit", "evaluation"):
        assert finding(made, f"timing.{name}").verdict is Verdict.CONTRADICTED


def test_why_a_time_is_not_judged_is_true(tmp_path):
    longer = (CAP, "max_wallclock_seconds: 6000.0")
    free = folder(tmp_path / "a", {"a": run(longer), "b": styles.sp8192(7, 1.05)}, "# 1.02\n", {"val_bpb": 1.02})
    assert "no evaluation time" not in finding(free, "timing.evaluation").evidence
    fewer = folder(tmp_path / "b", {"a": run((GPUS, "world_size: 1"), LONG)}, README, TRACK)
    assert "the limit is for 8 GPUs, not 1 GPU (a.log)" in finding(fewer, "timing.limit").evidence


@pytest.mark.parametrize(("text", "verdict"), [
    ("Evaluation takes 120 s (under the 10-minute limit).", Verdict.CONTRADICTED),
    ("| **Total eval** | **~460s (< 10 min)** |", Verdict.CONTRADICTED),
    ("Runs stay within the 600 s evaluation budget.", Verdict.CONTRADICTED),
    ("Training stops within 10 minutes.", Verdict.CANT_TELL),
    ("Evaluation does not stay within 10 minutes.", Verdict.CANT_TELL),
    ("Evaluation would fit within 10 min on faster machines.", Verdict.CANT_TELL),
    ("Evaluation of #920 is within 10 minutes.", Verdict.CANT_TELL),
    ("Evaluation fits 10 minutes; the speed is unlimited.", Verdict.CANT_TELL),
    ("A non-record run: training, then evaluation within 10 min of the best checkpoint.", Verdict.CANT_TELL),
])  # fmt: skip
def test_an_evaluation_is_held_to_ten_minutes_where_the_readme_says_that_it_fits_them(text, verdict, tmp_path):
    """Where nothing tells the track, a long one was open even so."""
    made = folder(tmp_path, {"seed42": run(SLOW)}, f"{README}\n{text}\n", {"val_bpb": 1.081})
    found = finding(made, "timing.evaluation")
    assert found.verdict is verdict
    assert (verdict is Verdict.CANT_TELL) == ("nothing tells that it is of the 10-minute track" in found.evidence)
