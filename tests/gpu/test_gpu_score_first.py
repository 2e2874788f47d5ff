"""Test-time training on a GPU: by a recording of its gradients as by plain calls, and nothing of it stays."""

import gc

import numpy as np
import pytest
import torch

from tests.small import random_transformer, small_transformer
from tritgolf.config.evaluate import SlidingSettings
from tritgolf.cuda_graph import Replay
from tritgolf.evaluate.load import trained_network
from tritgolf.evaluate.methods import make_method
from tritgolf.evaluate.probe import repeatable
from tritgolf.evaluate.score_first import Gradients

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

MODEL = small_transformer(vocab_size=512, width=128, context=256, compute="bfloat16")
TEXT = np.random.default_rng(0).integers(64, size=5_000).astype(np.uint16)  # of few tokens: there is something to learn
ADAPTATIONS = {
    "1716": {"epochs": 3, "lr": 0.005},
    "1722": {
        **{"epochs": 1, "lr": 0.001, "optimizer": "adamw", "matrix_dtype": "bfloat16"},
        **{"frozen_blocks": 1, "freezes": "vectors"},
    },
}


def nats(network, *adapt) -> np.ndarray:
    method = make_method(SlidingSettings(kind="sliding", stride=64, rule="every_token", adapt=adapt), batch=16)
    with repeatable(network, torch.device("cuda")):
        return method.score(network, TEXT, "test").nats


@pytest.mark.parametrize("name", ADAPTATIONS)
def test_replayed_gradients_train_as_plain_calls_do(monkeypatch, name):
    network = trained_network(MODEL, random_transformer(MODEL).state_dict())
    adaptation = {"kind": "score_first", "chunk_tokens": 512, **ADAPTATIONS[name]}
    recorded = []
    record = Replay._recorded
    monkeypatch.setattr(Replay, "_recorded", lambda self: recorded.append(self) or record(self))
    replayed = nats(network, adaptation)
    assert len(recorded) == 1  # for all chunks
    monkeypatch.setattr(Gradients, "__call__", Gradients.compute)
    called = nats(network, adaptation)
    assert len(recorded) == 1
    moved = np.abs(called - nats(network)).mean()
    assert np.abs(replayed - called).mean() < 0.02 * moved


def test_the_recording_s_memory_is_free_afterwards():
    network = trained_network(MODEL, random_transformer(MODEL).state_dict())
    left = []
    for _ in range(3):  # the first leaves workspaces of libraries
        nats(network, {"kind": "score_first", "chunk_tokens": 512, **ADAPTATIONS["1716"]})
        gc.collect()
        torch.cuda.empty_cache()
        left.append((torch.cuda.memory_allocated(), torch.cuda.memory_reserved()))
    assert left[2] == left[1]
