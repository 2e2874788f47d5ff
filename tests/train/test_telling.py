"""What a training says while it runs: a line a minute, the same in its log, and one where a signal stops it."""

import os
import pty
import subprocess
import sys
import termios

import pytest

from tests.small import RECORDS, REPOSITORY
from tritgolf.config.record import load_record
from tritgolf.progress import ONE_LINE
from tritgolf.train.loop import Preempted
from tritgolf.train.telling import Telling, telling

TRAIN = load_record("tiny", RECORDS, {"train": {"steps": 400, "checkpoints": []}}).train


class Clock:
    """Seconds that pass as a test says."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def lines(steps, seconds_a_step, told: Telling, clock: Clock):
    """A training hears itself: its loss falls by 0.01 a step from 5."""
    for step in steps:
        clock.seconds = step * seconds_a_step
        told.hear({"step": step, "training_seconds": clock.seconds, "loss": 5 - step / 100})


def test_the_first_line_comes_soon_and_then_one_a_minute(tmp_path, capsys):
    clock = Clock()
    told = Telling("tiny seed 42", TRAIN, bpb_of_a_nat=0.5, log=tmp_path / "train.log", now=clock)
    lines(range(1, 401), 0.5, told, clock)
    said = capsys.readouterr().err.splitlines()
    # After 10 s: the mean loss of steps 1 to 20, and 380 steps to go at 0.5 s each.
    assert said[0] == "tiny seed 42: step 20 of 400, loss 4.895, 2.448 BPB so far, 03:10 left"
    assert [line.split()[4] for line in said] == ["20", "140", "260", "380"]
    kept = [line.partition(" tiny")[2] for line in (tmp_path / "train.log").read_text().splitlines()]
    assert [f"tiny{line}" for line in kept[:-1]] == said
    assert "step 400 of 400" in kept[-1]  # that it has ended is kept, and seen without a line


def test_a_time_budget_ends_it_before_its_last_step(capsys):
    clock = Clock()
    told = Telling("x", TRAIN.model_copy(update={"seconds": 30.0}), now=clock)
    lines(range(1, 21), 0.5, told, clock)
    assert capsys.readouterr().err == "x: step 20 of 400, loss 4.895, 00:20 left\n"  # no BPB where bytes aren't known


@pytest.mark.parametrize("one_line", [True, False])
def test_a_stop_is_kept_and_said_unless_the_workflow_says_it(one_line, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(ONE_LINE, "1") if one_line else monkeypatch.delenv(ONE_LINE, raising=False)
    told = Telling("x", TRAIN, log=tmp_path / "train.log")
    with pytest.raises(Preempted), telling(told, is_main=True):
        raise Preempted("x: stopped after step 8; the same command continues there")
    assert (tmp_path / "train.log").read_text().endswith("x: stopped after step 8; the same command continues there\n")
    assert ("stopped" in capsys.readouterr().err) != one_line


BARS = """
import sys
from tests.train.test_telling import TRAIN
from tritgolf.train.telling import Telling, telling
with telling(Telling("outer", TRAIN), True) as outer, telling(Telling("inner", TRAIN), True) as inner:
    places = [told.bar.pos for told in (outer, inner)]
    inner.hear({"step": 200, "training_seconds": 1.0, "loss": 4.0})
    inner.bar.refresh()
print(*places)
"""


def test_in_a_terminal_each_seed_has_a_bar_of_its_own(tmp_path):
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 120))
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", BARS], cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=theirs, check=True
    )
    shown = os.read(ours, 1 << 16).decode()
    os.close(theirs)
    os.close(ours)
    assert ran.stdout.split() == [b"0", b"-1"]  # tqdm counts down from the first
    assert "outer" in shown and "inner" in shown and " 50%" in shown
