"""The kinds of grids: which one a record has goes by how its storages are stated."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tritgolf.config.export import ExportConfig, RoleExport, StorageConfig
from tritgolf.config.model import UNetConfig
from tritgolf.config.settings import Settings
from tritgolf.config.storage import RoleStorage
from tritgolf.config.types import CodeLayout
from tritgolf.errors import InputError
from tritgolf.laboratory.grid import GridConfig, grid_storages, load_grid
from tritgolf.laboratory.role_grid import RoleGridConfig, record_variants
from tritgolf.laboratory.variant import Variant

# How the laboratory packs integer codes, whatever the record's layouts: a second a row, where Brotli takes 100 at full
# size. All rows have the same coder, so that their bytes compare; a record's own bytes are its export's.
CODE_LAYOUTS: tuple[CodeLayout, ...] = ("arithmetic",)


class GridKind(NamedTuple):
    """``storage``: how one storage is stated; ``config``: the grid's settings; ``default``: the file that is measured.

    ``variants``: grid, export and model of a record → all rows, complete, ``own`` and ``lossless`` first.
    """

    storage: type[Settings]
    config: type[Any]
    default: str
    variants: Callable[[Any, Any, Any], dict[str, Variant]]


def _unet_variants(grid: GridConfig, export: ExportConfig, model: UNetConfig) -> dict[str, Variant]:
    storages = grid_storages(grid, export.storage(export.own_storage), model.quantizer.estimator)
    return {name: Variant(storage) for name, storage in storages.items()}


GRID_KINDS: Mapping[type[Settings], GridKind] = {  # by what a record's export is
    ExportConfig: GridKind(StorageConfig, GridConfig, "roundtrip", _unet_variants),
    RoleExport: GridKind(RoleStorage, RoleGridConfig, "int6", record_variants),
}


def grid_kind(export: Settings) -> GridKind:
    """The kind of grid that a record with this ``export`` has."""
    return GRID_KINDS[type(export)]


def kind_of_storage(storage: Settings) -> GridKind:
    """The kind of grid that an artifact with this ``storage`` has."""
    return next(kind for kind in GRID_KINDS.values() if isinstance(storage, kind.storage))


def grid_of(name: str | None, folder: str | Path, kind: GridKind) -> Any:
    """The grid ``name`` of ``folder``, or the kind's default. Raises ``InputError``, also for one of another kind."""
    try:
        return load_grid(name or kind.default, folder, kind.config)
    except InputError:
        if any(_loads(name, folder, other) for other in GRID_KINDS.values() if other is not kind):
            what = "changes what another kind of storage has than that of the record or artifact"
            raise InputError(f"grid {name!r}", what, f"name one of its kind, as {kind.default} is") from None
        raise


def _loads(name: str | None, folder: str | Path, kind: GridKind) -> bool:
    try:
        load_grid(name or kind.default, folder, kind.config)
    except InputError:
        return False
    return True
