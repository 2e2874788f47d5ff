"""Learning rate, momentum and phase as pure functions of progress."""

from tritgolf.config.train import MuonConfig, TrainConfig
from tritgolf.model.phase import Phase


def lr_scale(train: TrainConfig, step: int, elapsed_seconds: float) -> float:
    """1, then linear to 0 over the last ``warmdown_fraction`` of the budget, or its last ``warmdown_steps``.

    The budget is time where there is a time budget (``elapsed_seconds`` of training before this step), less what is
    reserved of it, else steps (``step`` is the number of steps already done). In time, a step of the warmdown is
    as long as those before were on average. Source: #640, #920, #1716; #1019.
    """
    done, budget = _done_of_budget(train, step, elapsed_seconds)
    warmdown = train.warmdown_fraction * budget
    if train.warmdown_steps is not None:
        warmdown = train.warmdown_steps * (done / max(step, 1) if train.seconds is not None else 1)
    return 1.0 if warmdown == 0 else min(1.0, max(0.0, (budget - done) / warmdown))


def progress(train: TrainConfig, step: int, elapsed_seconds: float) -> float:
    """The share of the budget that is used before a step: of the time, where that is the budget, else of the steps."""
    done, budget = _done_of_budget(train, step, elapsed_seconds)
    return done / budget


def is_time_up(train: TrainConfig, elapsed_seconds: float) -> bool:
    """Whether the time budget, less what is reserved of it, is used up; never where there is none."""
    return train.seconds is not None and elapsed_seconds >= train.seconds - train.reserve_seconds


def phase_at(train: TrainConfig, progress: float, lr_scale: float = 1.0) -> Phase:
    """The phase of the step before which ``progress`` of the budget is used and whose ``lr_scale`` is this.

    Whatever began goes on: they must be the most progress, and the least scale, up to this step.
    """
    start = train.start
    late = start.qat_lr_below is not None and lr_scale >= start.qat_lr_below
    return Phase(progress >= start.recurrence, progress >= start.qat and not late)


def phases(train: TrainConfig) -> list[Phase]:
    """All phases of a run, in their order, as if learning rates fell after all that begins at a share of the budget."""
    shares = sorted({0.0, train.start.recurrence, train.start.qat})
    return list(dict.fromkeys([*(phase_at(train, share) for share in shares), phase_at(train, 1.0, 0.0)]))


def muon_momentum(muon: MuonConfig, step: int) -> float:
    """From ``momentum_start`` to ``momentum``, linearly over the first ``momentum_warmup_steps`` steps."""
    progress = min(1.0, step / muon.momentum_warmup_steps) if muon.momentum_warmup_steps else 1.0
    return muon.momentum_start + progress * (muon.momentum - muon.momentum_start)


def _done_of_budget(train: TrainConfig, step: int, elapsed_seconds: float) -> tuple[float, float]:
    if train.seconds is None:
        return step, train.steps
    return elapsed_seconds, train.seconds - train.reserve_seconds
