"""Packages that only some artifacts need: imported where they are needed, one line where they are not installed."""

from collections.abc import Iterable
from types import ModuleType

from tritgolf.errors import InputError


def brotli() -> ModuleType:
    """The codec of #1716's artifacts."""
    try:
        import brotli as library  # noqa: PLC0415
    except ImportError:
        raise _missing("brotli", "brotli>=1.2") from None
    module: ModuleType = library
    return module


def constriction() -> ModuleType:
    """The range coder of the layouts ``arithmetic`` and ``columns``."""
    try:
        import constriction as library  # noqa: PLC0415
    except ImportError:
        raise _missing("constriction", "constriction>=0.5,<0.6") from None
    module: ModuleType = library
    return module


NEEDED_BY = {"brotli": brotli, "arithmetic": constriction, "columns": constriction}  # by codec or layout


def check_packages(ways: Iterable[str]) -> None:
    """``InputError`` where the package of one of these codecs and layouts is not installed here."""
    for way in ways:
        if way in NEEDED_BY:
            NEEDED_BY[way]()


def _missing(name: str, requirement: str) -> InputError:
    return InputError(f"package {name}", "is not installed", f"run: pip install '{requirement}'")
