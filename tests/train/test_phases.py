"""Where the time of a step goes: by a clock of our own on the CPU."""

import time

import torch

from tritgolf.train.phases import Phases


def test_phases_are_the_times_between_marks(monkeypatch):
    clock = iter(1_000_000 * time for time in (0, 9000, 10_000, 10_500, 10_750, 10_812))
    monkeypatch.setattr(time, "perf_counter_ns", lambda: next(clock))
    phases = Phases(torch.device("cpu"))
    assert phases.milliseconds() == {}
    phases.begin()  # a step that does not end
    phases.mark()
    assert phases.milliseconds() == {}
    phases.begin()
    for _ in range(3):
        phases.mark()
    assert phases.milliseconds() == {"gradients": 500.0, "average": 250.0, "update": 62.0}
