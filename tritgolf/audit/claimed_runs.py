"""Which runs the score that a submission claims is of: those that the contest's limits bind."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from tritgolf.audit.claimed import KEPT, claimed_seeds, counting, runs_of_rows
from tritgolf.audit.intervals import Printed
from tritgolf.audit.json_facts import printed_of
from tritgolf.audit.listing import first_of
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.scores import agrees, same_score, samples, stages, stages_of
from tritgolf.audit.stated_text import stated_scores
from tritgolf.audit.submission import Submission


@dataclass(frozen=True)
class Scored:
    """The runs that a claimed score is of: the stage, each run's bits a byte there, and nats a token if all have it."""

    stage: str = ""
    runs: tuple[RunLog, ...] = ()
    bpb: tuple[float, ...] = ()
    nats: tuple[float, ...] = ()


def claimed_score(submission: Submission) -> Printed | None:
    """What the submission says that it scores: in submission.json, else in its README's text."""
    stated = stated_scores(submission.readme)
    return printed_of((submission.facts or {}).get("val_bpb")) or (stated[0].printed if stated else None)


@lru_cache(maxsize=KEPT)
def claimed_runs(submission: Submission) -> Scored:
    """The runs whose mean the claimed score is, or of which it is one; where no log has it, those that count.

    With one run's score stand the other seeds' at the same stage.
    """
    logs = _candidates(submission)
    if not logs:
        return Scored()
    if found := _of_the_mean(submission, logs):
        return found
    owner, stage = _owner(submission, logs)
    if owner is None:
        return _at_stage(logs, list(stages(logs[0]))[-1])
    others = [log for log in logs if log.named_seed != owner.named_seed and log.dialect == owner.dialect]
    return _at_stage((owner, *others), stage)


@lru_cache(maxsize=KEPT)
def surely_claimed(submission: Submission) -> frozenset[str]:
    """The names of the runs whose mean the claimed score is, or of the one that has it; none where no log has it.

    Nor where several runs of one seed have it: one of them may be an ablation that changed nothing.
    """
    logs = _candidates(submission)
    if found := _of_the_mean(submission, logs):
        return frozenset() if _share_a_seed(found.runs) else frozenset(log.name for log in found.runs)
    claimed = claimed_score(submission)
    owners = [log for log in logs if claimed and stages_of(log, claimed)]
    return frozenset() if _share_a_seed(owners) else frozenset(log.name for log in owners[:1])


def _share_a_seed(runs: Sequence[RunLog]) -> bool:
    seeds = [log.named_seed for log in runs if log.named_seed is not None]
    return len({*seeds}) < len(seeds)


@lru_cache(maxsize=KEPT)
def presented_runs(submission: Submission) -> tuple[RunLog, ...]:
    """The runs that surely have the claimed score, and those of the rows by seed that stand beside it.

    Where no log has that score, all that count. Other runs that a text quotes may be of an earlier version, of an
    ablation or of a baseline.
    """
    names = set(surely_claimed(submission))
    if not names:
        return counting(submission)
    names |= {log.name for runs in runs_of_rows(submission).values() for log in runs}
    return tuple(log for log in submission.readable_logs if log.name in names)


def _candidates(submission: Submission) -> tuple[RunLog, ...]:
    return tuple(log for log in counting(submission) if stages(log))


def _of_the_mean(submission: Submission, logs: Sequence[RunLog]) -> Scored | None:
    """The runs whose mean the claimed score is, or, where no run has it either, that of their rows as rounded.

    One that a run has is its own, where no text calls it a mean or has several seeds: runs of other scores may have it
    for their mean by chance.
    """
    claimed, seeds = claimed_score(submission), claimed_seeds(submission)
    if claimed is None:
        return None
    is_a_mean = any(claim.is_mean and same_score(claim.printed, claimed) for claim in stated_scores(submission.readme))
    is_one_runs = len(seeds) < 2 and not is_a_mean and _owner(submission, logs)[0] is not None
    found = [sample for sample in samples(logs, seeds, of_rows=runs_of_rows(submission))
             if not is_one_runs or all(agrees(claimed, value) for value in sample.values)]  # fmt: skip
    fits = (sample for sample in found if agrees(claimed, sample.mean))
    of_rows = (sample for sample in found if sample.is_mean_of_rows(claimed) and _owner(submission, logs)[0] is None)
    sample = next(chain(fits, of_rows), None)
    if sample is None:
        return None
    named = {log.name: log for log in logs}
    in_nats = {(s.stage, s.names): s.values for s in samples(logs, seeds, True, runs_of_rows(submission))}
    runs = tuple(named[name] for name in sample.names)
    return Scored(sample.stage, runs, sample.values, in_nats.get((sample.stage, sample.names), ()))


def _owner(submission: Submission, logs: Sequence[RunLog]) -> tuple[RunLog | None, str]:
    """The first run that has the claimed score, and the last stage at which it does."""
    claimed = claimed_score(submission)
    found = ((log, stages_of(log, claimed)) for log in logs) if claimed else ()
    return next(((log, at[-1]) for log, at in found if at), (None, ""))


def _at_stage(logs: Sequence[RunLog], stage: str) -> Scored:
    """The runs that have a score at this very stage."""
    found = {log.name: stages(log)[stage] for log in logs if stage in stages(log)}
    runs = tuple(log for log in logs if log.name in found)
    scores = [found[log.name] for log in runs]
    nats = tuple(score.nats.value for score in scores if score.nats)
    return Scored(stage, runs, tuple(s.bpb.value for s in scores), nats if len(nats) == len(runs) else ())


def bound_runs(submission: Submission, tells: Callable[[RunLog], object]) -> tuple[RunLog, ...]:
    """The runs that the limits of time and bytes bind and whose log ``tells`` of it: those of the claimed score.

    Where none of these tells (logs of an evaluation alone, a score that no log has), all that count and tell.
    """
    of_the_score = tuple(log for log in claimed_runs(submission).runs if tells(log))
    return of_the_score or tuple(log for log in counting(submission) if tells(log))


def untold(submission: Submission, tells: Callable[[RunLog], object]) -> str:
    """Which runs of the claimed score don't tell, so that what others tell is not said of all; "" if all do.

    Its runs are those that have it, and those of the claimed seeds, whether or not they have a log. For an evaluation
    alone, which has no steps, the training of its seed may tell.
    """
    scored, seeds = {log.name for log in claimed_runs(submission).runs}, claimed_seeds(submission)
    logs = submission.readable_logs
    told = {log.named_seed for log in logs if tells(log)}
    silent = [log.name for log in logs if not tells(log) and (
        (log.name in scored and (log.steps or log.named_seed not in told))
        or (log.named_seed in seeds and log.named_seed not in told)
    )]  # fmt: skip
    lost = [seed for seed in seeds if not any(_may_be_of(log, seed) for log in logs)]
    silent += [f"seed {seed}, of which no log is read" for seed in lost]
    return f"nothing of {first_of(silent)}" if silent else ""


def _may_be_of(log: RunLog, seed: int) -> bool:
    """Whether a log is of this seed: by what it prints, and where it prints none, by any number of its file's name."""
    numbers = re.findall(r"\d{1,9}", log.name.partition("#")[0])
    return log.seed == seed if log.seed is not None else seed in map(int, numbers)
