"""Rulings on what #1716 and #1493 say of scores, bytes and seconds, from the figures of their logs."""

import math
from collections.abc import Callable, Sequence
from functools import wraps

from tritgolf.audit.claims import HIGH, MEDIUM, Claim, Published, Ruling
from tritgolf.audit.contest import BYTE_LIMIT, EVALUATION_SECONDS, RECORD_MARGIN_NATS, SECONDS_LIMIT
from tritgolf.audit.intervals import Printed, rounds_to
from tritgolf.audit.recurrent_facts import RecurrentRuns
from tritgolf.audit.rulings.combine import all_of
from tritgolf.audit.significance import improvement
from tritgolf.outcome import Outcome, cant_tell, judge
from tritgolf.report.statistics import format_value, mean, sample_std

MERGED = "pr1493"  # the record that #1716 compares itself with
NO_RUNS = "no run's figures"
Rule = Callable[[Claim, Published], Ruling]
OnRuns = Callable[[Claim, RecurrentRuns, Published], Ruling]


def on_runs(*needed: str) -> Callable[[OnRuns], Rule]:
    """A ruling that can't tell without runs of the claim's system, and of those ``needed`` besides."""

    def decorate(ruling: OnRuns) -> Rule:
        @wraps(ruling)
        def guarded(claim: Claim, published: Published) -> Ruling:
            runs = published.recurrent(claim.system)
            if not runs or not all(published.recurrent(system) for system in needed):
                return Ruling.of(cant_tell(NO_RUNS))
            return ruling(claim, runs, published)

        return guarded

    return decorate


def stated(claim: Claim, what: str, pattern: str, value: float) -> Outcome:
    """Whether the number that a pattern finds in the claim is ``value``, rounded as it is printed."""
    printed = claim.number(pattern)
    if printed is None:
        return cant_tell(f"the claim states no {what}")
    return judge(rounds_to(value, printed), f"{what}: stated {printed}, by the logs {_as_exact_as(printed, value)}")


def _as_exact_as(printed: Printed, value: float) -> str:
    return f"{value:,.0f}" if printed.decimals <= 0 else format_value(value, printed.decimals + 1)


