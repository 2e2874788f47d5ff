"""What each folder of the package may import: arrows run down only, and no modules import each other in a ring."""

import ast
import functools
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.small import REPOSITORY

PACKAGE = REPOSITORY / "tritgolf"
# Folder → the folders that it may import besides the ground: the modules that lie in the package itself.
MAY_IMPORT = {
    "config": set(),
    "quantize": {"config"},
    "data": {"config"},
    "model": {"quantize", "config"},
    "train": {"model", "quantize", "data", "config"},
    "artifact": {"model", "quantize", "data", "config"},
    "evaluate": {"artifact", "model", "quantize", "data", "config"},
    "laboratory": {"evaluate", "artifact", "model", "quantize", "data", "config"},
    "report": {"config"},
    "experiments": {"report", "artifact", "model", "data", "config"},
    "audit": {"report", "evaluate", "artifact", "model", "data", "config"},
    "stages": {"use", "laboratory", "train", "evaluate", "artifact", "model", "quantize", "data", "config"},
    "bundle": {"stages", "report", "train", "evaluate", "artifact", "model", "quantize", "data", "config"},
    "use": {"report", "evaluate", "artifact", "model", "quantize", "data", "config"},
    "commands": {"bundle", "use"}
    | {"audit", "report", "laboratory", "evaluate", "artifact", "model", "data", "config", "verify"},
}
# Modules of the package itself that stand above folders; all others are the ground and import no folder.
ABOVE = {
    "pipeline": {"data", "config"},
    "verify": {"data", "config"},
    "cli": {"commands"},
    "__main__": {"cli"},
    "api": {"audit", "artifact"},
}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(path: Path) -> set[str]:
    """The package's modules that a source imports, also inside functions; not those it imports for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in MODULES else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & MODULES.keys()


@functools.cache
def imports() -> dict[str, set[str]]:
    return {module: imported(path) for module, path in MODULES.items()}


def place(module: str) -> str:
    """The folder that a module lies in, or its own name where it lies in the package itself."""
    return module.split(".")[1] if "." in module else ""


def test_arrows_run_down():
    known = MAY_IMPORT | ABOVE
    up = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in others
        if place(other) in known and place(other) not in {place(module)} | known.get(place(module), set())
    ]
    assert up == []


def test_every_folder_has_its_place():
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and list(path.glob("*.py"))}
    assert folders == MAY_IMPORT.keys()


def test_no_module_imports_itself_in_a_ring():
    try:
        list(TopologicalSorter(imports()).static_order())
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_the_allowed_arrows_have_no_ring():
    """A ring that is written down as allowed would be one that nobody sees."""
    list(TopologicalSorter(MAY_IMPORT | ABOVE).static_order())


def test_an_arrow_up_is_seen(tmp_path):
    (tmp_path / "below.py").write_text("def f():\n    from tritgolf.stages import train\n    import tritgolf.cli\n")
    assert imported(tmp_path / "below.py") == {"tritgolf.stages.train", "tritgolf.cli"}
    (tmp_path / "typed.py").write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import tritgolf.cli\n")
    assert imported(tmp_path / "typed.py") == set()
