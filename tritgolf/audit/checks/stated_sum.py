"""The total that submission.json states, against the code and the model that make it."""

import re
from collections.abc import Sequence

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.counted_parts import makes_the_total
from tritgolf.audit.json_facts import is_count
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds

OF_CODE = re.compile(r"(?:bytes_code|code_bytes)(?:_(?:raw|packed|compressed|uncompressed))?")  # a field of the JSON


@SUBMISSION_CHECKS("json.sum", "submission.json's total is its code and model")
def stated_parts_make_the_total(submission: Submission) -> Outcome:
    """Proves that bytes_total is bytes_code and the model's bytes: stated, or those of the log of this total.

    A code size in whole thousands is taken for a rounded one. The code may be stated as the script has it, where the
    log of this total has that size beside the compressed one which it counts.
    """
    facts = submission.facts or {}
    total = facts.get("bytes_total", facts.get("total_bytes"))
    codes = [value for key, value in facts.items() if OF_CODE.fullmatch(key) and is_count(value)]
    if not (is_count(total) and codes):
        return cant_tell(submission.facts_problem or "submission.json has no bytes_total or no bytes_code")
    models = [value for key, value in facts.items() if key.startswith("bytes_model") and is_count(value)]
    logs = [log for log in submission.logs if log.total_bytes == total]
    models = models or [model for log in logs for model in log.models]
    models = models or [log.artifact_bytes for log in logs if log.artifact_bytes]
    if not models:
        return cant_tell("neither submission.json nor a log of this total has the model's bytes")
    sums = " or ".join(f"{model:,} + {code:,} = {model + code:,}" for model in models for code in codes)
    if any(abs(model + code - total) <= _slack(code) for model in models for code in codes):
        return holds(f"{sums}; bytes_total {total:,}")
    return _otherwise_counted(submission, total, models, codes, f"{sums}; bytes_total {total:,}")


def _otherwise_counted(
    submission: Submission, total: int, models: Sequence[int], codes: Sequence[int], told: str
) -> Outcome:
    """The outcome of a total that isn't model and stated code: whether the log of this total counts something else."""
    logs = [log for log in submission.logs if log.total_bytes == total]
    counted = [total - model for model in models for log in logs
               if total - model in log.code_bytes and set(codes) & set(log.code_bytes)]  # fmt: skip
    if counted:
        return holds(f"{told}: the log counts {counted[0]:,} bytes of code, compressed")
    others = {code for log in submission.logs if log not in logs for code in log.code_bytes}
    if logs and not any(log.code_bytes for log in logs) and others & set(codes):
        return cant_tell(f"{told}: the code is another run's, its own log has none")
    if any(makes_the_total(log, total, model) for log in logs for model in models):
        return holds(f"{told}: the log counts another part, of which it tells")
    return contradicted(told)


def _slack(code: int) -> int:
    """By how many bytes a sum with this code may be off: a code size in whole thousands is a rounded one."""
    return 500 if code % 1000 == 0 else 0
