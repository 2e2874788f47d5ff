"""Scores that README.md and submission.json state, against the runs: the headline, means."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.claimed import (
    KEPT,
    claimed_seeds,
    is_headline_table,
    is_quoted,
    own_tables,
    runs_of_rows,
    tables_of,
)
from tritgolf.audit.claimed_runs import untold
from tritgolf.audit.column_titles import SCORES, is_plain
from tritgolf.audit.completeness import is_complete, unlogged_methods
from tritgolf.audit.intervals import Printed
from tritgolf.audit.json_facts import printed_of
from tritgolf.audit.run_log import RunLog, of_seed
from tritgolf.audit.scores import Sample, is_before_storing, same_score, samples, stages, stages_of
from tritgolf.audit.seed_tables import run_of
from tritgolf.audit.stated_text import Stated, stated_scores
from tritgolf.audit.submission import Submission
from tritgolf.audit.wholeness import is_whole, reaches_its_end
from tritgolf.outcome import Outcome, Verdict, all_of, cant_tell, contradicted, holds

NO_SCORES = "no score in the logs"
AS_TRAINED = "from before its model was stored"  # what a score is, while the log has one of the stored model
MEANS = ("mean_val_bpb", "val_bpb_mean")  # fields of submission.json
MEAN_LOSSES = ("mean_val_loss", "val_loss_mean")


@SUBMISSION_CHECKS("text.headline", "the README's headline score is in the logs")
def headline_is_logged(submission: Submission) -> Outcome:
    """Proves that the README's score is one that a run printed at some stage, or, if it says so, a mean of runs.

    One from before the model was stored is open, unless its line says that it is, or the log has no other.
    Contradicted where no reading of the text's own scores fits, and every claimed seed has its log. Where the text has
    none, it is the mean of its table that submission.json's score is.
    """
    stated = stated_scores(submission.readme) or _means_of_tables(submission)
    if not stated or not scored_runs(submission):
        return cant_tell(submission.not_in_readme("no val_bpb in README.md") if scored_runs(submission) else NO_SCORES)
    return _unless_of_others(submission, stated[0], score_is_logged(submission, stated[0]))


def _means_of_tables(submission: Submission) -> tuple[Stated, ...]:
    """The means in the README's own tables by seed that submission.json has for its score."""
    score = printed_of((submission.facts or {}).get("val_bpb"))
    cells = [cell for table in own_tables(submission) for title, cell in table.mean.items()
             if table.kinds[title] == "bpb"]  # fmt: skip
    return tuple(Stated("README's table", cell.printed, is_mean=True, is_headline=False) for cell in cells
                 if score and same_score(cell.printed, score))  # fmt: skip


def _unless_of_others(submission: Submission, claim: Stated, outcome: Outcome) -> Outcome:
    """A stated score's outcome; can't tell where the score may be another system's, and one of the submission's fits.

    It is the submission's own where its title, its JSON or one of its tables has it, or one of its runs, and where a
    line at the top begins with "val_bpb" and says that it is of as many seeds or runs as there are.
    """
    if outcome.verdict is not Verdict.CONTRADICTED or claim.where != "README" or _is_own(submission, claim):
        return outcome
    others = [other for other in _every_claim(submission) if other.printed.text != claim.printed.text]
    fits = any(score_is_logged(submission, other).verdict is Verdict.HOLDS for other in others)
    return cant_tell(outcome.evidence) if fits or _has_logged_rows(submission) else outcome


def _every_claim(submission: Submission) -> Iterator[Stated]:
    yield from stated_scores(submission.readme)
    if score := printed_of((submission.facts or {}).get("val_bpb")):
        yield Stated("submission.json val_bpb", score)


def _is_own(submission: Submission, claim: Stated) -> bool:
    stated = filter(None, (printed_of((submission.facts or {}).get(key)) for key in ("val_bpb", *MEANS)))
    in_json = any(same_score(claim.printed, score) for score in stated)
    of_a_run = claim.is_mean and any(stages_of(log, claim.printed) for log in scored_runs(submission))
    runs = len(claimed_seeds(submission)) or len(scored_runs(submission))
    is_the_headline = claim.is_headline and claim.is_labelled and claim.count == runs
    return claim.is_title or in_json or of_a_run or is_the_headline or _is_of_tables(submission, claim.printed)


