"""The iso-byte experiment: which weights fill the same bytes best? One YAML to the points that it asks for.

A point is a weight format, a method that gets weights onto its grid, and a series that says what all points have in
equal measure. Its record is the experiment's own with a width that fills the bytes. Trials come first: short runs on a
text held aside, which say at what rates a point learns and what its artifact has over the estimate.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.settings import Settings
from tritgolf.config.types import Fraction, Positive, check, check_names
from tritgolf.experiments.names import check_keys, check_over, without_absent
from tritgolf.experiments.width import WidthConfig

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


class IsobyteConfig(Settings):
    """The whole experiment. ``formats``: bits a weight → its grid. ``record``: what all points have alike.

    ``trials`` is laid over it for short runs, one by each of the ``recipes`` that are ``tried``. ``chosen_by``: the
    grid whose trials choose for this one too (null: its own). A format, method, series or recipe that is null is left
    out: one that is inherited.
    """

    kind: Literal["isobyte_grid"]
    title: str
    bytes: Positive
    tolerance: Annotated[float, Field(gt=0, lt=1)]
    width: WidthConfig
    formats: dict[str, IntegerConfig]
    methods: dict[str, Method]
    series: dict[str, Series]
    trials: dict[str, Any]
    chosen_by: str | None = None
    recipes: dict[str, Recipe]
    tried: tuple[str, ...]
    record: dict[str, Any]

    @field_validator("formats", "methods", "series", "recipes", mode="before")
    @classmethod
    def _without_absent(cls, named: Any) -> Any:
        return without_absent(named)

    @field_validator("formats", mode="before")
    @classmethod
    def _bits_are_text(cls, formats: Any) -> Any:
        for bits in formats if isinstance(formats, dict) else ():
            check(isinstance(bits, str), str(bits), repr(bits), f'in quotes, "{bits}"')
        return formats

    @model_validator(mode="after")
    def _names_do(self) -> "IsobyteConfig":
        for bits in self.formats:
            is_number = re.fullmatch(r"\d+(\.\d+)?", bits) is not None
            check(is_number, f"formats.{bits}", repr(bits), 'bits a weight, as "4" or "1.58"')
        check_keys("methods", self.methods)
        check_keys("series", self.series)
        check_keys("recipes", self.recipes)
        return self

    @model_validator(mode="after")
    def _records_keep_their_names(self) -> "IsobyteConfig":
        check_over("trials", self.trials)
        for name, series in self.series.items():
            check_over(f"series.{name}.over", series.over)
        return self

    @model_validator(mode="after")
    def _names_are_known(self) -> "IsobyteConfig":
        for kind, named in (("methods", self.methods), ("series", self.series)):
            for name, one in named.items():
                key, known = f"{kind}.{name}.formats", ", ".join(self.formats)
                check(one.formats != (), key, "[]", f"some of {known}, or left out for all of them")
                for unknown in set(one.formats or ()) - set(self.formats):
                    check(False, key, unknown, f"of {known}")
        check_names("tried", self.tried, "recipe")
        for unknown in set(self.tried) - set(self.recipes):
            check(False, "tried", unknown, f"of {', '.join(self.recipes)}")
        return self

    @model_validator(mode="after")
    def _there_are_points(self) -> "IsobyteConfig":
        names = [place.name for place in places(self)]
        check(len(names) >= 2, "formats, methods, series", f"{len(names)} together", "two: points are compared")
        twice = next((name for name in names if names.count(name) > 1), None)
        check(twice is None, "methods, series", f"the name {twice} of two points", "another for one of them")
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


def storage_over(grid: IsobyteConfig, place: Place, own: str) -> dict[str, Any]:
    """What a point's record says of its matrices: the grid that they are trained on, and how ``own`` stores them."""
    form, method = grid.formats[place.bits], grid.methods[place.method]
    on_grid = {"grid": form.grid, **form.model_dump(mode="json", exclude_unset=True)}
    stored = {**on_grid, "rounding": method.rounding}
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
