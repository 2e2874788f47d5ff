"""Kinds of false alarms and of missed defects that were found in use, each on a small folder of our own writing."""

import pytest

from tests.audit import styles
from tests.audit.folders import PUBLISHED, folder, text
from tritgolf.audit.auditor import audit, audit_submission
from tritgolf.audit.submission import read_logs, read_submission
from tritgolf.outcome import Verdict

SCORES = "| Seed | Sliding BPB | TTT BPB | Artifact |\n|---|---|---|---|\n| 42 | 1.0831 | 1.0810 | 15,991,930 |\n"


def contradicted(path):
    """Check → evidence of what is contradicted."""
    return {f.check: f.evidence for f in audit(path).findings if f.verdict is Verdict.CONTRADICTED}


def verdict(path, check):
    return next(finding.verdict for finding in audit(path).findings if finding.check == check)


def test_evaluations_may_differ_in_the_sixth_digit(tmp_path):
    roundtrip = f"val_loss:{styles.nats(1.1909):.8f} val_bpb:{1.1909:.8f}"
    other = f"val_loss:{styles.nats(1.1909) * (1 + 3e-6):.8f} val_bpb:{1.1909:.8f}"
    made = folder(tmp_path, {"train": styles.int6().replace(roundtrip, other)}, "val_bpb: 1.1709")
    assert contradicted(made) == {}
    assert verdict(made, "evaluation.bytes_per_token") is Verdict.HOLDS


def test_a_step_past_the_limit_is_slack_and_more_is_not(tmp_path):
    (tmp_path / "a").mkdir()
    close = folder(tmp_path / "a", {"train": styles.baseline(train_ms=600_137)})
    assert contradicted(close) == {}
    evidence = next(f.evidence for f in audit(close).findings if f.check == "timing.limit")
    assert "within the slack of the clock" in evidence and "600.137 s (train.log)" in evidence
    assert list(contradicted(folder(tmp_path / "b", {"train": styles.baseline(train_ms=612_345)}))) == ["timing.limit"]


def test_a_total_is_known_under_every_published_name(tmp_path):
    made = folder(
        tmp_path, {"train": styles.baseline(total=16_186_500)}, "val_bpb: 1.2244 | 15.99 MB artifact", {"name": "x"}
    )
    assert set(contradicted(made)) == {"budget.limit", "text.artifact"}


def test_a_copied_log_counts_once(tmp_path):
    readme = "val_bpb: 1.1705 (mean of three seeds)\n\n" + styles.table({1: (1.1667, 15_700_000)}, "1.1705")
    made = folder(tmp_path, {**styles.three(), "train": styles.three()["train_seed1"]}, readme, {"val_bpb": 1.1705})
    assert "tables.means" not in contradicted(made)
    assert verdict(made, "text.mean") is Verdict.HOLDS


@pytest.mark.parametrize(("last", "expected"), [("-0.0006", Verdict.HOLDS), ("-0.0039", Verdict.HOLDS)])
def test_a_delta_may_be_to_the_row_before_or_to_the_first(last, expected, tmp_path):
    readme = f"""| Change | val_bpb | Delta |
|---|---|---|
| 9 layers, int6 | 1.1485 | baseline |
| + int5 MLP, 10th layer | 1.1453 | -0.0032 |
| + weight decay 0.04 | 1.1452 | -0.0001 |
| + averaging | 1.1446 | {last} |
"""
    assert verdict(folder(tmp_path, {"train": styles.int6()}, readme), "tables.deltas") is expected


def test_a_comment_of_the_source_explains_no_restart(tmp_path):
    jump = text("pr640/seed42", ("t:459028ms avg:91.8ms", "t:459028ms avg:15.3ms"))
    found = contradicted(folder(tmp_path, {"train": styles.with_source(jump)}))
    assert "lines.resume" in found and "lines.formats" not in found


