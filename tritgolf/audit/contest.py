"""The contest's rules, as far as a program can hold a submission to them (openai/parameter-golf, README)."""

from tritgolf.config.evaluate import EvaluateConfig
from tritgolf.config.export import ExportConfig
from tritgolf.config.train import TrainConfig

BYTE_LIMIT: int = ExportConfig.model_fields["byte_limit"].default
"""Code plus artifact, bytes."""

SECONDS_LIMIT = 600.0
"""Training time on 8 GPUs, seconds."""

GPUS = 8
"""GPUs that the limits of time are for."""

RECORD_MARGIN_NATS = 0.005
"""A new record must be better by at least this, nats a token …"""

RECORD_LEVEL = 0.01
"""… at this level of significance."""

TEMPERATURES: tuple[float, ...] = EvaluateConfig.model_fields["temperatures"].default
"""The grid the published temperature search walks, in its order."""

Z_LOSS: float = TrainConfig.model_fields["z_loss"].default
"""Weight of the z-loss term, mean(logsumexp²), in the published training loss."""

EVALUATION_SECONDS = 600.0
"""Evaluation time on 8 GPUs, seconds, besides training."""

CLOCK_SLACK_SECONDS = 1.0
"""The published scripts look at the clock after a step, so runs stop up to this, or one step, past the limit."""

VALIDATION_TOKENS = {1024: 62_021_632, 4096: 45_508_608, 8192: 40_540_160}
"""Vocabulary → tokens of the whole validation text in the contest's own data, cut to windows of 2,048."""

VALIDATION_BYTES = 151_080_000
"""Bytes of that text, to four digits: at all three vocabularies tokens times bytes a token make so many."""
