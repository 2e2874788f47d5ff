"""Text that a network writes on a GPU, and GPTQ by it: of the seed alone, by the GPU's own generator."""

import pytest
import torch

from tests.small import random_transformer, small_training, small_transformer
from tritgolf.artifact.calibration import TrainingRun, calibrated_rounding, generated_batches
from tritgolf.config.calibration import GeneratedText
from tritgolf.config.quantization import IntegerConfig

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

INT6 = IntegerConfig(bits=6, clip_quantiles=(0.99, 1.0), rounding="gptq")
TEXT = GeneratedText(sequences=3, tokens=17, at_a_time=2, damping=0.01)
NAME = "blocks.1.mlp.fc.weight"


def test_the_text_and_the_codes_are_the_seeds():
    network = random_transformer(small_transformer(compute="bfloat16", recurrence=None)).cuda()
    weights = {name: tensor.detach() for name, tensor in network.state_dict().items()}
    runs = [TrainingRun(seed, small_training(attention="math"), 1, None) for seed in (1, 1, 2)]
    texts = [generated_batches(network, TEXT, run) for run in runs]
    assert texts[0].is_cuda and torch.equal(texts[0], texts[1]) and not torch.equal(texts[0], texts[2])
    codes = [calibrated_rounding(network.model, weights, run, TEXT)(NAME, weights[NAME], INT6).codes for run in runs]
    assert torch.equal(codes[0], codes[1])
