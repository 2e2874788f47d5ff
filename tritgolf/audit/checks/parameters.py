"""Parameter counts against the logged configuration."""

from tritgolf.audit.checks.registers import LOG_CHECKS
from tritgolf.audit.expected import expected
from tritgolf.audit.run_log import RunLog
from tritgolf.outcome import Outcome, cant_tell, judge

UNKNOWN = "the settings are absent or describe another architecture"


@LOG_CHECKS("parameters.count", "the parameter count is that of the logged configuration")
def count_is_the_configurations(log: RunLog) -> Outcome:
    """Proves that the model that was counted is the model the settings describe (the unused output matrix included)."""
    implied = expected(log)
    if implied is None or log.parameters is None:
        return cant_tell(UNKNOWN if log.parameters is not None else "no parameter count")
    count = implied.counts.published
    return judge(
        log.parameters == count, f"printed {log.parameters:,}; the settings make {count:,}" + _difference(log, count)
    )


def _difference(log: RunLog, count: int) -> str:
    smear, missing = log.setting_bool("smear"), count - (log.parameters or 0)
    gates = (log.setting_int("num_layers") or 0) * (log.setting_int("model_dim") or 0)
    return f"; the difference, {missing:,}, is the smear gates" if smear and gates and missing == gates else ""


@LOG_CHECKS("parameters.stored", "the stored elements and bytes are those of the configuration")
def stored_sizes_are_the_configurations(log: RunLog) -> Outcome:
    """Proves that the artifact line is of a model of this configuration.

    The number of ternary weights, of all other elements, and the bytes of the latter (e4m3 for matrices, 16 bits for
    vectors) follow from the settings alone.
    """
    implied, artifact = expected(log), log.artifact
    if implied is None or artifact is None:
        return cant_tell(UNKNOWN if artifact else "no artifact line")
    counts = implied.counts
    printed = (artifact.ternary_parameters, artifact.fp_parameters, artifact.fp_bytes)
    right = (counts.ternary, counts.stored_fp, implied.fp_bytes)
    names = ("ternary weights", "other elements", "bytes of those")
    wrong = [
        f"{name}: printed {a:,}, expected {b:,}" for name, a, b in zip(names, printed, right, strict=True) if a != b
    ]
    right_line = f"{counts.ternary:,} ternary, {counts.stored_fp:,} others in {implied.fp_bytes:,} bytes, as printed"
    return judge(not wrong, "; ".join(wrong) or right_line)


@LOG_CHECKS("parameters.used", "every counted parameter is trained and stored")
def every_parameter_is_used(log: RunLog) -> Outcome:
    """Proves that the printed count is of parameters the model has use for.

    With tied embeddings the head is the table; an output matrix that is counted but not in the artifact is unused.
    Read from the log alone: count − (ternary + other elements of the artifact).
    """
    artifact = log.artifact
    if log.parameters is None or artifact is None:
        return cant_tell("no parameter count or no artifact line")
    stored = artifact.ternary_parameters + artifact.fp_parameters
    unused = log.parameters - stored
    vocabulary, width = log.setting_int("vocab_size"), log.setting_int("model_dim")
    matrix = vocabulary * width if vocabulary and width else None
    reason = f" = the {vocabulary}×{width} output matrix that tying leaves unused" if unused == matrix else ""
    return judge(
        unused == 0, f"printed {log.parameters:,}, stored {stored:,}: {unused:,} are not in the artifact{reason}"
    )
