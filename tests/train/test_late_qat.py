"""Quantization that begins late: which matrices are on their grids, when, and that a killed run goes on the same."""

import pytest
import torch

from tests.parity.training_1722 import training_1722
from tests.small import random_network, random_tokens, small_model, small_training, small_transformer
from tests.train.test_loop import kill, without_times
from tritgolf import checkpoint
from tritgolf.config.train import StartConfig
from tritgolf.evaluate.load import trained_network
from tritgolf.model.phase import Phase
from tritgolf.ranks import Ranks
from tritgolf.train.loop import Plan, run
from tritgolf.train.trainer import Trainer
from tritgolf.train.training_log import read_curve

ALONE = Ranks(0, 1, torch.device("cpu"))
TRITS = {"roles": ("mlp",), "quantizer": {"group_size": 16}}
MODEL = small_transformer(layers=3, xsa_layers=3, recurrence=None, parallel_from=None, qat=TRITS)
PLAIN = MODEL.model_copy(update={"qat": None})
AT_HALF = {"share": {"qat": 0.5}, "factor": {"qat_lr_below": 0.9}}  # of the warmdown over the last five steps


def training(**settings):
    """Eight steps, the last four with quantization."""
    sizes = {"batch_tokens": 128, "micro_batch_sequences": 8, "steps": 8, "compile_steps": 1, "log_every": 1}
    saved = {"checkpoints": (4,), "save_every_steps": 2, "warmdown_steps": 5, "start": StartConfig(qat=0.5)}
    return training_1722(**{**sizes, **saved, **settings})


def plan_in(live, dataset, start="share") -> Plan:
    live.mkdir()
    train = training(start=StartConfig.model_validate(AT_HALF[start]))
    return Plan("late seed 1", MODEL, train, 1, dataset / "shards", live, device="cpu")


@pytest.fixture(scope="module")
def straight(tmp_path_factory, dataset):
    """The live folder of the run without interruption."""
    plan = plan_in(tmp_path_factory.mktemp("late") / "live", dataset)
    run(plan, ALONE)
    return plan.live


def digests(live) -> list[str]:
    names = ("step_000004", "final", "state_00000008")
    return [checkpoint.load(live / f"{name}.safetensors").facts["digest"] for name in names]


@pytest.mark.parametrize("at", [3, 4, 7])
def test_a_run_killed_in_either_phase_resumes_to_the_bit(straight, tmp_path, dataset, monkeypatch, at):
    plan = plan_in(tmp_path / "live", dataset)
    kill(monkeypatch, plan, ALONE, at)
    run(plan, ALONE)
    assert digests(plan.live) == digests(straight)
    assert without_times(plan.live) == without_times(straight)


def test_a_factor_of_the_learning_rates_begins_it_as_a_share_of_the_budget_does(straight, tmp_path, dataset):
    plan = plan_in(tmp_path / "live", dataset, "factor")
    run(plan, ALONE)
    assert digests(plan.live) == digests(straight)


def test_the_curve_says_when_it_began_and_what_is_zero(straight):
    curve = read_curve(straight / "metrics.jsonl")
    assert [line["qat"] for line in curve] == 4 * [False] + 4 * [True]
    assert "recurrence" not in curve[0]
    assert all(line["zero_fraction"].keys() == {"mlp.fc", "mlp.proj", "all"} for line in curve)
    assert "record_zero_fraction" not in curve[0]


def batches(step: int):
    tokens = random_tokens(MODEL.model_copy(update={"context": 17}), batch=8, seed=step)
    return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()


def steps_of(model, train, phases) -> tuple[Trainer, list[float]]:
    trainer, losses = Trainer(model, train, 1, ALONE), []
    for step, phase in enumerate(phases):
        trainer.enter(phase)
        losses.append(float(trainer.step(step, 1.0, *batches(step))[1]))
    return trainer, losses


def test_before_it_begins_a_run_is_one_without_it_and_afterwards_one_on_the_grid():
    late, losses = steps_of(MODEL, training(), 3 * [Phase(qat=False)] + [Phase()])
    plain, without = steps_of(PLAIN, training(), 4 * [Phase()])
    assert losses[:3] == without[:3]
    assert losses[3] != without[3]
    before, _ = steps_of(PLAIN, training(), 3 * [Phase()])
    on_grid = trained_network(MODEL, before.weights())  # quantized once, when it is loaded
    inputs, targets = batches(3)
    with torch.inference_mode():
        _, nats = on_grid.head().loss(on_grid(inputs).flatten(0, 1), targets.flatten(), 0.0)
    assert losses[3] == pytest.approx(float(nats), rel=1e-6)
    assert not all(torch.equal(tensor, plain.weights()[name]) for name, tensor in late.weights().items())


def test_only_matrices_of_its_roles_are_on_the_grid():
    trainer, _ = steps_of(MODEL, training(), [Phase()])
    on_grids = {name for stack in trainer.stacks.stacks if stack.quantizer for name in stack.names}
    assert on_grids == {f"blocks.{n}.mlp.{name}.weight" for n in range(3) for name in ("fc", "proj")}
    used = {name for name, layer in trainer.network.linears() if layer.effective is not None}
    assert used == on_grids
    layers = {name: layer for name, layer in trainer.network.linears() if name in on_grids}
    assert not any(torch.equal(layer.effective, layer.weight) for layer in layers.values())
    trainer.enter(Phase(qat=False))
    trainer.stacks.requantize()
    assert all(torch.equal(layer.effective, layer.weight) for layer in layers.values())


def test_a_u_net_can_begin_late_too():
    train = small_training(start=StartConfig(qat_lr_below=0.5))
    trainer = Trainer(small_model(), train, 1, ALONE)
    trainer.network.load_state_dict(random_network(small_model()).state_dict())
    assert not trainer.phase.qat
    losses = []
    for phase in (Phase(qat=False), Phase()):
        trainer.enter(phase)
        trainer._take(*batches(0))
        trainer.compute_gradients()
        losses.append(float(trainer._losses[1]))
    assert losses[0] != losses[1]
