"""Averages that begin during the backward pass, and Muon's work shared; three ranks against the plain forms.

Two ranks, killed and resumed: ``test_distributed.py``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.parity.training_1716 import training_1716
from tests.small import REPOSITORY, TIMEOUT, small_model, small_training, small_transformer
from tests.train.test_trainer import ALONE, sequences
from tritgolf.model.phase import Phase
from tritgolf.ranks import Ranks
from tritgolf.train.trainer import Trainer


@pytest.fixture
def small_buckets(monkeypatch):
    monkeypatch.setattr("tritgolf.train.overlap.BUCKET", 2000)


def test_three_ranks_train_as_ranks_that_do_all_and_average_then(tmp_path):
    worker = str(Path(__file__).with_name("three_ranks.py"))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, worker, str(tmp_path)], env=environment, timeout=TIMEOUT, check=True)
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["two layers, clipped each"]["equal"]  # averaged as ever, and fewer matrices multiply alike here
    assert all(case["ranks agree"] for case in found.values())
    assert all(case["momenta"] < 1e-6 for case in found.values())  # gloo adds three numbers in an order of its own
    assert all(case["moved"] < 2e-2 for case in found.values())


@pytest.mark.parametrize("kind", ["unet", "transformer"])
def test_a_rank_alone_gets_the_same_gradients_by_handing_them_over(kind, small_buckets):
    """To the bit, in both phases. A repeated layer's come three times, so of two micro-batches in another order."""
    model = small_model() if kind == "unet" else small_transformer()
    train = small_training(micro_batch_sequences=8) if kind == "unet" else training_1716(micro_batch_sequences=16)
    plain, spread = (Trainer(model, train, 1, ALONE, spread=how) for how in (False, True))
    for step, recurrence in enumerate((False, False, True, True)):
        for trainer in (plain, spread):
            trainer.enter(Phase(recurrence))
            trainer.step(step, 1.0, *sequences(model, seed=step))
        if step == 1:  # a form that takes a matrix by another way
            next(spread.network.linears())[1].hand_over = None
    for name, tensor in plain.state().items():
        assert torch.equal(spread.state()[name], tensor), name


def test_averages_begin_while_gradients_still_come(monkeypatch, small_buckets):
    """In the last micro-batch of every step but the first, as soon as a bucket is full, each gradient once."""
    trainer = Trainer(small_model(layers=4), small_training(micro_batch_sequences=4), 1, ALONE, spread=True)
    overlap = trainer.overlap
    begun, taken = [], []
    place = {gradient.data_ptr(): number for number, gradient in enumerate(overlap.gradients)}
    take = overlap.take

    def begin_average(_, gradients):
        begun.append((len(taken), [place[gradient.data_ptr()] for gradient in gradients]))
        return lambda: None

    monkeypatch.setattr(Ranks, "begin_average", begin_average)
    monkeypatch.setattr(overlap, "take", lambda number, gradient: (taken.append(number), take(number, gradient)))
    counts = []
    for step in range(2):
        begun.clear(), taken.clear()
        trainer.step(step, 1.0, *sequences(trainer.network.model))
        assert sorted(number for _, bucket in begun for number in bucket) == list(range(16))
        counts.append([count for count, _ in begun])
    assert set(counts[0]) == {4 * 16}
    assert counts[1] == sorted(counts[1])
    assert 3 * 16 < counts[1][0] < counts[1][-2] < 4 * 16 == counts[1][-1]
    assert set(begun[0][1]) <= set(taken[3 * 16 : begun[0][0]])


def test_a_gradient_that_comes_oftener_than_before_is_told(small_buckets):
    """Its average would have begun without all of it; ``enter`` forgets how often it came."""
    model = small_transformer()
    trainer = Trainer(model, training_1716(), 1, ALONE, spread=True)
    trainer.enter(Phase(recurrence=False))
    trainer.step(0, 1.0, *sequences(model))
    trainer.network.enter(Phase(recurrence=True))
    with pytest.raises(RuntimeError, match="before all of it was there"):
        trainer.step(1, 1.0, *sequences(model))


def test_parts_of_a_stack_are_equal_but_for_the_last_ranks():
    def parts(count, world):
        chunks = [Ranks(rank, world, torch.device("cpu")).chunk(count) for rank in range(world)]
        return [list(range(count))[chunk] for chunk in chunks]

    assert parts(4, 2) == [[0, 1], [2, 3]]
    assert parts(10, 4) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    assert parts(2, 3) == [[0], [1], []]
