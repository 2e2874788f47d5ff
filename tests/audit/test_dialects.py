"""Every family's log, read in its style: settings, steps, times, scores by stage, bytes by name."""

from pathlib import Path

import pytest

from tests.audit import styles
from tests.audit.folders import text
from tritgolf.audit.auditor import audit, audit_submission
from tritgolf.audit.dialects import DIALECTS, SCRIPT_RULES
from tritgolf.audit.logs import parse_log, parse_runs, read_runs
from tritgolf.audit.run_log import LAST_STEP
from tritgolf.audit.scores import stages
from tritgolf.audit.submission import read_submission
from tritgolf.outcome import Verdict

SUBMISSIONS = Path(__file__).parents[1] / "fixtures" / "submissions"
STYLES = {
    "baseline": styles.baseline(),
    "bundled": styles.bundled(),
    "gdn": styles.gdn(),
    "int6": styles.int6(adapted=1.1650),
    "sp8192": styles.sp8192(),
    "ternary": text("pr640/seed42"),
}


def test_every_dialect_has_a_log_here():
    assert set(STYLES) == {dialect.name for dialect in DIALECTS}


@pytest.mark.parametrize("style", STYLES)
def test_a_log_is_read_in_its_style(style):
    log = parse_log(STYLES[style], "x.log")
    assert log.dialect == style
    assert log.seed == 42
    assert log.setting_float("max_wallclock_seconds") in (599, 600)
    assert log.gpus == 8
    assert log.train_ms and log.steps and log.scores
    assert style == "gdn" or (log.validations and log.total_bytes and log.code_bytes)


def test_a_hybrid_tells_its_scores_in_bits_and_its_model_without_code():
    log = parse_log(styles.gdn(), "x.log")
    assert [(name, stage.nats, stage.bpb.text) for name, stage in stages(log).items()] == [
        ("pre-quant_ema", None, "1.020000"), ("quantized", None, "1.040000")
    ]  # fmt: skip
    assert [(size.what, size.method, size.bytes) for size in log.sizes] == [("model", "int6+zstd-22", 15_700_000)]
    assert (log.train_ms, log.stop_step, log.parameters, log.validation_tokens) == (6e5, 1650, 33_000_000, 40_540_160)
    failed = parse_log(styles.gdn().replace("(no XSA): 1.040000", "(no XSA): nan"), "x.log")
    assert failed.failed == ("quantized",)


def test_scores_have_their_stages():
    found = stages(parse_log(STYLES["int6"], "x.log"))
    assert list(found) == [LAST_STEP, "final_int6_roundtrip", "final_int6_sliding_window", "legal_ttt"]
    assert found["legal_ttt"].bpb.text == "1.16500000"
    found = stages(parse_log(STYLES["sp8192"], "x.log"))
    assert list(found)[-2:] == ["quantized_sliding_window", "quantized_ttt"]


def test_the_line_for_tools_is_no_stage_of_its_own():
    assert "final_int8_zlib_roundtrip" not in stages(parse_log(STYLES["int6"], "x.log"))
    assert "final_int8_zlib_roundtrip" in stages(parse_log(STYLES["baseline"], "x.log"))


def test_a_script_that_calls_its_sizes_by_its_own_name_is_read():
    log = parse_log(styles.trinity(), "x.log")
    assert (log.dialect, log.total_bytes, log.code_bytes) == ("int6", 15_882_813, (126_681,))
    assert list(stages(log))[-4:] == [
        "final_trinity_roundtrip",
        "final_trinity_sliding_window",
        "final_ttt",
        "final_slot",
    ]
    assert log.setting_int("prune_target_bytes") == 16_672_358  # 15.9 "MB" are MiB
    assert (log.setting_int("slot_steps"), log.setting_float("slot_lr"), log.setting_int("ttt_chunks")) == (
        24,
        0.024,
        1893,
    )
    assert parse_log(styles.trinity(adapted=None), "x.log").dialect == "int6"


def test_the_total_is_the_one_after_compression():
    log = parse_log(STYLES["baseline"], "x.log")
    assert (log.total_bytes, log.code_bytes, log.validation_tokens) == (15_863_489, (47_642,), 62_021_632)
    assert parse_log(STYLES["sp8192"], "x.log").code_bytes == (48_000, 16_630)
    raw = "".join(line for line in STYLES["baseline"].splitlines(True) if "int8+zlib" not in line)
    assert parse_log(raw, "x.log").total_bytes is None


