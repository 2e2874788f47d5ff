"""Scores that submission.json states, against the runs: its own, its seeds', nats beside BPB."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from statistics import fmean

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.checks.runs import seeds_have_logs
from tritgolf.audit.checks.stated import NO_SCORES, headline_is_logged, score_is_logged, scored_runs
from tritgolf.audit.checks.stated_loss import SAME_RATIO, json_nats_are_the_scores, ratio_of
from tritgolf.audit.claimed import KEPT, claimed_seeds, claims_to_have, tables_of
from tritgolf.audit.claimed_runs import surely_claimed
from tritgolf.audit.column_titles import SCORES as IN_TABLES
from tritgolf.audit.column_titles import is_plain, kind_of
from tritgolf.audit.completeness import is_complete, is_the_only_run, the_only_run, unlogged_methods
from tritgolf.audit.intervals import Interval, Printed
from tritgolf.audit.json_facts import (
    SCORES,
    SEEDS,
    SIZES,
    impossible,
    listed_scores,
    printed_of,
    repeated_results,
    seed_results,
    unread,
)
from tritgolf.audit.run_log import RunLog, of_seed
from tritgolf.audit.scores import agrees, same, samples, stages, stages_of
from tritgolf.audit.seed_tables import candidates
from tritgolf.audit.stated_text import Stated
from tritgolf.audit.submission import Submission
from tritgolf.audit.wholeness import has_every_score, is_whole
from tritgolf.outcome import Outcome, Verdict, all_of, cant_tell, contradicted, holds

SCORED = {"val_bpb", "mean_val_bpb", "val_bpb_mean"}
READ_ELSEWHERE = SCORED | {"val_bpb_exact", "val_loss", "mean_val_loss", "val_loss_mean"}
OF_A_STAGE = re.compile(r"(?:\w+_)?(?:bp[bp]|val_loss)(?:_\w+)?")  # "final_loss" may be of training
SCORES_OF_SEEDS = ("val_bpb", "val_bpb_exact", "val_loss")
LEAST_DIGITS = 4  # of a score at another stage


@SUBMISSION_CHECKS("json.score", "submission.json's scores are the logs'")
def json_scores_are_logged(submission: Submission) -> Outcome:
    """Proves that val_bpb is a run's score or a mean of runs, and that each seed's score and loss are in its log.

    So are its own loss and scores at other stages ("sliding_val_bpb"), of the submission and by seed. Contradicted is a
    val_bpb, too, that README.md has nowhere, while what it has for its headline is the logs'.
    """
    if submission.facts is None:
        return cant_tell(submission.facts_problem)
    if not scored_runs(submission):
        return cant_tell(NO_SCORES)
    outcomes = []
    if score := printed_of(submission.facts.get("val_bpb")):
        outcomes.append(_own_score(score, submission))
    for seed, row in seed_results(submission.facts).items():
        logs = of_seed(scored_runs(submission), seed)
        for printed in filter(None, (printed_of(row.get(name)) for name in ("val_bpb", "val_bpb_exact"))):
            missing = cant_tell(f"seed {seed}: {printed}; no log that is read has its score")
            outcomes.append(_seed_score(seed, printed, logs, submission) if logs else missing)
        if loss := printed_of(row.get("val_loss")):
            missing = cant_tell(f"seed {seed}: loss {loss}; no log that is read has its score")
            outcomes += _seed_loss(seed, loss, logs, submission) if logs else [missing]
        outcomes += _other_scores(seed, row, logs, submission)
    outcomes += [*_of_several_runs(submission), *_own_loss(submission), *_scores_at_stages(submission)]
    outcomes += [score_is_logged(submission, Stated("submission.json, a run's", score), by_rows=False)
                 for score in listed_scores(submission.facts)]  # fmt: skip
    return all_of(outcomes, "submission.json has no val_bpb")


def _own_score(score: Printed, submission: Submission) -> Outcome:
    outcome = score_is_logged(submission, Stated("submission.json val_bpb", score))
    if outcome.verdict is not Verdict.CANT_TELL or not _is_logged_as_another(score, submission):
        return outcome
    headline = headline_is_logged(submission).evidence
    return contradicted(f"{outcome.evidence}; nor has README.md this score, and its own is logged ({headline})")


def _is_logged_as_another(score: Printed, submission: Submission) -> bool:
    """Whether README.md states a score that the logs have, and nowhere this one, nor rows of which it is the mean.

    Where a log is not read, or misses its scores, this one may be of that.
    """
    logs = submission.readable_logs
    if submission.unread_logs or submission.unread or not all(is_whole(log, logs) for log in logs):
        return False
    if set(claimed_seeds(submission)) - {log.named_seed for log in logs} or claims_to_have(submission, score):
        return False
    columns = [table.column(title) for table in tables_of(submission) for title in table.kinds]
    means = any(column and agrees(score, fmean(cell.value for cell in column)) for column in columns)
    return not means and headline_is_logged(submission).verdict is Verdict.HOLDS


def _seed_score(seed: int, printed: Printed, logs: Sequence[RunLog], submission: Submission) -> Outcome:
    if any(stages_of(log, printed) for log in logs):
        return holds(f"seed {seed}: {printed}")
    others = [log.name for log in scored_runs(submission) if stages_of(log, printed)]
    logged = ", ".join(stage.bpb.text for log in logs for stage in stages(log).values())
    logged += "".join(f", NaN at {stage}" for log in logs for stage in log.failed)
    if others:
        return _of_another_seed(submission, f"seed {seed}: {printed}, which is {others[0]}'s")
    if not is_complete(submission) and not is_the_only_run(submission, logs, seed):
        return cant_tell(f"seed {seed}: {printed}; the log has {logged}")
    return contradicted(f"submission.json, seed {seed}: {printed}; the log has {logged}")


def _of_another_seed(submission: Submission, told: str) -> Outcome:
    """The outcome of a figure that is there under another seed: if the seeds' check tells that, it is told once."""
    is_told = seeds_have_logs(submission).verdict is Verdict.CONTRADICTED
    return holds(told) if is_told else cant_tell(told)


