"""Times in submission.json: found among the clocks of the logs, or left open; wrong is only what no clock allows."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tritgolf.audit.auditor import audit
from tritgolf.audit.json_times import stated_times
from tritgolf.outcome import Verdict

HOLDS, OPEN, WRONG = Verdict.HOLDS, Verdict.CANT_TELL, Verdict.CONTRADICTED
README = "# val_bpb: 1.1709\n"
EXACT = {"val_bpb": 1.1709001, "seeds": [42]}


def verdict(path, logs, facts, readme=README):
    made = folder(path, logs, readme, facts)
    return next(finding.verdict for finding in audit(made).findings if finding.check == "json.times")


def exact(train_ms=599950, **edits):
    """A run whose score has seven digits."""
    return styles.int6(42, 1.1709001, **edits).replace("599950", str(train_ms)).replace("1.17090010", "1.1709001")


@pytest.mark.parametrize(("name", "clock", "is_summary"), [
    ("train_time_ms", "training", False),
    ("training_time_seconds", "training", False),
    ("wallclock_seconds", "training", False),
    ("wallclock_train_s", "training", False),
    ("train_time_s_mean", "training", True),
    ("train_wallclock_seconds_max", "training", True),
    ("mean_eval_seconds", "evaluation", True),
    ("ttt_eval_time_s", "evaluation", False),
    ("train_time", None, None),  # in which unit?
    ("gptq_reserve_seconds", None, None),
    ("eval_cap_seconds", None, None),
    ("train_time_s_std", None, None),
    ("train_eval_seconds", None, None),
    ("seconds", None, None),
])  # fmt: skip
def test_a_time_is_told_by_the_words_of_its_name(name, clock, is_summary):
    found = [(time.clock, time.is_summary) for time in stated_times({name: 599.95})]
    assert found == ([(clock, is_summary)] if clock else [])


@pytest.mark.parametrize(("field", "value", "expected"), [
    ("train_time_ms", 599950, HOLDS),
    ("train_time_s", 599.95, HOLDS),
    ("train_time_s", 599.9, HOLDS),  # cut off
    ("wallclock_seconds", 600, HOLDS),
    ("training_time_seconds", 588, OPEN),  # a rough figure, a limit
    ("train_time_s", 588.31, WRONG),
    ("train_time_ms", 588310, WRONG),
    ("train_time_ms", 599.95, OPEN),  # seconds
    ("train_time_s", 9.999, OPEN),  # minutes
    ("train_time_s", 612.34, OPEN),  # a clock around the script
    ("train_time_s", 599.4, OPEN),  # 2,000 steps of 299.7 ms
    ("eval_time_s", 74.066, HOLDS),
    ("eval_time_ms", 74066, HOLDS),
    ("eval_time_seconds", 80.6, HOLDS),  # both evaluations
    ("eval_time_s", 60.2, OPEN),  # it may have been run again
    ("memory_s", 60.2, OPEN),
])  # fmt: skip
def test_a_time_of_the_submission_is_held_to_its_run(field, value, expected, tmp_path):
    assert verdict(tmp_path, {"train": exact()}, EXACT | {field: value}) is expected


def test_a_score_of_few_digits_may_be_of_a_repetition_that_took_another_time(tmp_path):
    facts = {"val_bpb": 1.1709, "train_time_s": 588.31}
    assert verdict(tmp_path, {"train": styles.int6(42, 1.1709)}, facts) is OPEN


@pytest.mark.parametrize("line", ["eager time: 588.31s", "eager time: 588,310 ms", "gptq took 11640ms"])
def test_a_time_that_another_line_of_the_log_has_or_makes_up_is_open(line, tmp_path):
    assert verdict(tmp_path, {"train": exact() + line + "\n"}, EXACT | {"train_time_s": 588.31}) is OPEN


def test_a_clock_that_was_read_again_after_the_stop_is_not_the_shortest(tmp_path):
    log = exact().replace("cap train_time:599950ms", "cap train_time:580000ms")
    assert verdict(tmp_path, {"train": log}, EXACT | {"train_time_s": 588.31}) is OPEN


def test_a_run_that_no_clock_stopped_may_have_been_repeated(tmp_path):
    log = "".join(line for line in exact().splitlines(True) if not line.startswith("stopping"))
    assert verdict(tmp_path, {"train": log}, EXACT | {"train_time_s": 588.31}) is OPEN


def seeds(**times):
    """Three seeds' scores in seven digits, and what their rows have besides."""
    rows = {str(seed): {"val_bpb": round(bpb + 1e-7, 7)} for seed, bpb in styles.SEEDS.items()}
    return rows | {seed: rows.get(seed, {}) | row for seed, row in times.items()}


