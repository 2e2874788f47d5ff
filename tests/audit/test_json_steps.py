"""Steps in submission.json: those at which a log's training ended, or left open; wrong is what no reading allows."""

import re

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tritgolf.audit.auditor import audit
from tritgolf.audit.json_steps import stated_steps
from tritgolf.outcome import Verdict

HOLDS, OPEN, WRONG = Verdict.HOLDS, Verdict.CANT_TELL, Verdict.CONTRADICTED
EXACT = {"val_bpb": 1.1709001, "seeds": [42]}


def verdict(path, logs, facts, readme="# val_bpb: 1.1709\n"):
    made = folder(path, logs, readme, facts)
    return next(finding.verdict for finding in audit(made).findings if finding.check == "json.steps")


def run(seed=42, bpb=1.1709, steps=1995):
    """A run that is stopped at a step; its score has seven digits."""
    return styles.int6(seed, bpb + 1e-7).replace("step:2000/", f"step:{steps}/")


def unstopped(text):
    return "".join(line for line in text.splitlines(True) if not line.startswith("stopping"))


@pytest.mark.parametrize(("name", "summary"), [
    ("steps", ""),
    ("train_steps", ""),
    ("training_steps_completed", ""),
    ("step_stop", ""),
    ("stop_step", ""),
    ("train_steps_mean", "mean"),
    ("mean_steps", "mean"),
    ("step_stop_min", "min"),
    ("step_stop_max", "max"),
    ("max_steps", None),  # a limit
    ("iterations", None),
    ("warmup_steps", None),
    ("ttt_steps", None),
    ("eval_steps", None),
    ("total_steps", None),  # of the schedule?
    ("grad_accum_steps", None),
    ("step_avg_ms", None),
    ("ms_per_step", None),
    ("steps_std", None),
])  # fmt: skip
def test_steps_of_training_are_told_by_their_name(name, summary):
    assert [steps.summary for steps in stated_steps({name: 1995})] == ([] if summary is None else [summary])


@pytest.mark.parametrize("facts", [
    {"steps_per_seed": {"1": 1995}},
    {"train_steps_by_seed": {"seed_1": 1995}},
    {"seed_results": {"1": {"val_bpb": 1.17, "steps": 1995}}},
    {"per_seed": [{"seed": 1, "stop_step": 1995}, {"seed": 2}]},
    {"seed_1": {"steps": 1995}},
])  # fmt: skip
def test_steps_are_read_by_seed(facts):
    assert [(steps.figure.seed, steps.figure.printed.text) for steps in stated_steps(facts)] == [(1, "1995")]


@pytest.mark.parametrize("value", [0, -1, None, "1995", True, [1995]])
def test_what_is_no_count_is_not_read(value):
    assert not list(stated_steps({"steps": value}))


@pytest.mark.parametrize(("value", "expected"), [
    (1995, HOLDS),
    (1995.0, HOLDS),
    (1987, WRONG),
    (2013, WRONG),
    (1987.5, OPEN),
    (1994, OPEN),  # counted from 0
    (1996, OPEN),
    (1997, OPEN),  # with two steps of warm-up
    (1990, OPEN),  # rounded
    (2000, OPEN),
    (2010, WRONG),  # not to tens
    (1600, OPEN),  # a step of the log
    (20000, OPEN),  # the limit
    (997, OPEN),  # a half: of another phase
    (15960, OPEN),  # of all GPUs
])  # fmt: skip
@pytest.mark.parametrize("field", ["steps", "step_stop"])
def test_steps_of_a_submission_are_held_to_its_run(field, value, expected, tmp_path):
    assert verdict(tmp_path, {"train": run()}, EXACT | {field: value}) is expected


def test_a_run_that_was_not_stopped_ends_at_its_last_step(tmp_path):
    log = unstopped(run(steps=2000)).replace("/20000", "/2000")
    assert verdict(tmp_path / "last", {"train": log}, EXACT | {"steps": 2000}) is HOLDS
    assert verdict(tmp_path / "other", {"train": log}, EXACT | {"steps": 1987}) is OPEN


def test_a_log_that_is_cut_does_not_tell_where_training_ended(tmp_path):
    log = unstopped(run(steps=2000)).partition("peak memory")[0]
    assert verdict(tmp_path, {"train": log}, EXACT | {"steps": 2000}) is OPEN


@pytest.mark.parametrize("line", [
    "swa: averaged up to step 1987",
    "trained 1,987 steps",
    "loaded checkpoint of the first 8 steps",
    "stopping_early: wallclock_cap train_time:9ms step:120/200",  # a second training
    "step:2400/20000 train_loss:1.9000 train_time:9ms step_avg:9.00ms",
])  # fmt: skip
def test_a_log_that_tells_of_other_steps_contradicts_nothing(line, tmp_path):
    assert verdict(tmp_path, {"train": run() + line + "\n"}, EXACT | {"steps": 1987}) is OPEN


