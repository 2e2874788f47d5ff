"""The runs of a folder: seeds with their logs, copies, the time of evaluation, the tokens that were scored."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.checks.timing import bound_by_time, fits_no_limit, fitting, why_not_bound
from tritgolf.audit.claimed import claimed_seeds, own_tables
from tritgolf.audit.claimed_runs import bound_runs, claimed_runs, untold
from tritgolf.audit.contest import EVALUATION_SECONDS, GPUS
from tritgolf.audit.intervals import Printed
from tritgolf.audit.json_facts import printed_of, seed_results, unread_seeds
from tritgolf.audit.listing import PACKED, first_of, is_log
from tritgolf.audit.run_log import LAST_STEP, RunLog
from tritgolf.audit.scores import same, stages_of
from tritgolf.audit.stated_text import lines_with
from tritgolf.audit.submission import Submission
from tritgolf.audit.track import binds_evaluation, ten_minutes
from tritgolf.audit.validation_text import names_behind, whole_text
from tritgolf.audit.wholeness import is_whole, scores_twice
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds

ON_GPUS = re.compile(
    r"(?<!\w)(\w[\w.-]{0,200}\.(?:log|txt))`?\W{0,3}(?:(?:is|was|ran)\W)?(?:on\W{1,2})?(\d{1,3}) ?[x×] ?[A-Z]\w*\d",
    re.ASCII,
)
FEWEST_LOSSES = 3  # printed losses that are the same in no two trainings of different seeds
OF_A_PART = re.compile(r"\b(?:capped|subset|partial)\b|EVAL_MAX_TOKENS", re.IGNORECASE)
NO_TRACK = "nothing tells that it is of the 10-minute track"
A_WINDOW = 8192  # validation tokens may be cut to whole windows: two counts within this are of one text


@SUBMISSION_CHECKS("runs.seeds", "every claimed seed has a log that prints it")
def seeds_have_logs(submission: Submission) -> Outcome:
    """Proves that each seed of submission.json and of the README's tables has a log, and that the log prints this seed.

    A log whose name has a claimed seed must print it; a score that is stated for one seed must not be another's.
    """
    logs = submission.readable_logs
    claimed = dict.fromkeys([*claimed_seeds(submission), *_table_seeds(submission)])
    printed = {log.seed for log in logs}
    if not claimed and len(logs) == 1 and logs[0].seed is not None:
        return holds(f"one run, of seed {logs[0].seed}; no seed is claimed")
    if not logs or not claimed:
        return cant_tell("no seeds are claimed" if logs else "no log")
    if printed == {None}:
        return cant_tell("the logs print no seed")
    wrong = [*_misnamed(logs, set(claimed)), *_swapped(submission)]
    missing = [seed for seed in claimed if seed not in printed]
    hidden = _hidden(submission, missing, claimed)
    spoken_of = [seed for seed in missing if any(_speaks_of_seed(log, seed) for log in logs)]
    unread = None in printed or hidden or spoken_of or any(_names(name, missing) for name in submission.unread)
    if missing and not unread:
        wrong.append(f"no log prints {', '.join(map(str, missing))}")
    evidence = (
        f"claimed {', '.join(map(str, claimed))}; logs print {', '.join(f'{log.seed} ({log.name})' for log in logs)}"
    )
    if wrong:
        return contradicted(f"{evidence}; {'; '.join(wrong)}")
    doubts = [*unread_seeds(submission.facts), *([f"not read: {first_of(hidden)}"] if hidden else [])]
    doubts += ["other logs can't be read"] if missing and not hidden else []
    lost = {seed for table in own_tables(submission) for seed in table.repeated} - {*printed, *claimed}
    doubts += [f"no log prints {', '.join(map(str, sorted(lost)))}, of several rows"] if lost else []
    return cant_tell("; ".join([evidence, *doubts])) if doubts else holds(evidence)


def _speaks_of_seed(log: RunLog, seed: int) -> bool:
    """Whether a line of a log names a seed that is not the run's, as where a second run in it isn't told apart."""
    spoken = re.compile(rf"\bseed\W{{1,4}}{seed}\b", re.IGNORECASE)
    return any(spoken.search(line) for line in log.lines)


def _names(name: str, seeds: Sequence[int]) -> bool:
    """Whether a log that can't be read may be of one of these seeds: its name has it, or has no number."""
    numbers = {int(number) for number in re.findall(r"\d{1,9}", name)}
    return not numbers or bool(numbers & set(seeds))


def _hidden(submission: Submission, seeds: Sequence[int], claimed: Iterable[int]) -> list[str]:
    """What is not read and may be, or hold, the log of one of these seeds: all but logs with another one's number."""
    others = set(claimed) - set(seeds)
    numbers = {name: {int(number) for number in re.findall(r"\d{1,9}", name)} for name in submission.unread_logs}
    of_others = {name for name, found in numbers.items()
                 if is_log(Path(PACKED.sub("", name))) and found & others and not found & set(seeds)}  # fmt: skip
    return [name for name in numbers if seeds and name not in of_others]


