"""The text that the published code of #1722 generated for its calibration, token by token."""

import pytest
import torch

from tests.parity.of_1716 import facts, tensors
from tests.parity.of_1722 import model_1722
from tests.small import small_training
from tritgolf.artifact.calibration import TrainingRun, generated_batches
from tritgolf.config.calibration import GeneratedText
from tritgolf.model.attention import sdpa_attention
from tritgolf.model.transformer import Transformer

TEXT = facts("calibration_text")


@pytest.fixture(scope="module")
def network():
    network = Transformer(model_1722(facts("net_1722")["config"]), sdpa_attention)
    network.load_state_dict(tensors("net_1722_weights"))
    return network


@pytest.mark.parametrize("seed", [42, 314])
def test_every_token_is_the_published_one(network, seed):
    settings = GeneratedText(
        sequences=TEXT["sequences"],
        tokens=TEXT["tokens_each"],
        temperature=TEXT["temperature"],
        at_a_time=TEXT["at_a_time"],
    )
    published = torch.tensor(TEXT[f"tokens_seed_{seed}"])
    batches = generated_batches(network, settings, TrainingRun(seed, small_training(), 1, None))
    assert torch.equal(batches[:, 0], published[:, :-1])
