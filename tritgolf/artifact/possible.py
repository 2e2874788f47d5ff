"""Whether files can hold what a record wants to store: asked before anything is trained, and without torch."""

from typing import Any

from tritgolf.config.storage import RoleStorage
from tritgolf.errors import InputError
from tritgolf.model.specs import parameters_of


def check_storages(record: str, export: Any, model: Any) -> None:
    """``InputError`` for a storage by role that no file of this ``model`` can have; ``export``: the record's."""
    for name, storage in export.storages.items():
        if isinstance(storage, RoleStorage):  # the nine settings of a U-Net's are of all its roles
            _check(f"record {record}: export.storages.{name}", storage, model)


def _check(where: str, storage: RoleStorage, model: Any) -> None:
    from tritgolf.artifact.kinds import tensor_specs  # noqa: PLC0415  (numpy: not for every job)

    try:
        specs = tensor_specs(parameters_of(model), storage)
    except InputError as error:
        raise InputError(where, error.what, error.fix) from None
    for tensor, spec in specs.items():
        grouped = spec.codes is not None and spec.codes.scale == "group"
        if grouped and (len(spec.shape) != 2 or spec.shape[1] % storage.group_size):
            what = f"{tensor} of shape {list(spec.shape)} has no whole groups of {storage.group_size}"
            raise InputError(where, what, "give a group_size that divides its columns")
