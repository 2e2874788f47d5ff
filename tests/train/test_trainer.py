from typing import get_args

import pytest
import torch

from tests.small import quantizer, random_network, random_tokens, small_model, small_training
from tests.train.reference import Adam, Muon
from tritgolf.config.train import AdamConfig, AverageConfig, MuonConfig
from tritgolf.model.loss import training_loss
from tritgolf.model.phase import Phase
from tritgolf.model.unet_parameters import described
from tritgolf.ranks import Ranks
from tritgolf.train.adam import Adam as Adam_
from tritgolf.train.groups import OPTIMIZERS
from tritgolf.train.trainer import Trainer

ALONE = Ranks(0, 1, torch.device("cpu"))
PROJECTIONS = ("embed_proj.weight", "embed_proj_rev.weight")


def trainer_at(network, train) -> Trainer:
    """A trainer whose weights are those of ``network``."""
    trainer = Trainer(network.model, train, seed=0, ranks=ALONE)
    trainer.load_state(trainer.state() | {f"weight.{name}": p for name, p in network.named_parameters()})
    return trainer


def sequences(model, count=16, seed=0):
    tokens = random_tokens(model.model_copy(update={"context": model.context + 1}), batch=count, seed=seed)
    return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()


def gradients(trainer) -> dict[str, torch.Tensor]:
    return {name: parameter.grad.double() for name, parameter in trainer.network.named_parameters()}


def apart(found, wanted) -> float:
    return float((found.double() - wanted.double()).norm() / wanted.double().norm())


@pytest.fixture
def recordings(monkeypatch):
    """All recordings, as they are made."""
    made = []

    class Recording:
        def __init__(self, function, device, after=None):
            self.function, self.after = function, after
            made.append(self)

        def close(self):
            self.closed = True

        def __call__(self):
            self.function()

    monkeypatch.setattr("tritgolf.train.trainer.Replay", Recording)
    return made


def test_another_shape_of_batch_is_recorded_anew_with_the_update_that_reads_its_gradients(recordings):
    """A recorded update reads gradients where the old recording put them: kept, it would apply stale ones."""
    model, train = small_model(), small_training()
    trainer = Trainer(model, train, seed=0, ranks=ALONE)
    for count in (16, 16, 8):
        trainer.step(0, 1.0, *sequences(model, count=count))
    assert names_of(recordings).count("compute_gradients") == 2
    assert sorted(names_of(recordings)[-2:]) == ["compute_gradients", "update"]
    assert trainer._update in recordings[-2:]


def test_another_optimizer_of_tables_and_vectors_is_an_entry(monkeypatch):
    """Whatever it carries from step to step is part of the trainer's state."""

    class Signs(Adam_):
        def __init__(self, groups, settings, on_gpu):
            self.groups = groups
            self.state = {p: {"steps": torch.zeros(())} for group in groups for p in group.parameters}

        @torch.no_grad()
        def step(self):
            for group in self.groups:
                for parameter in group.parameters:
                    parameter.sub_(group.lr * parameter.grad.sign())
                    self.state[parameter]["steps"] += 1

    monkeypatch.setitem(OPTIMIZERS, "adam", Signs)
    model = small_model()
    trainer = Trainer(model, small_training(adam=AdamConfig(table_lr=0.25)), seed=0, ranks=ALONE)
    before = trainer.weights()["tok_emb.weight"].clone()
    trainer.step(0, 0.5, *sequences(model))
    moved = (trainer.weights()["tok_emb.weight"] - before).abs()
    assert float(moved.max()) == 0.125
    assert trainer.state()["adam.tok_emb.weight.steps"] == 1


def test_every_kind_of_optimizer_has_an_entry():
    assert set(OPTIMIZERS) == set(get_args(AdamConfig.model_fields["kind"].annotation))


def names_of(recordings) -> list[str]:
    return [recording.function.__name__ for recording in recordings]


def test_another_phase_is_recorded_anew(recordings, monkeypatch):
    """Another network in effect: a replay would go on with the old one."""
    model = small_model()
    trainer = Trainer(model, small_training(), seed=0, ranks=ALONE)
    entered = []
    monkeypatch.setattr(trainer.network, "enter", entered.append)
    for phase in (trainer.phase, Phase(), Phase(), Phase(recurrence=True)):
        trainer.enter(phase)
        trainer.step(0, 1.0, *sequences(model))
    assert entered == [Phase(), Phase(recurrence=True)]
    assert names_of(recordings).count("compute_gradients") == names_of(recordings).count("update") == 3
    assert {trainer._compute_gradients, trainer._update} == set(recordings[-2:])


