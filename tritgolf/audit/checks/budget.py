"""Bytes: artifact, code, their sum and the limit."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial

from tritgolf.audit.checks.registers import LOG_CHECKS, SUBMISSION_CHECKS
from tritgolf.audit.claimed import claimed_seeds
from tritgolf.audit.claimed_runs import bound_runs, presented_runs, surely_claimed, untold
from tritgolf.audit.contest import BYTE_LIMIT
from tritgolf.audit.counted_parts import makes_the_total
from tritgolf.audit.expected import expected
from tritgolf.audit.intervals import rounds_to
from tritgolf.audit.json_facts import TOTAL, counted_sizes, is_count
from tritgolf.audit.listing import ARCHIVES, first_of
from tritgolf.audit.packed_script import unpacked_size
from tritgolf.audit.run_log import RunLog, of_seed
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds, judge

OF_OTHERS = "which of the runs the score is of, no log tells"


@LOG_CHECKS("budget.sum", "artifact + code = total")
def artifact_and_code_make_the_total(log: RunLog) -> Outcome:
    """Proves that the total less the code is an artifact of the printed size.

    Some scripts print the artifact in megabytes: then the difference must round to what is printed. Contradicted: the
    lines are not of the same artifact. A total under another method's name than the one compressed model is held to it.
    A part besides model and code counts where a line of its own tells its size.
    """
    if log.artifact and log.artifact_bytes is not None:
        size = log.artifact_bytes
        return judge(
            rounds_to(size / 1e6, log.artifact.megabytes),
            f"total − code = {size:,} bytes = {size / 1e6:.2f} MB; the artifact line says {log.artifact.megabytes} MB",
        )
    models = {size.method: size.bytes for size in log.sizes if size.what == "model"}
    totals = {size.method: size.bytes for size in log.sizes if size.what == "total"}
    # A total without a method that is less than the model is that of the model compressed.
    whole = {method: total for method, total in totals.items() if method or total >= models.get(method, 0)}
    pairs = [(models[method], total) for method, total in whole.items() if method in models]
    compressed = [size for method, size in models.items() if method]
    others = [(compressed[0], total) for method, total in whole.items() if method and method not in models
              and len(compressed) == 1]  # fmt: skip
    if not (pairs or others) or not log.code_bytes:
        return cant_tell("no artifact line or no budget line")
    counted = [size.method for size in log.sizes if size.what == "code"]
    if counted and all(method == "uncompressed" for method in counted):
        return cant_tell("the log has the uncompressed code's size alone; the total may count it compressed")
    sums = "; ".join(f"{model:,} + {total - model:,} = {total:,}" for model, total in (*pairs, *others))
    codes = " or ".join(f"{code:,}" for code in log.code_bytes)
    if not all(total - model in log.code_bytes or makes_the_total(log, total, model) for model, total in pairs):
        return contradicted(f"{sums}; code {codes}")
    if not all(total - model in log.code_bytes for model, total in others):
        return cant_tell(f"{sums}; code {codes}; a total of another method's name than the model's")
    return holds(f"{sums}; code {codes}")


@LOG_CHECKS("budget.megabytes", "the printed megabytes are the printed bytes")
def megabytes_are_the_bytes(log: RunLog) -> Outcome:
    """Proves that one number was printed twice: bytes, and the same in megabytes (10⁶), rounded."""
    if (budget := log.budget) is None:
        return cant_tell("no budget line")
    return judge(
        rounds_to(budget.total / 1e6, budget.megabytes),
        f"{budget.total:,} bytes are {budget.total / 1e6:.2f} MB; printed {budget.megabytes} MB",
    )


@LOG_CHECKS("budget.fits", "FITS or OVER agrees with the limit")
def verdict_agrees_with_the_limit(log: RunLog) -> Outcome:
    """Proves that the printed verdict is that of the printed total against the printed limit, the contest's own."""
    if (budget := log.budget) is None:
        return cant_tell("no budget line")
    if budget.limit != BYTE_LIMIT:
        return contradicted(f"the printed limit is {budget.limit:,} bytes; the contest's is {BYTE_LIMIT:,}")
    truth = "FITS" if budget.total <= budget.limit else "OVER"
    return judge(
        budget.verdict == truth, f"{budget.total:,} of {budget.limit:,} bytes: {truth}; printed {budget.verdict}"
    )


