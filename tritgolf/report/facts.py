"""What all schemas of reports have in common: a base that passes unknown keys, and kinds of values."""

import math
from typing import Annotated

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field

ALL_LAYERS = "all"
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


def _with_all_layers(shares: dict[str, float]) -> dict[str, float]:
    if ALL_LAYERS not in shares:
        raise ValueError(f"lacks the share of {ALL_LAYERS!r} layers")
    return shares


LayerShares = Annotated[dict[str, Share], AfterValidator(_with_all_layers)]  # layer type (``attn.qkv``), "all" → share


class Facts(BaseModel):
    """Base of everything read here. Unknown keys pass: a stage may measure more than reports show."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class TernaryFacts(Facts):
    """What a file says of ternary weights; one of a system without any lacks all of it.

    ``zero_fraction``: shares of the trits that are 0. ``published_zero_fraction``: as the published code counts them,
    with the absmean rule over every matrix; ``record_zero_fraction`` in the files. ``trits_changed``: trits of a
    storage that differ from the forward pass's. ``estimator``: of the scales, absmean or rms.
    """

    zero_fraction: LayerShares | None = None
    published_zero_fraction: Share | None = Field(
        default=None, validation_alias=AliasChoices("record_zero_fraction", "published_zero_fraction")
    )
    estimator: str | None = None
    ternary_weights: Count | None = None
    trits_changed: Count | None = None

    @property
    def zeros(self) -> float | None:
        """The share of zeros among all trits; None where there are none."""
        return self.zero_fraction[ALL_LAYERS] if self.zero_fraction else None

    @property
    def counted_as_published(self) -> float:
        """``published_zero_fraction``; NaN of a transformer's trits, which no published code counts."""
        return math.nan if self.published_zero_fraction is None else self.published_zero_fraction
