"""Which matrices of a model a quantizer sits on, and which one: by the role of the parameter, from the settings."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from tritgolf.config.model import TernaryConfig
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.settings import Settings
from tritgolf.parameters import QUANTIZED, Parameter
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


def quantizers(model: Any, table: Mapping[str, Parameter], training: bool = False) -> dict[str, Quantizer]:
    """Name → quantizer of every matrix that ``model`` (settings), trained, is computed on a grid with, as in ``table``.

    ``training``: those of its training, which may be scored by its master weights. Empty for a model without
    ``quantizer``, a U-Net's, and ``qat``, which names roles: its forward pass rounds no matrix.
    """
    qat = getattr(model, "qat", None)
    settings = getattr(model, "quantizer", None) if qat is None else qat.quantizer
    if settings is None or not (training or qat is None or qat.scored):
        return {}
    quantizer, roles = quantizer_of(settings), QUANTIZED if qat is None else qat.roles
    return {name: quantizer for name, parameter in table.items() if parameter.role in roles}


def quantize_all(weights: Mapping[str, Tensor], plan: Mapping[str, Quantizer]) -> dict[str, Quantized]:
    """Every matrix of ``weights`` that ``plan`` names on its grid, as the forward pass has it."""
    return {name: quantize(weights[name].detach(), quantizer) for name, quantizer in plan.items()}
