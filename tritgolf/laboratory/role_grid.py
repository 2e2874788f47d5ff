"""The grid of storages that are stated by role: each row is the record's own but for what it changes, by dotted path.

As in every grid there are ``own``, ``lossless``, ``only_FACTOR`` and ``without_FACTOR``; a factor is the form in which
a role (or layer type) is stored. A path is ``roles.ROLE`` (the whole form), ``roles.ROLE.SETTING``, ``roles.*.SETTING``
(of every form that has it), a setting of the storage itself, ``calibration`` (all of it) or ``calibration.SETTING``.
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from tritgolf.config.calibration import SOURCES, CalibrationConfig
from tritgolf.config.export import RoleExport
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.settings import Settings, validate
from tritgolf.config.storage import FORMS, NumbersConfig, RoleStorage
from tritgolf.config.types import Format
from tritgolf.errors import InputError
from tritgolf.laboratory.grid import RowName, check_names_are_free
from tritgolf.laboratory.variant import Variant
from tritgolf.parameters import Role

ROLES, EVERY, CALIBRATION, GRID = "roles", "*", "calibration", "grid"
TABLES: tuple[Role, ...] = (
    "embedding",
    "hash_embedding",
    "value_embedding",
)  # which a network keeps in the precision it computes in


OF_GPTQ = ("damping", "block")  # settings of a grid that no other rounding reads
UNUSED: tuple[Any, ...] = (None, [])  # values of a setting that a form makes no use of


class RoleRow(Settings):
    """What a row changes in the storage it starts from: dotted path → value."""

    start: Literal["own", "lossless"] = "own"
    change: Annotated[dict[str, Any], Field(min_length=1)]


class RoleGridConfig(Settings):
    """The rows of a grid, in the order in which tables show them."""

    rows: dict[RowName, RoleRow]

    @model_validator(mode="after")
    def _names_are_free(self) -> "RoleGridConfig":
        check_names_are_free(self.rows)
        return self


class _Text(Settings):
    """A calibration, to be validated by its source, for a model of this ``context``."""

    calibration: CalibrationConfig
    context: int

    @model_validator(mode="after")
    def _fits(self) -> "_Text":
        self.calibration.check_context(self.context)
        return self


def role_variants(
    grid: RoleGridConfig,
    own: RoleStorage,
    lossless: RoleStorage,
    context: int,
    calibration: CalibrationConfig | None = None,
) -> dict[str, Variant]:
    """All rows of ``grid`` for a model of this ``context`` with these storages and calibration. Some may be equal.

    A row about a role that the record doesn't store, or about a calibration where it has none, is left out. Raises
    ``InputError`` that names a row which can't be.
    """
    starts = {"own": calibrated(own, calibration), "lossless": Variant(lossless)}
    factors = _differing(own, starts["lossless"].storage)
    variants = dict(starts)
    for factor in factors:
        variants[f"only_{factor}"] = calibrated(_with_factor(starts["lossless"].storage, factor, own), calibration)
    for name, row in grid.rows.items():
        changed = _changed(name, row, starts[row.start].storage, calibration, context)
        if changed is not None:
            variants[name] = changed
    for factor in factors:
        variants[f"without_{factor}"] = calibrated(_with_factor(own, factor, starts["lossless"].storage), calibration)
    return variants


def record_variants(grid: RoleGridConfig, export: RoleExport, model: Any) -> dict[str, Variant]:
    """``role_variants`` of a record's own storage."""
    own = export.storage(export.own_storage)
    return role_variants(grid, own, lossless_of(own, model), model.context, export.calibration)


def lossless_of(own: RoleStorage, model: Any) -> RoleStorage:
    """Every tensor as the trained model has it: tables in the model's precision, all else in FP32."""
    formats: dict[str, Format] = {role: model.compute if role in TABLES else "float32" for role in own.roles}
    return RoleStorage(roles={role: NumbersConfig(format=number_format) for role, number_format in formats.items()})


def calibrated(storage: RoleStorage, calibration: CalibrationConfig | None) -> Variant:
    """``storage`` with this calibration, if it rounds anything by GPTQ."""
    forms = storage.roles.values()
    by_gptq = any(isinstance(form, IntegerConfig) and form.rounding == "gptq" for form in forms)
    return Variant(storage, calibration if by_gptq else None)


def _differing(own: RoleStorage, lossless: RoleStorage) -> list[str]:
    """The factors in which ``own`` is not the lossless storage: roles, then settings of the storage itself."""
    roles = [role for role, form in own.roles.items() if form != lossless.roles[role]]
    rest = [name for name in RoleStorage.model_fields if name != ROLES]
    return roles + [name for name in rest if getattr(own, name) != getattr(lossless, name)]


