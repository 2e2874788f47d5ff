"""Scores: stride, temperature, nats against bits a byte, what the figure contains."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tritgolf.audit.checks.registers import LOG_CHECKS, SUBMISSION_CHECKS
from tritgolf.audit.claimed_runs import presented_runs
from tritgolf.audit.contest import TEMPERATURES, Z_LOSS
from tritgolf.audit.dialects import named as dialect_named
from tritgolf.audit.dialects.ternary import is_published_script
from tritgolf.audit.intervals import Interval, Printed, bytes_per_token, most_covered
from tritgolf.audit.log_lines import ScoreLine
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.scores import Stage, stages
from tritgolf.audit.submission import Submission
from tritgolf.audit.validation_text import OF_A_PART, bytes_a_token
from tritgolf.outcome import Outcome, Verdict, cant_tell, contradicted, holds, judge

MIN_LINES = 4  # lines that make a ratio before one of them can be called wrong
OF_RUNS = 3e-4  # the same of one evaluation in several runs, before one is called wrong: real ones differ by 2e-4
SAME_TEXT = 1e-4  # share by which the bytes a token of two evaluations of one text may differ


@LOG_CHECKS("evaluation.stride", "the result line's stride is the configured one")
def stride_is_the_configured(log: RunLog) -> Outcome:
    """Proves that the stride printed with the headline score is the one in the settings."""
    configured = log.setting_int("sliding_eval_stride")
    if log.sliding is None or log.sliding.stride is None or configured is None:
        return cant_tell("no stride in the result line, or none in the settings")
    return judge(
        log.sliding.stride == configured, f"result line: stride={log.sliding.stride}; configured: {configured}"
    )


@LOG_CHECKS("evaluation.temperature", "the score used the temperature that was found, one of the grid")
def temperature_is_the_found_one(log: RunLog) -> Outcome:
    """Proves that the result line's temperature is the search's, and that the search could have returned it.

    Other versions of the script search other grids: there, only that it is the one that was found.
    """
    if log.temperature is None or log.sliding is None or log.sliding.temperature is None:
        return cant_tell("no temperature search, or no temperature in the result line")
    found, used = log.temperature.best, log.sliding.temperature
    if found.value not in TEMPERATURES and found.value == used.value and not is_published_script(log):
        return cant_tell(f"T = {found}, not of the published script's grid; the script is another version")
    if found.value not in TEMPERATURES:
        return contradicted(f"T = {found} is not in the grid {', '.join(f'{t:.2f}' for t in TEMPERATURES)}")
    return judge(found.value == used.value, f"found T = {found}, scored at T = {used}")


@SUBMISSION_CHECKS("evaluation.temperature_grid", "the temperature search tells temperatures apart")
def temperature_is_not_always_the_first(submission: Submission) -> Outcome:
    """Proves that the search found an optimum: some run's best temperature is not the first of the grid.

    A search over a model that ignores its temperature ties everywhere and returns the first; so does one whose optimum
    is at or below the first. Logs alone can't tell these apart, so "always the first" is never more than can't tell.
    """
    of_the_script = [log for log in submission.logs if log.temperature and is_published_script(log)]
    return temperature_search(of_the_script)


def temperature_search(logs: Sequence[RunLog]) -> Outcome:
    """The same for any logs, as the ledger asks it of all systems at once."""
    found = [log.temperature.best.value for log in logs if log.temperature]
    if not found:
        return cant_tell("no temperature search in the logs")
    if any(best not in TEMPERATURES for best in found):
        return contradicted(f"best temperatures {sorted(set(found))} are not all in the grid")
    first = sum(best == TEMPERATURES[0] for best in found)
    line = f"T = {TEMPERATURES[0]:.2f}, the first of the grid, in {first} of {len(found)} runs"
    return cant_tell(line + ": a tie, or an optimum at the grid's edge") if first == len(found) else holds(line)


class ScoredLine(NamedTuple):
    """A line that prints a score twice, in nats a token and in bits a byte."""

    where: str
    nats: Printed
    bpb: Printed

    @property
    def ratio(self) -> Interval:
        """Bytes a token that the line implies."""
        return bytes_per_token(self.nats, self.bpb)


def scored_lines(logs: Iterable[RunLog]) -> list[ScoredLine]:
    """Every validation and score of the logs that is in nats and in bits."""
    found = []
    for log in logs:
        found += [ScoredLine(f"{log.name}: step {line.step}", line.nats, line.bpb) for line in log.validations]
        found += [ScoredLine(f"{log.name}: {score.name}", score.nats, score.bpb)
                  for score in log.scores if score.nats and not in_nats_a_byte(log, score)]  # fmt: skip
    return found


def in_nats_a_byte(log: RunLog, score: Stage | ScoreLine) -> bool:
    """Whether a score's loss is ln 2 times its bits a byte, in a log whose validations count other bytes a token."""
    if score.nats is None or not _is_one(bytes_per_token(score.nats, score.bpb)):
        return False
    return any(not bytes_per_token(line.nats, line.bpb).contains(1.0) for line in log.validations)


