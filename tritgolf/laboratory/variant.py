"""One row of a grid, whatever the kind of storage: how everything is stored, and what GPTQ is calibrated on."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tritgolf.config.calibration import CalibrationConfig
from tritgolf.config.storage import factors


class Variant(NamedTuple):
    """``calibration``: None for a storage that rounds nothing by GPTQ."""

    storage: Any  # StorageConfig or RoleStorage
    calibration: CalibrationConfig | None = None

    @property
    def factors(self) -> dict[str, Any]:
        """Its decisions: dotted path → value."""
        text = factors(self.calibration) if self.calibration else {}
        return factors(self.storage) | {f"calibration.{name}": value for name, value in text.items()}


def single_factors(variants: Mapping[str, Variant]) -> list[str]:
    """The factors in which ``own`` is not lossless: those that a row has alone."""
    return [name.removeprefix("only_") for name in variants if name.startswith("only_")]
