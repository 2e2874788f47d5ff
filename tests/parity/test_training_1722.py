"""The trainer against optimizer steps of the published code of #1019, which #1722 shares (parity C)."""

import pytest
import torch
from torch.testing import assert_close

from tests.parity.of_1722 import model_1722
from tests.parity.training_1716 import facts, tensors
from tests.parity.training_1722 import training_1722
from tritgolf.evaluate.load import trained_network
from tritgolf.model.phase import Phase
from tritgolf.ranks import Ranks
from tritgolf.train.schedule import lr_scale
from tritgolf.train.trainer import Trainer

ALONE = Ranks(0, 1, torch.device("cpu"))
OPTIMIZERS = facts("optim_1019")
MODEL = model_1722(OPTIMIZERS["config"], compute="bfloat16")
TABLES = OPTIMIZERS["groups"]["tables"]
BANKS = (
    "attn.c_q.weight",
    "attn.c_k.weight",
    "attn.c_v.weight",
    "attn.proj.weight",
    "mlp.fc.weight",
    "mlp.proj.weight",
)


@pytest.fixture
def trainer():
    made = Trainer(MODEL, training_1722(), 0, ALONE)
    made.network.load_state_dict(tensors("optim_1019", "before/"))
    made.average.state.update({name: weight.float() for name, weight in tensors("optim_1019", "before/").items()})
    return made


def test_three_updates_from_the_published_gradients(trainer):
    for number, published in enumerate(OPTIMIZERS["steps"]):
        trainer._set_rates(published["momentum_step"], published["lr_scale"])
        trainer._zero_gradients()
        for name, gradient in tensors("optim_1019", f"grad{number}/").items():
            parameter = trainer.network.get_parameter(name)
            parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
        trainer._clip()
        trainer.update()
        assert trainer.gradient_norm == pytest.approx(published["norm_before_clip"], rel=1e-5)
        for name, wanted in tensors("optim_1019", f"after{number}/").items():
            atol = 2e-3 if name.endswith(BANKS) else 1e-6  # of moves up to 0.043: orders of BF16 products
            assert_close(trainer.weights()[name], wanted, rtol=0, atol=atol, msg=lambda m, name=name: f"{name}: {m}")
    for name, wanted in tensors("optim_1019", "ema/").items():
        assert_close(trainer.average.state[name], wanted, rtol=0, atol=2e-5 if name.endswith(BANKS) else 1e-6)


def test_what_is_bf16(trainer):
    """The tables with their moments, and the momentum of the matrices."""
    narrow = {name for name, tensor in trainer.state().items() if tensor.dtype == torch.bfloat16}
    of_tables = {f"adam.{name}.{moment}" for name in TABLES for moment in ("exp_avg", "exp_avg_sq")}
    matrices = {f"muon.{name}" for name, _ in trainer.network.named_parameters() if name.endswith(BANKS)}
    assert narrow == {f"weight.{name}" for name in TABLES} | of_tables | matrices


def test_parameters_are_grouped_as_published(trainer):
    tables, vectors = (
        {name for name, parameter in trainer.others.items() if any(parameter is p for p in group.parameters)}
        for group in trainer.adam.groups
    )
    assert tables == set(TABLES)
    assert vectors == set(OPTIMIZERS["groups"]["vectors"])
    assert all(name.endswith(BANKS) for name in trainer.stacks.momenta())
    assert len(trainer.stacks.momenta()) == 3 * len(BANKS)
    assert not trainer.untrained


def test_the_schedule_by_the_time_that_steps_take():
    for warmdown in (3500, 4000):
        train = training_1722(seconds=600, steps=20_000, warmdown_steps=warmdown)
        for step, milliseconds, factor in OPTIMIZERS[f"lr_factor_warmdown_{warmdown}"]:
            assert lr_scale(train, step, milliseconds / 1000) == pytest.approx(factor, abs=1e-12)
    train = training_1722(steps=50, warmdown_steps=20)
    for step, factor in OPTIMIZERS["lr_factor_by_steps_50_warmdown_20"]:
        assert lr_scale(train, step, 1e9) == pytest.approx(factor)


def test_late_quantization_is_of_the_published_loss_and_gradients():
    """Of the two projections: published code quantizes in training mode alone, so scores are of the master weights."""
    published, io = facts("net_1722"), tensors("net_1722_io")
    grid = {"grid": "integer", "bits": 6, "scale_dtype": "float32", "least_clip": 1}
    qat = {"roles": ("projection",), "quantizer": grid, "scored": False}
    model = model_1722(published["config"], qat=qat, rotary_stretch=None)
    trainer = Trainer(model, training_1722(), 0, ALONE)
    trainer.network.load_state_dict(tensors("net_1722_weights"))
    inputs, targets = io["ids"][:, :-1], io["ids"][:, 1:].long().flatten()
    losses = {}
    for phase in (Phase(qat=True), Phase(qat=False)):
        trainer.enter(phase)
        trainer.network.zero_grad()
        hidden = trainer.network(inputs)
        loss, _ = trainer.network.head().loss(hidden.flatten(0, 1), targets, 0.0)
        losses[phase.qat] = loss.item()
        if phase.qat:
            assert_close(trainer.network.head().logits(hidden), io["logits_late_qat"], rtol=0, atol=2e-5)
            loss.backward()
            for name in ("bigram.proj.weight", "ve_shared.proj.weight"):
                gradient, wanted = trainer.network.get_parameter(name).grad, io[f"late_qat_grad/{name}"]
                assert float((gradient - wanted).norm() / wanted.norm()) < 1e-4, name
    assert losses == pytest.approx({True: published["loss_late_qat"], False: published["loss"]}, abs=2e-6)
    scored = trained_network(model, trainer.weights())
    with torch.inference_mode():
        assert_close(scored.head().logits(scored(inputs)), io["logits"], rtol=0, atol=2e-5)


def test_each_rank_clips_its_own_gradients_before_they_are_averaged(trainer):
    ids = torch.randint(64, (4, 33), generator=torch.Generator().manual_seed(1))
    own = Trainer(MODEL, training_1722(clip_norm=1e-3), 0, ALONE)
    averaged = Trainer(MODEL, training_1722(clip_norm=1e-3, clip_each_rank=False), 0, ALONE)
    norms = []
    for one in (own, averaged):
        one._take(ids[:, :-1], ids[:, 1:])
        one.compute_gradients()
        norms.append(torch.stack([p.grad.float().norm() for p in one.network.parameters()]).norm().item())
    assert norms[0] == pytest.approx(1e-3, rel=1e-2)
    assert norms[1] > 0.1
    assert own.gradient_norm == pytest.approx(norms[1], rel=1e-2)
