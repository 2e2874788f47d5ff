import signal

import pytest
import torch

from tests.small import small_model, small_training
from tritgolf.ranks import Ranks
from tritgolf.train.loop import Plan, run


@pytest.fixture(autouse=True)
def _own_signals():
    """A run listens for signals; afterwards pytest does again as before."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def plan(tmp_path, dataset) -> Plan:
    """Twelve steps in a new live folder."""
    live = tmp_path / "live"
    live.mkdir()
    return Plan("small seed 1", small_model(), small_training(), 1, dataset / "shards", live, device="cpu")


@pytest.fixture
def alone() -> Ranks:
    return Ranks(0, 1, torch.device("cpu"))


@pytest.fixture(scope="session")
def straight(tmp_path_factory, dataset):
    """The live folder of the same twelve steps, done without interruption in this process."""
    live = tmp_path_factory.mktemp("straight")
    plan = Plan("small seed 1", small_model(), small_training(), 1, dataset / "shards", live, device="cpu")
    run(plan, Ranks(0, 1, torch.device("cpu")))
    return live
