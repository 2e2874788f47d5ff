"""What all settings have in common: a frozen base, and mappings from YAML whose every error is one line."""

import copy
import difflib
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin

import yaml
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

RESULTS_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"  # of a record or a text, and so of what is made of it
RENAME = "use letters, digits, '_', '-' and '.'"

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
        raise _of_a_union(error, kind, raw) or error from None
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


# A command reads some fifty files, and libyaml is several times as fast. Not every PyYAML has it.
_Fast: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 64  # collections within each other: its composer ends the process where they are many thousands


class _Loader(_Fast):
    """YAML whose mappings say each key once: of two, YAML itself takes the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        said: set[Any] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in said:
                problem = f"line {key.start_mark.line + 1} says {key.value!r} a second time"
                raise yaml.constructor.ConstructorError(problem=problem)
            said.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


def _load(text: str) -> Any:
    depth = 0
    for event in yaml.parse(text, _Fast):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise yaml.YAMLError(f"more than {_DEEPEST} lists or mappings within each other")
    return yaml.load(text, _Loader)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """A YAML mapping from a file; anything else, and a key that is said twice, is an ``InputError``."""
    try:
        raw = _load(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:  # ValueError: bytes, or a 99th of a month
        reason = str(error).replace("\n", " ")
        raise InputError(path, f"cannot be read as YAML ({reason})", "correct the file") from None
    if not isinstance(raw, dict):
        raise InputError(path, "is not a YAML mapping", "write 'key: value' lines")
    return raw


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``base`` with ``over`` laid on top, mappings merged key by key; shares nothing that can change with either.

    A mapping that says another ``kind`` or ``grid`` than the one below it is of other keys, and takes its place, as
    one of a number ``format`` takes that of a grid, and the reverse.
    """
    merged = copy.deepcopy(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict) and not _is_another(below, value):
            merged[key] = merge(below, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def _is_another(below: dict[str, Any], over: dict[str, Any]) -> bool:
    if below.keys() | over.keys() >= {"grid", "format"}:
        return True
    return any(name in below and name in over and below[name] != over[name] for name in ("kind", "grid"))


def with_own_file(name: str, known: Mapping[str, Path]) -> tuple[str, dict[str, Path]]:
    """The name to look up and the files to look in (name → file), where ``name`` may be a file of the user's.

    ``./mine.yaml`` is ``mine``, and what lies beside it may be inherited from too. ``InputError`` where a known one
    has its name, for the path of what is no file, and for a name that the workflow can't have in paths.
    """
    path = Path(name)
    is_own = path.suffix == ".yaml" and path.is_file()
    if path.suffix == ".yaml" and not is_own and (len(path.parts) > 1 or name.startswith("./")):
        alone = f"its name alone, {path.stem}" if path.stem in known else "a name without a folder"
        raise InputError(name, "is no file", f"give the path of a YAML file, or {alone}")
    if (is_own or name in known) and not re.fullmatch(RESULTS_NAME, path.stem if is_own else name):
        raise InputError(name, "has a name that folders of results can't have", RENAME)
    if not is_own:
        return name, dict(known)
    if path.stem in known and not path.samefile(known[path.stem]):
        raise InputError(name, f"has the name of {known[path.stem]}", "give it another name")
    return path.stem, {other.stem: other for other in path.parent.glob("*.yaml")} | dict(known) | {path.stem: path}


def unknown(kind: str, name: str, known: Iterable[str], listed: str = "") -> InputError:
    """What to raise for a ``name`` that is none of ``known``. What is probably meant comes first.

    That is a file of the user's, or what ``_like`` finds. ``listed``: a shorter list.
    """
    names, own = sorted(known), Path(f"{name}.yaml")
    meant = f"did you mean ./{own}? " if own.is_file() else _like(name, names)
    return InputError(f"{kind} {name!r}", "is unknown", f"{meant}known {kind}s: {listed or ', '.join(names) or 'none'}")


def _like(name: str, names: list[str]) -> str:
    """``did you mean …?`` with what the path ``name`` ends in, or what of ``names`` is most like it; "" without one."""
    end = Path(name).stem
    like = [end] if end in names else difflib.get_close_matches(name, names, n=1)
    return f"did you mean {like[0]}? " if like else ""


def named_file(kind: str, name: str, folder: str | Path) -> Path:
    """``folder/name.yaml``. ``InputError`` where there is none, also for a file of the user's elsewhere."""
    path, own = Path(folder) / f"{name}.yaml", Path(f"{name.removesuffix('.yaml')}.yaml")
    if path.is_file():
        return path
    if own.is_file():
        raise InputError(f"{kind} {name!r}", f"is not in {folder}", f"put it there and give its name alone, {own.stem}")
    raise unknown(kind, name, (file.stem for file in Path(folder).glob("*.yaml")))


def with_ancestors(path: Path, known: Mapping[str, Path], seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """The YAML mapping at ``path`` laid over the one it names in ``inherit`` (of ``known``: name → file), and so on.

    Raises ``InputError`` for an unknown ancestor or a circle of them.
    """
    raw = read_yaml(path)
    parent = raw.pop("inherit", None)
    if parent is None:
        return raw
    if parent in seen or parent == path.stem:
        raise InputError(path, f"inherit: {parent!r} inherits from itself", "break the circle")
    if not isinstance(parent, str) or parent not in known:
        names = sorted(known)
        meant = _like(parent, names) if isinstance(parent, str) else ""
        raise InputError(path, f"inherit: {parent!r} is unknown", f"{meant}known: {', '.join(names)}")
    return merge(with_ancestors(known[parent], known, (*seen, path.stem)), raw)


def check_own_name(raw: dict[str, Any], name: str, path: str | Path) -> None:
    """``InputError`` where a mapping says another name than its file's, which is the one that results get."""
    if raw.get("name", name) != name:
        raise InputError(path, f"name: {raw['name']!r} is not the file's, {name}", "leave it out, or rename the file")


def differences(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Where two nested settings differ, as ``train.steps: 24 → 32``; ``not set`` where only one of them has a value."""
    found = []
    for key in [*before, *(key for key in after if key not in before)]:
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) or isinstance(new, Mapping):
            inner = [value if isinstance(value, Mapping) else {} for value in (old, new)]
            found += differences(inner[0], inner[1], f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key}: {_shown(old)} → {_shown(new)}")
    return found


def shortened(told: Sequence[str], most: int) -> str:
    """``told`` as a list in a sentence, and how many more there are than ``most``."""
    more = len(told) - most
    return ", ".join(told[:most]) + (f" and {more} more" if more > 0 else "")


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, str) and value.startswith("sha256:"):
        return value[: len("sha256:") + 12]
    return f"[{', '.join(map(str, value))}]" if isinstance(value, (list, tuple)) else str(value)


def _siblings(kind: type[BaseModel], raw: Any, location: tuple[int | str, ...]) -> str:
    """Names of the settings beside the one at ``location`` of ``raw``, where ``kind`` says what they are."""
    model: Any = kind
    for part in location[:-1]:
        raw = raw.get(part) if isinstance(raw, Mapping) else None
        if hasattr(model, "model_fields"):
            field = model.model_fields.get(part)
            model = _settings_of(field.annotation, raw) if field else None
        else:
            model = _settings_of(next(reversed(get_args(model)), None), raw)  # a mapping's values
    return ", ".join(model.model_fields) if hasattr(model, "model_fields") else "see tritgolf/config/"


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