def total_is_within_the_limit(log: RunLog) -> Outcome:
    """Whether the logged total is within the contest's limit, whatever verdict was printed, as the ledger asks."""
    if (total := log.total_bytes) is None:
        return cant_tell("no budget line")
    spare = BYTE_LIMIT - total
    word = "spare" if spare >= 0 else "too many"
    return judge(spare >= 0, f"total {total:,} bytes: {abs(spare):,} {word}")


@SUBMISSION_CHECKS("budget.limit", "code and artifact fit 16,000,000 bytes")
def totals_are_within_the_limit(submission: Submission) -> Outcome:
    """Proves that code and compressed model of each run which the score is of fit the limit, and the total stated.

    The total is the one after compression; ``Total submission size`` without a method is of the raw weights. Where a
    log has the compressed model alone, the script counts with it. A stated size above the limit contradicts the rule by
    itself, and so does an artifact or a script that lies in the folder.
    """
    total_of = partial(_total, _code_of(submission))
    totals = {log.name: total_of(log) or 0 for log in bound_runs(submission, total_of)}
    sizes = counted_sizes(submission.facts)
    stated = {name: size for name, size in (sizes | _files(submission)).items() if size > BYTE_LIMIT}
    if total := sizes.get(TOTAL):
        totals[TOTAL] = total
    over = [f"{name}: {size:,} bytes, {size - BYTE_LIMIT:,} too many" for name, size in (totals | stated).items()
            if size > BYTE_LIMIT]  # fmt: skip
    if not totals and not over:
        return cant_tell("no budget line, and no bytes_total in submission.json")
    if over:
        doubt = _doubt(submission, bound_runs(submission, total_of), totals) if not stated else ""
        return cant_tell("; ".join([*over, doubt])) if doubt else contradicted("; ".join(over))
    largest = f"largest total {max(totals.values()):,} of {BYTE_LIMIT:,} bytes"
    silent = untold(submission, total_of)
    return cant_tell(f"{largest}; {silent}") if silent else holds(largest)


def _doubt(submission: Submission, bound: Sequence[RunLog], totals: Mapping[str, int]) -> str:
    """Why runs that are too large may be none of a submission that fits; "" where it states a total, unless a run's.

    That must be one that surely has the score.
    """
    if (total := totals.get(TOTAL)) is None:
        return _may_fit(submission, bound, totals)
    its_own = {log.total_bytes for log in submission.readable_logs if log.name in surely_claimed(submission)}
    return OF_OTHERS if total in its_own and _are_of_others(submission, totals) else ""


def _may_fit(submission: Submission, bound: Sequence[RunLog], totals: Mapping[str, int]) -> str:
    """Why runs whose ``totals`` are too large may be a submission that fits, where that states no size; else ""."""
    if all(map(_fits_otherwise, bound)):
        return "another compression of the same log fits"
    if shipped := _as_shipped(submission, {*totals}):
        return f"with {shipped}"
    if archives := _code_in_archives(submission):
        return f"the script may be smaller that lies in {first_of(archives)}"
    return OF_OTHERS if _are_of_others(submission, totals) else ""


def _code_in_archives(submission: Submission) -> list[str]:
    """The archives of a folder without a script: it may lie in one of them."""
    return [] if submission.scripts else [name for name in submission.unread_logs if name.endswith(ARCHIVES)]


def _are_of_others(submission: Submission, totals: Mapping[str, int]) -> bool:
    """Whether the runs that are too large are not those by which the score is presented, nor all those of a seed.

    A seed has several where some are of an earlier version, or of an ablation. Where no log has the score, one of these
    that isn't too large may be the submission's.
    """
    over = {name for name, size in totals.items() if size > BYTE_LIMIT}
    too_large = over | {log.name for log in submission.readable_logs if (log.total_bytes or 0) > BYTE_LIMIT}
    seeds = [{log.name for log in of_seed(submission.readable_logs, seed)} for seed in claimed_seeds(submission)]
    all_of_a_seed = any(over & runs and runs <= too_large for runs in seeds)
    presented = {log.name for log in presented_runs(submission)}
    if not surely_claimed(submission):
        presented -= set().union(*seeds)
    return not (all_of_a_seed or over & presented)


