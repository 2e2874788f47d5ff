"""Where a run goes on: its last sound state, its clock, and what has trained it so far."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritgolf import checkpoint
from tritgolf.errors import InputError
from tritgolf.ranks import Ranks
from tritgolf.train.trainer import Trainer


class Clock:
    """Training time, agreed by all ranks: ``elapsed`` seconds up to the last agreement, then extrapolated by pace."""

    def __init__(self, ranks: Ranks, step: int, elapsed: float, pace: float) -> None:
        self.ranks, self.step, self.elapsed, self.pace, self.running = ranks, step, elapsed, pace, 0.0

    def now(self, step: int) -> float:
        """Seconds of training before ``step``; the same on every rank."""
        return self.elapsed + self.pace * (step - self.step)

    def agree(self, step: int, terminated: bool) -> bool:
        """Agree on the time after ``step`` steps, and on whether any rank was told to stop."""
        elapsed, stop = self.ranks.agree([self.elapsed + self.running, float(terminated)])
        if step > self.step:
            self.pace = (elapsed - self.elapsed) / (step - self.step)
        self.step, self.elapsed, self.running = step, elapsed, 0.0
        return bool(stop)


def resumed(
    trainer: Trainer, live: Path, configuration: str
) -> tuple[int, Clock, Callable[[int], list[dict[str, Any]]]]:
    """Load the newest sound state in ``live``, if any: the steps done, the clock, and ``stretches`` up to a step."""
    ranks = trainer.ranks
    state = checkpoint.latest(live, configuration)
    step = 0 if state is None else int(state.facts["step"])
    _check_same_state(live, ranks, -1 if state is None else step)
    devices = ranks.devices()
    if state is None:
        return 0, Clock(ranks, 0, 0.0, 0.0), functools.partial(stretches, [], devices)
    trainer.load_state(state.tensors)
    older = [{"to_step": step, "devices": ["unknown"]}]  # a state of a version that didn't say it
    clock = Clock(ranks, step, float(state.facts["seconds"]), float(state.facts["pace"]))
    return step, clock, functools.partial(stretches, state.facts.get("trained_on", older), devices)


def stretches(before: list[dict[str, Any]], devices: list[str], step: int) -> list[dict[str, Any]]:
    """What trained up to ``step``, by stretch of steps: ``to_step``, its last, and the ``devices`` of its ranks.

    ``before``: the stretches up to the state at which this process went on, ``devices``: those of its ranks.
    """
    earlier = before[:-1] if before and before[-1]["devices"] == devices else before
    if earlier and earlier[-1]["to_step"] == step:  # all was trained already
        return earlier
    return [*earlier, {"to_step": step, "devices": devices}]


def _check_same_state(live: Path, ranks: Ranks, step: int) -> None:
    """Every rank looks for itself: where files come late or can't be read, one could go on from another state."""
    newest, oldest = ranks.agree([step, -step])
    if newest != -oldest:
        raise InputError(
            live,
            f"one rank finds a state after step {newest:.0f} there, another one only after step {max(-oldest, 0):.0f}",
            "let all nodes see the same folder, then run the same command again",
        )
