import numpy as np
import pytest

from tests.evaluate.test_score import one_by_one, text
from tests.small import random_network, small_model
from tritgolf.evaluate import temperature as module
from tritgolf.evaluate.score import WindowNats
from tritgolf.evaluate.temperature import calibrate
from tritgolf.evaluate.windows import chunked_windows

GRID = (0.90, 0.95, 1.00, 1.05, 1.10)


def test_each_temperature_divides_the_logits():
    network, tokens = random_network(small_model()), text(100)
    found = calibrate(network, tokens, (0.5, 1.0, 4.0), batch=4)
    windows = chunked_windows(100, 16)
    for temperature, nats in found.nats.items():
        assert nats == pytest.approx(sum(one_by_one(network, tokens, windows, temperature)[0]) / 96, rel=1e-5)
    assert len(set(found.nats.values())) == 3
    assert found.best == min(found.nats, key=found.nats.get)


def fake_scores(monkeypatch, nats: dict[float, float]):
    monkeypatch.setattr(
        module,
        "score_temperatures",
        lambda _network, _tokens, windows, _batch, temperatures, what: [
            WindowNats(np.full(len(windows.starts), 16 * nats[temperature]), np.zeros(1))
            for temperature in temperatures
        ],
    )


@pytest.mark.parametrize(
    ("nats", "best"),
    [
        ([3.0, 3.0, 3.0, 3.0, 3.0], 1.0),  # the published model ignores its temperature; the grid's first won there
        ([2.9, 3.0, 3.1, 3.2, 3.3], 0.9),
        ([3.3, 3.2, 3.1, 3.0, 3.0], 1.05),  # of two equal ones the nearer to 1
    ],
)
def test_the_best_is_the_lowest_and_a_tie_goes_to_the_nearest_to_1(monkeypatch, nats, best):
    fake_scores(monkeypatch, dict(zip(GRID, nats, strict=True)))
    found = calibrate(random_network(small_model()), text(100), GRID, batch=4)
    assert found.best == best
    assert list(found.nats.values()) == pytest.approx(nats)
