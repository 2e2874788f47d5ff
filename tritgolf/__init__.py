"""tritgolf: the reproducibility pipeline of Parameter Golf's records, and what they trained (docs/use.md)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tritgolf.api import audit_folder, inspect_artifact
    from tritgolf.errors import InputError
    from tritgolf.use.model import Model, load

__version__ = "0.1.0"
__all__ = ["InputError", "Model", "audit_folder", "inspect_artifact", "load"]

_MODULES = {"InputError": "errors", "Model": "use.model", "load": "use.model"}  # the others are of ``api``


def __getattr__(name: str) -> Any:
    """A name of the API, imported when it is first used: torch takes seconds."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415

    return getattr(importlib.import_module(f"tritgolf.{_MODULES.get(name, 'api')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
