"""Standard deviations that README.md and submission.json state beside a mean, against the runs that have this mean."""

from collections.abc import Iterator, Sequence

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.checks.stated import scored_runs
from tritgolf.audit.claimed import claimed_seeds
from tritgolf.audit.completeness import is_complete
from tritgolf.audit.intervals import Printed, rounds_to, std_interval
from tritgolf.audit.json_facts import printed_of
from tritgolf.audit.scores import Sample, is_other_spread, is_std_of_rows, samples
from tritgolf.audit.stated_text import spreads_of_seeds, stated_scores
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, Verdict, all_of, cant_tell, contradicted, holds


@SUBMISSION_CHECKS("text.std", "stated stds are those of the runs whose mean is stated")
def stated_stds_are_stds(submission: Submission) -> Outcome:
    """Proves that a std beside a mean, in README.md or submission.json, is that of runs which have this mean.

    Sample (n − 1) or population: the evidence says which. Without runs of that mean nothing is judged.
    """
    outcomes = []
    for where, center, spread, nats, is_beside, count in _spreads(submission):
        found = [s for s in samples(scored_runs(submission), claimed_seeds(submission), nats)
                 if _is_about(center, s.mean) and count in (None, len(s.names))]  # fmt: skip
        outcome = (
            _spread(where, center, spread, found, is_beside) if found else cant_tell(f"no runs with the mean {center}")
        )
        is_sure = is_complete(submission, of_mean=True) or any(_is_of_the_claimed(s, submission) for s in found)
        doubtful = outcome.verdict is Verdict.CONTRADICTED and (not is_sure or submission.unread_logs)
        outcomes.append(cant_tell(outcome.evidence) if doubtful else outcome)
    return all_of(outcomes, submission.not_in_readme("no std beside a mean"))


def _is_of_the_claimed(sample: Sample, submission: Submission) -> bool:
    """Whether a sample is of every run with a score, one of each claimed seed: which other stage lacks is no matter."""
    runs = scored_runs(submission)
    seeds = sorted(log.seed for log in runs if log.seed is not None)
    return len(sample.names) == len(runs) and seeds == sorted(claimed_seeds(submission)) and len(seeds) == len(runs)


def _spreads(submission: Submission) -> Iterator[tuple[str, Printed, Printed, bool, bool, int | None]]:
    """(where, mean, std, whether in nats, behind a ±, of how many runs) of every std that has a mean beside it."""
    for claim in stated_scores(submission.readme):
        if claim.spread and claim.is_mean:
            yield claim.where, claim.printed, claim.spread, False, claim.is_beside, claim.count
    of_seeds = spreads_of_seeds(submission.readme or "", len(scored_runs(submission)))
    for mean in [claim.printed for claim in stated_scores(submission.readme) if claim.is_mean][:1]:
        yield from (("README", mean, spread, False, False, None) for spread in of_seeds)
    facts = submission.facts or {}
    for name, nats in (("val_bpb", False), ("val_loss", True)):
        means = (printed_of(facts.get(key)) for key in (name, f"mean_{name}", f"{name}_mean"))
        center = next(filter(None, means), None)
        for key in (f"{name}_std", f"std_{name}"):
            if center and (spread := printed_of(facts.get(key))):
                yield f"submission.json {key}", center, spread, nats, False, None


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
