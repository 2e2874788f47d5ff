"""Many logs: what is found out about each is not found out again for every other one. Counted, not timed."""

from dataclasses import replace

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import JSON, TABLE, TITLE
from tritgolf.audit import auditor, intervals, submission, wholeness
from tritgolf.audit.checks import SUBMISSION_CHECKS
from tritgolf.audit.dialects import base
from tritgolf.audit.intervals import Interval, Printed, most_covered
from tritgolf.audit.log_lines import StepLine
from tritgolf.audit.logs import parse_log
from tritgolf.audit.submission import read_submission

FEW, MANY = 8, 16


class Counting(tuple):
    """Records that count how often they are gone through."""

    __slots__ = ()
    passes = 0

    def __iter__(self):
        Counting.passes += 1
        return super().__iter__()


def logs_of(count):
    log = parse_log(styles.int6(1), "train_seed1.log")
    return tuple(
        replace(log, name=f"train_seed{seed}.log", digest=str(seed), scores=Counting(log.scores),
                hyperparameters=log.hyperparameters | {"seed": str(seed)})
        for seed in range(1, count + 1)
    )  # fmt: skip


@pytest.mark.parametrize("function", [wholeness.is_whole, wholeness.has_every_score])
@pytest.mark.parametrize("key", ["series", "configuration"])
def test_whether_logs_are_whole_takes_as_many_keys_as_there_are_logs(function, key, monkeypatch):
    logs = [replace(log, name=f"{'abcdefghijklmnop'[at]}.log") for at, log in enumerate(logs_of(MANY))]
    found, told = [], getattr(wholeness, key)
    monkeypatch.setattr(wholeness, key, lambda log: found.append(log) or told(log))
    assert all(function(log, logs) for log in logs)
    assert len(found) <= 4 * MANY


def test_scores_are_gone_through_in_proportion_to_the_logs(tmp_path):
    made = read_submission(folder(tmp_path, styles.three(), TITLE + TABLE, JSON))
    passes = []
    for count in (FEW, MANY):
        before = Counting.passes
        SUBMISSION_CHECKS.apply(replace(made, logs=logs_of(count)), "made")
        passes.append(Counting.passes - before)
    assert passes[1] <= 2.2 * passes[0]


def test_a_run_is_itself_alone():
    log, again = (parse_log(styles.int6(1), "train.log") for _ in range(2))
    assert log != again
    assert len({log, again, log}) == 2


@pytest.mark.parametrize("record", [Printed, StepLine])
def test_records_of_which_a_log_has_millions_have_no_dictionary(record):
    step = parse_log(styles.int6(1), "train.log").steps[0]
    found = next(each for each in (step, step.loss) if isinstance(each, record))
    assert not hasattr(found, "__dict__")


def test_the_stretch_in_most_intervals_is_found_without_holding_each_to_each(monkeypatch):
    calls = []
    contains = Interval.contains
    monkeypatch.setattr(intervals.Interval, "contains", lambda *of: calls.append(of) or contains(*of))
    stretches = [Interval(at, at + 10.5) for at in range(MANY)] + [Interval(3.0, 4.0), Interval(30.0, 31.0)]
    assert most_covered(stretches) == Interval(10, 10.5)
    assert len(calls) <= 2 * len(stretches)


@pytest.fixture
def told(monkeypatch):
    """(what, of how many, unit) of each progress that is shown."""
    found = []

    def progress(items, *, what, unit):
        found.append((what, len(items), unit))
        return items

    for module in (auditor, submission, base):
        monkeypatch.setattr(module, "progress", progress)
    return found


def test_reading_and_checking_logs_are_told(tmp_path, told):
    auditor.audit(folder(tmp_path, styles.three(), TITLE + TABLE, JSON))
    assert told == [("read logs", 5, "files"), ("check logs", 3, "runs")]


@pytest.mark.parametrize("style", ["sp8192", "ternary", "gdn"])
def test_reading_a_single_long_log_is_told(style, told, monkeypatch):
    text = getattr(styles, style)()
    monkeypatch.setattr(base, "MANY", len(text.splitlines()) - 1)
    parse_log(text, "train.log")
    assert ("read a log", len(text.splitlines()), "lines") in told
