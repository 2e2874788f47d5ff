"""What the parts of an experiment may be called: files and folders of its records are called so."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tritgolf.config.types import check

NAME = "[a-z0-9][a-z0-9._]*"


def check_keys(key: str, names: Iterable[str]) -> None:
    """For validators: the ``names`` that the mapping ``key`` has can be parts of a record's name."""
    for name in names:
        check(re.fullmatch(NAME, name) is not None, key, repr(name), "named in a to z, digits, '_' and '.'")


def check_over(key: str, over: Mapping[str, Any]) -> None:
    """For validators: what the setting ``key`` lays over a record leaves it its name and what it inherits."""
    for name in ("inherit", "name"):
        check(name not in over, f"{key}.{name}", over.get(name), "left out: the experiment gives it")


def without_absent(named: Any) -> Any:
    """``named`` less what is null: so an experiment leaves out one that it inherits."""
    return {name: one for name, one in named.items() if one is not None} if isinstance(named, dict) else named