def test_gradients_are_clipped_to_their_global_norm():
    network = random_network(small_model())
    free, clipped = (trainer_at(network, small_training(clip_norm=limit)) for limit in (None, 0.1))
    for trainer in (free, clipped):
        trainer.step(0, 1.0, *sequences(network.model))
    whole, cut = (torch.stack([g.norm() for g in gradients(t).values()]).norm() for t in (free, clipped))
    assert clipped.gradient_norm == pytest.approx(float(whole), rel=1e-4)
    assert free.gradient_norm is None
    assert float(cut) == pytest.approx(0.1, rel=1e-2)  # the table's gradient is BF16
    assert apart(gradients(clipped)["vocab_bias"] * whole / 0.1, gradients(free)["vocab_bias"]) < 1e-4


def test_the_average_follows_the_weights_and_is_what_a_checkpoint_holds():
    model = small_model(compute="bfloat16")
    trainer = Trainer(model, small_training(average=AverageConfig(decay=0.75)), 3, ALONE)
    wanted = {name: weight.float().clone() for name, weight in trainer.weights().items()}
    for step in range(3):
        trainer.step(step, 1.0, *sequences(model, seed=step))
        wanted = {name: 0.75 * e + 0.25 * trainer.weights()[name].float() for name, e in wanted.items()}
    for name, weight in trainer.checkpoint_weights().items():
        assert weight.dtype == trainer.weights()[name].dtype
        torch.testing.assert_close(trainer.state()[f"ema.{name}"], wanted[name])
        assert torch.equal(weight, trainer.state()[f"ema.{name}"].to(weight.dtype))
    plain = Trainer(model, small_training(), 3, ALONE)
    assert plain.checkpoint_weights().keys() == plain.weights().keys() == wanted.keys()
    assert all(torch.equal(weight, plain.weights()[name]) for name, weight in plain.checkpoint_weights().items())


@pytest.mark.parametrize("settings", [{}, {"head_table": "e4m3", "mixes": "e4m3", "vectors": "bfloat16"}])
def test_steps_against_plain_autograd_and_reference_optimizers(settings):
    """Gradients, grouping, learning rates and momentum warm-up at once: three steps, every parameter."""
    model = small_model(smear=True, layers=4, **settings)
    train = small_training(
        z_loss=0.01,
        micro_batch_sequences=4,
        muon=MuonConfig(lr=0.03, momentum_warmup_steps=4),
        adam=AdamConfig(table_lr=0.05, vector_lr=0.01),
    )
    plain = random_network(model)
    trainer = trainer_at(plain, train)
    optimizers = {
        name: Muon() if described(name).is_quantized or name in PROJECTIONS else Adam() for name in trainer.weights()
    }
    for step, scale in enumerate((1.0, 1.0, 0.5)):
        inputs, targets = sequences(model, seed=step)
        before = {name: parameter.detach().clone() for name, parameter in plain.named_parameters()}
        trainer.load_state({**trainer.state(), **{f"weight.{name}": p for name, p in before.items()}})
        found, nats = trainer.step(step, scale, inputs, targets)
        hidden = plain(inputs).flatten(0, 1)
        loss, wanted_nats = training_loss(hidden, *plain.head()[:2], targets.flatten(), 10.0, 0.01)
        assert float(found) == pytest.approx(float(loss.detach()), rel=1e-5)
        assert float(nats) == pytest.approx(float(wanted_nats), rel=1e-5)
        updates = torch.autograd.grad(loss, list(plain.parameters()))
        for (name, parameter), gradient in zip(plain.named_parameters(), updates, strict=True):
            optimizer, weight = optimizers[name], parameter.detach()
            if isinstance(optimizer, Muon):
                optimizer.step(weight, gradient, lr=0.03 * scale, momentum=0.85 + 0.10 * step / 4)
            else:
                optimizer.step(weight, gradient, lr=(0.05 if name == "tok_emb.weight" else 0.01) * scale)
            moved = trainer.weights()[name].double() - before[name].double()
            allowed = 0.04 if isinstance(optimizer, Muon) or name == "tok_emb.weight" else 2e-3
            assert apart(moved, weight.double() - before[name].double()) < allowed, (step, name)


