"""YAML files of settings: mappings that say each key once."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from tritgolf.errors import InputError

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
