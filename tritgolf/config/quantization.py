"""How matrices are quantized: the grid and the rounding to it."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from tritgolf.config.model import TernaryConfig
from tritgolf.config.settings import Settings
from tritgolf.config.types import Fraction, Positive, check, check_names


class IntegerConfig(Settings):
    """The integer grid (``tritgolf.quantize.integer``) and the rounding to it (``tritgolf.quantize.gptq``).

    The grid reaches to its clip: ``clip_sigmas`` standard deviations (#1716), a quantile of the magnitudes (#1019; of
    several the one with the least squared error), or where neither is set the largest magnitude; at least to
    ``least_clip``. ``rounding``: each weight to the nearest code; ``clipped`` (#1019's int8 rows): the same of weights
    that are clipped first, by scales that are not yet rounded to ``scale_dtype``; or GPTQ. ``damping``: the share of a
    Hessian's mean diagonal that GPTQ adds to its diagonal; ``block``: the columns that GPTQ rounds before it moves all
    later ones. ``levels``: an odd number of them, of which one is 0 (2^bits − 1), or all that the bits can tell, half a
    step off 0 (2^bits; "SEQ" of ParetoQ, Liu et al., 2025): of few bits each level counts.
    """

    LATER: ClassVar[frozenset[str]] = frozenset({"levels"})
    grid: Literal["integer"] = "integer"
    bits: Annotated[int, Field(ge=2, le=8)]
    scale: Literal["row", "tensor"] = "row"
    scale_dtype: Literal["float32", "float16"] = "float16"
    clip_sigmas: float | None = Field(default=None, gt=0)
    clip_quantiles: tuple[Fraction, ...] = ()
    least_clip: float = Field(default=1e-10, gt=0)
    rounding: Literal["nearest", "clipped", "gptq"] = "nearest"
    damping: float = Field(default=0.01, gt=0)
    block: Positive = 128
    levels: Literal["odd", "even"] = "odd"

    @property
    def level_count(self) -> int:
        """How many numbers the grid has."""
        return (1 << self.bits) - (self.levels == "odd")

    @model_validator(mode="after")
    def _one_clip(self) -> "IntegerConfig":
        both = self.clip_sigmas is not None and bool(self.clip_quantiles)
        check(not both, "clip_quantiles", list(self.clip_quantiles), "empty where clip_sigmas is set")
        return self


GRIDS: dict[Any, type[TernaryConfig] | type[IntegerConfig]] = {"ternary": TernaryConfig, "integer": IntegerConfig}
USUAL_GRID = "ternary"  # of what says none, as a dump of trits


def grid_of(raw: Any) -> Any:
    """``raw`` validated as the settings of its ``grid``, so that a complaint names that grid's keys and no other's."""
    if not isinstance(raw, Mapping):
        return raw
    grid = raw.get("grid", USUAL_GRID)
    check(isinstance(grid, str) and grid in GRIDS, "grid", repr(grid), f"one of {', '.join(GRIDS)}")
    return GRIDS[grid].model_validate(raw)


class QatConfig(Settings):
    """Quantization-aware training: matrices of these ``roles`` are computed on the grid of ``quantizer``.

    ``scored``: whether the trained network is scored on that grid too, or by its master weights (#1019: its code
    quantizes in training mode alone).
    """

    roles: tuple[Literal["attention", "mlp", "projection"], ...]
    quantizer: Annotated[TernaryConfig | IntegerConfig, BeforeValidator(grid_of)]
    scored: bool = True

    @model_validator(mode="after")
    def _some_roles(self) -> "QatConfig":
        check_names("roles", self.roles, "role")
        return self