def _has_logged_rows(submission: Submission) -> bool:
    """Whether a row of a README table by seed has a score of the log of that seed."""
    logs = scored_runs(submission)
    return any(run_of(row, table.kinds, of_seed(logs, seed))
               for table in tables_of(submission) for seed, row in table.rows.items())  # fmt: skip


def score_is_logged(submission: Submission, claim: Stated, by_rows: bool = True) -> Outcome:
    """The same for one stated score from anywhere.

    ``by_rows``: where logs are missing, whether a row of the table that the score is of may contradict it.
    """
    logs = scored_runs(submission)
    at = [(log, name) for log in logs for name in stages_of(log, claim.printed, claim.in_nats)]
    of_stored = [(log, name) for log, name in at if not is_before_storing(log, name)]
    every = (*_every_sample(submission), *_of_named_seeds(submission, claim))
    means = [sample for sample in every if sample.may_have_mean(claim.printed)]
    if means and (claim.is_mean or not of_stored):
        return _is_a_mean(submission, claim, means)
    if at and (not claim.is_mean or _is_of_one_run(submission, claim)):
        log, name = (of_stored or at)[0]
        told = f"{claim.where} {claim.printed}: {name} of {log.name}"
        return holds(told) if of_stored or not _is_the_models(claim) else cant_tell(f"{told}, {AS_TRAINED}")
    what = f"{claim.where} {claim.printed}{', a mean' if claim.is_mean else ''}; logs {_logged(submission)}"
    if not is_complete(submission, claim.is_mean, claim.count):
        row = contradicted_row(submission) if by_rows else ""
        return contradicted(f"{what}; {row}") if row and _is_of_tables(submission, claim.printed) else cant_tell(what)
    return contradicted(what) if claim.is_headline else cant_tell(what)


def _is_the_models(claim: Stated) -> bool:
    """Whether a claim is for the stored model: a headline, whose line doesn't say that it is of the one before that."""
    return claim.is_headline and not claim.is_of_before


def _is_a_mean(submission: Submission, claim: Stated, means: Sequence[Sample]) -> Outcome:
    """The outcome of a score that is one of these means, if it is of as many runs, and of models as they are stored."""
    logs = scored_runs(submission)
    of_stored = [mean for mean in means if not any(is_before_storing(log, mean.stage) for log in logs)]
    told = f"{claim.where} {claim.printed}: mean {(of_stored or means)[0]}"
    if not of_stored and _is_the_models(claim):
        return cant_tell(f"{told}, {AS_TRAINED}")
    most = max(len(each.names) for each in means)
    if claim.count is not None:
        return cant_tell(f"{told}, of {claim.count}") if most < claim.count else holds(told)
    is_of_fewer = not claim.seeds and most < len(claimed_seeds(submission))
    silent = untold(submission, lambda log: log.scores or log.final) if is_of_fewer else ""
    return cant_tell(f"{told}; {silent}") if silent else holds(told)


def _is_of_one_run(submission: Submission, claim: Stated) -> bool:
    """Whether a mean can be that of a single run alone: the one of the one claimed seed."""
    return len(claimed_seeds(submission)) == len(scored_runs(submission)) == 1 and claim.count in (None, 1)


@lru_cache(maxsize=KEPT)
def _every_sample(submission: Submission) -> tuple[Sample, ...]:
    """Every sample of its runs, in BPB and in nats."""
    logs, seeds, of_rows = scored_runs(submission), claimed_seeds(submission), runs_of_rows(submission)
    return tuple(sample for nats in (False, True) for sample in samples(logs, seeds, nats, of_rows))


