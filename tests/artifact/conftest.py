from pathlib import Path

import pytest
import torch

from tritgolf.artifact.header import ArtifactHeader
from tritgolf.config.export import StorageConfig
from tritgolf.config.model import TernaryConfig, UNetConfig
from tritgolf.model.counts import parameter_shapes
from tritgolf.model.unet_parameters import described

PUBLISHED = Path(__file__).parents[1] / "fixtures" / "published"


@pytest.fixture(scope="session")
def model() -> UNetConfig:
    return small_model()


@pytest.fixture(scope="session")
def state(model) -> dict[str, torch.Tensor]:
    return random_state(model, seed=0)


@pytest.fixture(scope="session")
def storage() -> StorageConfig:
    return honest_storage()


@pytest.fixture(scope="session")
def header(model, storage) -> ArtifactHeader:
    return header_for(model, storage)


def small_model(**settings) -> UNetConfig:
    sizes = {"vocab_size": 48, "layers": 2, "width": 32, "heads": 2, "kv_heads": 1, "embed_dim": 12, "mlp_multiple": 2}
    quantizer = TernaryConfig(group_size=16, estimator="rms", arithmetic="float64")
    return UNetConfig(**{**sizes, "rotary_frequencies": "float32", "quantizer": quantizer, **settings})


def random_state(model: UNetConfig, seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = parameter_shapes(model)
    return {
        name: torch.randn(shape, generator=generator) * (0.05 if described(name).is_quantized else 1.0)
        for name, shape in shapes.items()
    }


def honest_storage(scales="bfloat16", **settings) -> StorageConfig:
    choices = {
        "decide": "forward",
        "shrinkage": False,
        "reload_dtype": "float32",
        "table": "e4m3",
        "projections": "e4m3",
        "mixes": "bfloat16",
        "vectors": "bfloat16",
    }
    return StorageConfig(scales=scales, **{**choices, **settings})


def header_for(model: UNetConfig, storage: StorageConfig) -> ArtifactHeader:
    return ArtifactHeader(
        record="tiny", seed=42, checkpoint="final", step=24, storage_name="own", model=model, storage=storage
    )
