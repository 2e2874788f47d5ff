"""Scores that README.md and submission.json state, against the runs: the headline, means, stds."""

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
from tritgolf.audit.intervals import Printed, rounds_to, std_interval
from tritgolf.audit.json_facts import printed_of
from tritgolf.audit.log_lines import RunLog
from tritgolf.audit.scores import Sample, is_other_spread, is_std_of_rows, same, samples, stages, stages_of
from tritgolf.audit.seed_tables import run_of
from tritgolf.audit.stated_text import Stated, spreads_of_seeds, stated_scores
from tritgolf.audit.submission import Submission
from tritgolf.audit.wholeness import is_whole, reaches_its_end
from tritgolf.outcome import Outcome, Verdict, cant_tell, contradicted, holds

NO_SCORES = "no score in the logs"
MEANS = ("mean_val_bpb", "val_bpb_mean")  # fields of submission.json
MEAN_LOSSES = ("mean_val_loss", "val_loss_mean")


@SUBMISSION_CHECKS("text.headline", "the README's headline score is in the logs")
def headline_is_logged(submission: Submission) -> Outcome:
    """Proves that the README's score is one that a run printed at some stage, or, if it says so, a mean of runs.

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
                 if score and (same(cell.printed, score) or same(score, cell.printed)))  # fmt: skip


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
    in_json = any(same(claim.printed, score) or same(score, claim.printed) for score in stated)
    of_a_run = claim.is_mean and any(stages_of(log, claim.printed) for log in scored_runs(submission))
    runs = len(claimed_seeds(submission)) or len(scored_runs(submission))
    is_the_headline = claim.is_headline and claim.is_labelled and claim.count == runs
    return claim.is_title or in_json or of_a_run or is_the_headline or _is_of_tables(submission, claim.printed)


def _has_logged_rows(submission: Submission) -> bool:
    """Whether a row of a README table by seed has a score of the log of that seed."""
    logs = scored_runs(submission)
    return any(run_of(row, table.kinds, [log for log in logs if log.seed == seed])
               for table in tables_of(submission) for seed, row in table.rows.items())  # fmt: skip


def score_is_logged(submission: Submission, claim: Stated, by_rows: bool = True) -> Outcome:
    """The same for one stated score from anywhere.

    ``by_rows``: where logs are missing, whether a row of the table that the score is of may contradict it.
    """
    logs = scored_runs(submission)
    found = [f"{name} of {log.name}" for log in logs for name in stages_of(log, claim.printed, claim.in_nats)]
    every = (*_every_sample(submission), *_of_named_seeds(submission, claim))
    means = [sample for sample in every if sample.may_have_mean(claim.printed)]
    if means and (claim.is_mean or not found):
        told = f"{claim.where} {claim.printed}: mean {means[0]}"
        most = max(len(each.names) for each in means)
        if claim.count is not None:
            return cant_tell(f"{told}, of {claim.count}") if most < claim.count else holds(told)
        is_of_fewer = not claim.seeds and most < len(claimed_seeds(submission))
        silent = untold(submission, lambda log: log.scores or log.final) if is_of_fewer else ""
        return cant_tell(f"{told}; {silent}") if silent else holds(told)
    if found and (not claim.is_mean or _is_of_one_run(submission, claim)):
        return holds(f"{claim.where} {claim.printed}: {found[0]}")
    what = f"{claim.where} {claim.printed}{', a mean' if claim.is_mean else ''}; logs {_logged(submission)}"
    if not is_complete(submission, claim.is_mean, claim.count):
        row = contradicted_row(submission) if by_rows else ""
        return contradicted(f"{what}; {row}") if row and _is_of_tables(submission, claim.printed) else cant_tell(what)
    return contradicted(what) if claim.is_headline else cant_tell(what)


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
            logs = [log for log in _whole(submission) if log.seed == seed]
            scored = any(table.kinds[title] in SCORES and all(is_plain(title, log) for log in logs) for title in row)
            alone = len(logs) == 1 and not is_quoted(submission, logs[0])
            if alone and scored and is_headline_table(submission, table) and run_of(row, table.kinds, logs) is None:
                return f"the row of seed {seed}, part of it, has none of the scores of {logs[0].name}"
    return ""


def _is_of_tables(submission: Submission, printed: Printed) -> bool:
    cells = [cell for table in own_tables(submission) for row in (table.mean, *table.rows.values())
             for title, cell in row.items() if table.kinds[title] == "bpb"]  # fmt: skip
    return any(same(printed, cell.printed) or same(cell.printed, printed) for cell in cells)


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


@SUBMISSION_CHECKS("text.std", "stated stds are those of the runs whose mean is stated")
def stated_stds_are_stds(submission: Submission) -> Outcome:
    """Proves that a std beside a mean, in README.md or submission.json, is that of runs which have this mean.

    Sample (n − 1) or population: the evidence says which. Without runs of that mean nothing is judged.
    """
    outcomes = []
    for where, center, spread, nats, is_beside in _spreads(submission):
        found = [
            s for s in samples(scored_runs(submission), claimed_seeds(submission), nats) if _is_about(center, s.mean)
        ]
        outcome = (
            _spread(where, center, spread, found, is_beside) if found else cant_tell(f"no runs with the mean {center}")
        )
        is_sure = is_complete(submission, of_mean=True) or any(_is_of_the_claimed(s, submission) for s in found)
        doubtful = outcome.verdict is Verdict.CONTRADICTED and not is_sure
        outcomes.append(cant_tell(outcome.evidence) if doubtful else outcome)
    return all_of(outcomes, submission.not_in_readme("no std beside a mean"))


def _is_of_the_claimed(sample: Sample, submission: Submission) -> bool:
    """Whether a sample is of every run with a score, one of each claimed seed: which other stage lacks is no matter."""
    runs = scored_runs(submission)
    seeds = sorted(log.seed for log in runs if log.seed is not None)
    return len(sample.names) == len(runs) and seeds == sorted(claimed_seeds(submission)) and len(seeds) == len(runs)


def _spreads(submission: Submission) -> Iterator[tuple[str, Printed, Printed, bool, bool]]:
    """(where, mean, std, whether in nats, whether behind a ±) of every std that has a mean beside it."""
    for claim in stated_scores(submission.readme):
        if claim.spread and claim.is_mean:
            yield claim.where, claim.printed, claim.spread, False, claim.is_beside
    of_seeds = spreads_of_seeds(submission.readme or "", len(scored_runs(submission)))
    for mean in [claim.printed for claim in stated_scores(submission.readme) if claim.is_mean][:1]:
        yield from (("README", mean, spread, False, False) for spread in of_seeds)
    facts = submission.facts or {}
    for name, nats in (("val_bpb", False), ("val_loss", True)):
        means = (printed_of(facts.get(key)) for key in (name, f"mean_{name}", f"{name}_mean"))
        center = next(filter(None, means), None)
        for key in (f"{name}_std", f"std_{name}"):
            if center and (spread := printed_of(facts.get(key))):
                yield f"submission.json {key}", center, spread, nats, False


def _is_about(center: Printed, value: float) -> bool:
    """Whether a stated mean is this one up to its last digit, as one of rounded rows is."""
    return abs(center.value - value) <= 10.0**-center.decimals


def _spread(where: str, center: Printed, spread: Printed, found: Sequence[Sample], is_beside: bool) -> Outcome:
    """Whether a std is that of one of the samples that have its mean, exactly or as rounded as the mean is."""
    for sample in found:
        for name, value in zip(("sample", "population"), sample.stds, strict=True):
            if rounds_to(value, spread):
                return holds(f"{where} {spread}: {name} std {value:.8f}")
        if any(std_interval([v.interval for v in sample.printed], ddof).meets(spread.rounded) for ddof in (0, 1)):
            return holds(f"{where} {spread}: that of values which the logs print so")
        if is_std_of_rows(spread, sample.as_rows(center.decimals), sample.values):
            return holds(f"{where} {spread}: that of the scores as a table rounds them, to {center.decimals} digits")
    of_sample, of_population = found[0].stds
    values = ", ".join(f"{value:.8f}" for value in found[0].values)
    stds = f"sample {of_sample:.8f}, population {of_population:.8f} of {values}"
    if is_beside and any(is_other_spread(spread, sample.printed) for sample in found):
        return cant_tell(f"{where} ±{spread}: a standard error or half a range; {stds}")
    return contradicted(f"{where} {spread}: neither; {stds}")


def all_of(outcomes: Sequence[Outcome], nothing: str) -> Outcome:
    """Several outcomes as one that holds only if all do: contradicted if any is, else can't tell if any can't."""
    order = (Verdict.CONTRADICTED, Verdict.CANT_TELL, Verdict.HOLDS)
    found = next(([o for o in outcomes if o.verdict is verdict] for verdict in order
                  if any(o.verdict is verdict for o in outcomes)), [])  # fmt: skip
    evidence = "; ".join(dict.fromkeys(outcome.evidence for outcome in found))
    return Outcome(found[0].verdict, evidence) if found else cant_tell(nothing)