def _is_one(ratio: Interval) -> bool:
    return ratio.contains(1.0) and ratio.high - ratio.low < SAME_TEXT * 10


@SUBMISSION_CHECKS("evaluation.bytes_per_token", "nats and BPB agree on every line")
def nats_and_bpb_agree(submission: Submission) -> Outcome:
    """Proves that every line's nats and bits a byte are the same score of the same text.

    Their ratio is bytes a token × ln 2, one constant of the text that one evaluation scores. Each printed pair allows
    an interval of it; a line whose interval misses the stretch that most lines of the same evaluation share can't be
    right. Different evaluations, and logs of different vocabularies or texts, need not share it. Of the contest's own
    text the ratio is known: a run of the score that has another contradicts it, other runs are told and left out. Told
    and left out, too, are scores whose loss is in nats a byte.
    """
    counted = {log.name: ratio for log in submission.readable_logs if (ratio := _other_ratio(log)) is not None}
    of_the_score = {log.name for log in presented_runs(submission)}
    other = "; ".join(f"{name} counts {ratio:.5f} bytes a token" for name, ratio in counted.items())
    if counted.keys() & of_the_score:
        return contradicted(f"{other}, which the contest's text doesn't have")
    logs = [log for log in submission.readable_logs if log.name not in counted]
    outcome = _lines_agree(logs)
    a_byte = sum(in_nats_a_byte(log, score) for log in logs for score in log.scores)
    told = (f"; not of the score: {other}" if other else "") + (f"; {a_byte} scores in nats a byte" if a_byte else "")
    return Outcome(outcome.verdict, outcome.evidence + told)


def _other_ratio(log: RunLog) -> float | None:
    """Bytes a token that a run's last score implies, where it is of the contest's own text and this has another."""
    in_nats = (each for each in reversed(stages(log).values()) if each.nats and not in_nats_a_byte(log, each))
    known, last = bytes_a_token(log), next(in_nats, None)
    if known is None or last is None or last.nats is None or not log.scores:
        return None
    ratio = bytes_per_token(last.nats, last.bpb)
    return ratio.low if ratio.low > known * (1 + OF_A_PART) or ratio.high < known * (1 - OF_A_PART) else None


def _lines_agree(logs: Sequence[RunLog]) -> Outcome:
    """Whether the lines of each evaluation share a ratio, and the evaluations of one text theirs."""
    if all(dialect_named(log.dialect).one_text for log in logs):
        vocabularies = {log.hyperparameters.get("vocab_size") for log in logs}
        if len(vocabularies) <= 1:
            return lines_that_cannot_be(scored_lines(logs))
    groups = _by_evaluation(logs)
    outcomes = [lines_that_cannot_be(lines, OF_RUNS) for lines in groups.values()]
    wrong = [outcome.evidence for outcome in outcomes if outcome.verdict is Verdict.CONTRADICTED]
    if wrong:
        return contradicted("; ".join(wrong))
    shared = [ratio for lines in groups.values() if (ratio := most_covered([line.ratio for line in lines]))]
    count = sum(len(lines) for lines in groups.values())
    if count < 2:
        return cant_tell(f"{count} lines with nats and BPB; a ratio needs two")
    held = all(_are_close(ratios) for ratios in _by_text(groups).values())
    told = f"{count} lines of {len(groups)} evaluations, {min(r.low for r in shared):.5f} to "
    told += f"{max(r.high for r in shared):.5f} bytes a token"
    return holds(told) if held else cant_tell(f"{told}: of different texts, or too few lines")