def test_minutes_are_too_coarse_to_be_a_time():
    log = parse_log(STYLES["sp8192"], "x.log")
    assert all(step.elapsed_ms is None for step in log.steps)
    assert log.train_ms == 588_047


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("wrap", [styles.with_source, styles.stamped])
def test_source_and_time_stamps_are_no_output(style, wrap):
    plain, wrapped = parse_log(STYLES[style], "x.log"), parse_log(wrap(STYLES[style]), "x.log")
    assert wrapped.fingerprint == plain.fingerprint
    assert wrapped.hyperparameters == plain.hyperparameters
    assert wrapped.resumes == plain.resumes


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_encodings_of_other_systems_are_read(encoding, tmp_path):
    (tmp_path / "x.log").write_bytes(STYLES["int6"].replace("\n", "\r\n").encode(encoding))
    assert read_runs(tmp_path / "x.log")[0].fingerprint == parse_log(STYLES["int6"], "x.log").fingerprint


def test_a_file_of_several_runs_is_several():
    runs = parse_runs(styles.with_source(styles.int6(1)) + styles.with_source(styles.int6(2)) + styles.int6(3), "x.log")
    assert [(run.name, run.seed) for run in runs] == [("x.log", 1), ("x.log#2", 2), ("x.log#3", 3)]


def test_a_copy_of_a_run_is_that_run(tmp_path):
    (tmp_path / "train.log").write_text(styles.int6(1).replace("\n", "\r\n"))
    (tmp_path / "train_seed1.log").write_text(styles.int6(1))
    submission = read_submission(tmp_path)
    assert [log.name for log in submission.logs] == ["train_seed1.log"]
    assert submission.copies == (("train.log", "train_seed1.log"),)


def test_rules_of_one_script_judge_no_other(tmp_path):
    (tmp_path / "train.log").write_text(STYLES["int6"])
    checks = {finding.check for finding in audit_submission(read_submission(tmp_path)).findings}
    assert not checks & SCRIPT_RULES
    (tmp_path / "train.log").write_text(STYLES["ternary"])
    checks = {finding.check for finding in audit_submission(read_submission(tmp_path)).findings}
    assert checks >= SCRIPT_RULES


@pytest.mark.parametrize("name", styles.submissions())
def test_the_example_folders_are_what_our_writers_make(name):
    """If this fails: write ``styles.submissions()`` to ``tests/fixtures/submissions`` again."""
    found = {file.name: file.read_text() for file in (SUBMISSIONS / name).iterdir()}
    assert found == styles.submissions()[name]


DEFECTS = {
    "baseline": set(),
    "int6": {"text.headline", "text.mean"},
    "sp8192": set(),
    "ternary": {"evaluation.stride", "parameters.used", "ternary.zero_fraction"},
}


@pytest.mark.parametrize("name", DEFECTS)
def test_the_example_folders_have_the_defects_that_were_put_in(name):
    findings = audit(SUBMISSIONS / name).findings
    assert {finding.check for finding in findings if finding.verdict is Verdict.CONTRADICTED} == DEFECTS[name]


def test_trits_of_the_baselines_script_are_read_in_its_style(tmp_path):
    """The score is called as the ternary records call theirs; steps, settings and windows are the baseline's."""
    log = styles.baseline(7).replace("int8_zlib_roundtrip", "ternary_roundtrip")
    log += styles.score("final_sliding_window", 1.2011, " stride:64 eval_time:98000ms")
    log = log.replace(f"{styles.nats(1.2244):.8f}", f"{styles.nats(1.2244) * (1 + 5e-6):.8f}")  # other windows' ends
    found = parse_log(log, "x.log")
    assert (found.dialect, found.seed, found.gpus, found.total_bytes) == ("baseline", 7, 8, 15_863_489)
    (tmp_path / "train.log").write_text(log)
    (tmp_path / "README.md").write_text("# val_bpb: 1.2011\n")
    assert all(found.verdict is not Verdict.CONTRADICTED for found in audit(tmp_path).findings)
