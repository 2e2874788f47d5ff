"""The registry of models: their settings, their table of parameters, and the network that is made of them.

Imports no torch: planning, counts and the audit read tables, and a network is imported when it is built.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tritgolf.config.model import UNetConfig
from tritgolf.config.settings import Settings
from tritgolf.config.transformer import TransformerConfig
from tritgolf.model.transformer_parameters import transformer_parameters
from tritgolf.model.unet_parameters import unet_parameters
from tritgolf.parameters import Parameter


@dataclass(frozen=True)
class ModelSpec:
    """One kind of model. ``network``: ``module:Class``, called with the settings, the attention and ``fused``."""

    config: type[Settings]
    parameters: Callable[[Any], dict[str, Parameter]]
    network: str


MODELS: dict[str, ModelSpec] = {
    "unet": ModelSpec(UNetConfig, unet_parameters, "tritgolf.model.unet:UNet"),
    "transformer": ModelSpec(TransformerConfig, transformer_parameters, "tritgolf.model.transformer:Transformer"),
}

FP8_NETWORKS: dict[str, str] = {"unet": "tritgolf.model.fp8_unet:Fp8UNet"}  # those that train with FP8 products


def spec_of(model: Settings) -> ModelSpec:
    """The spec whose settings these are."""
    return next(spec for spec in MODELS.values() if type(model) is spec.config)


def parameters_of(model: Settings) -> dict[str, Parameter]:
    """Name → every parameter and saved buffer, in state-dict order."""
    return spec_of(model).parameters(model)


def network_path(model: Any, products: str = "compute") -> str:
    """``module:Class`` of the network of these settings; ``products``: how it is to train, as ``train.products``."""
    return FP8_NETWORKS[model.kind] if products == "fp8" else spec_of(model).network


def network_class(model: Any, products: str = "compute") -> Callable[..., Any]:
    """The class that builds the network of these settings, as ``network_path`` says."""
    module, _, name = network_path(model, products).partition(":")
    return getattr(importlib.import_module(module), name)