def _table_seeds(submission: Submission) -> Iterator[int]:
    for table in own_tables(submission):
        yield from table.rows


def _misnamed(logs: tuple[RunLog, ...], claimed: set[int]) -> Iterator[str]:
    """Logs named after a claimed seed that print another; of several runs in one file one may be of that seed."""
    files: dict[str, set[int | None]] = {}
    for log in logs:
        files.setdefault(log.name.partition("#")[0], set()).add(log.seed)
    for log in logs:
        file = log.name.partition("#")[0]
        named = {int(number) for number in re.findall(r"seed[_-]?(\d{1,9})", file)} & claimed
        if named and log.seed is not None and not named & files[file] and None not in files[file]:
            yield f"{log.name} prints seed {log.seed}"


def _swapped(submission: Submission) -> Iterator[str]:
    """Scores that submission.json states for one seed and the logs print for another alone."""
    for seed, row in seed_results(submission.facts).items():
        score = printed_of(row.get("val_bpb"))
        its_own = [log for log in submission.readable_logs if log.seed == seed]
        is_lost = any(_names(name, [seed]) for name in (*submission.unread, *submission.unread_logs))
        if score is None or is_lost or not all(is_whole(log, submission.readable_logs) for log in its_own):
            continue
        owners = [log for log in submission.readable_logs if set(stages_of(log, score)) - {LAST_STEP}]
        if owners and not any(log.seed in (seed, None) or scores_twice(log) for log in owners):
            yield f"the log with seed {seed}'s score {score}, {owners[0].name}, prints seed {owners[0].seed}"


@SUBMISSION_CHECKS("runs.copies", "no run is counted twice")
def runs_are_distinct(submission: Submission) -> Outcome:
    """Proves that the runs of the logs differ: a file that repeats a run is taken for that run, and told.

    Contradicted: one run's losses, of its steps or else of its validations, in logs that print different seeds.
    """
    if not submission.readable_logs:
        return cant_tell("no log")
    trained: dict[tuple[tuple[int, str], ...], list[RunLog]] = {}
    for log in submission.readable_logs:
        trained.setdefault(_losses(log), []).append(log)
    twice = [logs for losses, logs in trained.items() if len(losses) >= FEWEST_LOSSES and _seeds_differ(logs)]
    if twice:
        evidence = [
            f"{' and '.join(log.name for log in logs)} have the same loss at every step and print seeds "
            f"{', '.join(str(log.seed) for log in logs)}"
            for logs in twice
        ]
        return contradicted("; ".join(evidence))
    evidence = [f"{copy} repeats {run} and counts once" for copy, run in submission.copies]
    return holds("; ".join([*evidence, f"{len(submission.readable_logs)} runs, no two equal"]))


def _losses(log: RunLog) -> tuple[tuple[int, str], ...]:
    """Step and loss of each step; where those are few, of each validation, too."""
    steps = tuple((line.step, line.loss.text) for line in log.steps)
    if len(steps) >= FEWEST_LOSSES:
        return steps
    return (*steps, *((line.step, line.bpb.text) for line in log.validations))


def _seeds_differ(logs: list[RunLog]) -> bool:
    return len({log.seed for log in logs} - {None}) > 1


@SUBMISSION_CHECKS("runs.gpus", "a log has as many GPUs as the README says of it")
def gpus_are_as_stated(submission: Submission) -> Outcome:
    """Proves that where README.md names a log and says on how many GPUs it is, the log prints as many.

    Read is only what stands right behind the file's name: ``train_v0.txt is on 2xH100``. A name of which no log tells
    it is left open.
    """
    names = [Path(log.name).name for log in submission.readable_logs]
    logs = {Path(log.name).name: log for log in submission.readable_logs if log.gpus}
    logs = {name: log for name, log in logs.items() if names.count(name) == 1}
    stated = [(name, int(count)) for name, count in ON_GPUS.findall(submission.readme or "")]
    if not stated:
        return cant_tell(submission.not_in_readme("README.md says of no log on how many GPUs it is"))
    wrong = [f"README {name}: {count}, the log prints {logs[name].gpus}" for name, count in stated
             if name in logs and logs[name].gpus != count]  # fmt: skip
    if wrong:
        return contradicted("; ".join(wrong))
    silent = [f"README {name}: {count}, and no log that is read tells" for name, count in stated if name not in logs]
    return cant_tell("; ".join(silent)) if silent else holds(", ".join(f"{name}: {count}" for name, count in stated))


