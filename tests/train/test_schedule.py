import pytest

from tests.small import RECORDS, small_training
from tritgolf.config.record import load_record
from tritgolf.config.train import MuonConfig
from tritgolf.train.schedule import lr_scale, muon_momentum


@pytest.mark.parametrize(
    ("step", "scale"), [(0, 1.0), (80, 1.0), (85, 1.0), (90, 2 / 3), (95, 1 / 3), (99, 1 / 15), (100, 0.0), (200, 0.0)]
)
def test_a_step_budget_by_hand(step, scale):
    train = small_training(steps=100, checkpoints=(), warmdown_fraction=0.15)
    assert lr_scale(train, step, elapsed_seconds=1e9) == pytest.approx(scale)


@pytest.mark.parametrize(
    ("seconds", "scale"), [(0.0, 1.0), (479.2, 1.0), (539.1, 0.5), (569.05, 0.25), (599.0, 0.0), (601.0, 0.0)]
)
def test_a_time_budget_by_hand(seconds, scale):
    """#640: the last 20 % of 599 s, whatever the step."""
    train = load_record("ternary_v1", RECORDS).train
    assert lr_scale(train, 9_999, seconds) == pytest.approx(scale)


def test_the_budgets_of_the_records():
    v1, v2, long = (load_record(name, RECORDS).train for name in ("ternary_v1", "ternary_v2", "ternary_100k"))
    assert (v1.seconds, v1.warmdown_fraction, v1.steps) == (599, 0.20, 10_000)
    assert (v2.seconds, v2.warmdown_fraction, v2.steps) == (600, 0.15, 10_000)
    assert (long.seconds, long.warmdown_fraction, long.steps) == (None, 0.15, 100_000)
    for train in (v1, v2, long):
        assert (train.batch_tokens, train.muon.lr, train.adam.table_lr, train.adam.vector_lr) == (
            524_288,
            0.04,
            0.02,
            0.02,
        )
        assert (train.adam.betas, train.adam.epsilon, train.z_loss) == ((0.9, 0.95), 1e-8, 1e-4)


def test_a_warmdown_may_be_nothing_or_everything():
    assert lr_scale(small_training(warmdown_fraction=0.0), 11, 0.0) == 1.0
    assert lr_scale(small_training(warmdown_fraction=1.0), 3, 0.0) == 0.75


@pytest.mark.parametrize(
    ("step", "momentum"), [(0, 0.85), (1, 0.8502), (250, 0.90), (500, 0.95), (501, 0.95), (10_000, 0.95)]
)
def test_momentum_warms_up_over_500_steps(step, momentum):
    assert muon_momentum(MuonConfig(), step) == pytest.approx(momentum)


def test_momentum_may_start_warm():
    assert muon_momentum(MuonConfig(momentum_warmup_steps=0), 0) == 0.95
