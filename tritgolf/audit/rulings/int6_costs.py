"""Rulings on what #1722, its earlier set and #1019 say of seconds, steps and bytes, from the figures of their logs."""

import re
from collections.abc import Sequence

from tritgolf.audit.claims import Claim, Published, Ruling
from tritgolf.audit.contest import BYTE_LIMIT, EVALUATION_SECONDS
from tritgolf.audit.int6_facts import Int6Runs
from tritgolf.audit.intervals import Printed, rounds_to
from tritgolf.audit.rulings.combine import all_of
from tritgolf.audit.rulings.int6 import EARLIER, on_int6
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds, judge


@on_int6()
def seconds_of_stages(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The stated seconds of the stages are in the logs, and add up to the stated sum."""
    parts = [float(text) for text in _numbers(claim, r"([\d,]+) s of")]
    total = claim.number(r"([\d,]+) s a seed")
    slot, ttt = runs.seconds("slot"), runs.seconds("ttt")
    return Ruling.of(
        all_of(
            judge(total is not None and sum(parts) == total.value, f"{' + '.join(f'{p:.0f}' for p in parts)} s"),
            _between("SLOT", parts[-1], slot),
            _between("test-time training", parts[-2], ttt),
        )
    )


def _numbers(claim: Claim, pattern: str) -> list[str]:
    return [text.replace(",", "") for text in re.findall(pattern, claim.text)]


def _between(what: str, value: float, logged: Sequence[float]) -> Outcome:
    inside = min(logged) - 0.5 <= value <= max(logged) + 0.5
    return judge(inside, f"{what}: stated {value:.0f} s, logged {min(logged):.1f} to {max(logged):.1f} s")


@on_int6("pr1722")
def evaluation_is_bounded(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The contest's rules bound evaluation besides training; what the runs took of it."""
    needed = [run.scores["ttt"].seconds + run.scores["slot"].seconds for run in runs.runs]
    everything = [sum(s.seconds for name, s in run.scores.items() if name != "post_ema") for run in runs.runs]
    return Ruling.of(
        contradicted(
            f"since 2026-03-18 the rules give evaluation {EVALUATION_SECONDS:.0f} s besides training; these runs took "
            f"{min(needed):.1f} to {max(needed):.1f} s for test-time training and SLOT, "
            f"{min(everything):.0f} to {max(everything):.0f} s for all scores of the stored model"
        )
    )


@on_int6()
def stated_bytes(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """Artifact and total, as far as stated, are one run's."""
    artifact, total = claim.number(r"artifact ([\d,]+)"), claim.number(r"total ([\d,]+)")
    if artifact is None or total is None:
        return Ruling.of(cant_tell("the claim states no artifact or no total"))
    owner = next((run for run in runs.runs if run.numbers["artifact_bytes"] == artifact.value
                  and run.numbers["total_bytes"] == total.value), None)  # fmt: skip
    totals = ", ".join(f"{run.numbers['total_bytes']:,}" for run in runs.runs)
    if owner is not None:
        largest = max(runs.numbers("total_bytes"))
        return Ruling.of(holds(f"both are seed {owner.seed}'s; the largest total is {largest:,}"))
    return Ruling.of(contradicted(f"no run's; totals {totals}{_elsewhere(artifact, total, runs, published)}"))


def _elsewhere(artifact: Printed, total: Printed, runs: Int6Runs, published: Published) -> str:
    """Whether the artifact is an earlier run's, counted with this system's code."""
    code = runs.numbers("code_bytes")[0]
    for run in published.int6(EARLIER).runs:
        if run.numbers["artifact_bytes"] == artifact.value and artifact.value + code == total.value:
            return f"; it is the artifact of the earlier set's seed {run.seed} with this code: no run made it"
    return ""


@on_int6()
def last_step(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The stated steps and last score are of one run."""
    steps, score = claim.number(r"([\d,]+) steps"), claim.number(r"at (\d\.\d+)")
    if steps is None or score is None:
        return Ruling.of(cant_tell("the claim states no steps or no score"))
    both = [run for run in runs.runs if run.numbers["steps"] == steps.value and rounds_to(run.last_bpb, score)]
    evidence = ", ".join(f"seed {run.seed} {run.numbers['steps']:,} steps, {run.last_bpb:.4f}" for run in runs.runs)
    return Ruling.of(judge(bool(both), evidence))


@on_int6()
def steps_and_wall_time(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """Each seed's steps are the stated ones, and the stated seconds add up to the stated wall time."""
    steps, wall = claim.number(r"([\d,]+) steps"), claim.number(r"about ([\d,]+) s")
    parts = _numbers(claim, r"(\d{3,4}) s\b(?! of)")[:3]
    logged, together = [int(value) for value in runs.numbers("steps")], sum(map(float, parts))
    evidence = f"{' + '.join(parts)} = {together:,.0f} s, stated {wall}; the rules know no 25 minutes"
    return Ruling.of(
        all_of(
            judge(steps is not None and set(logged) == {steps.value}, f"steps {', '.join(f'{n:,}' for n in logged)}"),
            judge(wall is not None and together == wall.value, evidence),
        )
    )


@on_int6()
def largest_artifact(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The stated bytes of artifact and total are the largest that the logs have, of either."""
    artifact, total = claim.number(r"artifact_bytes ([\d,]+)"), claim.number(r"bytes_total ([\d,]+)")
    largest = max(runs.numbers("artifact_bytes")), max(runs.numbers("total_bytes"))
    evidence = f"largest artifact {largest[0]:,}, largest total {largest[1]:,}; the limit is {BYTE_LIMIT:,}"
    fits = artifact is not None and total is not None and (artifact.value, total.value) == largest
    return Ruling.of(judge(fits, evidence))