def test_muon_trains_the_matrices_and_adam_the_rest():
    trainer = Trainer(small_model(smear=True), small_training(), 0, ALONE)
    assert sorted(trainer.others) == sorted(
        [
            "skip_weights",
            "vocab_bias",
            "tok_emb.weight",
            *(
                f"blocks.{n}.{name}"
                for n in range(2)
                for name in ("attn_scale", "mlp_scale", "resid_mix", "attn.q_gain", "smear.gate")
            ),
        ]
    )
    table, vectors = trainer.adam.groups
    assert [id(p) for p in table.parameters] == [id(trainer.network.tok_emb.weight)]
    assert len(vectors.parameters) == len(trainer.others) - 1
    assert (trainer.adam.settings.betas, trainer.adam.settings.epsilon) == ((0.9, 0.95), 1e-8)


def test_the_state_of_the_table_is_bf16_and_the_rest_fp32():
    trainer = Trainer(small_model(compute="bfloat16"), small_training(), 0, ALONE)
    trainer.step(0, 1.0, *sequences(trainer.network.model))
    for name, tensor in trainer.state().items():
        expected = torch.bfloat16 if "tok_emb" in name and not name.endswith(".step") else torch.float32
        assert tensor.dtype == expected, name


@pytest.mark.parametrize("micro", [1, 2, 8])
@pytest.mark.parametrize("settings", [{}, {"quantizer": quantizer(arithmetic="bf16_weight")}])
def test_the_micro_batch_changes_a_step_by_rounding_only(micro, settings):
    network = random_network(small_model(**settings))
    whole = trainer_at(network, small_training(micro_batch_sequences=16))
    parts = trainer_at(network, small_training(micro_batch_sequences=micro))
    inputs, targets = sequences(network.model)
    losses = [trainer.step(0, 1.0, inputs, targets) for trainer in (whole, parts)]
    assert [float(x) for x in losses[1]] == pytest.approx([float(x) for x in losses[0]], rel=1e-6)
    for (name, ours), reference in zip(gradients(parts).items(), gradients(whole).values(), strict=True):
        assert apart(ours, reference) < (2e-2 if name == "tok_emb.weight" else 1e-5), name


def test_every_sequence_of_a_rank_counts_though_the_micro_batch_does_not_divide_them():
    """24 sequences a step on two ranks leave each 12, of which micro-batches of 8 would lose four."""
    network = random_network(small_model())
    inputs, targets = sequences(network.model, count=12)
    train = small_training(batch_tokens=24 * 16)
    whole = trainer_at(network, train.model_copy(update={"micro_batch_sequences": 12}))
    parts = trainer_at(network, train.model_copy(update={"micro_batch_sequences": 8}))
    losses = [float(trainer.step(0, 1.0, inputs, targets)[0]) for trainer in (whole, parts)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
    assert apart(gradients(parts)["vocab_bias"], gradients(whole)["vocab_bias"]) < 1e-5


def test_a_state_put_back_continues_to_the_bit():
    model, train = small_model(smear=True), small_training()
    straight, resumed = (Trainer(model, train, seed, ALONE) for seed in (3, 4))
    batches = [sequences(model, seed=step) for step in range(4)]
    for step in range(2):
        straight.step(step, 1.0, *batches[step])
    state = {name: tensor.clone() for name, tensor in straight.state().items()}
    resumed.load_state(state)
    for step in (2, 3):
        losses = [trainer.step(step, 0.7, *batches[step]) for trainer in (straight, resumed)]
        assert torch.equal(torch.stack(losses[0]), torch.stack(losses[1]))
    assert straight.state().keys() == resumed.state().keys()
    for name, tensor in straight.state().items():
        assert torch.equal(tensor, resumed.state()[name]), name


def test_a_state_before_the_first_step_forgets_the_steps_done():
    model, train = small_model(), small_training()
    trainer, fresh = (Trainer(model, train, 3, ALONE) for _ in range(2))
    before = {name: tensor.clone() for name, tensor in trainer.state().items()}
    for step in range(3):  # as the compile steps do
        trainer.step(step, 1.0, *sequences(model, seed=step))
    trainer.load_state(before)
    for one in (trainer, fresh):
        one.step(0, 1.0, *sequences(model))
    for name, tensor in fresh.state().items():
        assert torch.equal(tensor, trainer.state()[name]), name


def test_learning_rates_follow_the_schedule():
    train = small_training(muon=MuonConfig(lr=0.04), adam=AdamConfig(table_lr=0.02, vector_lr=0.01))
    trainer = Trainer(small_model(), train, 0, ALONE)
    assert trainer.learning_rates(0.5) == {"muon_lr": 0.02, "table_lr": 0.01, "vector_lr": 0.005}