def _with_factor(storage: RoleStorage, factor: str, other: RoleStorage) -> RoleStorage:
    """``storage`` with one factor as in ``other``."""
    if factor in other.roles:
        return storage.model_copy(update={ROLES: {**storage.roles, factor: other.roles[factor]}})
    return storage.model_copy(update={factor: getattr(other, factor)})


def _changed(
    name: str, row: RoleRow, start: RoleStorage, calibration: CalibrationConfig | None, context: int
) -> Variant | None:
    """The row ``name`` of a model with this ``context``; None for one that the record has nothing to change of."""
    storage: dict[str, Any] = start.model_dump(mode="json")
    text: dict[str, Any] = calibration.model_dump(mode="json") if calibration else {}
    for path, value in row.change.items():
        head, _, setting = path.partition(".")
        if head == ROLES:
            applies = _change_forms(name, storage[ROLES], setting, value)
        elif head == CALIBRATION:
            applies = bool(text) and (not setting or _is_of(calibration, setting))
            text = {**text, setting: value} if setting else dict(value)
        else:
            storage[path], applies = value, True
        if not applies:
            return None
    where = f"row {name!r} of the grid"
    changed = validate(RoleStorage, storage, where)
    _check_that_files_store(changed, where)
    return calibrated(
        changed, validate(_Text, {CALIBRATION: text, "context": context}, where).calibration if text else None
    )


def _is_of(calibration: CalibrationConfig | None, setting: str) -> bool:
    """Whether a row may change ``setting`` of this calibration; False where only one of another source has it."""
    having = [source for source in SOURCES.values() if setting in source.model_fields]
    return not having or type(calibration) in having


def _check_that_files_store(storage: RoleStorage, where: str) -> None:
    """``InputError`` for codes that no file stores: before anything is trained."""
    from tritgolf.artifact.kinds import integer_kind  # noqa: PLC0415  (numpy, which planning needs for nothing else)

    for form in storage.roles.values():
        try:
            if isinstance(form, IntegerConfig):
                integer_kind(form)
        except InputError as error:
            raise InputError(where, error.what, error.fix) from None


def _change_forms(row: str, forms: dict[str, Any], path: str, value: Any) -> bool:
    """Change ``ROLE``, ``ROLE.SETTING`` or ``*.SETTING`` in ``forms``; whether there was anything to change.

    ``InputError`` for what is no role, or no setting of the role's form.
    """
    if path.startswith(f"{EVERY}."):
        setting = path.removeprefix(f"{EVERY}.")
        having = [form for form in forms.values() if _has(form, setting, value)]
        for form in having:
            form[setting] = value
        return bool(having)
    role = max((role for role in forms if path == role or path.startswith(f"{role}.")), key=len, default=None)
    if role is None:
        known = path.partition(".")[0] in get_args(Role)
        if not known:
            allowed = f"{EVERY}, {', '.join(dict.fromkeys((*get_args(Role), *forms)))}"
            raise InputError(f"row {row!r} of the grid", f"{ROLES}.{path}: is of no role", f"name one of {allowed}")
        return False
    setting = path[len(role) + 1 :]
    if not setting:
        forms[role] = value
    elif setting in forms[role]:
        has = _has(forms[role], setting, value)
        forms[role] = {**forms[role], setting: value}
        return has
    elif any(setting in form.model_fields for form in FORMS.values()):
        return False  # of another form: a table that is kept as numbers has no rounding
    else:
        what = f"{ROLES}.{path}: {role} is stored without a setting {setting!r}"
        raise InputError(f"row {row!r} of the grid", what, f"it has {', '.join(forms[role])}")
    return True


def _has(form: dict[str, Any], setting: str, value: Any) -> bool:
    """Whether ``form`` has ``setting``, and it might be ``value``.

    It hasn't what it leaves null or empty, as a grid that is clipped at quantiles has no ``clip_sigmas``; and a value
    that the setting has in another grid's form alone, as trits have no rounding to the nearest code, is not meant. Nor
    other bits of a grid with an even number of levels, which files store of 2 bits alone, or what GPTQ alone reads.
    """
    if setting == "bits" and form.get("levels") == "even":
        return False
    if setting in OF_GPTQ and form.get("rounding") != "gptq":
        return False
    having = {grid: one.model_fields[setting] for grid, one in FORMS.items() if setting in one.model_fields}
    choices = {grid: get_args(field.annotation) for grid, field in having.items()}
    of_others = any(value in values for values in choices.values())
    return form.get(setting) not in UNUSED and (value in choices[form.get(GRID)] or not of_others)
