"""Documents out of installed packages: the docstrings in the .py files of their wheels, read with ``ast``.

Nothing is imported or executed. The order is that of the documents' digests: a shuffle that is the same everywhere, so
that the training text is mixed over packages and does not depend on how a file system lists its files.
"""

import ast
import hashlib
import inspect
import warnings
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from tritgolf.errors import InputError

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")  # where statements hold statements


def read_docstrings(packages: Iterable[str], not_read: dict[Path, str] | None = None) -> list[str]:
    """All distinct docstrings of ``packages``, cleaned of indentation, in the order of their SHA-256.

    ``not_read`` gets the files that are no Python of this version, with why. Raises ``InputError`` for a package that
    is not installed or has no Python source.
    """
    distinct: set[str] = set()
    for path in (path for package in packages for path in source_files(package)):
        try:
            distinct.update(file_docstrings(path))
        except (SyntaxError, ValueError) as error:  # a template, say
            if not_read is not None:
                not_read[path] = f"not Python of this version ({error.__class__.__name__})"
    return sorted(distinct, key=lambda text: hashlib.sha256(text.encode()).digest())


def package_version(package: str) -> str:
    """Version of an installed package."""
    return _distribution(package).version


def source_files(package: str) -> list[Path]:
    """The .py files that an installed wheel's RECORD lists, sorted; not its tests: their docstrings are not prose."""
    distribution = _distribution(package)
    listed = sorted(file for file in distribution.files or () if file.suffix == ".py" and "tests" not in file.parts)
    found = [path for file in listed if (path := Path(str(distribution.locate_file(file)))).is_file()]
    if not found:
        raise InputError(
            f"package {package!r}", "has no Python source here", f"install its wheel: pip install {package}"
        )
    return found


def file_docstrings(path: Path) -> Iterator[str]:
    """Docstrings of a file's module, classes and functions.

    Raises ``SyntaxError`` or ``ValueError`` if it isn't Python of this version.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in other people's strings
        tree = ast.parse(path.read_bytes())
    for node in _documented(tree):
        text = inspect.cleandoc(ast.get_docstring(node, clean=False) or "").strip()
        if _is_text(text):
            yield text


def _documented(node: ast.AST) -> Iterator[Documented]:
    """The module, class and function nodes at and under ``node``; of statements alone, so faster than ``ast.walk``."""
    if isinstance(node, Documented):
        yield node
    for block in BLOCKS:
        for child in getattr(node, block, ()):
            yield from _documented(child)


def _is_text(text: str) -> bool:
    """False for an empty string and for lone surrogates, which no encoding can write."""
    try:
        return bool(text.encode("utf-8"))
    except UnicodeEncodeError:
        return False


def _distribution(package: str) -> metadata.Distribution:
    try:
        return metadata.distribution(package)
    except (metadata.PackageNotFoundError, ValueError):
        raise InputError(f"package {package!r}", "is not installed", f"pip install {package}") from None
