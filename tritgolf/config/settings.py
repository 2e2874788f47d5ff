"""What all settings have in common: a frozen base, and validation whose every error is one line."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, ValidationError, model_serializer

from tritgolf.errors import InputError


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors, values never change after validation.

    ``LATER`` names the settings that came after others had been used. A dump leaves them out while they have their
    defaults, so that results from before them stay what their configuration says.
    """

    LATER: ClassVar[frozenset[str]] = frozenset()
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _without_unused_later_ones(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        unused = {name for name in self.LATER if getattr(self, name) == type(self).model_fields[name].default}
        return {name: value for name, value in dump(self).items() if name not in unused}


T = TypeVar("T", bound=Settings)

# What it wanted, by what pydantic's types of errors begin with, and how that is written.
WANTED = {
    "tuple": "a list",
    "model": "a mapping",
    "dict": "a mapping",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
}
FIXES = {
    "a list": "write [a, b], or [a] for one; on a command line KEY='[a]'",
    "a mapping": "write {key: value}; on a command line KEY='{key: value}'",
    "a whole number": "write one, without a point",
    "a number": "write one",
    "true or false": "write one of them",
    "text": "put it into quotes",
}


def validate(kind: type[T], raw: dict[str, Any], path: str | Path) -> T:
    """``kind(**raw)``, with pydantic's first complaint turned into a one-line ``InputError``."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise InputError(
                path, f"{key}: unknown key", f"allowed here: {_siblings(kind, raw, first['loc'])}"
            ) from None
        if first["type"] == "missing":
            raise InputError(path, f"{key}: is missing", _mistyped(error, first["loc"])) from None
        if first["type"] == "value_error":
            message = first["msg"].removeprefix("Value error, ")
            raise InputError(path, f"{key}.{message}" if key else message) from None
        kind_of_error, _, what_of_it = first["type"].partition("_")
        if kind_of_error in WANTED and what_of_it in ("type", "parsing", "from_float"):
            wanted = WANTED[kind_of_error]
            raise InputError(path, f"{key}: {first['input']!r} is not {wanted}", FIXES[wanted]) from None
        raise InputError(path, f"{key}: {first['input']!r}: {first['msg']}") from None


def validate_yaml(kind: type[T], raw: dict[str, Any], path: str | Path) -> T:
    """``validate`` for what a user wrote: ``true`` is no number there, though Python takes it for 1."""
    try:
        settings = validate(kind, raw, path)
    except InputError as error:
        raise _of_a_union(error, kind, raw) or _of_missing(error, kind, raw) or error from None
    if (key := _taken_for_number(raw, settings)) is not None:
        raise InputError(path, f"{key}: is true or false", "write a number")
    return settings


def _of_a_union(told: InputError, kind: type[BaseModel], raw: dict[str, Any]) -> InputError | None:
    """A complaint of ``validate`` about settings that are one of several kinds, by the key that says which.

    None for any other complaint, which is as good as it is.
    """
    error = told.__context__
    first: Any = error.errors()[0] if isinstance(error, ValidationError) else {"type": ""}
    dotted = ".".join(map(str, first.get("loc", ())))
    if first["type"] == "model_attributes_type":
        return InputError(told.where, f"{dotted}: {first['input']!r} is not a mapping", FIXES["a mapping"])
    if first["type"] not in ("union_tag_not_found", "union_tag_invalid"):
        return None
    by = str(first["ctx"]["discriminator"]).strip("'")
    allowed = _kinds_at(kind, raw, first["loc"], by)
    if first["type"] == "union_tag_not_found":
        return InputError(told.where, f"{dotted}.{by}: is missing", f"write one of {allowed}")
    return InputError(told.where, f"{dotted}.{by}: {first['input'][by]!r} is not possible; it must be one of {allowed}")


def _kinds_at(kind: type[BaseModel], raw: dict[str, Any], location: tuple[int | str, ...], by: str) -> str:
    """What the key ``by`` of the settings at ``location`` may say: what is told of a kind that is none."""
    asked = copy.deepcopy(raw)
    inner: Any = asked
    for part in location:  # some parts are kinds, which are no keys
        if isinstance(part, int) or part in inner:
            inner = inner[part]
    inner[by] = ""
    try:
        kind.model_validate(asked)
    except ValidationError as error:
        return str(error.errors()[0].get("ctx", {}).get("expected_tags", "those of its class")).replace("'", "")
    return ""


def _mistyped(error: ValidationError, missing: tuple[int | str, ...]) -> str:
    """What to do about a setting that is missing: where unknown ones stand beside it, one of them may be meant."""
    unknown_ones = [one["loc"] for one in error.errors() if one["type"] == "extra_forbidden"]
    beside = [str(location[-1]) for location in unknown_ones if location[:-1] == missing[:-1]]
    return f"there is {' and '.join(beside)}, which is unknown: correct it" if beside else ""


def _taken_for_number(raw: Any, settings: Any) -> str | None:
    """The dotted key of a ``true`` or ``false`` that became a number; None without one."""
    if isinstance(raw, bool):
        return None if isinstance(settings, bool | str) else ""
    if isinstance(raw, Mapping):
        found = ((key, _taken_for_number(value, _member(settings, key))) for key, value in raw.items())
    elif isinstance(raw, list) and isinstance(settings, Sequence) and len(raw) == len(settings):
        found = ((key, _taken_for_number(*pair)) for key, pair in enumerate(zip(raw, settings, strict=True)))
    else:
        return None
    return next((f"{key}.{inner}".rstrip(".") for key, inner in found if inner is not None), None)


def _member(settings: Any, key: str) -> Any:
    return settings.get(key, False) if isinstance(settings, Mapping) else getattr(settings, key, False)


def _of_missing(told: InputError, kind: type[BaseModel], raw: dict[str, Any]) -> InputError | None:
    """A complaint of ``validate`` about a missing setting, with what to write: one of a few words, or true or false.

    None for any other complaint, and where ``validate`` knows what was mistyped.
    """
    error = told.__context__
    first: Any = error.errors()[0] if isinstance(error, ValidationError) else {"type": ""}
    if first["type"] != "missing" or told.fix:
        return None
    beside = _settings_beside(kind, raw, first["loc"])
    field = getattr(beside, "model_fields", {}).get(first["loc"][-1])
    wanted = field.annotation if field else None
    words = ("true", "false") if wanted is bool else get_args(wanted) if get_origin(wanted) is Literal else ()
    what = f"{'.'.join(map(str, first['loc']))}: is missing"
    return InputError(told.where, what, f"write one of {', '.join(map(str, words))}") if words else None


def _siblings(kind: type[BaseModel], raw: Any, location: tuple[int | str, ...]) -> str:
    """Names of the settings beside the one at ``location`` of ``raw``, where ``kind`` says what they are."""
    beside = _settings_beside(kind, raw, location)
    return ", ".join(beside.model_fields) if hasattr(beside, "model_fields") else "see tritgolf/config/"


def _settings_beside(kind: type[BaseModel], raw: Any, location: tuple[int | str, ...]) -> Any:
    """The class of the settings that hold the one at ``location`` of ``raw``; None where ``kind`` does not say it."""
    model: Any = kind
    for part in location[:-1]:
        raw = raw.get(part) if isinstance(raw, Mapping) else None
        if hasattr(model, "model_fields"):
            field = model.model_fields.get(part)
            model = _settings_of(field.annotation, raw) if field else None
        else:
            model = _settings_of(next(reversed(get_args(model)), None), raw)  # a mapping's values
    return model


def _settings_of(annotation: Any, raw: Any) -> Any:
    """Of a field that takes one of several settings those that fit ``raw``, of one that may be null its settings."""
    if get_origin(annotation) is Annotated:
        return _settings_of(get_args(annotation)[0], raw)
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    members = [member for member in get_args(annotation) if hasattr(member, "model_fields")]
    return max(members, key=lambda member: _fit(member, raw), default=None)


def _fit(kind: type[BaseModel], raw: Any) -> tuple[bool, int]:
    """How well ``raw`` fits: whether it says no other kind or grid, how many of its keys there are."""
    keys = [key for key in raw if key in kind.model_fields] if isinstance(raw, Mapping) else []
    literals = {key: get_args(of) for key in keys if get_origin(of := kind.model_fields[key].annotation) is Literal}
    return not any(len(one) == 1 and raw[key] not in one for key, one in literals.items()), len(keys)
