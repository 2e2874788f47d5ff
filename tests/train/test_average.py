import pytest
import torch

from tests.small import random_tokens, small_model, small_training
from tritgolf.train.average import Average
from tritgolf.train.trainer import Trainer


def test_the_average_by_hand():
    """From 1, then 2, 3 and 4 (sp8192-spec, "Exact numbers")."""
    weights = {"w": torch.ones(1), "table": torch.ones(1, dtype=torch.bfloat16)}
    average = Average(weights, 0.9965)
    for value, wanted in ((2, 1.0035), (3, 1.01048775), (4, 1.020951043)):
        weights["w"].fill_(value)
        weights["table"].fill_(value)
        average.update(weights)
        assert average.state["w"].item() == average.state["table"].item() == pytest.approx(wanted, rel=1e-7)
    assert average.state["table"].dtype == torch.float32
    given = average.weights(like=weights)
    assert given["table"].dtype == torch.bfloat16
    assert given["w"].item() == pytest.approx(1.020951043)


def test_it_begins_at_a_copy_of_the_weights():
    weights = {"w": torch.ones(2)}
    average = Average(weights, 0.5)
    weights["w"].add_(1)
    assert average.state["w"].tolist() == [1, 1]


@pytest.mark.parametrize("from_step", [0, 2])
def test_a_trainers_average_begins_at_the_weights_of_its_step(alone, from_step):
    trainer = Trainer(small_model(), small_training(average={"decay": 0.5, "from_step": from_step}), 1, alone)
    batch, seen = [random_tokens(small_model())] * 2, []
    for step in range(4):
        seen.append({name: weight.detach().clone() for name, weight in trainer.weights().items()})
        trainer.step(step, 1.0, *batch)
    name = "blocks.0.mlp.fc.weight"
    expected = seen[from_step][name].float()
    for weights in [*seen[from_step + 1 :], trainer.weights()]:
        expected = 0.5 * expected + 0.5 * weights[name].detach().float()
    assert torch.allclose(trainer.average.state[name], expected, rtol=1e-6, atol=1e-8)