def _files(submission: Submission) -> dict[str, int]:
    """The sizes of the artifact, if there is but one, and of the script."""
    files = [submission.artifact if submission.has_one_artifact else None, submission.script]
    return {file.name: file.stat().st_size for file in files if file is not None}


def _as_shipped(submission: Submission, runs: set[str]) -> str:
    """The largest total of these runs with the script as it is shipped, if that unpacks itself and all fit; else ""."""
    if submission.script is None or unpacked_size(submission.script) is None:
        return ""
    models = [log.models for log in submission.logs if log.name in runs]
    total = submission.script.stat().st_size + max((sizes[-1] for sizes in models if sizes), default=0)
    fits = all(models) and total <= BYTE_LIMIT
    return f"{submission.script.name}, which unpacks itself, the largest total is {total:,}" if fits else ""


def _fits_otherwise(log: RunLog) -> bool:
    """Whether a log has a total after some compression that fits: which of them is the submission, it doesn't say."""
    return any(size.bytes <= BYTE_LIMIT for size in log.sizes if size.what == "total" and size.method)


def _total(code: int | None, log: RunLog) -> int | None:
    """A run's total, or, where its log has none, that of its compressed model and so much code, if it fits."""
    if log.total_bytes is not None or code is None or not log.models:
        return log.total_bytes
    total = log.models[-1] + code
    return total if total <= BYTE_LIMIT else None


def _code_of(submission: Submission) -> int | None:
    """The size of the counted script, else the one stated."""
    return submission.script.stat().st_size if submission.script else stated_code(submission)


@SUBMISSION_CHECKS("budget.identical", "different runs have different byte counts")
def byte_counts_differ_between_runs(submission: Submission) -> Outcome:
    """Proves that no two runs logged the same ternary bytes.

    The bitmask's size counts nonzero weights, so two trainings give the same number only by a coincidence of about one
    in a thousand at most. Compared with the folder's other logs and with the published ones. (A base-3 size is the
    same for every run and proves nothing; then only the compressed total is compared.)
    """
    logs = [log for log in submission.logs if log.artifact]
    if len(logs) + len(submission.known) < 2 or not logs:
        return cant_tell("fewer than two logs with an artifact line")
    runs = defaultdict(list)
    for log in [*logs, *submission.known]:
        if log.artifact and log.artifact_bytes:
            size = log.artifact_bytes if _is_constant_size(log) else log.artifact.ternary_bytes
            runs[size].append(log)
    repeats = [
        f"{size:,} bytes in {' and '.join(log.name for log in same)}"
        for size, same in runs.items()
        if len(same) > 1 and any(log in logs for log in same) and not _is_one_training(same)
    ]
    if repeats:
        return contradicted(
            f"the same count to the byte: {'; '.join(repeats)} (which one was copied, the counts don't say)"
        )
    silent = untold(submission, lambda log: log.artifact)
    told = f"{len(runs)} runs compared, all counts differ"
    return cant_tell(f"{told}; {silent}") if silent else holds(told)


def _is_one_training(logs: Sequence[RunLog]) -> bool:
    """Whether logs are of one run, evaluated again or cut: the same losses at all steps that they share."""
    first, *others = [{line.step: line.loss.text for line in log.steps} for log in logs]
    return all(
        (shared := first.keys() & other.keys()) and all(first[step] == other[step] for step in shared)
        for other in others
    )


def _is_constant_size(log: RunLog) -> bool:
    sizes = expected(log)
    return sizes is not None and log.artifact is not None and log.artifact.ternary_bytes == sizes.base3_bytes


def stated_code(submission: Submission) -> int | None:
    """The bytes of code that submission.json counts."""
    facts = submission.facts or {}
    values = (facts.get(key) for key in ("bytes_code", "code_bytes"))
    return next((value for value in values if is_count(value) and value > 0), None)
