"""What a configuration implies, computed: parameter counts and bytes by kind, from a log's own settings.

The counts come from ``tritgolf.model.counts``, the lengths of packed trits from ``tritgolf.artifact.layouts``; a tensor
that is not ternary takes a byte an element if it is a matrix (e4m3), two if it is a vector (record-spec, "Artifact").
"""

from dataclasses import dataclass

from tritgolf.artifact.layouts.base3 import base3_length
from tritgolf.artifact.layouts.bitmask import length_range
from tritgolf.audit.intervals import Interval
from tritgolf.audit.run_log import RunLog
from tritgolf.config.model import TernaryConfig, UNetConfig
from tritgolf.errors import InputError
from tritgolf.model.counts import ParameterCounts, count_parameters
from tritgolf.model.specs import parameters_of

SCALE_BYTES = 2  # FP16 and BF16 alike

# Name in the published settings → name in UNetConfig.
SETTINGS = {
    "vocab_size": "vocab_size",
    "num_layers": "layers",
    "model_dim": "width",
    "num_heads": "heads",
    "num_kv_heads": "kv_heads",
    "mlp_mult": "mlp_multiple",
    "embed_dim": "embed_dim",
}

# Settings under which the published code builds another model than the one specified.
STANDARD = {"attn_proj_type": "standard", "logit_head_type": "standard", "activation_type": "relu2"}
SWITCHES_OFF = ("bigram_hash", "diff_attn", "refiner")
COUNTS_OFF = ("mlp_groups", "mtp_heads_count", "embed_rank")


@dataclass(frozen=True)
class Expected:
    """What a log's configuration implies, in elements and bytes before compression."""

    counts: ParameterCounts
    matrices: tuple[int, ...]
    scale_bytes: int
    fp_bytes: int

    @property
    def base3_bytes(self) -> int:
        """Trits in base 3 and scales: the same for every weight value."""
        return sum(base3_length(size) for size in self.matrices) + self.scale_bytes

    @property
    def bitmask_bytes(self) -> Interval:
        """Trits as a bitmask and scales: from all zero to none zero."""
        ranges = [length_range(size) for size in self.matrices]
        return Interval(sum(low for low, _ in ranges), sum(high for _, high in ranges)).shifted(self.scale_bytes)

    def zero_fraction(self, ternary_bytes: int) -> Interval | None:
        """Share of zero trits that a bitmask of this size implies; None if no bitmask has this size.

        The interval is the padding: up to seven unused bits a matrix.
        """
        if not self.bitmask_bytes.contains(ternary_bytes):
            return None
        signs = 8 * (ternary_bytes - self.bitmask_bytes.low)
        padding, total = 7 * len(self.matrices), self.counts.ternary
        return Interval(1 - signs / total, 1 - max(signs - padding, 0) / total)


def expected(log: RunLog) -> Expected | None:
    """What the log's settings imply; None where they are absent, impossible or of another architecture."""
    model = _model(log)
    if model is None:
        return None
    counts = count_parameters(model)
    table = parameters_of(model).values()
    stored = [parameter for parameter in table if not parameter.is_quantized]
    fp_bytes = sum(parameter.size * (1 if len(parameter.shape) == 2 else 2) for parameter in stored)
    matrices = tuple(parameter.size for parameter in table if parameter.is_quantized)
    return Expected(counts, matrices, counts.groups * SCALE_BYTES, fp_bytes)


def _model(log: RunLog) -> UNetConfig | None:
    sizes = {ours: log.setting_int(theirs) for theirs, ours in SETTINGS.items()}
    group, smear = log.setting_int("bitnet_group_size"), log.setting_bool("smear")
    if smear is None or group is None or not _is_reasonable([*sizes.values(), group]) or not _is_standard(log):
        return None
    quantizer = TernaryConfig(group_size=group, arithmetic="float64")
    fields = {**sizes, "smear": smear, "rotary_frequencies": "float32", "quantizer": quantizer}
    try:
        return UNetConfig.model_validate(fields)
    except (ValueError, ZeroDivisionError, InputError):
        return None


def _is_reasonable(sizes: list[int | None]) -> bool:
    return all(size is not None and 0 < size <= 1 << 20 for size in sizes)


def _is_standard(log: RunLog) -> bool:
    given = log.hyperparameters
    return (
        all(given.get(key, value) == value for key, value in STANDARD.items())
        and not any(log.setting_bool(key) for key in SWITCHES_OFF)
        and not any(log.setting_int(key) for key in COUNTS_OFF)
        and log.setting_bool("fp_storage") is True
        and log.setting_bool("tie_embeddings") is True
    )