LOGS = {
    f"train_seed{seed}": styles.int6(seed, bpb + 1e-7).replace("599950", str(599950 + 10 * seed))
    for seed, bpb in styles.SEEDS.items()
}


@pytest.mark.parametrize(("times", "expected"), [
    ({"1": 599.96, "2": 599.97, "3": 599.98}, HOLDS),
    ({"1": 599.96, "2": 599.96, "3": 599.98}, OPEN),  # another run's, and so near that steps may make it
    ({"1": 599.96, "2": 588.31, "3": 599.98}, WRONG),
    ({"1": 599.96, "2": 588, "3": 599.98}, OPEN),
])  # fmt: skip
def test_times_by_seed_are_held_to_the_logs_of_their_seeds(times, expected, tmp_path):
    scores = seeds()
    rows = {seed: scores[seed] | {"train_time_s": time} for seed, time in times.items()}
    assert verdict(tmp_path / "rows", LOGS, {"val_bpb": 1.1705001, "seed_results": rows}) is expected
    by_seed = {"val_bpb": 1.1705001, "seed_results": scores, "train_time_s_by_seed": times}
    assert verdict(tmp_path / "field", LOGS, by_seed) is expected


@pytest.mark.parametrize("name", ["again_seed2", "train_seed2_again"])
def test_a_time_of_a_seed_of_which_there_are_two_runs_is_open(name, tmp_path):
    again = styles.int6(2, 1.18).replace("train_loss:2", "train_loss:1")
    facts = {"val_bpb": 1.1705001, "seed_results": seeds(**{"2": {"train_time_s": 588.31}})}
    assert verdict(tmp_path, LOGS | {name: again}, facts) is OPEN


@pytest.mark.parametrize(("field", "value", "expected"), [
    ("train_time_s_mean", 599.97, HOLDS),
    ("train_time_s_max", 599.98, HOLDS),
    ("train_time_s_mean", 588.31, WRONG),
    ("eval_time_s_mean", 80.628, HOLDS),
    ("eval_time_s_mean", 80.5, OPEN),
])  # fmt: skip
def test_means_of_times_are_those_of_the_runs(field, value, expected, tmp_path):
    facts = {"val_bpb": 1.1705001, "seed_results": seeds(), field: value}
    assert verdict(tmp_path, LOGS, facts, "# val_bpb: 1.1705001 (mean)\n") is expected


def test_a_time_of_a_run_without_a_log_is_open(tmp_path):
    facts = {"val_bpb": 1.1705001, "seed_results": seeds(**{"4": {"val_bpb": 1.17, "train_time_s": 588.31}})}
    assert verdict(tmp_path, LOGS, facts) is OPEN


@pytest.mark.parametrize(("size", "expected"), [({}, OPEN), ({"bytes_total": 15_700_000}, WRONG)])
def test_a_score_of_five_digits_is_of_one_run_where_its_size_stands_beside_it(size, expected, tmp_path):
    row = {"val_bpb": 1.17112, "train_time_s": 588.31, **size}
    facts = {"val_bpb": 1.1705001, "seed_results": seeds() | {"2": row}}
    assert verdict(tmp_path, LOGS | {"train_seed2": styles.int6(2, 1.17112)}, facts) is expected
