"""The trainer against the published training code of #1716: optimizer steps, and whole runs (parity C and train)."""

import shutil

import pytest
import torch
from torch.testing import assert_close

from tests.parity.of_1716 import published_model
from tests.parity.training_1716 import FOLDER, facts, tensors, training_1716
from tritgolf import checkpoint
from tritgolf.data.manifest import Manifest, shard_facts, write_manifest
from tritgolf.data.shards import open_shard
from tritgolf.model.build import build_network
from tritgolf.model.phase import Phase
from tritgolf.ranks import Ranks
from tritgolf.train import trainer as trainer_module
from tritgolf.train.loop import Plan, run
from tritgolf.train.trainer import Trainer
from tritgolf.train.training_log import read_curve

ALONE = Ranks(0, 1, torch.device("cpu"))
OPTIMIZERS = facts("optim_1716")
RUN = facts("train/train_1716")
INERT = "bigram.embed.weight"
# What products of BF16 numbers leave open in orthogonalized updates: nothing on a CPU like that of the published steps
# (conftest), a tenth of an update on others.
WITHIN = 1e-6 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 1e-3


@pytest.fixture
def begin_at(monkeypatch):
    """Let networks begin at given weights."""

    def begin(weights) -> None:
        monkeypatch.setattr(trainer_module, "initialize", lambda network, seed: network.load_state_dict(weights))

    return begin


def test_three_updates_from_the_published_gradients(begin_at):
    begin_at(tensors("optim_1716", "before/"))
    model = published_model(OPTIMIZERS["config"], compute="bfloat16")
    trainer = Trainer(model, training_1716(), 0, ALONE)
    for number, published in enumerate(OPTIMIZERS["steps"]):
        trainer._set_rates(published["momentum_step"], published["lr_scale"])
        trainer._zero_gradients()
        for name, gradient in tensors("optim_1716", f"grad{number}/").items():
            parameter = trainer.network.get_parameter(name)
            parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
        trainer.update()
        assert trainer.gradient_norm == pytest.approx(published["norm_before_clip"], rel=1e-5)
        leftover = float(trainer.leftover_gradients()[f"gradient.{INERT}"].float().norm())
        assert leftover == pytest.approx(published["bigram_table_gradient_norm_left"], rel=1e-5)
        for name, wanted in tensors("optim_1716", f"after{number}/").items():
            assert_close(trainer.weights()[name], wanted, rtol=0, atol=WITHIN, msg=lambda m, name=name: f"{name}: {m}")
    assert_close(trainer.average.state, tensors("optim_1716", "ema/"), rtol=0, atol=WITHIN)
    for name, wanted in tensors("optim_1716", "ema_cast/").items():
        assert_close(trainer.checkpoint_weights()[name], wanted, rtol=0, atol=0 if WITHIN < 1e-3 else WITHIN)


def test_parameters_are_grouped_as_published():
    trainer = Trainer(published_model(OPTIMIZERS["config"], compute="bfloat16"), training_1716(), 0, ALONE)
    groups = OPTIMIZERS["groups"]
    assert trainer.stacks.momenta().keys() == set(groups["muon"])
    assert trainer.others.keys() == {*groups["table"], *groups["vectors"]}
    assert list(trainer.untrained) == OPTIMIZERS["untrained"] == [INERT]
    table, _ = trainer.adam.groups
    assert [id(parameter) for parameter in table.parameters] == [id(trainer.network.tok_emb.weight)]


@pytest.fixture
def plan(tmp_path, begin_at) -> Plan:
    """The published run: shards, initial weights, 24 steps after 2 + 2 of warm-up."""
    live = tmp_path / "live"
    live.mkdir()
    for path in (FOLDER / "train").glob("*.bin"):
        shutil.copy(path, tmp_path)
    shards = tuple(
        shard_facts(path, "train" if "train" in path.name else "validation", vocab_size=64, bos_id=1)
        for path in sorted(tmp_path.glob("*.bin"))
    )
    write_manifest(
        tmp_path, Manifest(dataset="x", tokenizer_digest="", vocab_size=64, bos_id=1, origin={}, shards=shards)
    )
    begin_at(tensors("train/initial_weights"))
    sizes = {"batch_tokens": 1024, "micro_batch_sequences": 16, "steps": 24, "compile_steps": 2, "log_every": 1}
    return Plan("#1716", published_model(RUN["config"]), training_1716(**sizes), 5, tmp_path, live, device="cpu")


def differences(plan: Plan, published: dict, average: str) -> tuple[float, float, float]:
    """How far the finished run is from a published one, at most: losses, norms (relative), averaged weights."""
    curve = read_curve(plan.live / "metrics.jsonl")
    norms = published["gradient_norm_before_clip"]["steps"]
    found = checkpoint.load(plan.live / "final.safetensors").tensors
    wanted = tensors(f"train/{average}")
    assert found.keys() == wanted.keys()
    return (
        max(abs(line["loss"] - loss) for line, loss in zip(curve, published["train_loss_of_step"], strict=True)),
        max(abs(line["gradient_norm"] / norm - 1) for line, norm in zip(curve, norms, strict=True)),
        max(float((found[name] - weight).abs().max()) for name, weight in wanted.items()),
    )


def test_the_published_run_with_newton_schulz_in_fp32(plan, monkeypatch):
    """The sharp one: data order, warm-up, phases, schedule, clipping with the inert table's gradient, average."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.float)
    run(plan, ALONE)
    published = RUN["with_newton_schulz_and_updates_in_float32"]
    losses, norms, weights = differences(plan, published, "ema_weights_float32_newton_schulz")
    assert losses < 1e-5
    assert norms < 1e-5
    assert weights < 2e-5
    assert validation_loss(plan) == pytest.approx(published["val_loss_after_ema"], abs=1e-5)


def validation_loss(plan: Plan) -> float:
    """Nats a token of the averaged weights, with recurrence, over windows that don't overlap."""
    tokens = torch.from_numpy(open_shard(plan.shards / "fineweb_val_000000.bin").astype("int64"))
    count, context = RUN["val_targets"], plan.model.context
    network = build_network(plan.model, checkpoint.load(plan.live / "final.safetensors").tensors)
    network.enter(Phase(recurrence=True))
    with torch.inference_mode():
        hidden = network(tokens[:count].view(-1, context)).flatten(0, 1)
        return float(network.head().loss(hidden, tokens[1 : count + 1], 0.0)[1])


def test_the_published_run(plan):
    run(plan, ALONE)
    losses, norms, weights = differences(plan, RUN, "ema_weights")
    assert losses < 3e-3
    assert norms < 3e-3
    assert weights < 3e-3
