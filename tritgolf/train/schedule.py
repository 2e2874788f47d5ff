"""Learning-rate and momentum schedules, as pure functions of progress."""

from tritgolf.config.train import MuonConfig, TrainConfig


def lr_scale(train: TrainConfig, step: int, elapsed_seconds: float) -> float:
    """1, then linear to 0 over the last ``warmdown_fraction`` of the budget.

    The budget is time where there is a time budget (``elapsed_seconds`` of training before this step), else steps
    (``step`` is the number of steps already done). Source: #640, #920.
    """
    done, budget = (step, train.steps) if train.seconds is None else (elapsed_seconds, train.seconds)
    warmdown = train.warmdown_fraction * budget
    return 1.0 if warmdown == 0 else min(1.0, max(0.0, (budget - done) / warmdown))


def muon_momentum(muon: MuonConfig, step: int) -> float:
    """From ``momentum_start`` to ``momentum``, linearly over the first ``momentum_warmup_steps`` steps."""
    progress = min(1.0, step / muon.momentum_warmup_steps) if muon.momentum_warmup_steps else 1.0
    return muon.momentum_start + progress * (muon.momentum - muon.momentum_start)
