"""The settings of any model: a union by ``kind``."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from tritgolf.config.model import UNetConfig
from tritgolf.config.settings import Settings
from tritgolf.config.transformer import TransformerConfig
from tritgolf.config.types import check
from tritgolf.errors import InputError

KINDS: dict[str, type[UNetConfig] | type[TransformerConfig]] = {"unet": UNetConfig, "transformer": TransformerConfig}
USUAL_KIND = "unet"  # of what says none: all records and artifacts from before there was another


def of_its_kind(raw: Any) -> Any:
    """``raw`` validated as the settings of its ``kind``, so that a complaint names that kind's keys and no other's.

    Without a ``kind`` it is ``USUAL_KIND``.
    """
    if isinstance(raw, Settings):
        return raw
    kind = raw.get("kind", USUAL_KIND) if isinstance(raw, Mapping) else USUAL_KIND
    check(isinstance(kind, str) and kind in KINDS, "kind", repr(kind), f"one of {', '.join(KINDS)}")
    return KINDS[kind].model_validate(raw)


ModelConfig = Annotated[UNetConfig | TransformerConfig, BeforeValidator(of_its_kind)]


AnyModel = Annotated[Any, BeforeValidator(of_its_kind)]
"""A field that takes what ``KINDS`` holds when it is validated: for what serves every model alike."""


def unet_of(model: ModelConfig, where: str) -> UNetConfig:
    """``model`` if it is a U-Net; else an ``InputError``: what asks is made for that alone. ``where``: whose it is."""
    if not isinstance(model, UNetConfig):
        raise InputError(
            where, f"has a {model.kind}; this is made for the ternary U-Net", "name a record of that model"
        )
    return model
