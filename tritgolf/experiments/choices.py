"""What a part of an experiment that was run has found: the next part is made of it."""

from typing import Annotated, TypeVar

from pydantic import Field

from tritgolf.config.settings import Settings, validate
from tritgolf.config.types import Positive
from tritgolf.errors import InputError
from tritgolf.experiments.own_files import OwnFiles
from tritgolf.files import read_json


class Choice(Settings):
    """What a trial is for: the name of a ``recipe``; bytes of its artifact over the estimate."""

    recipe: str
    over_estimate: Annotated[float, Field(gt=0)] = 1.0


class Filled(Settings):
    """How well a point fills its bytes: by which share it is off them, over the estimate, and how wide its model is."""

    off_target: float
    over_estimate: Annotated[float, Field(gt=0)]
    width: Positive


F = TypeVar("F", bound=Settings)


def found_by(own: OwnFiles, part: str, kind: type[F], of: str | None = None) -> dict[str, F]:
    """What a part of an experiment (or ``of`` another), or itself (""), found, by name.

    ``InputError`` where that is not done, or where its file holds something else.
    """
    path, name = own.choices_file(part, of), of or own.name
    again = f"snakemake compared --config experiment={name}{part and '/'}{part}"
    if not path.exists():
        raise InputError(f"experiment {own.name!r}", f"has no choices yet: {path} is not there", f"first: {again}")
    try:
        found = read_json(path)
        if not isinstance(found, dict):
            raise InputError(path, "is no mapping")
        return {key: validate(kind, one, f"{path}: {key}") for key, one in found.items()}
    except InputError as error:
        what = f"can't be made of what {name}{part and '/'}{part} found: {error.where}: {error.what}"
        raise InputError(own.source, what, f"delete {path}, then {again}") from None
