import pytest
import torch

from tritgolf.train.average import Average


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
