"""Evaluation: windows, headline figures, temperature."""

from typing import Annotated, Literal

from pydantic import Field

from tritgolf.config.settings import Settings
from tritgolf.config.types import Positive


class EvaluateConfig(Settings):
    """Scoring of the validation text; the window is the model's context."""

    stride: Positive = 16
    window_rule: Literal["record", "every_token"]
    headline_z_loss: bool
    apply_temperature: bool
    temperatures: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        default=(0.90, 0.95, 1.00, 1.05, 1.10), min_length=1
    )
    calibration_tokens: Positive = 65_536
    batch_sequences: Positive = 64
