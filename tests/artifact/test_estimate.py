"""What an artifact will take, before there are weights."""

import pytest
import torch

from tritgolf.artifact.estimate import entropy_bits
from tritgolf.artifact.layouts import arithmetic
from tritgolf.config.quantization import IntegerConfig
from tritgolf.quantize.base import quantize
from tritgolf.quantize.integer import IntegerQuantizer

NORMAL = torch.randn(64, 2048, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("bits", "levels", "clip"),
    [(2, "odd", 1.224), (2, "even", 1.494), (3, "odd", 1.952), (4, "odd", 2.474), (6, "odd", 12.85), (8, "odd", 3.921)],
)
def test_the_coder_takes_what_the_entropy_of_normal_weights_says(bits, levels, clip):
    form = IntegerConfig(bits=bits, levels=levels, clip_sigmas=clip)
    codes = quantize(NORMAL, IntegerQuantizer(form)).codes.numpy()
    packed = arithmetic.pack(codes, bits + (levels == "even"))
    assert 8 * len(packed) / codes.size == pytest.approx(entropy_bits(form), rel=0.01)
