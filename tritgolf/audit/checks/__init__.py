"""All checks by theme. Importing this package fills the three registers."""

from tritgolf.audit.checks import (
    artifact,
    budget,
    compliance,
    deltas,
    evaluation,
    lines,
    parameters,
    run_time,
    runs,
    script,
    stated,
    stated_json,
    tables,
    ternary,
    text,
    timing,
)
from tritgolf.audit.checks.registers import LOG_CHECKS, RESULTS_CHECKS, SUBMISSION_CHECKS

__all__ = [
    "LOG_CHECKS",
    "RESULTS_CHECKS",
    "SUBMISSION_CHECKS",
    "artifact",
    "budget",
    "compliance",
    "deltas",
    "evaluation",
    "lines",
    "parameters",
    "run_time",
    "runs",
    "script",
    "stated",
    "stated_json",
    "tables",
    "ternary",
    "text",
    "timing",
]