def _of_named_seeds(submission: Submission, claim: Stated) -> Iterator[Sample]:
    """The samples of the runs whose seeds the claim's line names: they may be a part of the runs."""
    if len(claim.seeds) > 1:
        logs = [log for log in scored_runs(submission) if log.seed in claim.seeds]
        yield from samples(logs, claim.seeds, of_rows=runs_of_rows(submission))


def contradicted_row(submission: Submission) -> str:
    """A row of the headline's table that has none of the scores of its seed's one run; "" if none is so.

    A run that the text quotes elsewhere may be of another table: then the log of the row is missing, not wrong.
    """
    if unlogged_methods(submission):
        return ""
    for table in tables_of(submission):
        for seed, row in table.rows.items():
            named = of_seed(submission.readable_logs, seed)
            logs = [log for log in _whole(submission) if log.seed == seed]
            scored = any(table.kinds[title] in SCORES and all(is_plain(title, log) for log in logs) for title in row)
            alone = len(logs) == len(named) == 1 and not is_quoted(submission, logs[0])
            if alone and scored and is_headline_table(submission, table) and run_of(row, table.kinds, logs) is None:
                return f"the row of seed {seed}, part of it, has none of the scores of {logs[0].name}"
    return ""


def _is_of_tables(submission: Submission, printed: Printed) -> bool:
    cells = [cell for table in own_tables(submission) for row in (table.mean, *table.rows.values())
             for title, cell in row.items() if table.kinds[title] == "bpb"]  # fmt: skip
    return any(same_score(printed, cell.printed) for cell in cells)


def scored_runs(submission: Submission) -> tuple[RunLog, ...]:
    """The runs whose logs have a score after training; where none has, those that were scored at their last step."""
    logs = submission.readable_logs
    return tuple(log for log in logs if log.scores) or tuple(log for log in logs if log.final and reaches_its_end(log))


def _whole(submission: Submission) -> tuple[RunLog, ...]:
    """The runs whose logs reach their ends."""
    return tuple(log for log in scored_runs(submission) if is_whole(log, submission.readable_logs))


def _logged(submission: Submission) -> str:
    """The last stage of each run, and their mean, as evidence quotes them."""
    failed = [f"NaN at {log.failed[-1]} ({log.name})" for log in submission.readable_logs if log.failed]
    ends = [(log.name, list(stages(log).values())[-1].bpb) for log in scored_runs(submission) if not log.failed]
    scores = ", ".join([*failed, *(f"{bpb} ({name})" for name, bpb in ends)][:6])
    digits = max((bpb.decimals for _, bpb in ends), default=0)
    mean = f", mean {sum(bpb.value for _, bpb in ends) / len(ends):.{digits}f}" if len(ends) > 1 else ""
    return scores + (", …" if len(ends) > 6 else "") + mean


@SUBMISSION_CHECKS("text.mean", "scores called means are means of the runs")
def stated_means_are_means(submission: Submission) -> Outcome:
    """Proves that each score which README.md or submission.json calls a mean is the mean of some sample of its runs."""
    stated = [claim for claim in stated_scores(submission.readme) if claim.is_mean] + list(_json_means(submission))
    if not scored_runs(submission) or not stated:
        nothing = submission.not_in_readme("no score called a mean")
        return cant_tell(nothing if scored_runs(submission) else NO_SCORES)
    outcomes = [_unless_of_others(submission, claim, score_is_logged(submission, claim, by_rows=False))
                for claim in stated]  # fmt: skip
    return all_of(outcomes, "no score called a mean")


def _json_means(submission: Submission) -> Iterator[Stated]:
    facts = submission.facts or {}
    seeds = len(claimed_seeds(submission))
    for key in (*MEANS, *MEAN_LOSSES):
        if printed := printed_of(facts.get(key)):
            yield Stated(f"submission.json {key}", printed, is_mean=True, in_nats=key in MEAN_LOSSES)
    score = printed_of(facts.get("val_bpb"))
    if score and seeds > 1 and not any(stages_of(log, score) for log in scored_runs(submission)):
        yield Stated("submission.json val_bpb", score, is_mean=True)
