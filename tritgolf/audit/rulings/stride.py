"""The ruling on claims about a stride: what result lines, settings and run times say of it."""

from collections.abc import Sequence

from tritgolf.audit.checks import evaluation, run_time
from tritgolf.audit.claims import MEDIUM, Claim, Published, Ruling
from tritgolf.audit.rulings.combine import all_of, over
from tritgolf.audit.rulings.systems import differing_settings
from tritgolf.audit.run_log import RunLog
from tritgolf.outcome import Outcome, Verdict, cant_tell, disputed, judge

BATCH = "sliding_batch_size"  # windows at once: no part of the model, but of the evaluation's speed


def sliding_stride(claim: Claim, published: Published) -> Ruling:
    """The stated stride is the one that every result line and every run's settings print.

    Result lines that say otherwise contradict it, unless settings and run times speak for it; then it is disputed.
    Lines whose nats and BPB disagree are told beside it: they don't say which stride ran, but that a line is wrong.
    """
    logs, stated = published.of(claim.system), claim.number(r"stride[- ](\d+)")
    strides = {log.name: log.sliding.stride for log in logs if log.sliding and log.sliding.stride}
    if not stated or not strides:
        return Ruling.of(cant_tell("no stride stated, or none in the result lines"))
    stride = int(stated.value)
    printed = over(lambda log: _says("the result line says stride=", strides.get(log.name), stride), logs)
    configured = over(lambda log: _says("configured: ", log.setting_int("sliding_eval_stride"), stride), logs)
    outcome = all_of(printed, configured)
    if printed.verdict is Verdict.CONTRADICTED and configured.verdict is Verdict.HOLDS:
        support = _run_times_of(stride, claim.system, published)
        outcome = disputed(f"against it: {printed.evidence}; for it: {support}") if support else outcome
    wrong = evaluation.lines_that_cannot_be(evaluation.scored_lines(published.logs))
    if any(log.name in wrong.evidence for log in logs):
        outcome = outcome._replace(evidence=f"{outcome.evidence}; apart from the stride, {wrong.evidence}")
    return Ruling.of(outcome, MEDIUM)


def _says(what: str, found: int | None, stated: int) -> Outcome:
    return judge(found == stated, f"{what}{found}") if found is not None else cant_tell(f"{what}nothing")


def _run_times_of(stride: int, system: str, published: Published) -> str:
    """Why the times say that all runs of a system, configured for this stride, had it; "" if they don't say so.

    They do if all runs did the same work in the same time, and one of them prints the stride.
    """
    logs = published.of(system)
    groups = run_time.runs_by_work(logs)
    runs = groups[0] if len(groups) == 1 else []
    printed = [run.name.removesuffix(".log") for run in runs if run.stride == stride]
    if len(runs) < len(logs) or not printed or not run_time.took_one_time(runs):
        return ""
    low, high = (f"{pick(run.seconds for run in runs):.0f}" for pick in (min, max))
    told = [
        f"all {len(runs)} are configured for {stride} and took the same time, {low} to {high} s, "
        f"{' and '.join(printed)} among them, whose line says {stride}",
        "half the stride takes twice the time",
    ]
    if others := _other_models(stride, logs, published):
        told.append(f"other models at stride {stride} took {', '.join(others)}")
    return "; ".join([*told, "so the lines that say otherwise are probably wrong, not the runs"])


def _other_models(stride: int, logs: Sequence[RunLog], published: Published) -> list[str]:
    """The time of a run of each other model that prints this stride, its system, and the settings that differ."""
    told = []
    for runs in run_time.runs_by_work([log for log in published.logs if log not in logs]):
        if run := next((run for run in runs if run.stride == stride), None):
            system = run.name.partition("/")[0]
            others = published.of(system)
            differ = differing_settings(logs, others).keys() - run_time.NOT_THE_WORK
            if logs[0].setting_int(BATCH) != others[0].setting_int(BATCH):
                differ |= {BATCH}
            told.append(f"{run.seconds:.0f} s ({system}: other {', '.join(sorted(differ))})")
    return told
