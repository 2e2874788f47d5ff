"""The ablation grid: named storages of one checkpoint, each the record's own but for what its row changes.

A grid is a file ``records/grids/NAME.yaml``. To its rows come, whatever the record: ``own``; ``lossless``, from which
the trained model comes back as it was; ``only_FACTOR``, the lossless one with one factor as in ``own``; and
``without_FACTOR``, ``own`` with one factor as in the lossless one. The decomposition is made of these.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, model_validator

from tritgolf.config.export import StorageConfig
from tritgolf.config.named import named_file
from tritgolf.config.settings import Settings, validate_yaml
from tritgolf.config.storage import factors
from tritgolf.config.types import Decide, Format, ReloadPrecision, ScaleFormat
from tritgolf.config.yaml_files import read_yaml

Estimator = Literal["absmean", "rms"]
RowName = Annotated[str, Field(pattern="^[a-z0-9_]+$", max_length=60)]
AnyGrid = TypeVar("AnyGrid", bound=Settings)
TAKEN = re.compile("own|lossless|only_.*|without_.*")  # names of the rows that every grid has

# Every tensor as the trained model has it, at whatever bytes it takes: the table's master weights are BF16 already.
LOSSLESS = StorageConfig(
    scales="float32",
    decide="forward",
    shrinkage=False,
    reload_dtype="float32",
    table="bfloat16",
    projections="float32",
    mixes="float32",
    vectors="float32",
)


class GridRow(Settings):
    """What a row changes in the storage it starts from; ``estimator: other`` is the one the model doesn't have."""

    start: Literal["own", "lossless"] = "own"
    scales: ScaleFormat | None = None
    estimator: Literal["own", "other"] | None = None
    decide: Decide | None = None
    shrinkage: bool | None = None
    reload_dtype: ReloadPrecision | None = None
    table: Format | None = None
    projections: Format | None = None
    mixes: Format | None = None
    vectors: Format | None = None


class ProbeConfig(Settings):
    """How far the mechanism probes go (``tritgolf.laboratory.probes``).

    ``shifts``: binades; ``crowding``: halvings of the distance to the threshold; ``zeros``: shares of zero trits;
    ``break_bpb``: a mechanism is broken where it moves the gap by more than this.
    """

    shifts: tuple[int, ...] = (-24, -20, -16, -12, -8, -4, 0, 4, 8, 12, 16, 20)
    crowding: tuple[Annotated[float, Field(ge=0)], ...] = Field(default=(0, 2, 4, 6, 8, 10), min_length=1)
    zeros: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = Field(default=(0, 0.5, 0.7, 0.9, 0.97), min_length=1)
    break_bpb: Annotated[float, Field(gt=0)] = 0.001

    @model_validator(mode="after")
    def _zero_is_a_shift(self) -> "ProbeConfig":
        if 0 not in self.shifts:
            raise ValueError(f"shifts: {list(self.shifts)} is not possible; 0 must be among them")
        for name, values in (("shifts", self.shifts), ("crowding", self.crowding), ("zeros", self.zeros)):
            if sorted(set(values)) != list(values):
                raise ValueError(f"{name}: {list(values)} is not possible; it must increase")
        return self


class GridConfig(Settings):
    """The rows of a grid, in the order in which tables show them, and the probes that go with it."""

    rows: dict[RowName, GridRow]
    probes: ProbeConfig = ProbeConfig()

    @model_validator(mode="after")
    def _names_are_free(self) -> "GridConfig":
        check_names_are_free(self.rows)
        return self


def check_names_are_free(names: Iterable[str]) -> None:
    """For validators: rows of a grid may not have the names that every grid has."""
    for name in names:
        if TAKEN.fullmatch(name):
            raise ValueError(f"rows: {name} is not possible; every grid has a row of that name")


def load_grid(name: str, folder: str | Path, config: type[AnyGrid] = GridConfig) -> AnyGrid:  # type: ignore[assignment]
    """Load ``folder/name.yaml`` as a grid whose settings are ``config``.

    Raises ``InputError`` in one line: file, key, value and what is allowed.
    """
    path = named_file("grid", name, folder)
    return validate_yaml(config, read_yaml(path), path)


def grid_storages(grid: GridConfig, own: StorageConfig, estimator: Estimator) -> dict[str, StorageConfig]:
    """All rows of ``grid`` for a record with this own storage and scale estimator, complete. Some may be equal."""
    starts = {"own": own, "lossless": LOSSLESS}
    storages = dict(starts)
    for factor in differing(own):
        storages[f"only_{factor}"] = LOSSLESS.model_copy(update={factor: getattr(own, factor)})
    for name, row in grid.rows.items():
        change = row.model_dump(exclude_none=True, exclude={"start"})
        if change.get("estimator") == "other":
            change["estimator"] = "absmean" if estimator == "rms" else "rms"
        storages[name] = starts[row.start].model_copy(update=change)
    for factor in differing(own):
        storages[f"without_{factor}"] = own.model_copy(update={factor: getattr(LOSSLESS, factor)})
    return storages


def differing(own: StorageConfig) -> list[str]:
    """The factors in which ``own`` is not the lossless storage."""
    lossless = factors(LOSSLESS)
    return [factor for factor, value in factors(own).items() if value != lossless[factor]]


def merge_equal(storages: Mapping[str, Any]) -> dict[str, str]:
    """For every name, in order, the first name of the same storage: what is equal is measured once."""
    first: dict[str, str] = {}
    for name, storage in storages.items():
        first[name] = next((known for known in first.values() if storages[known] == storage), name)
    return first