def _of_several_runs(submission: Submission) -> Iterator[Outcome]:
    """The scores of seeds that have several rows: each is that of a run of its seed, or may be of one without a log."""
    for seed, rows in repeated_results(submission.facts).items():
        logs = of_seed(scored_runs(submission), seed)
        for name, printed in ((name, printed_of(row.get(name))) for row in rows for name in SCORES_OF_SEEDS):
            if printed:
                told = f"seed {seed}, one of {len(rows)}: {printed}"
                is_logged = any(stages_of(log, printed, nats=name == "val_loss") for log in logs)
                yield holds(told) if is_logged else cant_tell(f"{told}; no log of the seed has it")


def _other_scores(
    seed: int, row: Mapping[str, object], logs: Sequence[RunLog], submission: Submission
) -> Iterator[Outcome]:
    """Scores of a seed at other stages ("sliding_bpb"): each is one of its log's, by the rule for cells of a table.

    Names of which a word is unknown may be of another measure: such a score is left open if another seed's is of its
    log, and passed over else.
    """
    for name, value in row.items():
        title, printed = name.replace("_", " "), printed_of(value)
        kind = _kind_of_stage(name)
        if not kind or not printed or printed.decimals < LEAST_DIGITS:
            continue
        if not logs:
            yield cant_tell(f"seed {seed}: {name} {printed}; no log that is read has its score")
        elif any(same(printed, logged) for log in logs for logged in candidates(log, kind).values()):
            yield holds(f"seed {seed}: {name} {printed}")
        elif len(logs) == 1 and _has_all(submission, logs[0]) and is_plain(title, logs[0]):
            scores = (stage.printed(kind == "nats") for stage in stages(logs[0]).values())
            logged = ", ".join(score.text for score in scores if score)
            yield contradicted(f"submission.json, seed {seed}: {name} {printed}; the log has {logged}")
        elif name in _names_of_scores(submission):
            yield cant_tell(f"seed {seed}: {name} {printed} is none of its log's, as that of another seed is")


@lru_cache(maxsize=KEPT)
def _names_of_scores(submission: Submission) -> frozenset[str]:
    """The names by which a seed of submission.json has a score of its log."""
    logs = scored_runs(submission)
    return frozenset(
        name for seed, row in seed_results(submission.facts).items() for name, value in row.items()
        if (kind := _kind_of_stage(name)) and (printed := printed_of(value)) and printed.decimals >= LEAST_DIGITS
        and any(same(printed, logged) for log in of_seed(logs, seed)
                for logged in candidates(log, kind).values())
    )  # fmt: skip


def _scores_at_stages(submission: Submission) -> Iterator[Outcome]:
    """The submission's own scores at other stages, where every word of their names is known: of a run, or a mean.

    Contradicted is one of a folder with a single run, which the submission's score is surely of, and whose log has all
    its scores; else it is left open.
    """
    logs, seeds = scored_runs(submission), claimed_seeds(submission)
    is_sure = _is_of_one_whole_run(submission)
    for name, value in (submission.facts or {}).items():
        title, printed = name.replace("_", " "), printed_of(value)
        kind = _kind_of_stage(name)
        if not kind or not printed or printed.decimals < LEAST_DIGITS or not all(is_plain(title, log) for log in logs):
            continue
        means = (sample.may_have_mean(printed) for sample in samples(logs, seeds, kind == "nats"))
        told = f"submission.json {name} {printed}"
        found = [logged for log in logs for logged in candidates(log, kind).values()]
        if not found:  # logs in bits a byte alone tell nothing of a loss
            continue
        if any(same(printed, logged) for logged in found) or any(means):
            yield holds(told)
        elif is_sure:
            yield contradicted(f"{told}; the log has {', '.join(logged.text for logged in found)}")
        else:
            yield cant_tell(f"{told}, which no log has")


