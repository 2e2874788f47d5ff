"""How much code a submission would have to hold: what training, export and scoring import of this package."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

from tritgolf.provenance import PACKAGE

ROOTS = ("train/__main__.py", "stages/train.py", "stages/export.py", "stages/evaluate.py")


@functools.cache
def submission_files(network: str) -> frozenset[Path]:
    """Sources of the stages that train, export and score, and of all that they import, also inside functions.

    ``network``: the ``module:Class`` of the model, which a registry names where no import statement does.
    """
    found: set[Path] = set()
    module = network.partition(":")[0].split(".")
    left = [*(PACKAGE / root for root in ROOTS), PACKAGE.parent.joinpath(*module).with_suffix(".py")]
    while left:
        source = left.pop()
        if source not in found:
            found.add(source)
            left += _imported(source)
    return frozenset(found)


def code_bytes(network: str) -> int:
    """UTF-8 bytes of ``submission_files``, with their comments."""
    return sum(len(source.read_bytes()) for source in submission_files(network))


def _imported(source: Path) -> Iterator[Path]:
    """Sources of the package's modules that an import statement of ``source`` names."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for parts in (name.split(".") for name in names):
            if parts[0] == PACKAGE.name:
                path = PACKAGE.parent.joinpath(*parts)
                yield from (file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists())
