"""Sliding windows and score-first training against nats that the published code of #1716 made, at toy size in FP32."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tritgolf.config.evaluate import SlidingSettings
from tritgolf.evaluate.methods import make_method
from tritgolf.evaluate.windowed import Scorer
from tritgolf.evaluate.windows import sliding_groups

of_1716 = pytest.importorskip("tests.parity.of_1716", reason="the network of #1716 is not in this tree")

FOLDER = Path(__file__).parent / "scoring"
FACTS = json.loads((FOLDER / "scoring_1716.json").read_text(encoding="utf-8"))
TOKENS = np.load(FOLDER / "tokens.npy")[: FACTS["targets"] + 1]
TTT = FACTS["ttt_1716"]
SCORE_FIRST = {"kind": "score_first", "chunk_tokens": TTT["chunk"], "epochs": TTT["epochs"], "lr": TTT["lr"]}


@pytest.fixture(scope="module")
def network():
    from tritgolf.model.phase import Phase  # noqa: PLC0415  (as the network)
    from tritgolf.model.transformer import Transformer  # noqa: PLC0415

    made = Transformer(of_1716.published_model(of_1716.facts("net_1716")["config"]))
    made.load_state_dict(of_1716.tensors("net_1716_weights"))
    made.enter(Phase(recurrence=True))
    return made.eval()


def sliding(adapt=()):
    return make_method(SlidingSettings(kind="sliding", stride=FACTS["stride"], rule="every_token", adapt=adapt), 32)


def test_sliding_windows_score_as_published(network):
    scores = sliding().score(network, TOKENS, "sliding")
    assert np.abs(scores.nats - np.load(FOLDER / "sliding_1716_nats.npy")).max() < 2e-5
    assert scores.nats.mean() == pytest.approx(FACTS["sliding_1716"]["loss"], abs=2e-6)


def test_score_first_training_scores_and_trains_as_published(network):
    (score_first,) = sliding((SCORE_FIRST,)).adapt
    before = copy.deepcopy(network.state_dict())
    groups = sliding_groups(len(TOKENS), FACTS["context"], FACTS["stride"], "every_token")
    scores, adapted = score_first.score(network, TOKENS, groups, Scorer(32))
    assert np.abs(scores.nats - np.load(FOLDER / "ttt_1716_nats.npy")).max() < 3e-5
    assert scores.nats.mean() == pytest.approx(TTT["loss"], abs=2e-6)
    after = dict(adapted.named_parameters())
    for name, wanted in load_file(FOLDER / "weights_after.safetensors").items():
        if name.startswith("ttt_1716/"):
            assert torch.allclose(after[name.removeprefix("ttt_1716/")], wanted, rtol=0, atol=1e-5), name
    for name, wanted in TTT["weights_after"].items():
        if name in after:
            moved = (after[name] - before[name]).norm().item()
            assert moved == pytest.approx(wanted["norm_of_change"], rel=1e-3, abs=1e-6), name
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in before.items())
