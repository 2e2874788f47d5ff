"""The log as a printout: lines its code must have printed, and lines it could not have."""

import re
from collections import Counter
from collections.abc import Iterator, Set
from itertools import pairwise

from tritgolf.audit.checks.registers import LOG_CHECKS, SUBMISSION_CHECKS
from tritgolf.audit.checks.timing import is_since_validation, wrong_averages
from tritgolf.audit.claimed import claimed_seeds
from tritgolf.audit.claimed_runs import claimed_score
from tritgolf.audit.dialects import lines as common
from tritgolf.audit.dialects import ternary
from tritgolf.audit.dialects.ternary import is_published_script
from tritgolf.audit.json_facts import printed_of, seed_results
from tritgolf.audit.listing import first_differences, first_of
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.scores import stages, stages_of
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds, judge

FIRST_WORD = re.compile(r"[A-Za-z][\w.+-]{0,60}", re.ASCII)
FINAL = re.compile(r"final_|quantized|legal_ttt", re.IGNORECASE)  # how a score after training begins
LOSS = re.compile(r"(?:loss|bp[bp])[\s:=]+[-+]?(?:\d|nan|inf)", re.IGNORECASE)
IN_BITS = re.compile(r"[A-Za-z][\w.+-]{0,60}[ :]+val_bpb[:=] ?\d", re.ASCII)  # a score without its loss
SHOWN, MOST_SHOWN = 3, 120  # lines in the evidence, characters of each
SAME_DATA = 0.99  # correlation of two runs' batch losses from which on they saw the same batches
MIN_SHARED_STEPS = 20


@LOG_CHECKS("lines.complete", "every line the settings call for was printed")
def required_lines_are_there(log: RunLog) -> Outcome:
    """Proves that nothing the published loop prints under these settings is missing.

    Warm-up lines, a step line every ``train_log_every`` steps, validations every ``val_loss_every``, checkpoints every
    ``checkpoint_every``, the last validation, and the artifact, budget, roundtrip, temperature and sliding lines. A
    log that lacks its last lines and no other was cut, or its run killed: that can't tell.
    """
    if not log.hyperparameters or log.final is None or not is_published_script(log):
        return cant_tell("no settings, no validation after training, or another version of the script")
    ending = _ending(log)
    lost = [name for name, is_there in ending if not is_there]
    missing = [*_missing(log), *lost]
    if missing and missing == [name for name, _ in ending[-len(missing) :]]:
        return cant_tell(f"the log ends before {missing[0]}")
    return judge(not missing, "missing: " + ", ".join(missing) if missing else f"{len(log.lines)} lines, none missing")


def _missing(log: RunLog) -> Iterator[str]:
    """The lines of the training that a log lacks."""
    warmups = log.setting_int("warmup_steps") or 0
    if set(log.warmups) != set(range(1, warmups + 1)):
        yield f"warm-up lines ({len(log.warmups)} of {warmups})"
    yield from _missing_every(log, "train_log_every", {line.step for line in log.steps}, "step lines", start=1)
    validated = {line.step for line in log.validations}
    yield from _missing_every(log, "val_loss_every", validated, "validations", start=0)
    yield from _missing_every(log, "checkpoint_every", set(log.checkpoints), "checkpoint lines", start=1)


def _ending(log: RunLog) -> list[tuple[str, bool]]:
    """The lines that are printed after training, in order, and whether each is there."""
    early = log.final is not None and log.final.step < log.final.total
    due = [
        (early, "the reason for stopping early", log.stop),
        (True, "the artifact line", log.artifact),
        (True, "the budget line", log.budget),
        (True, "the roundtrip line", log.roundtrip),
        (log.setting_bool("temp_scaling"), "the temperature search", log.temperature),
        (log.setting_bool("sliding_eval"), "the sliding result", log.sliding),
    ]
    return [(name, record is not None) for is_due, name, record in due if is_due]


def _missing_every(log: RunLog, setting: str, seen: set[int], what: str, start: int) -> Iterator[str]:
    every, last = log.setting_int(setting), log.final.step if log.final else 0
    if every and every > 0:
        due = set(range(start * every, last + 1, every))
        if due - seen:
            yield f"{what} ({len(due - seen)} of {len(due)})"


