"""Which matrices of a model a quantizer sits on, and which one: by the role of the parameter, from the settings."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from tritgolf.config.model import TernaryConfig
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.settings import Settings
from tritgolf.parameters import Parameter
from tritgolf.quantize.base import Quantized, Quantizer, quantize
from tritgolf.quantize.integer import IntegerQuantizer
from tritgolf.quantize.ternary import TernaryQuantizer


class Grid(NamedTuple):
    """One kind of quantizer: its settings, and what makes a quantizer of them."""

    settings: type[Settings]
    make: Callable[[Any], Quantizer]


QUANTIZERS: dict[str, Grid] = {
    "ternary": Grid(TernaryConfig, TernaryQuantizer.of),
    "integer": Grid(IntegerConfig, IntegerQuantizer),
}


def quantizer_of(settings: Settings) -> Quantizer:
    """The quantizer of these settings."""
    return next(grid.make(settings) for grid in QUANTIZERS.values() if type(settings) is grid.settings)


def quantizers(model: Any, table: Mapping[str, Parameter]) -> dict[str, Quantizer]:
    """Name → quantizer of every matrix that ``model`` (settings) trains on a grid, in the order of its ``table``.

    Empty for a model without ``quantizer``: its forward pass rounds no matrix.
    """
    settings = getattr(model, "quantizer", None)
    if settings is None:
        return {}
    quantizer = quantizer_of(settings)
    return {name: quantizer for name, parameter in table.items() if parameter.is_quantized}


def quantize_all(weights: Mapping[str, Tensor], plan: Mapping[str, Quantizer]) -> dict[str, Quantized]:
    """Every matrix of ``weights`` that ``plan`` names on its grid, as the forward pass has it."""
    return {name: quantize(weights[name].detach(), quantizer) for name, quantizer in plan.items()}
