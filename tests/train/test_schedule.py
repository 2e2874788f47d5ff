import json

import pytest

from tests.small import RECORDS, REPOSITORY, small_training
from tritgolf.config.record import load_record
from tritgolf.config.settings import validate
from tritgolf.config.train import MuonConfig, StartConfig, TrainConfig
from tritgolf.errors import InputError
from tritgolf.model.phase import Phase
from tritgolf.train.schedule import is_time_up, lr_scale, muon_momentum, phase_at, phases, progress

PUBLISHED = json.loads((REPOSITORY / "tests" / "parity" / "optim_1716.json").read_text())  # of #1716
RESERVED = TrainConfig(seconds=600, reserve_seconds=12, warmdown_fraction=0.72, steps=20_000)


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


def test_time_that_is_reserved_is_no_part_of_the_budget():
    for milliseconds, share in PUBLISHED["fraction_by_time_588s"]:
        assert progress(RESERVED, 0, milliseconds / 1000) == pytest.approx(share)
    for point in PUBLISHED["schedule"]:
        assert lr_scale(RESERVED, 0, 588 * point["fraction"]) == pytest.approx(point["lr_factor"], abs=1e-12)
    assert [is_time_up(RESERVED, seconds) for seconds in (587.9, 588.0, 588.1)] == [False, True, True]
    assert not is_time_up(small_training(), 1e9)


def test_progress_is_that_of_the_steps_without_a_time_budget():
    train = small_training(steps=50, checkpoints=(), warmdown_fraction=0.72)
    for step, share, scale in PUBLISHED["fraction_by_steps_of_50"]:
        assert progress(train, step, 1e9) == pytest.approx(share)
        assert lr_scale(train, step, 1e9) == pytest.approx(scale, abs=1e-12)


def test_the_momentum_of_1716():
    muon = MuonConfig(momentum_start=0.92, momentum=0.99, momentum_warmup_steps=1500)
    for step, momentum in PUBLISHED["muon_momentum"]:
        assert muon_momentum(muon, step) == pytest.approx(momentum, rel=1e-12)


def test_recurrence_begins_with_the_first_step_at_or_after_its_share():
    train = small_training(start=StartConfig(recurrence=0.35))
    shares = (0.0, 8 / 24, 0.35, 9 / 24, 1.0)
    assert [phase_at(train, share).recurrence for share in shares] == [False, False, True, True, True]
    assert phases(train) == [Phase(), Phase(recurrence=True)]
    assert phases(small_training()) == [Phase(recurrence=True)]  # from the beginning on


def test_quantization_begins_at_a_share_or_below_a_factor():
    by_share = small_training(start=StartConfig(recurrence=0.35, qat=0.85))
    assert phases(by_share) == [Phase(qat=False), Phase(True, qat=False), Phase(True)]
    assert [phase_at(by_share, share).qat for share in (0.0, 0.84, 0.85, 1.0)] == [False, False, True, True]
    by_factor = small_training(start=StartConfig(qat_lr_below=0.15))
    assert phases(by_factor) == [Phase(True, qat=False), Phase(True)]
    assert [phase_at(by_factor, 0.99, scale).qat for scale in (1.0, 0.15, 0.1499, 0.0)] == [False, False, True, True]
    assert phases(small_training(start=StartConfig(qat=0.5))) == [Phase(True, qat=False), Phase(True)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": {"qat": 1.5}}, "start.qat: 1.5: Input should be less than or equal to 1"),
        (
            {"start": {"qat": 0, "qat_lr_below": 0.15}},
            "start.qat_lr_below: 0.15 is not possible; it must be null, as qat",
        ),
        ({"warmdown_steps": 5}, "warmdown_fraction: 0.15 is not possible; it must be 0 where steps are counted"),
        ({"clip_each_rank": True}, "clip_each_rank: True is not possible; it must be false without clip_norm"),
        ({"start": {"recurrence": 1.5}}, "start.recurrence: 1.5: Input should be less than or equal to 1"),
        ({"start": {"recurrence": -0.1}}, "start.recurrence: -0.1: Input should be greater than or equal to 0"),
        ({"seconds": 10, "reserve_seconds": 10}, "reserve_seconds: 10.0 is not possible; it must be less than seconds"),
        ({"reserve_seconds": 1}, "reserve_seconds: 1.0 is not possible; it must be 0: seconds is null"),
        ({"adam": {"table_weight_decay": 0.1}}, "adam.table_weight_decay: 0.1 is not possible; it must be 0 unless"),
        ({"clip_norm": 0}, "clip_norm: 0: Input should be greater than 0"),
        ({"average": {"decay": 1.1}}, "average.decay: 1.1: Input should be less than 1"),
        ({"order": "sorted"}, "order: 'sorted': Input should be 'stream' or 'shuffled'"),
    ],
)
def test_settings_that_cannot_be_are_told_in_one_line(settings, message):
    with pytest.raises(InputError) as caught:
        validate(TrainConfig, settings, "x.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
