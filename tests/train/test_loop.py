import dataclasses
import itertools
import os
import signal

import pytest
import torch

from tests.small import small_model, small_training
from tritgolf import checkpoint
from tritgolf.config.train import AdamConfig
from tritgolf.data.loader import TokenStream, step_batch, training_files
from tritgolf.data.manifest import load_manifest
from tritgolf.errors import InputError
from tritgolf.ranks import Ranks
from tritgolf.train import loop, resume
from tritgolf.train.loop import Preempted, run
from tritgolf.train.trainer import Trainer
from tritgolf.train.training_log import Curve, read_curve

NAMES = ("step_000004", "step_000008", "final")


def digests(live) -> list[str]:
    return [checkpoint.load(live / f"{name}.safetensors").facts["digest"] for name in NAMES]


def steps(live) -> list[int]:
    return [line["step"] for line in read_curve(live / "metrics.jsonl")]


def without_times(live) -> list[dict]:
    times = ("training_seconds", "step_ms", "phase_ms", "tokens_per_second")
    return [{k: v for k, v in line.items() if k not in times} for line in read_curve(live / "metrics.jsonl")]


class Killed(BaseException):
    """As sudden as a signal can be inside a process."""


def interrupt(monkeypatch, plan, alone, at: int, how) -> None:
    """Run ``plan`` until step ``at`` (0-based) is about to begin and do ``how`` there."""
    step = Trainer.step

    def interrupted(self, index, *arguments):
        if index == at:
            how()
        return step(self, index, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", interrupted)
        run(plan, alone)


def kill(monkeypatch, plan, alone, at: int) -> None:
    def how():
        raise Killed

    with pytest.raises(Killed):
        interrupt(monkeypatch, plan, alone, at, how)


def test_a_run_leaves_its_checkpoints_curve_and_last_two_states(straight, plan):
    files = {path.name for path in straight.iterdir()}
    states = {"state_00000008.safetensors", "state_00000012.safetensors"}
    assert files == {*states, *(f"{name}.safetensors" for name in NAMES), "metrics.jsonl"}
    assert steps(straight) == [1, 2, 4, 6, 8, 10, 12]
    final = checkpoint.load(straight / "final.safetensors")
    assert final.facts["step"] == 12
    assert final.facts["tokenizer"] == load_manifest(plan.shards).tokenizer_digest
    state = checkpoint.load(straight / "state_00000012.safetensors").tensors
    for name, tensor in final.tensors.items():
        assert torch.equal(tensor, state[f"weight.{name}"])


def test_the_curve_says_what_the_steps_did(straight):
    lines = read_curve(straight / "metrics.jsonl")
    assert lines[-1]["loss"] < lines[0]["loss"] - 0.3
    for line in lines:
        assert line["tokens"] == 256 * line["step"]
        assert line["record_loss"] > line["loss"]
        assert line["muon_momentum"] == pytest.approx(0.85 + 0.10 * (line["step"] - 1) / 500)
        assert line["lr_scale"] == pytest.approx(min(1, (12 - (line["step"] - 1)) / (0.15 * 12)))
        assert line["muon_lr"] == pytest.approx(0.04 * line["lr_scale"])
        assert set(line["zero_fraction"]) == {"attn.qkv", "attn.proj", "mlp.fc", "mlp.proj", "all"}
        assert all(0 < share < 1 for share in line["zero_fraction"].values())


def test_the_first_loss_is_that_of_the_first_batch(straight, plan, alone):
    stream = TokenStream(training_files(plan.shards))
    batch = step_batch(stream, 0, batch_tokens=256, context=16, rank=0, world=1)
    trainer = Trainer(plan.model, plan.train, plan.seed, alone)
    loss, nats = trainer.step(0, 1.0, *map(torch.from_numpy, batch))
    first = read_curve(straight / "metrics.jsonl")[0]
    assert (first["record_loss"], first["loss"]) == (float(loss), float(nats))


@pytest.mark.parametrize("at", [0, 1, 4, 5, 7, 11])
def test_a_killed_run_resumes_to_the_bit(straight, plan, alone, monkeypatch, at):
    kill(monkeypatch, plan, alone, at)
    facts = run(plan, alone)
    assert (facts["steps"], facts["tokens"], facts["stop_reason"]) == (12, 12 * 256, "steps")
    assert digests(plan.live) == digests(straight)
    assert without_times(plan.live) == without_times(straight)


def test_a_run_killed_again_and_again_resumes_to_the_bit(straight, plan, alone, monkeypatch):
    for at in (5, 7, 9):
        kill(monkeypatch, plan, alone, at)
    run(plan, alone)
    assert digests(plan.live) == digests(straight)
    assert without_times(plan.live) == without_times(straight)


def test_a_finished_run_has_nothing_left_to_do(straight, plan, alone, monkeypatch):
    facts = run(plan, alone)
    before = without_times(plan.live)
    monkeypatch.setattr(Trainer, "step", None)
    again = run(plan, alone)
    assert {k: again[k] for k in again if "compile" not in k} == {k: facts[k] for k in facts if "compile" not in k}
    assert without_times(plan.live) == before
    assert digests(plan.live) == digests(straight)


@pytest.mark.parametrize("damage", ["flip", "truncate"])
def test_a_damaged_state_costs_the_steps_since_the_one_before(straight, plan, alone, monkeypatch, capsys, damage):
    kill(monkeypatch, plan, alone, at=10)
    newest = checkpoint.live_path(plan.live, 8)
    raw = bytearray(newest.read_bytes())
    raw[len(raw) // 2] ^= 16
    newest.write_bytes(raw if damage == "flip" else raw[:1000])
    resumed_at = []
    monkeypatch.setattr(loop, "_batch", lambda *a, _batch=loop._batch: resumed_at.append(a[1]) or _batch(*a))
    run(plan, alone)
    assert resumed_at[0] == 4
    assert f"warning: {newest}" in capsys.readouterr().err
    assert digests(plan.live) == digests(straight)
    assert without_times(plan.live) == without_times(straight)


@pytest.mark.parametrize(
    "change", [{"seed": 2}, {"train": small_training(log_every=3)}, {"model": small_model(q_gain=2.0)}]
)
def test_states_of_another_configuration_are_neither_used_nor_lost(plan, alone, monkeypatch, change):
    kill(monkeypatch, dataclasses.replace(plan, **change), alone, at=6)
    with pytest.raises(InputError, match="is of other settings or data"):
        run(plan, alone)
    assert [path.name for path in checkpoint.states(plan.live)] == ["state_00000004.safetensors"]


@pytest.mark.parametrize(("at", "number"), [(0, signal.SIGTERM), (5, signal.SIGTERM), (5, signal.SIGINT)])
def test_a_signal_saves_the_state_and_the_same_plan_continues(straight, plan, alone, monkeypatch, at, number):
    with pytest.raises(Preempted, match="the same command continues"):
        interrupt(monkeypatch, plan, alone, at, lambda: os.kill(os.getpid(), number))
    stopped = checkpoint.latest(plan.live, plan.configuration(loop.payload_digest(loop.load_manifest(plan.shards))))
    assert at < stopped.facts["step"] < 12
    run(plan, alone)
    assert digests(plan.live) == digests(straight)
    assert without_times(plan.live) == without_times(straight)


def test_sigterm_in_the_last_step_lets_the_run_end(straight, plan, alone, monkeypatch):
    interrupt(monkeypatch, plan, alone, 11, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert digests(plan.live) == digests(straight)


def test_a_loss_that_is_not_finite_is_told_and_the_last_good_state_kept(plan, alone, monkeypatch):
    step = Trainer.step

    def poisoned(self, index, *arguments):
        if index == 9:
            self.network.vocab_bias.data.fill_(float("nan"))
        return step(self, index, *arguments)

    monkeypatch.setattr(Trainer, "step", poisoned)
    with pytest.raises(InputError) as caught:
        run(plan, alone)
    message = str(caught.value)
    assert message.startswith("training, step 10: the loss is nan (muon_lr 0.04, table_lr 0.02, vector_lr 0.02)")
    assert str(plan.live) in message
    assert "\n" not in message
    state = checkpoint.load(checkpoint.live_path(plan.live, 8)).tensors
    assert all(tensor.isfinite().all() for tensor in state.values())
    assert not (plan.live / "final.safetensors").exists()
    assert steps(plan.live) == [1, 2, 4, 6, 8]


@pytest.mark.parametrize("at", [7, 11])
def test_weights_that_are_not_finite_are_never_saved(plan, alone, monkeypatch, at):
    """The loss of a step is that before its update: the update itself may be the one that goes wrong."""
    step = Trainer.step

    def overshooting(self, index, *arguments):
        losses = step(self, index, *arguments)
        if index == at:
            self.network.vocab_bias.data.fill_(float("inf"))
        return losses

    monkeypatch.setattr(Trainer, "step", overshooting)
    with pytest.raises(InputError, match=f"training, step {at + 1}: .*vocab_bias"):
        run(plan, alone)
    assert max(plan.live.glob("state_*")).name == f"state_{at // 4 * 4:08d}.safetensors"
    assert not (plan.live / "final.safetensors").exists()
    for path in plan.live.glob("*.safetensors"):
        assert all(tensor.isfinite().all() for tensor in checkpoint.load(path).tensors.values())


def test_a_learning_rate_far_too_high_ends_in_one_line(plan, alone):
    train = plan.train.model_copy(update={"adam": AdamConfig(vector_lr=1e36)})
    with pytest.raises(InputError, match="lower the learning rates"):
        run(dataclasses.replace(plan, train=train), alone)


@pytest.fixture
def ticking(monkeypatch):
    """A clock on which every step takes one second."""
    ticks = itertools.count()
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(ticks)))


def timed(plan, seconds: float):
    train = plan.train.model_copy(
        update={"seconds": seconds, "steps": 100, "checkpoints": (), "warmdown_fraction": 0.5}
    )
    return dataclasses.replace(plan, train=train)


@pytest.mark.parametrize(("seconds", "last"), [(8.5, 10), (10.0, 10), (10.5, 20), (12.0, 20)])
def test_a_time_budget_ends_on_the_next_multiple_of_ten(plan, alone, ticking, seconds, last):
    facts = run(timed(plan, seconds), alone)
    assert (facts["steps"], facts["stop_reason"], facts["training_seconds"]) == (last, "seconds", last)
    assert facts["tokens"] == 256 * last
    assert checkpoint.load(plan.live / "final.safetensors").facts["step"] == last
    line = read_curve(plan.live / "metrics.jsonl")[-1]
    assert (line["step"], line["training_seconds"], line["step_ms"]) == (last, last, 1000)


@pytest.mark.parametrize(("settings", "last"), [({"reserve_seconds": 2.5}, 8), ({"clock_every_steps": 4}, 12)])
def test_a_time_budget_less_its_reserve_ends_where_ranks_look_at_the_clock(plan, alone, ticking, settings, last):
    plan = timed(plan, 10.5)
    every_step = {"clock_every_steps": 1, **settings}
    facts = run(dataclasses.replace(plan, train=plan.train.model_copy(update=every_step)), alone)
    assert (facts["steps"], facts["training_seconds"]) == (last, last)


def test_a_time_budget_sets_the_learning_rate_by_the_clock(plan, alone, ticking):
    run(timed(plan, 16.0), alone)
    for line in read_curve(plan.live / "metrics.jsonl"):
        before = line["step"] - 1  # seconds of training before the step
        assert line["lr_scale"] == pytest.approx(min(1.0, max(0.0, (16 - before) / 8))), line["step"]


def test_training_time_accumulates_over_restarts(plan, alone, ticking, monkeypatch):
    plan = timed(plan, 15.0)
    kill(monkeypatch, plan, alone, at=9)  # the state after step 8 has 8 seconds
    facts = run(plan, alone)
    assert (facts["steps"], facts["training_seconds"]) == (20, 20)
    lines = read_curve(plan.live / "metrics.jsonl")
    assert [line["training_seconds"] for line in lines] == [line["step"] for line in lines]
    for line in lines:
        assert line["lr_scale"] == pytest.approx(min(1.0, max(0.0, (15 - (line["step"] - 1)) / 7.5)))


def test_a_step_budget_ends_a_timed_run_too(plan, alone, ticking):
    plan = dataclasses.replace(plan, train=plan.train.model_copy(update={"seconds": 1000.0, "checkpoints": ()}))
    facts = run(plan, alone)
    assert (facts["steps"], facts["stop_reason"]) == (12, "steps")


def test_shards_of_another_vocabulary_are_told(plan, alone):
    with pytest.raises(InputError, match="outside the vocabulary of 50"):
        run(dataclasses.replace(plan, model=small_model(vocab_size=50)), alone)


def test_the_configuration_digest_changes_with_everything_the_weights_depend_on(plan):
    changes = [
        {},
        {"seed": 2},
        {"model": small_model(q_gain=2.0)},
        {"train": small_training(z_loss=0.0)},
    ]
    found = {dataclasses.replace(plan, **change).configuration("sha256:shards") for change in changes}
    assert len(found | {plan.configuration("sha256:other")}) == 5
    assert dataclasses.replace(plan, live=plan.live / "x", label="y").configuration("s") == plan.configuration("s")


def test_ranks_wait_for_the_one_that_writes_a_line(plan, alone, monkeypatch):
    """Else its writing would be the others' training time: they would begin the next step without it."""
    events = []
    write, wait = Curve.write, Ranks.wait

    def writes(curve, *arguments):
        events.append("line")
        write(curve, *arguments)

    def waits(ranks):
        events.append("wait")
        wait(ranks)

    monkeypatch.setattr(Curve, "write", writes)
    monkeypatch.setattr(Ranks, "wait", waits)
    run(plan, alone)
    after = [events[index + 1] for index, event in enumerate(events) if event == "line"]
    assert len(after) > 2
    assert set(after) == {"wait"}


def test_ranks_that_find_different_states_do_not_go_on(plan, monkeypatch):
    """A file that comes late on another node: that rank would go on from an older state, with other weights."""
    ranks = Ranks(0, 2, torch.device("cpu"))
    other = [20.0]
    monkeypatch.setattr(Ranks, "agree", lambda _, values: [max(values[0], other[0]), max(values[1], -other[0])])
    resume._check_same_state(plan.live, ranks, 20)
    with pytest.raises(InputError) as caught:
        resume._check_same_state(plan.live, ranks, 30)
    assert "live: one rank finds a state after step 30 there, another one only after step 20" in str(caught.value)
    with pytest.raises(InputError, match="a state after step 20 there, another one only after step 0"):
        resume._check_same_state(plan.live, ranks, -1)