# One pattern a line that the published code prints: field by field, so many decimals. (#640's and #920's code.)
N, MS = r"\d+", r"\d+ms"
FORMATS = (
    rf"step:{N}/{N} loss:\d+\.\d{{4}} t:{MS} (?:step_)?avg:\d+\.\dms",
    rf"step:{N}/{N} val_loss:\d+\.\d{{4}} val_bpb:\d+\.\d{{4}} train_time:{MS} zero_frac:\d\.\d{{3}}",
    rf"stopping_early: wallclock_cap train_time:{MS} step:{N}/{N}",
    rf"artifact:\d+\.\d\dMB ternary:{N}\({N}B\) fp:{N}\({N}B\) code:{N}",
    rf"budget:{N}/{N} \(\d+\.\d\d/16\.00MB\) (?:FITS|OVER)",
    r"final_ternary_roundtrip val_loss:\d+\.\d{4} val_bpb:\d+\.\d{4}",
    rf"temp_scaling optimal_T:\d\.\d\d eval_time:{MS}",
    rf"final_sliding val_loss:\d+\.\d{{4}} val_bpb:\d+\.\d{{4}} \(stride={N}, T=\d\.\d\d\) eval_time:{MS}",
)
# What a line of each format begins with; only such lines are held to a format.
OPENINGS = re.compile(r"step:\d+/|stopping_early:|artifact:|budget:|final_ternary_|temp_scaling|final_sliding")


@LOG_CHECKS("lines.formats", "the code could have printed every line")
def formats_are_the_codes(log: RunLog) -> Outcome:
    """Proves that each known line has the published code's format, and that values it derives are derived.

    The code prints one name for the step average throughout; the megabytes and the verdict of the budget line come
    from the total, so no other text can follow it. Only logs with the record's ``final_ternary_roundtrip`` line are
    judged.
    """
    if log.roundtrip is None or log.roundtrip.name != "final_ternary_roundtrip" or not is_published_script(log):
        return cant_tell("not a log of the record's code, or not readable")
    bad = [
        line for line in log.lines if OPENINGS.match(line) and not any(re.fullmatch(f, line, re.ASCII) for f in FORMATS)
    ]
    labels = {line.label for line in log.steps if line.label}
    if len(labels) > 1:
        bad.append(f"two names for the step average: {' and '.join(sorted(labels))}")
    if (budget := log.budget) is not None:
        verdict = "FITS" if budget.total <= budget.limit else "OVER"
        printed = f"({budget.total / 1e6:.2f}/16.00MB) {verdict}"
        line = next(line for line in log.lines if line.startswith("budget:"))
        if not line.endswith(printed):
            bad.append(f"'{line}': after {budget.total} the code prints '{printed}'")
    return judge(not bad, first_differences(bad) or "all known lines in the code's formats")


@SUBMISSION_CHECKS("lines.resume", "a clock that restarted is explained by a line of the log")
def restarts_are_explained(submission: Submission) -> Outcome:
    """Proves that where the clock of the step averages restarts, the log says why.

    Resuming prints a line. A validation restarts the timer too, so restarts that all fall on validations prove nothing
    either way. The evidence then says what the batch losses show: a resume puts the published code back to the first
    shard, so a run whose losses follow an uninterrupted one's step by step was not set back.
    """
    logs = [log for log in submission.logs if log.steps and log.dialect == "ternary"]
    if not logs:
        return cant_tell("no step lines of a script whose averages are known to be over all steps")
    restarted = [log for log in logs if wrong_averages(log)]
    if not restarted:
        return holds("no clock restarts")
    silent = [log for log in restarted if not log.resumes]
    if not silent:
        return holds("; ".join(f"{log.name}: '{log.resumes[0]}'" for log in restarted))
    others = [*submission.logs, *submission.known]
    evidence = "; ".join(_restart(log, others) for log in silent)
    return contradicted(evidence) if any(map(unexplained_restarts, silent)) else cant_tell(evidence)


def unexplained_restarts(log: RunLog) -> list[int]:
    """Steps whose average is neither time over steps nor time since the last validation over steps.

    Steps at which a checkpoint was written are left out: their average has the time of writing in it.
    """
    wrong = [line for line in wrong_averages(log) if line.step not in log.checkpoints]
    return [line.step for line in wrong if not is_since_validation(log, line)]


