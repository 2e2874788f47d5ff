"""What the published quantizers of #1716, #1019 and #1722 made of small matrices: inputs, codes and scales."""

import json
from functools import cache

from safetensors.torch import load_file
from torch import Tensor

from tests.small import REPOSITORY
from tritgolf.config.quantization import IntegerConfig
from tritgolf.quantize.integer import IntegerQuantizer

FOLDER = REPOSITORY / "tests" / "parity"
QUANTILES = (0.999, 0.9995, 0.9999, 0.99999, 1.0)
SETTINGS = {
    "1716_int6": {"bits": 6, "clip_sigmas": 12.85},
    "1716_int8": {"bits": 8, "clip_sigmas": 20},
    "1019": {"bits": 6, "clip_quantiles": QUANTILES, "least_clip": 1},
    "1722_v3": {"bits": 6, "clip_quantiles": QUANTILES, "least_clip": 1, "damping": 0.005},
}


@cache
def tensors() -> dict[str, Tensor]:
    return load_file(FOLDER / "quantizers.safetensors")


@cache
def facts() -> dict:
    return json.loads((FOLDER / "quantizers.json").read_text(encoding="utf-8"))


def integer(**settings) -> IntegerQuantizer:
    return IntegerQuantizer(IntegerConfig(**settings))
