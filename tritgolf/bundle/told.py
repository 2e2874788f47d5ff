"""What a metrics file tells, so that a key which it lacks is told with the file's name."""

from pathlib import Path
from typing import Any

from tritgolf.errors import InputError


class Told(dict[str, Any]):
    """The mapping ``facts`` of the file at ``path``, and those in it; ``InputError`` for a key that is not there."""

    def __init__(self, facts: dict[str, Any], path: Path) -> None:
        told = {key: Told(value, path) if isinstance(value, dict) else value for key, value in facts.items()}
        super().__init__(told)
        self.path = path

    def __missing__(self, key: str) -> Any:
        raise InputError(self.path, f"has no {key!r}", "delete it and run its stage again")
