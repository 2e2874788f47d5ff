"""#1019's sliding windows, #1722's test-time training and SLOT against nats of its published code, toy size, FP32."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.parity.of_1716 import facts, tensors
from tests.parity.of_1722 import model_1722
from tritgolf.config.evaluate import ChunkedSettings, ScoreFirstSettings, SlidingSettings
from tritgolf.evaluate.methods import make_method
from tritgolf.evaluate.score_first import trained_parameters
from tritgolf.evaluate.windowed import Scorer
from tritgolf.evaluate.windows import sliding_groups
from tritgolf.model.transformer import Transformer

FOLDER = Path(__file__).parent / "scoring"
FACTS = json.loads((FOLDER / "scoring_1722.json").read_text(encoding="utf-8"))
TOKENS = np.load(FOLDER / "tokens.npy")[: FACTS["targets"] + 1]
TTT = FACTS["ttt_1722"]
SCORE_FIRST = {
    "kind": "score_first",
    "chunk_tokens": TTT["chunk"],
    "epochs": TTT["epochs"],
    "lr": TTT["lr"],
    "optimizer": "adamw",
    "frozen_blocks": len(TTT["frozen_by_name_blocks"]),
    "freezes": "vectors",
}


@pytest.fixture(scope="module")
def network():
    model = model_1722(facts("net_1722")["config"], context=FACTS["context"])
    made = Transformer(model)
    made.load_state_dict(tensors("net_1722_weights"))
    return made.eval()


def scored(network, *adapt):
    """By windows as the published code has them, in its order."""
    settings = SlidingSettings(kind="sliding", stride=FACTS["stride"], rule="repeat_tail", adapt=adapt)
    return make_method(settings, 32).score(network, TOKENS, "test")


def hold(scores, name: str, targets: str, within: float = 2e-5) -> None:
    """``scores`` to the published nats and mean; ``targets`` names the file of their order."""
    assert (scores.targets == np.load(FOLDER / f"{targets}_target.npy")).all()
    assert np.abs(scores.nats - np.load(FOLDER / f"{name}_nats.npy")).max() < within
    assert scores.nats.mean() == pytest.approx(FACTS[name]["loss"], abs=2e-6)


@pytest.fixture(scope="module")
def trained(network):
    """Scores of test-time training, and the network that it ends with."""
    settings = SlidingSettings(kind="sliding", stride=FACTS["stride"], rule="repeat_tail", adapt=(SCORE_FIRST,))
    groups = sliding_groups(len(TOKENS), FACTS["context"], FACTS["stride"], "repeat_tail")
    return make_method(settings, 32).adapt[0].score(network, TOKENS, groups, Scorer(32))


def test_windows_score_the_last_targets_again_as_published(network):
    scores = scored(network)
    hold(scores, "sliding_1019", "sliding_1019")
    assert len(scores.nats) - scores.distinct == 48  # the last 16 targets four times
    chunked = make_method(ChunkedSettings(kind="chunked"), 32).score(network, TOKENS, "test")
    assert chunked.nats.mean() == pytest.approx(FACTS["chunked_1019"]["loss"], abs=2e-6)


def test_training_on_the_text_scores_and_trains_as_published(network, trained):
    scores, adapted = trained
    hold(scores, "ttt_1722", "ttt_1722", 3e-5)
    before, after = network.state_dict(), dict(adapted.named_parameters())
    published = load_file(FOLDER / "weights_after.safetensors")
    wanted = {name.removeprefix("ttt_1722/"): of for name, of in published.items() if name.startswith("ttt_1722/")}
    assert len(wanted) == 10
    for name, weight in wanted.items():
        assert np.abs((after[name] - weight).detach().numpy()).max() < 2e-4, name
    frozen = {name for name in after if (after[name] == before[name]).all()}
    assert frozen == {name for name, moved in TTT["weights_after"].items() if moved["norm_of_change"] == 0}
    assert len(frozen) == 40  # mixes, two scales and gains of ten blocks
    for name, moved in TTT["weights_after"].items():
        change = (after[name] - before[name]).norm().item()
        assert change == pytest.approx(moved["norm_of_change"], rel=2e-3, abs=1e-6), name


def test_of_the_full_model_all_but_the_vectors_of_ten_blocks_is_trained():
    sizes = {"vocab_size": 1024, "num_layers": 11, "model_dim": 512, "num_heads": 8, "num_kv_heads": 4, "mlp_mult": 3}
    parts = {"bigram_vocab_size": 2048, "bigram_dim": 128, "ve_dim": 128, "ve_layers": "9,10"}
    with torch.device("meta"):
        full = Transformer(model_1722({**sizes, **parts, "rope_dims": 16, "xsa_last_n": 11}))
    trained = trained_parameters(full, ScoreFirstSettings(**SCORE_FIRST))
    assert sum(parameter.numel() for parameter in full.parameters()) == 26_993_756
    assert sum(parameter.numel() for parameter in trained) == 26_973_196


@pytest.mark.parametrize("name", ["slot_4_steps", "slot_24_steps", "slot_24_steps_after_ttt"])
def test_slot_fits_and_scores_as_published(network, trained, name):
    """24 steps on the targets themselves take a seventh off their nats; the network is a random one."""
    published = FACTS[name]
    slot = {"kind": "slot", "steps": published["steps"], "lr": published["lr"], "last_lr": published["lr_min"]}
    of = trained[1] if name.endswith("after_ttt") else network
    hold(scored(of, slot | {"windows": published["batch"]}), name, "sliding_1019")