def test_a_mean_may_be_of_more_runs_than_the_one_that_has_a_log(tmp_path):
    assert verdict(tmp_path, {"train": run()}, EXACT | {"steps_mean": 1987}) is OPEN


def test_a_score_of_few_digits_may_be_of_a_repetition(tmp_path):
    assert verdict(tmp_path, {"train": run()}, {"val_bpb": 1.1709, "seeds": [42], "steps": 1987}) is OPEN


STOPS = {1: 1995, 2: 1991, 3: 1998}
LOGS = {f"train_seed{seed}": run(seed, styles.SEEDS[seed], steps) for seed, steps in STOPS.items()}
SCORES = {str(seed): {"val_bpb": round(bpb + 1e-7, 7)} for seed, bpb in styles.SEEDS.items()}


def rows(**more):
    """The rows of three seeds, with what they have besides."""
    return {"val_bpb": 1.1705001, "seed_results": {seed: SCORES[seed] | more.get(seed, {}) for seed in SCORES}}


@pytest.mark.parametrize(("steps", "expected"), [
    ({"1": 1995, "2": 1991, "3": 1998}, HOLDS),
    ({"1": 1995, "2": 1991}, HOLDS),
    ({"1": 1995, "2": 1998, "3": 1991}, WRONG),  # of each other
    ({"1": 1995, "2": 1983, "3": 1998}, WRONG),
    ({"1": 1995, "2": 2000, "3": 1998}, WRONG),  # the others are not rounded
    ({"1": 2000, "2": 2000, "3": 2000}, OPEN),
    ({"1": 1995, "2": 1992, "3": 1998}, OPEN),
])  # fmt: skip
def test_steps_by_seed_are_held_to_the_logs_of_their_seeds(steps, expected, tmp_path):
    of_rows = rows(**{seed: {"steps": count} for seed, count in steps.items()})
    assert verdict(tmp_path / "rows", LOGS, of_rows) is expected
    assert verdict(tmp_path / "field", LOGS, rows() | {"steps_per_seed": steps}) is expected


def test_steps_of_a_seed_of_which_there_are_two_runs_are_those_of_either(tmp_path):
    logs = LOGS | {"again_seed2": run(2, 1.18, 1979)}
    for steps, expected in ((1991, HOLDS), (1979, HOLDS), (1983, OPEN)):
        assert verdict(tmp_path / str(steps), logs, rows(**{"2": {"steps": steps}})) is expected


def test_steps_of_a_run_without_a_log_are_open(tmp_path):
    facts = rows()
    facts["seed_results"]["4"] = {"val_bpb": 1.17, "steps": 1983}
    assert verdict(tmp_path, LOGS, facts) is OPEN


@pytest.mark.parametrize(("row", "expected"), [
    ({"val_bpb": 1.1711}, OPEN),
    ({"val_bpb": 1.1711, "val_bpb_exact": 1.1711001}, WRONG),
    ({"val_bpb": 1.17110, "artifact_bytes": 15_700_002}, OPEN),  # four digits: JSON drops the zero
    ({"val_bpb": 1.17112, "artifact_bytes": 15_700_002}, WRONG),
    ({"val_bpb": 1.17112, "artifact_bytes": 15_700_000}, OPEN),
    ({"artifact_bytes": 15_700_002}, OPEN),
    ({"val_bpb": 1.1799001}, OPEN),  # of another run
])  # fmt: skip
def test_a_row_is_surely_of_a_run_by_its_exact_score_or_by_score_and_size(row, expected, tmp_path):
    log = run(2, 1.17112 if row.get("val_bpb") == 1.17112 else 1.1711, 1991)
    log = re.sub(r"(Total submission size int6\+zstd): \d+", r"\1: 15700002", log)
    facts = rows()
    facts["seed_results"]["2"] = row | {"steps": 1983}
    assert verdict(tmp_path, LOGS | {"train_seed2": log}, facts) is expected


@pytest.mark.parametrize(("field", "value", "expected"), [
    ("train_steps_mean", 1994.67, HOLDS),
    ("steps", 1994.67, HOLDS),
    ("steps", 1995, HOLDS),
    ("steps", 1983, OPEN),  # of which run?
    ("train_steps_mean", 1991, OPEN),
    ("train_steps_mean", 1983, OPEN),
    ("step_stop_min", 1991, HOLDS),
    ("step_stop_max", 1998, HOLDS),
    ("step_stop_max", 1991, OPEN),
])  # fmt: skip
def test_steps_of_several_runs_are_one_of_them_or_what_their_name_says(field, value, expected, tmp_path):
    assert verdict(tmp_path, LOGS, rows() | {field: value}, "# val_bpb: 1.1705001 (mean)\n") is expected


def test_a_mean_of_more_runs_than_have_logs_is_open(tmp_path):
    facts = {"val_bpb": 1.1667001, "seeds": [1, 2, 3], "train_steps_mean": 1995}
    assert verdict(tmp_path, {"train_seed1": LOGS["train_seed1"]}, facts) is OPEN
