"""Where the time of a step goes: by a clock of our own on the CPU."""

import time

import pytest
import torch

from tritgolf.ranks import Ranks
from tritgolf.train import loop
from tritgolf.train.step_timing import FASTEST, IN_A_ROW, PHASES, SLOWEST, Phases, complaint
from tritgolf.train.training_log import read_curve


def test_phases_are_the_times_between_marks(monkeypatch):
    clock = iter(1_000_000 * time for time in (0, 9000, 10_000, 10_500, 10_750, 10_812))
    monkeypatch.setattr(time, "perf_counter_ns", lambda: next(clock))
    phases = Phases(torch.device("cpu"))
    assert phases.milliseconds() == {}
    phases.begin()  # a step that does not end
    phases.end("gradients")
    assert phases.milliseconds() == {}
    phases.begin()
    for phase in PHASES:
        phases.end(phase)
    assert phases.milliseconds() == {"gradients": 500.0, "average": 250.0, "update": 62.0}


def phases_of(gradients: float, average: float, slowest: float, fastest: float) -> dict[str, float]:
    return {"gradients": gradients, "average": average, "update": 5.0, SLOWEST: slowest, FASTEST: fastest}


@pytest.mark.parametrize(
    ("phases", "told"),
    [
        (phases_of(150, 2, 151, 149), None),
        (phases_of(150, 455, 151, 149), "averaging over ranks takes 454 of 610 ms"),
        (phases_of(150, 455, 600, 149), "600 ms on one GPU and 149 ms on another"),  # this one waits for a slow rank
        (phases_of(600, 2, 600, 149), "600 ms on one GPU and 149 ms on another"),  # this one is the slow rank
        (phases_of(150, 30, 176, 150), None),  # a sixth of a step apart
    ],
    ids=["sound", "connection", "another slow", "itself slow", "a little slow"],
)
def test_what_takes_too_much_of_a_step_is_told(phases, told):
    found = complaint(phases)
    assert (found is None) if told is None else (found is not None and told in found)


def test_a_run_warns_once_and_only_of_what_lasts(plan, alone, monkeypatch, capsys):
    """On GPUs, feigned: of the logged steps the first complains, the second doesn't, all others do."""
    slow, sound = phases_of(150, 455, 151, 149), phases_of(150, 2, 151, 149)
    steps = iter([slow, sound])
    monkeypatch.setattr(loop, "agreed_times", lambda _: next(steps, slow))
    monkeypatch.setattr(Ranks, "on_gpus", True)
    loop.run(plan, alone)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert "averaging over ranks takes 454 of 610 ms a step; NCCL_DEBUG=INFO" in line
    logged = [line["step"] for line in read_curve(plan.live / "metrics.jsonl")]
    assert f"step {logged[1 + IN_A_ROW]:,}:" in line
