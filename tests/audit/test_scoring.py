import numpy as np
import pytest
import torch

from tests.audit.folders import PUBLISHED
from tritgolf.config.record import load_record
from tritgolf.evaluate.probe import probe_scoring, segment_nats
from tritgolf.evaluate.score import score_windows
from tritgolf.evaluate.windows import chunked_windows
from tritgolf.model.initialize import initialize
from tritgolf.model.unet import UNet
from tritgolf.outcome import Verdict

MODEL = load_record("tiny", PUBLISHED.parent / "records").model
TOKENS = np.random.default_rng(0).integers(0, MODEL.vocab_size, size=MODEL.context + 1)


@pytest.fixture
def network():
    made = UNet(MODEL)
    initialize(made, 0)
    with torch.no_grad():  # the output projections start at zero: then nothing would mix positions
        for name, weight in made.named_parameters():
            if name.endswith((".attn.proj.weight", ".mlp.proj.weight")):
                weight.normal_(0, 0.02, generator=torch.Generator().manual_seed(1))
    return made.eval()


def test_our_scorer_is_causal(network):
    outcome = probe_scoring(network, TOKENS).outcome
    assert outcome.verdict is Verdict.HOLDS, outcome.evidence


@pytest.mark.parametrize("smear", [False, True])
def test_with_and_without_smear_gates(smear):
    network = UNet(MODEL.model_copy(update={"smear": smear}))
    initialize(network, 0)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if "gate" in name:
                weight.fill_(0.5)
    assert probe_scoring(network.eval(), TOKENS).outcome.verdict is Verdict.HOLDS


def test_a_network_that_mixes_in_later_positions_is_flagged(network):
    causal = network.forward
    network.forward = lambda tokens, most: causal(tokens) + 0.01 * causal(tokens).mean(1, keepdim=True)
    assert probe_scoring(network, TOKENS).outcome.verdict is Verdict.CONTRADICTED


def test_a_network_that_looks_past_its_target_is_flagged(network):
    causal = network.forward
    network.forward = lambda tokens, most: causal(tokens) + 0.01 * causal(tokens).roll(-2, 1)
    assert probe_scoring(network, TOKENS, changes=64).outcome.verdict is Verdict.CONTRADICTED


def test_segments_add_up_to_the_window(network):
    windows = chunked_windows(len(TOKENS), MODEL.context)
    whole = score_windows(network, TOKENS.astype(np.uint16), windows, batch=1).nats.sum()
    assert np.nansum(segment_nats(network, TOKENS)) == pytest.approx(whole, abs=1e-9)


def test_too_short_a_text_is_refused(network):
    with pytest.raises(ValueError, match="needs 33 tokens"):
        probe_scoring(network, TOKENS[:-1])