def _by_evaluation(logs: Iterable[RunLog]) -> dict[tuple[object, ...], list["ScoredLine"]]:
    """The scored lines of each evaluation: of one stage, vocabulary and number of tokens; a validation is a stage."""
    groups: dict[tuple[object, ...], list[ScoredLine]] = defaultdict(list)
    for log in logs:
        text: tuple[object, ...] = (log.hyperparameters.get("vocab_size"), log.validation_tokens)
        text = text if all(text) else (log.name, *text)  # not known to be another log's text
        lines = scored_lines([log])
        # Validations while training may be of a part of the text, the first and the last of another than the rest.
        for line in lines[: len(log.validations)][1:-1]:
            groups[f"validation of {log.name}", *text].append(line)
        for line in lines[len(log.validations) :]:
            groups[line.where.removeprefix(f"{log.name}: ").replace("_exact", ""), *text].append(line)
    return groups


def _are_close(ratios: Sequence[Interval]) -> bool:
    """Whether evaluations of one text can have these bytes a token: windows and documents differ at their ends."""
    high, low = max(ratio.low for ratio in ratios), min(ratio.high for ratio in ratios)
    return high - low <= SAME_TEXT * low


def _by_text(groups: dict[tuple[object, ...], list["ScoredLine"]]) -> dict[tuple[object, ...], list[Interval]]:
    """Text (vocabulary, tokens) → the bytes a token of every line of it."""
    found: dict[tuple[object, ...], list[Interval]] = defaultdict(list)
    for (_, *text), lines in groups.items():
        found[tuple(text)] += [line.ratio for line in lines]
    return found


def lines_that_cannot_be(lines: Sequence[ScoredLine], slack: float = 0.0) -> Outcome:
    """The same for any lines; ``slack``: share of the ratio by which lines may miss the stretch."""
    if len(lines) < MIN_LINES:
        return cant_tell(f"{len(lines)} lines with nats and BPB; a ratio needs {MIN_LINES}")
    shared = most_covered([line.ratio for line in lines])
    wider = shared and Interval(shared.low * (1 - slack), shared.high * (1 + slack))
    wrong = [line for line in lines if wider is None or not line.ratio.meets(wider)]
    if shared is None or len(wrong) * 2 >= len(lines):
        return cant_tell("the lines share no ratio of nats to BPB")
    ratio = f"{shared.low:.5f} to {shared.high:.5f} bytes a token"
    if not wrong:
        return holds(f"{len(lines)} lines agree on {ratio}")
    told = [f"{line.where}: {line.nats} nats is {_bpb_of(line.nats, shared)} BPB, printed {line.bpb}" for line in wrong]
    return contradicted(f"{len(lines) - len(wrong)} lines agree on {ratio}; {'; '.join(told)}")


def _bpb_of(nats: Printed, ratio: Interval) -> str:
    low, high = (nats.interval.low / (ratio.high * math.log(2)), nats.interval.high / (ratio.low * math.log(2)))
    return f"{low:.4f}" if f"{low:.4f}" == f"{high:.4f}" else f"{low:.4f} to {high:.4f}"


@LOG_CHECKS("evaluation.step_zero", "the validation loss is pure cross-entropy")
def step_zero_is_the_uniform_guess(log: RunLog) -> Outcome:
    """Proves that the first validation is ln(vocabulary), as the untrained model's flat guess must be.

    With a z-loss of weight λ in the figure it is ln V + λ·(ln V)² instead. Only a log with a validation at step 0 can
    show it.
    """
    start = next((line for line in log.validations if line.step == 0), None)
    vocabulary = log.setting_int("vocab_size")
    if start is None or not vocabulary or vocabulary < 2:
        return cant_tell("no validation at step 0")
    flat = math.log(vocabulary)
    inflated = flat + Z_LOSS * flat**2
    excess = start.nats.value - flat
    line = f"step 0: {start.nats} nats; ln {vocabulary} = {flat:.4f}; with the z-loss {inflated:.4f}"
    if abs(start.nats.value - inflated) < 0.25 * (inflated - flat):
        return contradicted(line)
    return holds(line) if abs(excess) < 0.25 * (inflated - flat) else cant_tell(line + ": neither")