def _is_of_one_whole_run(submission: Submission) -> bool:
    """Whether the folder has a single run, which the submission's score is surely of, and all scores of it."""
    run = the_only_run(submission)
    return run is not None and run.name in surely_claimed(submission) and _has_all(submission, run)


def _own_loss(submission: Submission) -> Iterator[Outcome]:
    """The submission's val_loss, to the digits that it has: a run's, a mean, or what its val_bpb makes in nats.

    Whether it goes with val_bpb, json.loss tells, up to a tolerance; here one that does is held to its last digits.
    """
    facts, logs = submission.facts or {}, scored_runs(submission)
    loss, bpb = printed_of(facts.get("val_loss")), printed_of(facts.get("val_bpb"))
    logged = [nats for log in logs for nats in candidates(log, "nats").values()]
    if not (loss and bpb and logged) or json_nats_are_the_scores(submission).verdict is not Verdict.HOLDS:
        return
    told = f"submission.json val_loss {loss}"
    of_means = score_is_logged(submission, Stated("submission.json val_loss", loss, in_nats=True), by_rows=False)
    is_logged = of_means.verdict is Verdict.HOLDS or any(same(loss, nats) for nats in logged)
    if is_logged or _is_converted(loss, bpb, logs):
        yield holds(told)
    elif _is_of_one_whole_run(submission):
        after_training = dict.fromkeys(
            nats.text for log in logs for stage in stages(log).values() if (nats := stage.nats)
        )
        yield contradicted(f"{told}; the log has {', '.join(after_training)}")
    else:
        yield cant_tell(f"{told}, which no log has")


def _is_converted(loss: Printed, bpb: Printed, logs: Sequence[RunLog]) -> bool:
    """Whether a loss is the stated score as it stands in nats a token, by the bytes a token of some run."""
    scale = bpb.value * math.log(2)
    converted = [Interval(ratio.low * scale, ratio.high * scale) for ratio in filter(None, map(ratio_of, logs))]
    return any(loss.rounded.meets(nats) or agrees(loss, nats.low) for nats in converted)


def _kind_of_stage(name: str) -> str:
    """The kind of score that a field states of a stage; "" for what is read elsewhere, or may be of training."""
    kind = kind_of(name.replace("_", " "))
    return kind if kind in IN_TABLES and name not in READ_ELSEWHERE and OF_A_STAGE.fullmatch(name) else ""


def _has_all(submission: Submission, log: RunLog) -> bool:
    """Whether a log beyond doubt has all scores of its run."""
    is_alone = not (submission.unread or submission.unread_logs)
    return is_alone and has_every_score(log, submission.readable_logs) and not unlogged_methods(submission)


def _seed_loss(seed: int, printed: Printed, logs: Sequence[RunLog], submission: Submission) -> list[Outcome]:
    """Whether a seed's loss is one of its log, in nats a token; none where the log has no nats."""
    logged = [stage.nats for log in logs for stage in stages(log).values() if stage.nats]
    told = f"seed {seed}: loss {printed}"
    owners = [log for log in (*logs, *scored_runs(submission)) if stages_of(log, printed, nats=True)]
    if not logged:
        return []
    if owners:
        is_its_own = owners[0] in logs
        return [holds(told) if is_its_own else _of_another_seed(submission, f"{told}, which is {owners[0].name}'s")]
    told += f"; the log has {', '.join(nats.text for nats in logged)}"
    in_bits = any(abs(printed.value * math.log(2) / nats.value - 1) <= SAME_RATIO for nats in logged)
    if in_bits or not (is_complete(submission) or is_the_only_run(submission, logs, seed)):
        return [cant_tell(f"{told}; it may be in bits a token" if in_bits else told)]
    return [contradicted(f"submission.json, {told}")]


@SUBMISSION_CHECKS("json.fields", "submission.json's figures and seeds can be read")
def json_fields_are_figures(submission: Submission) -> Outcome:
    """Proves that no field for a figure or for seeds holds something else, which other checks would pass over.

    Contradicted: a score or size that none can be (NaN, infinite). What may yet mean one (a list, words) is named.
    """
    if submission.facts is None:
        return cant_tell(submission.facts_problem)
    if none := impossible(submission.facts):
        return contradicted("; ".join(none))
    if odd := unread(submission.facts):
        return cant_tell(f"not read as figures: {'; '.join(odd)}")
    read = [key for key in (*SCORES, *SIZES, *SEEDS) if submission.facts.get(key) is not None]
    return holds(", ".join(read)) if SCORED & set(read) else cant_tell("submission.json has no val_bpb")