def test_another_scripts_log_is_not_held_to_the_ternary_ones_lines(tmp_path):
    settings = " ".join(f"{name}=1" for name in ("iterations", "warmup_steps", "train_log_every", "a", "b", "c", "d"))
    content = f"{settings} seed=42 val_loss_every=0\n{styles.int6()}temp_scaling optimal_T:1.02 time:442ms\n"
    assert contradicted(folder(tmp_path, {"train": content})) == {}


def test_the_newer_style_is_read(tmp_path):
    log = styles.sp8192(total=16_091_930, train_ms=612_047)
    facts = {"val_bpb": 1.0810, "seeds": [42], "seed_results": {"42": {"val_bpb": 1.081, "artifact_bytes": 15_991_930}}}
    made = folder(tmp_path, {"train_seed42": log}, f"# val_bpb = 1.0810\n\n{SCORES}", facts)
    found = contradicted(made)
    assert set(found) == {"timing.limit", "budget.limit", "json.bytes", "tables.rows"}
    assert "612.047 s" in found["timing.limit"] and "16,091,930" in found["json.bytes"]
    headline = next(finding for finding in audit(made).findings if finding.check == "text.headline")
    assert headline.evidence == "README 1.0810: quantized_ttt of train_seed42.log"


def test_a_stated_total_over_the_limit_needs_no_log(tmp_path):
    made = folder(tmp_path, {}, "# no log", {"val_bpb": 1.1898, "bytes_total": 16_638_468})
    assert contradicted(made) == {"budget.limit": "submission.json: 16,638,468 bytes, 638,468 too many"}


def test_the_best_seed_is_no_mean(tmp_path):
    made = folder(tmp_path, styles.three(), "**val_bpb: 1.1667** (mean of three seeds, std 0.0005)")
    assert set(contradicted(made)) == {"text.headline", "text.mean"}


@pytest.mark.parametrize(("size", "found"), [(47_641, ["budget.script"]), (47_642, [])])
def test_of_two_scripts_the_usual_one_is_held_to_the_log(size, found, tmp_path):
    made = folder(tmp_path, {"train": styles.baseline()})
    (made / "train_gpt.py").write_text("x" * size)
    (made / "train_gpt_human.py").write_text("# readable\n")
    assert list(contradicted(made)) == found
    assert "2 scripts (train_gpt.py is taken)" in audit(made).summary


@pytest.mark.parametrize("change", [lambda content: content.replace("\n", "\r\n"), styles.with_source])
def test_a_published_run_is_recognized_in_another_form(change, tmp_path):
    made = folder(tmp_path, {"seed42": change(text("pr640/seed42"))})
    report = audit_submission(read_submission(made, read_logs(PUBLISHED)))
    assert "seed42.log is the published run pr640/seed42.log" in report.notes
    assert "budget.identical" not in {f.check for f in report.findings if f.verdict is Verdict.CONTRADICTED}


def test_a_missing_log_is_no_contradiction(tmp_path):
    """The best seed's log is not there: its score, its size and the mean of all are of a log that nobody can see."""
    logs = styles.three()
    del logs["train_seed1"]
    facts = {"val_bpb": 1.1667, "bytes_total": 15_699_999}
    readme = "val_bpb: 1.1705 (mean of three seeds, std 0.0035)"
    assert contradicted(folder(tmp_path, logs, readme, facts)) == {}


def test_a_rerun_beside_the_runs_contradicts_no_row(tmp_path):
    """Two tables by seed, of two series of runs, and one log of the first series missing."""
    logs = {f"{name}_original": log for name, log in styles.three().items()}
    again = {f"train_seed{seed}_rerun": styles.int6(seed, bpb + 0.001) for seed, bpb in styles.SEEDS.items()}
    del logs["train_seed2_original"]
    tables = [
        styles.table({seed: (bpb + more, 15_700_000) for seed, bpb in styles.SEEDS.items()}, f"{1.1705 + more:.4f}")
        for more in (0, 0.001)
    ]
    readme = f"val_bpb: 1.1705 (3-seed mean, std 0.0035)\n\n{tables[0]}\n{tables[1]}"
    assert contradicted(folder(tmp_path, logs | again, readme, {"seeds": [1, 2, 3], "val_bpb": 1.1705})) == {}
