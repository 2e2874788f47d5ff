"""Rulings on what #1722, its earlier set and #1019 say of their scores, from the figures of their logs."""

from collections.abc import Callable, Sequence
from functools import wraps
from statistics import pstdev

from tritgolf.audit.claims import MEDIUM, Claim, Published, Ruling
from tritgolf.audit.contest import RECORD_MARGIN_NATS
from tritgolf.audit.int6_facts import Int6Runs
from tritgolf.audit.intervals import Printed, rounds_to
from tritgolf.audit.rulings.combine import all_of
from tritgolf.audit.rulings.recurrent import NO_RUNS, stated
from tritgolf.audit.significance import improvement
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds, judge
from tritgolf.report.statistics import mean, sample_std

LAST, EARLIER, MERGED = "pr1722", "slot_v2", "pr1019"
Rule = Callable[[Claim, Published], Ruling]
OnRuns = Callable[[Claim, Int6Runs, Published], Ruling]


def on_int6(system: str = "", *needed: str) -> Callable[[OnRuns], Rule]:
    """A ruling on the runs of ``system`` ("": the claim's own) that can't tell without them and those ``needed``."""

    def decorate(ruling: OnRuns) -> Rule:
        @wraps(ruling)
        def guarded(claim: Claim, published: Published) -> Ruling:
            runs = published.int6(system or claim.system)
            if not runs or not all(published.int6(other) for other in needed):
                return Ruling.of(cant_tell(NO_RUNS))
            return ruling(claim, runs, published)

        return guarded

    return decorate


def stated_std(claim: Claim, values: Sequence[float]) -> Outcome:
    """Whether the stated std is the sample or the population std of values; it is said which."""
    printed = claim.number(r"std (0\.\d+)")
    if printed is None:
        return cant_tell("the claim states no std")
    sample, population = sample_std(list(values)), pstdev(values)
    which = next(
        (name for name, std in (("sample", sample), ("population", population)) if rounds_to(std, printed)), ""
    )
    evidence = f"std: stated {printed}, of the sample {sample:.6f}, of the population {population:.6f}"
    return judge(bool(which), f"{evidence}{f': the {which} std' if which else ', neither'}")


def stated_seeds(claim: Claim, values: Sequence[float]) -> Outcome:
    """Whether the scores that stand in brackets behind a mean are these, in their order."""
    listed = claim.text.partition("(")[2].partition(")")[0].rpartition(": ")[2].split(", ")
    if len(listed) != len(values):
        return cant_tell("the claim lists no score a seed")
    wrong = [f"{text} for {value:.8f}" for text, value in zip(listed, values, strict=True)
             if not rounds_to(value, Printed(text))]  # fmt: skip
    return judge(not wrong, "; ".join(wrong) or f"the seeds' scores are {', '.join(listed)}")


@on_int6()
def slot_scores(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """Mean, std and seeds of the reported score, and a stated score of another system that it is below."""
    scores = runs.bpb("slot")
    outcomes = [stated(claim, "mean", r"(\d\.\d+) mean", mean(scores)), stated_std(claim, scores)]
    if ":" in claim.text.partition("(")[2]:
        outcomes.append(stated_seeds(claim, scores))
    if other := claim.number(r"beats PR #\d+ \((\d\.\d+)\)"):
        outcomes.append(judge(mean(scores) < other.value, f"{mean(scores):.5f} against {other}"))
    return Ruling.of(all_of(*outcomes))


@on_int6("", MERGED)
def new_record(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The stated share below the merged record; and whether the model itself, before SLOT, is below it at all."""
    merged, model = mean(published.int6(MERGED).bpb("sliding")), mean(runs.bpb("sliding"))
    share = 100 * (1 - mean(runs.bpb("slot")) / merged)
    test = improvement(runs.bpb("sliding"), published.int6(MERGED).bpb("sliding"), 0.0)
    return Ruling.of(
        all_of(
            stated(claim, "% below", r"([\d.]+)% below", share),
            judge(
                test.passes,
                f"without SLOT the same runs score {model:.5f}, the merged record {merged:.5f}; a score of tokens that "
                "were fitted to is no record by conditions C1 and C3",
            ),
        ),
        MEDIUM,
    )


@on_int6("", EARLIER)
def adaptation_improves(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The two stated means; and what test-time training does to the score of its own first pass."""
    before, after = mean(published.int6(EARLIER).bpb("slot")), mean(runs.bpb("slot"))
    sliding, adapted = mean(runs.bpb("sliding")), mean(runs.bpb("ttt"))
    return Ruling.of(
        all_of(
            stated(claim, "before", r"(\d\.\d+) to", before),
            stated(claim, "after", r"to (\d\.\d+)", after),
            judge(
                adapted < sliding,
                f"its own score is {adapted:.5f}, without it {sliding:.5f}; the fall is SLOT's, after "
                f"{runs.numbers('ttt_trained')[0]:,} weights were trained on the text that is then scored once more",
            ),
        ),
        MEDIUM,
    )


@on_int6()
def adaptation_alone(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The scores with and without test-time training are the means over the seeds."""
    return Ruling.of(
        all_of(
            stated(claim, "with it", r"alone: (\d\.\d+)", mean(runs.bpb("ttt"))),
            stated(claim, "without it", r"after (\d\.\d+) without", mean(runs.bpb("sliding"))),
            _of_one_seed(claim, r"alone: (\d\.\d+)", runs, "ttt"),
            _of_one_seed(claim, r"after (\d\.\d+) without", runs, "sliding"),
        )
    )


def _of_one_seed(claim: Claim, pattern: str, runs: Int6Runs, score: str) -> Outcome:
    """Of a stated score that isn't the mean: the seed that has it."""
    printed, scores = claim.number(pattern), runs.bpb(score)
    if printed is None or rounds_to(mean(scores), printed):
        return holds(f"{score}: the mean")
    owners = [str(run.seed) for run in runs.runs if rounds_to(run.scores[score].bpb, printed)]
    return contradicted(f"{printed} is seed {' and '.join(owners)}'s" if owners else f"{printed} is no seed's")


@on_int6()
def without_slot(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The stated mean is that of the sliding scores."""
    return Ruling.of(stated(claim, "sliding", r"(\d\.\d+) mean", mean(runs.bpb("sliding"))))


@on_int6()
def merged_record(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """#1019's mean, std and megabytes are its logs'; its test is of BPB with margin 0, and passes the rule's, too."""
    scores, beaten = runs.bpb("sliding"), runs.beaten
    if not beaten:
        return Ruling.of(cant_tell("no scores of the record that it compares itself with"))
    nats = [run.scores["sliding"].nats for run in runs.runs]
    free = improvement(scores, beaten["bpb"], 0.0)
    test = improvement(nats, beaten["nats"], RECORD_MARGIN_NATS)
    return Ruling.of(
        all_of(
            stated(claim, "mean", r"(\d\.\d+) mean", mean(scores)),
            stated_std(claim, scores),
            stated(claim, "MB", r"(\d+\.\d+) MB", mean(runs.numbers("total_bytes")) / 1e6),
            stated(claim, "nats", r"by (\d\.\d+) nats", mean(beaten["nats"]) - mean(nats)),
            stated(claim, "t (of BPB, without a margin; its sign turned)", r"t = [-−](\d+\.\d+)", free.statistic),
            judge(test.passes, f"by the rule's margin of {RECORD_MARGIN_NATS} nats: {test}"),
        )
    )