@on_runs()
def scores_of_seeds(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """The stated mean, sample std and seeds are those of the scores after test-time training."""
    scores = runs.bpb("ttt")
    outcomes = [
        stated(claim, "mean", r"(\d\.\d+) mean", mean(scores)),
        stated(claim, "sample std", r"std (\d\.\d+)", sample_std(scores)),
    ]
    for at, (run, score) in enumerate(zip(runs.runs, scores, strict=True)):
        outcomes.append(stated(claim, f"seed {run.seed}", rf"seeds [\d, ]+: (?:[\d.]+, ){{{at}}}(\d\.\d+)", score))
    return Ruling.of(all_of(*outcomes))


@on_runs()
def scores_of_stages(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """The stated means of the averaged, quantized and sliding scores, and what test-time training gains."""
    gains = [a - b for a, b in zip(runs.bpb("sliding"), runs.bpb("ttt"), strict=True)]
    return Ruling.of(
        all_of(
            stated(claim, "sliding", r"sliding (\d\.\d+)", mean(runs.bpb("sliding"))),
            stated(claim, "quantized", r"quantized (\d\.\d+)", mean(runs.bpb("quantized"))),
            stated(claim, "post-EMA", r"post-EMA (\d\.\d+)", mean(runs.bpb("post_ema"))),
            stated(claim, "gain of test-time training", r"gains (\d\.\d+)", mean(gains)),
        )
    )


@on_runs()
def totals(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """The stated totals are artifact and code of each seed, their mean the stated one, and each is under the limit."""
    sums = [a + c for a, c in zip(runs.numbers("artifact_bytes"), runs.numbers("code_bytes"), strict=True)]
    told = ", ".join(f"{total:,.0f} ({BYTE_LIMIT - total:,.0f} spare)" for total in sums)
    are_stated = all(f"{total:,.0f}" in claim.text and f"{BYTE_LIMIT - total:,.0f}" in claim.text for total in sums)
    return Ruling.of(
        all_of(
            judge(are_stated and sums == runs.numbers("total_bytes"), f"artifact and code: {told}"),
            judge(max(sums) <= BYTE_LIMIT, f"the limit is {BYTE_LIMIT:,}"),
            stated(claim, "mean", r"mean ([\d,]+)", mean(sums)),
        )
    )


@on_runs(MERGED)
def significance(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """Better than the merged record by 0.005 nats a token at the rule's level, tested with both sides' spread (Welch).

    In BPB, as the two score different numbers of tokens: the margin is converted by #1716's own bits a byte a nat.
    """
    merged = published.recurrent(MERGED)
    new, old = runs.bpb("ttt"), merged.bpb("ttt")
    a_nat = mean(run.scores["ttt"].bpb / run.scores["ttt"].nats for run in runs.runs)
    margin = round(RECORD_MARGIN_NATS * a_nat, 6)
    test, better = improvement(new, old, margin), improvement(new, old, 0.0)
    evidence = (
        f"{RECORD_MARGIN_NATS} nats a token are {margin} BPB; {test}; with margin 0 p = {better.p:.2g}; "
        f"{_as_published(claim, new, a_nat)}"
    )
    nats = [mean(run.scores["ttt"].nats for run in each.runs) for each in (merged, runs)]
    tokens = [each.runs[0].numbers["validation_tokens"] for each in (merged, runs)]
    if tokens[0] != tokens[1]:
        evidence += (
            f"; nats a token can't be compared: of {tokens[0]:,} tokens there and {tokens[1]:,} here; as logged they "
            f"differ by {nats[0] - nats[1]:.5f}"
        )
    return Ruling.of(judge(test.passes, evidence), MEDIUM)


def _as_published(claim: Claim, new: Sequence[float], a_nat: float) -> str:
    """The published test, z with the sample's std taken as known and the bar as exact, and Student's t of the same."""
    from scipy import stats  # noqa: PLC0415  (a second of import)

    difference = claim.number(r"or (\d\.\d+) nats")
    if difference is None:
        return "no difference in nats is stated"
    z = (difference.value - RECORD_MARGIN_NATS) / (sample_std(new) / a_nat / math.sqrt(len(new)))
    degrees = len(new) - 1
    return (
        f"the published test takes the std as known and the merged score as exact: z = −{z:.2f}, "
        f"p = {stats.norm.sf(z):.5f}; with the std estimated from {len(new)} seeds t has {degrees} degrees, "
        f"p = {stats.t.sf(z, degrees):.3f}"
    )


@on_runs()
def training_seconds(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """Steps and the collection of Hessians, which reads training text, are within the limit, GPTQ in its reserve."""
    steps, hessians = runs.numbers("train_ms"), runs.numbers("hessian_seconds")
    sums = [ms / 1000 + seconds for ms, seconds in zip(steps, hessians, strict=True)]
    reserve = max(runs.numbers("reserved_seconds"))
    evidence = (
        f"steps {min(steps) / 1000:.3f} to {max(steps) / 1000:.3f} s; collecting Hessians reads training text for "
        f"{max(hessians):.1f} s more, of {reserve:.0f} s reserved: {min(sums):.2f} to {max(sums):.2f} s together, "
        "before a quantization that no log times (if what reads training text is training)"
    )
    return Ruling.of(judge(max(sums) <= SECONDS_LIMIT and max(hessians) <= reserve, evidence), MEDIUM)


@on_runs()
def evaluation_seconds(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """The evaluations after quantization take the stated seconds together, within the limit."""
    parts = ("quantized", "sliding", "ttt")
    sums = [sum(run.scores[part].seconds for part in parts) for run in runs.runs]
    before = max(run.scores["post_ema"].seconds for run in runs.runs)
    limit = judge(
        max(sums) + before <= EVALUATION_SECONDS,
        f"with the {before:.1f} s of the averaged weights' score, not in it, {max(sums) + before:.1f} at most",
    )
    return Ruling.of(
        all_of(
            stated(claim, "least, s", r"together (\d+\.\d)", min(sums)),
            stated(claim, "most, s", r"to (\d+\.\d) s", max(sums)),
            limit,
        )
    )


@on_runs()
def merged_figures(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """#1493's stated means and stds are those of its three logs, its training time and totals within the limits."""
    ttt, sliding = runs.bpb("ttt"), runs.bpb("sliding")
    return Ruling.of(
        all_of(
            stated(claim, "mean", r"(\d\.\d+) mean", mean(ttt)),
            stated(claim, "std", r"mean, std (\d\.\d+)", sample_std(ttt)),
            stated(claim, "sliding", r"sliding (\d\.\d+)", mean(sliding)),
            stated(claim, "std of sliding", r"sliding \d\.\d+, std (\d\.\d+)", sample_std(sliding)),
            stated(claim, "training s", r"training (\d+) s", mean(runs.numbers("train_ms")) / 1000),
            judge(
                max(runs.numbers("total_bytes")) <= BYTE_LIMIT, f"at most {max(runs.numbers('total_bytes')):,} bytes"
            ),
        ),
        HIGH,
    )
