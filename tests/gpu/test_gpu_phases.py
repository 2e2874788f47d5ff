"""Training that changes its phase, on a GPU: what is recorded against the same steps called plainly."""

import pytest
import torch

from tests.comparing import relative
from tests.parity.training_1716 import training_1716
from tests.small import randomize, small_transformer
from tritgolf.model.phase import Phase
from tritgolf.ranks import Ranks
from tritgolf.train.trainer import Trainer
from tritgolf.train.warmup import warm_up

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
MODEL = small_transformer(width=128, compute="bfloat16")
LATE = small_transformer(width=128, compute="bfloat16", qat={"roles": ("mlp", "projection"), "quantizer": {
    "grid": "integer", "bits": 6, "scale_dtype": "float32"}})  # fmt: skip
STEPS = {"recurrence": (MODEL, Phase(), Phase(recurrence=True)), "qat": (LATE, Phase(True, qat=False), Phase(True))}


def batch(step: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    tokens = torch.randint(MODEL.vocab_size, (32, MODEL.context + 1), generator=generator).cuda()
    return [tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()]


def trained(replays: bool, switch: str = "recurrence") -> tuple[list[float], dict[str, torch.Tensor]]:
    model, *phases = STEPS[switch]
    start = {"recurrence": {"recurrence": 0.5}, "qat": {"qat": 0.5}}[switch]
    train = training_1716(micro_batch_sequences=16, steps=12, compile_steps=3, start=start)
    trainer = Trainer(model, train, 1, Ranks(0, 1, torch.device("cuda")))
    if not replays:
        trainer._record = lambda: None
        trainer._compute_gradients, trainer._update = trainer.compute_gradients, trainer.update
    warm_up(trainer, batch)
    norms = []
    for step, phase in enumerate(6 * phases[:1] + 6 * phases[1:]):
        trainer.enter(phase)
        trainer.step(step, 1.0, *batch(step))
        norms.append(trainer.gradient_norm)
    return norms, {name: tensor.clone() for name, tensor in trainer.state().items()}


@pytest.mark.parametrize("switch", STEPS)
def test_replayed_steps_of_both_phases_are_the_steps_called_plainly(switch):
    (norms, state), (plain_norms, plain_state) = trained(True, switch), trained(False, switch)
    assert norms == pytest.approx(plain_norms, rel=2e-2)
    for name, tensor in state.items():
        if plain_state[name].float().norm() > 0:
            assert relative(tensor, plain_state[name]) < 5e-2, name


def test_the_gradient_that_nothing_clears_survives_recordings():
    _, state = trained(True)
    assert state["gradient.bigram.embed.weight"].any()
    assert not state["weight.bigram.embed.weight"].any()


def test_gradients_that_are_handed_over_are_those_of_a_rank_alone():
    """Six steps, of which four are replayed, as a rank of several hands its gradients over and alone.

    At rates of zero, so that the momenta tell the gradients: sums over all tokens come in no fixed order, and small
    gates that had been trained on such differences once were further apart than two trainings alone.
    """
    train = training_1716(micro_batch_sequences=32)
    ends = []
    for shared in (False, True):
        trainer = Trainer(MODEL, train, 1, Ranks(0, 1, torch.device("cuda")), shared=shared)
        randomize(trainer.network, seed=0)  # at first zero projections would hide most gradients
        for step in range(6):
            trainer.step(step, 0.0, *batch(step))
        torch.cuda.synchronize()
        assert trainer.phases.milliseconds()["gradients"] > 0
        ends.append(trainer.state())
    alone, handed_over = ends
    assert all(tensor.any() for name, tensor in alone.items() if name.startswith("muon."))
    for name, tensor in alone.items():
        if tensor.float().norm() > 0:
            assert relative(handed_over[name], tensor) < 5e-2, name