@SUBMISSION_CHECKS("timing.evaluation", "evaluation took at most 600 s")
def evaluation_is_within_the_limit(submission: Submission) -> Outcome:
    """Proves that what a run's log prints of evaluations after training adds up to no more than 600 s.

    Contradicted is a single evaluation that takes longer, the one that the submission's score is of, on eight GPUs or
    more; where only the sum is larger, some of it may be diagnostics. Other tracks have no such rule. Where nothing
    tells the track, a README that says that its evaluation fits ten minutes is held to that.
    """
    free = ten_minutes(submission) is False
    logs = bound_runs(submission, lambda log: log.evaluation_seconds if free else log.needed_seconds)
    if not logs:
        return cant_tell("no evaluation time in the logs")
    times = [log.evaluation_seconds if free else log.needed_seconds for log in logs]
    total = max(map(sum, times))
    evidence = f"longest evaluation {max(map(max, times)):.1f} s, all that one run prints {total:.1f} s{fitting(logs)}"
    if free:
        return holds(f"not of the 10-minute track, so no limit; {evidence}")
    scored = claimed_runs(submission)
    scores = dict(zip((log.name for log in scored.runs), scored.bpb, strict=True))
    is_bound = binds_evaluation(submission)
    over = list(_over(submission)) if is_bound else []
    if over and total > EVALUATION_SECONDS:
        return contradicted(f"{evidence} ({over[0]})")
    if silent := untold(submission, lambda log: _tells_its_evaluation(log, scores)):
        return cant_tell(f"{evidence}; {silent}")
    reason = why_not_bound(logs, bound_by_time(logs, submission)) or ("" if is_bound else NO_TRACK)
    is_within = total <= EVALUATION_SECONDS and not any(fits_no_limit(log) for log in logs)
    if is_within and max(log.gpus or 0 for log in logs) <= GPUS:
        return holds(evidence)
    return cant_tell(f"{evidence}, and {reason}" if reason else evidence)


def _tells_its_evaluation(log: RunLog, scores: Mapping[str, float]) -> bool:
    """Whether a log has the time of the evaluation that the claimed score is of, or of any where that isn't known."""
    if log.name not in scores:
        return bool(log.needed_seconds)
    return any(score.eval_ms and same(score.bpb, Printed(repr(scores[log.name]))) for score in log.scores)


def _over(submission: Submission) -> Iterator[str]:
    """Runs whose evaluation of the claimed stage took longer than the contest allows, on its eight GPUs or more."""
    scored = claimed_runs(submission)
    bound = bound_by_time(scored.runs, submission)
    for log, bpb in zip(scored.runs, scored.bpb, strict=True):
        times = [
            score.eval_ms.value / 1000 for score in log.scores if score.eval_ms and same(score.bpb, Printed(repr(bpb)))
        ]
        if log in bound and (log.gpus or 0) >= GPUS and max(times, default=0.0) > EVALUATION_SECONDS:
            yield log.name


@SUBMISSION_CHECKS("evaluation.tokens", "the whole validation text was scored")
def tokens_are_the_whole_text(submission: Submission) -> Outcome:
    """Proves that all logs of one vocabulary loaded as many validation tokens as each other, up to a window.

    Where the data are the contest's own (``fineweb10B_sp1024``), a count well below its known one is contradicted, of a
    run that the score is of. Of data under another name (``fineweb10B_sp1024_proxy``) such a count can't tell, and
    where README.md says that validation was capped there, nobody is misled.
    """
    counts = {log.name: (log.setting_int("vocab_size"), log.validation_tokens) for log in submission.readable_logs}
    known = {name: pair for name, pair in counts.items() if pair[1] is not None}
    if not known:
        return cant_tell("no log prints how many validation tokens it loaded")
    for log in bound_runs(submission, lambda log: log.validation_tokens is not None):
        (vocabulary, tokens), whole = counts[log.name], whole_text(log)
        if tokens is None or not whole or tokens >= 0.9 * whole:
            continue
        told = f"{log.name} loaded {tokens:,} tokens; the whole text has {whole:,}"
        names = names_behind(log)
        if _is_disclosed(submission, tokens):
            return cant_tell(f"{told}; README.md says so")
        if "" in names:
            return contradicted(told)
        if names:
            return cant_tell(f"{told}, and the data are called fineweb10B_sp{vocabulary}{min(names)}")
    by_vocabulary: dict[int | None, list[int]] = {}
    for vocabulary, tokens in known.values():
        by_vocabulary.setdefault(vocabulary, []).append(tokens or 0)
    counted = "; ".join(f"{', '.join(f'{n:,}' for n in sorted(set(tokens)))}" for tokens in by_vocabulary.values())
    cut = all(max(tokens) - min(tokens) <= 4 * A_WINDOW for tokens in by_vocabulary.values())
    if not cut:
        return cant_tell(f"{counted} tokens: of several texts")
    silent = untold(submission, lambda log: log.validation_tokens is not None)
    told = f"{counted} tokens in {len(known)} logs"
    return cant_tell(f"{told}; {silent}") if silent else holds(told)


def _is_disclosed(submission: Submission, tokens: int) -> bool:
    """Whether a line of the README has this count and says that validation was of a part."""
    return any(map(OF_A_PART.search, lines_with(submission.readme, tokens)))
