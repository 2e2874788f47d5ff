"""Whether submission.json's nats and bits a byte are one score, by the bytes a token of the logs' text."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.checks.stated import scored_runs
from tritgolf.audit.claimed import claimed_seeds
from tritgolf.audit.completeness import is_complete
from tritgolf.audit.intervals import Interval, Printed, bytes_per_token
from tritgolf.audit.json_facts import printed_of, seed_results
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.scores import samples, stages, stages_of
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds

SAME_RATIO = 1e-4  # evaluations of one text may differ so much in bytes a token: the ends of windows and documents


@SUBMISSION_CHECKS("json.loss", "submission.json's nats and BPB are one score")
def json_nats_are_the_scores(submission: Submission) -> Outcome:
    """Proves that val_loss and val_bpb have the ratio that the logs have where they print this score.

    Where none does, and the folder has every run, it is the ratio that all of them have, if they have one; without any
    score of a log, that of submission.json's own seeds.
    """
    facts = submission.facts or {}
    nats, bpb = printed_of(facts.get("val_loss")), printed_of(facts.get("val_bpb"))
    if nats is None or bpb is None or nats.value <= 0 or bpb.value <= 0:
        return cant_tell(submission.facts_problem or "submission.json has no val_loss or no val_bpb")
    logs = [log for log in scored_runs(submission) if _has_score(log, bpb) or _is_mean(submission, bpb)]
    of_all = _one_ratio(scored_runs(submission)) if is_complete(submission, of_mean=True) else None
    ratios = [ratio for log in logs if (ratio := ratio_of(log)) is not None] or ([of_all] if of_all else [])
    of_seeds = None if ratios or scored_runs(submission) else _ratio_of_seeds(facts)
    ratios += [of_seeds] if of_seeds else []
    if not ratios:
        return cant_tell("no run with the score of submission.json")
    stated = bytes_per_token(nats, bpb)
    logged = ", ".join(dict.fromkeys(f"{ratio.low:.5f}" for ratio in ratios))
    evidence = f"{nats} nats and {bpb} BPB make {stated.low:.5f} to {stated.high:.5f} bytes a token; "
    evidence += f"{'its seeds' if of_seeds else 'logs'} {logged}"
    fits = any(stated.low - SAME_RATIO * ratio.high <= ratio.high
               and ratio.low <= stated.high + SAME_RATIO * ratio.high for ratio in ratios)  # fmt: skip
    if fits:
        return holds(evidence)
    in_bits = any(abs(stated.low * math.log(2) / ratio.high - 1) <= 10 * SAME_RATIO for ratio in ratios)
    return cant_tell(f"{evidence}; the loss may be in bits a token") if in_bits else contradicted(evidence)


def _one_ratio(logs: Sequence[RunLog]) -> Interval | None:
    """Bytes a token of several runs' scores after training, where these are the same at every stage."""
    scores = [score for log in logs for score in log.scores if score.bpb.decimals >= 4]
    return _shared([bytes_per_token(score.nats, score.bpb) for score in scores if score.nats])


def _ratio_of_seeds(facts: Mapping[str, Any]) -> Interval | None:
    """The same of the seeds of submission.json, where two or more have both scores."""
    pairs = [
        (printed_of(row.get("val_loss")), printed_of(row.get("val_bpb"))) for row in seed_results({**facts}).values()
    ]
    ratios = [bytes_per_token(nats, bpb) for nats, bpb in pairs if nats and bpb and min(nats.value, bpb.value) > 0]
    return _shared(ratios) if len(ratios) > 1 else None


def _shared(ratios: Sequence[Interval]) -> Interval | None:
    """Bytes a token that all of these can be; None if there are none."""
    low, high = max((r.low for r in ratios), default=0.0), min((r.high for r in ratios), default=0.0)
    return Interval(min(low, high), max(low, high)) if ratios and low - high <= SAME_RATIO * low else None


def ratio_of(log: RunLog) -> Interval | None:
    """Bytes a token of a run's text, as its most exact score tells them; None without one of four digits."""
    exact = [stage for stage in stages(log).values() if stage.bpb.decimals >= 4]
    ratios = [bytes_per_token(stage.nats, stage.bpb) for stage in exact if stage.nats]
    return min(ratios, key=lambda ratio: ratio.high - ratio.low, default=None)


def _has_score(log: RunLog, bpb: Printed) -> bool:
    return bool(stages_of(log, bpb))


def _is_mean(submission: Submission, bpb: Printed) -> bool:
    return any(s.may_have_mean(bpb) for s in samples(scored_runs(submission), claimed_seeds(submission)))
