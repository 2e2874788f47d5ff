"""Logs as loggers, launchers, clusters and editors leave them: what stands before each line is no part of it."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tritgolf.audit.auditor import audit
from tritgolf.audit.checks.timing import stop_line_agrees
from tritgolf.audit.logs import parse_log, parse_runs
from tritgolf.audit.transcript import decode
from tritgolf.outcome import Verdict

PLAIN = styles.int6()
BEGINNINGS = (
    "2026-04-14 04:52:{:02d},134 - INFO - ",
    "[2026-04-14 04:52:{:02d},134][INFO] ",
    "2026-04-14 04:52:{:02d}.123 | INFO     | __main__:main:120 - ",
    "2026-04-14T04:52:{:02d}.123456789Z stdout F ",
    "2026-04-14 04:52:{:02d} UTC ",
    "04/14/2026 04:52:{:02d} ",
    "[04/14 04:52:{:02d} PM] ",
    "I0414 04:52:{:02d}.123456 1234 train.py:55] ",
    "Apr 14 04:52:{:02d} node1 python[123]: ",
    "[   {:02d}.250] ",
    "(04:52:{:02d}) ",
    "INFO:root:",
    "[INFO] ",
    "0: ",
    "[rank 0] ",
    "rank0: ",
    "rank=0 | ",
    "[GPU0] ",
    "[1,0]<stdout>:",
    "\x1b]0;training\x07\x1b[?25l",
)


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_what_stands_before_each_line_is_taken_off(beginning):
    text = "".join(beginning.format(at % 60) + line for at, line in enumerate(PLAIN.splitlines(True)))
    assert parse_log(text, "a.log").lines == parse_log(PLAIN, "a.log").lines


@pytest.mark.parametrize("beginning", BEGINNINGS[:11])
@pytest.mark.parametrize("stamped", [(1,), (0,), (1, 3)], ids=["the second", "the first", "two of four"])
def test_of_logs_in_one_file_some_may_have_times_before_their_lines(beginning, stamped, tmp_path):
    """Their lines are fewer than half: their scores were passed over, and a mean of them was accused."""
    plain = [styles.int6(seed, 1.16 + seed / 1000) for seed in range(1, 5)]
    logs = ["".join(beginning.format(at % 60) + line for at, line in enumerate(log.splitlines(True)))
            if run in stamped else log for run, log in enumerate(plain)]  # fmt: skip
    joined = [log.fingerprint for log in parse_runs("".join(logs), "all.log")]
    assert joined == [parse_log(log, "a.log").fingerprint for log in plain]


def test_a_line_here_and_there_that_begins_with_a_number_keeps_it():
    lines = PLAIN.splitlines(True)
    lines[5:5] = ["[12] is a layer\n", "[1.5] is a rate\n"]
    assert "[12] is a layer" in parse_log("".join(lines), "a.log").lines


@pytest.mark.parametrize("beginning", ["{}: ", "[rank {}] ", "[1,{}]<stdout>:", "[GPU{}] "])
def test_of_several_ranks_the_first_is_read(beginning):
    lines = PLAIN.splitlines(True)
    text = "".join(beginning.format(rank) + line.replace("loss:1", f"loss:{rank}") for line in lines for rank in (1, 0))
    assert parse_log(text, "a.log").lines == parse_log(PLAIN.replace("loss:1", "loss:0"), "a.log").lines


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le", "utf-16", "utf-32"])
def test_encodings_are_recognized(encoding):
    assert decode(PLAIN.encode(encoding)) == PLAIN


def verdicts(path, logs, bpb=1.1705):
    rows = {seed: (score, 15_700_000) for seed, score in styles.SEEDS.items()}
    readme = f"# Record: a model\n\n**val_bpb: {bpb}** (mean of three seeds)\n\n{styles.table(rows, str(bpb))}"
    findings = audit(folder(path, logs, readme, {"val_bpb": bpb, "seeds": [1, 2, 3]})).findings
    return {finding.check: finding.verdict for finding in findings}


def headless(log):
    """A log without the first lines, which tell where a run begins."""
    return log[log.index("train_batch_tokens") :]


def test_runs_one_after_another_without_a_header_are_told_apart_where_steps_are_counted_anew():
    steps = "".join(f"step:{step}/9 train_loss:2.{step} train_time:{step}ms\n" for step in range(1, 10))
    assert [len(run.steps) for run in parse_runs(steps + steps, "train.log")] == [9, 9]
    inner = steps.replace("/9", "/20")
    assert len(parse_runs(steps + inner, "train.log")) == 1, "an adaptation counts its own steps"


def test_a_seed_that_a_log_names_is_not_said_to_be_missing(tmp_path):
    together = {"train": "".join(map(headless, styles.three().values()))}
    assert Verdict.CONTRADICTED not in verdicts(tmp_path, together).values()


def test_settings_with_a_space_behind_the_colon_are_read():
    log = parse_log(PLAIN.replace("seed:42", "seed: 42").replace("world_size:8", "world_size: 8"), "a.log")
    assert (log.seed, log.gpus) == (42, 8)


UNITS = {
    "612345ms": Verdict.CONTRADICTED,
    "612,345ms": Verdict.CONTRADICTED,
    "612.345s": Verdict.CONTRADICTED,
    "612.345": Verdict.CANT_TELL,
    "10.21min": Verdict.CANT_TELL,
}


@pytest.mark.parametrize(("time", "verdict"), UNITS.items())
def test_a_time_without_a_unit_is_no_time(time, verdict, tmp_path):
    logs = {name: log.replace("599950ms", time) for name, log in styles.three().items()}
    assert verdicts(tmp_path, logs)["timing.limit"] is verdict


def test_an_evaluation_time_without_a_unit_is_no_time():
    log = parse_log(PLAIN.replace("eval_time:74066ms", "eval_time:774.1"), "a.log")
    assert max(log.evaluation_seconds) < 10  # that of the roundtrip


def test_a_time_in_rounded_seconds_is_not_another_than_the_one_in_milliseconds():
    text = PLAIN.replace("wallclock_cap train_time:599950ms", "wallclock_cap train_time:599.9s")
    assert stop_line_agrees(parse_log(text.replace("599.9s", "599.95s"), "a.log")).verdict is Verdict.HOLDS
    assert stop_line_agrees(parse_log(text.replace("599.9s", "598.95s"), "a.log")).verdict is Verdict.CONTRADICTED


def test_the_seed_of_a_log_that_prints_none_is_that_of_its_name(tmp_path):
    logs = {name: log.replace(f"seed:{name[-1]}\n", "") for name, log in styles.three().items()}
    logs["train_seed3"] = logs["train_seed3"].replace("15700000", "16186500")
    assert verdicts(tmp_path, logs, bpb=1.1667)["budget.limit"] is Verdict.CONTRADICTED


def test_sizes_in_two_units_and_scores_between_bars_are_read():
    text = PLAIN.replace("int6+zstd: 15700000 bytes", "int6+zstd: 14.97 MiB (15700000 bytes)")
    text = "".join(line.replace(" ", " | ") if line.startswith("final_") else line for line in text.splitlines(True))
    assert parse_log(text, "a.log").fingerprint == parse_log(PLAIN, "a.log").fingerprint