def _restart(log: RunLog, others: list[RunLog]) -> str:
    unexplained = unexplained_restarts(log)
    where = f"at step {unexplained[0]:,}, at no validation" if unexplained else "at validations"
    line = f"{log.name}: the clock of the averages restarts {where}; no line says that the run was resumed"
    best = max(((same_data(log, other), other.name) for other in others if other is not log), default=(0.0, ""))
    if best[0] >= SAME_DATA:
        line += f"; its batch losses follow those of {best[1]} (correlation {best[0]:.4f}), so its data never restarted"
    return line


def same_data(log: RunLog, other: RunLog) -> float:
    """Correlation of two runs' batch losses at the steps both print, before either's learning rate falls; 0 if few."""
    mine, theirs = ({line.step: line.loss.value for line in run.steps} for run in (log, other))
    end = min(_full_rate_until(log), _full_rate_until(other))
    steps = [step for step in mine if step in theirs and step <= end]
    if len(steps) < MIN_SHARED_STEPS:
        return 0.0
    from scipy.stats import pearsonr  # noqa: PLC0415  (a second of import, seldom needed)

    return float(pearsonr([mine[s] for s in steps], [theirs[s] for s in steps]).statistic)


def _full_rate_until(log: RunLog) -> float:
    total = max((line.total for line in log.steps), default=0)
    return total * (1 - (log.setting_float("warmdown_fraction") or 0.0))


@SUBMISSION_CHECKS("lines.scores", "every score after training is a number that can be read")
def scores_are_numbers(submission: Submission) -> Outcome:
    """Proves that no line of a stage is passed over because its score is no number, or is in an unknown form.

    Contradicted: NaN at the stage of the claimed score, in the log of a claimed seed; a score whose line is followed by
    one that repeats it with more digits, and has another number.
    """
    logs = submission.readable_logs
    if changed := [told for log in logs for told in _changed(log)]:
        return contradicted(f"one score in two numbers: {first_of(changed)}")
    read = sum(len(log.scores) for log in logs)
    failed = [(log, stage) for log in logs for stage in log.failed]
    wrong = [f"{stage} of {log.name}" for log, stage in failed if _is_claimed(submission, log, stage)]
    if wrong:
        return contradicted(f"NaN or infinite: {', '.join(wrong)}")
    names = {score.name for log in logs for score in log.scores} | {name for log in logs for name in log.failed}
    told = [f"{log.name}: {line}" for log in logs for line in _unread(log, names)]
    if told:
        return cant_tell(f"not read as scores: {first_of(told, SHOWN)}")
    return holds(f"{read} lines of scores") if read else cant_tell("no score in the logs")


def _changed(log: RunLog) -> Iterator[str]:
    """Scores that a script prints in two lines of a log, one right behind the other, with different numbers.

    A last digit is no difference. Where the stage is scored more than once, the lines may be of several runs.
    """
    times = Counter(score.name for score in log.scores)
    for first, second in pairwise(log.scores):
        is_pair = second.name == f"{first.name}_exact" and times[first.name] == times[second.name] == 1
        last_digit = 10.0 ** -min(first.bpb.decimals, second.bpb.decimals)
        if is_pair and abs(first.bpb.value - second.bpb.value) > 2 * last_digit:
            yield f"{first.name} of {log.name} {first.bpb} and {second.bpb}"


def _is_claimed(submission: Submission, log: RunLog, stage: str) -> bool:
    """Whether the claimed score, or that of a claimed seed, is of this stage, and this run one of the claim's."""
    rows = [printed_of(row.get("val_bpb")) for row in seed_results(submission.facts).values()]
    claimed = [score for score in (claimed_score(submission), *rows) if score]
    at = {name for other in submission.readable_logs for score in claimed for name in stages_of(other, score)}
    its_own = [other for other in submission.readable_logs if other.seed == log.seed and stage in stages(other)]
    return stage in at and log.seed in claimed_seeds(submission) and not its_own


def _unread(log: RunLog, names: Set[str]) -> list[str]:
    """Lines that begin with a stage's name, or are of a final score or one in bits, and whose figures aren't read."""
    return [
        line[:MOST_SHOWN]
        for line in log.lines
        if (word := FIRST_WORD.match(line))
        and (word[0] in names or FINAL.match(word[0]) or IN_BITS.match(line))
        and LOSS.search(line)
        and common.score(line) is None
        and ternary.score(line) is None
        and not any(score.bpb.text in line for score in log.scores)
    ]
