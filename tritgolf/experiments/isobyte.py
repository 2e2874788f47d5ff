"""The iso-byte experiment: which weights fill the same bytes best? One YAML to the points that it asks for.

A point is a weight format, a method that gets weights onto its grid, and a series that says what all points have in
equal measure. Its record is the experiment's own with a width that fills the bytes. Trials come first: short runs on a
text held aside, which say at what rates a point learns and what its artifact has over the estimate.
"""

from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.settings import Settings
from tritgolf.config.types import Fraction, Positive, check
from tritgolf.experiments.width import WidthConfig

Name = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9._]*$")]
ROLES = ("attention", "mlp")  # the matrices that are on the grid


class Method(Settings):
    """How weights get onto the grid: trained on it from the share ``qat`` of the training on, or never (null).

    ``what``: that in words. ``rounding``: of export. ``formats``: those that it is tried with; all of them where null.
    """

    what: str
    qat: Fraction | None = None
    rounding: Literal["nearest", "gptq"]
    formats: tuple[str, ...] | None = None


class Series(Settings):
    """What is laid over every record of a series; ``formats`` as those of a method."""

    over: dict[str, Any] = Field(default_factory=dict)
    formats: tuple[str, ...] | None = None


class Recipe(Settings):
    """``what`` a point may be trained by, in words: the settings ``train``, with all learning rates times ``rate``."""

    what: str
    rate: Annotated[float, Field(gt=0)] = 1.0
    train: dict[str, Any]


class Choice(Settings):
    """What a trial is for: the name of a ``recipe``; bytes of its artifact over the estimate."""

    recipe: str
    over_estimate: float = 1.0


class IsobyteConfig(Settings):
    """The whole experiment. ``formats``: bits a weight → its grid. ``record``: what all points have alike.

    ``trials`` is laid over it for short runs, one by each of the ``recipes`` that are ``tried``. ``chosen_by``: the
    grid whose trials choose for this one too (null: its own). A series that is null is left out: one that is inherited.
    """

    kind: Literal["isobyte_grid"]
    title: str
    bytes: Positive
    tolerance: Annotated[float, Field(gt=0, lt=1)]
    width: WidthConfig
    formats: dict[Annotated[str, Field(pattern=r"^\d+(\.\d+)?$")], IntegerConfig]
    methods: dict[Name, Method]
    series: dict[Name, Series]
    trials: dict[str, Any]
    chosen_by: str | None = None
    recipes: dict[Name, Recipe]
    tried: Annotated[tuple[str, ...], Field(min_length=1)]
    record: dict[str, Any]

    @field_validator("series", mode="before")
    @classmethod
    def _without_absent(cls, series: Any) -> Any:
        return {name: one for name, one in series.items() if one is not None} if isinstance(series, dict) else series

    @model_validator(mode="after")
    def _names_are_known(self) -> "IsobyteConfig":
        for kind, named in (("methods", self.methods), ("series", self.series)):
            for name, one in named.items():
                for unknown in set(one.formats or ()) - set(self.formats):
                    check(False, f"{kind}.{name}.formats", unknown, f"of {', '.join(self.formats)}")
        for unknown in set(self.tried) - set(self.recipes):
            check(False, "tried", unknown, f"of {', '.join(self.recipes)}")
        check(bool(self.formats and self.methods and self.series), "formats, methods, series", "none", "at least one")
        return self


class Place(NamedTuple):
    """Where a point is in the grid."""

    bits: str
    method: str
    series: str

    @property
    def choice(self) -> str:
        """What a recipe and bytes over the estimate are chosen for: a format and a method."""
        return f"{self.bits} {self.method}"

    @property
    def name(self) -> str:
        """Its part of a record's name."""
        return f"{self.short}_{self.series}"

    @property
    def short(self) -> str:
        """The same without the series."""
        return f"{self.bits}_{self.method}".replace(".", "_")


def places(grid: IsobyteConfig) -> Iterator[Place]:
    """The points of a grid, by series, method and bits."""
    for series, method, bits in product(grid.series, grid.methods, sorted(grid.formats, key=float)):
        chosen = (grid.series[series].formats, grid.methods[method].formats)
        if all(formats is None or bits in formats for formats in chosen):
            yield Place(bits, method, series)


def storage_over(grid: IsobyteConfig, place: Place) -> dict[str, Any]:
    """What a point's record says of its matrices: the grid that they are trained on, and how they are stored."""
    form, method = grid.formats[place.bits], grid.methods[place.method]
    on_grid = {"grid": form.grid, **form.model_dump(mode="json", exclude_unset=True)}
    own, stored = grid.record["export"]["own_storage"], {**on_grid, "rounding": method.rounding}
    export: dict[str, Any] = {"storages": {own: {"roles": {role: dict(stored) for role in ROLES}}}}
    if method.rounding != "gptq":
        export["calibration"] = None
    if method.qat is None:
        return {"export": export}
    qat = {"roles": list(ROLES), "quantizer": on_grid}
    return {"model": {"qat": qat}, "train": {"start": {"qat": method.qat}}, "export": export}


def rates_over(train: Any, factor: float) -> dict[str, Any]:
    """All learning rates of ``train`` (settings) times ``factor``."""
    adam = {name: getattr(train.adam, name) * factor for name in ("table_lr", "vector_lr")}
    return {"train": {"muon": {"lr": train.muon.lr * factor}, "adam": adam}}
