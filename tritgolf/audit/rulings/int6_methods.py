"""Rulings on what #1722 and #1019 say of their methods: by their logs, and by what their public source says of itself.

Where the source decides, the evidence says so, and the confidence is medium: it was read, not run.
"""

from tritgolf.audit.claims import HIGH, MEDIUM, Claim, Published, Ruling
from tritgolf.audit.contest import BYTE_LIMIT
from tritgolf.audit.int6_facts import Int6Runs
from tritgolf.audit.rulings.combine import all_of
from tritgolf.audit.rulings.int6 import EARLIER, MERGED, on_int6
from tritgolf.audit.rulings.recurrent import stated
from tritgolf.outcome import Outcome, cant_tell, contradicted, judge
from tritgolf.report.statistics import mean

MIB = 2**20
OWN_WORDS = "t04"  # the README of the same pull request, on what SLOT is fitted to and what it scores


def _own_words(published: Published) -> str:
    """What the README says of SLOT, if that claim is among the published ones."""
    return next((claim.text for claim in published.claims if claim.id == OWN_WORDS), "")


def _free_numbers(runs: Int6Runs) -> str:
    """How much SLOT gains over the model under it."""
    gain = mean(runs.bpb("sliding")) - mean(runs.bpb("slot"))
    free, stride = runs.code.get("slot_numbers_a_window"), int(runs.numbers("slot_stride")[0])
    evidence = f", with {free:,} free numbers for the {stride} tokens of a window" if free else ""
    return f"SLOT lowers the same model's score from {mean(runs.bpb('sliding')):.5f} by {gain:.5f} BPB{evidence}"


@on_int6()
def no_scored_region(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The README of the same pull request says what the text denies."""
    own = _own_words(published)
    is_denied = "scored positions" in own
    return Ruling.of(
        judge(not is_denied, f"README.md of the same pull request: {own}") if own else cant_tell("no README")
    )


@on_int6()
def fitted_then_scored(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The source scores the positions that it fits, and no causal use of 24 steps gains so much."""
    if runs.code.get("slot_scores") is None:
        return Ruling.of(cant_tell("what SLOT scores the logs don't say"))
    is_so = runs.code["slot_scores"] == "the positions that it was fitted to"
    return Ruling.of(judge(is_so, f"by the source it scores {runs.code['slot_scores']}; {_free_numbers(runs)}"), MEDIUM)


@on_int6("pr1722")
def only_graded_tokens(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """Graded means scored before; the README says that they are scored after."""
    own = _own_words(published)
    return Ruling.of(judge("scored after" not in own, f"graded is scored before; README.md: {own}") if own else
                     cant_tell("no README"))  # fmt: skip


@on_int6()
def score_first(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """True of the first pass of test-time training, whose score isn't the reported one."""
    passes = all("ttt" in run.scores and "slot" in run.scores for run in runs.runs)
    if not passes:
        return Ruling.of(cant_tell("the runs have no two stages"))
    return Ruling.of(
        contradicted(
            f"score-first may be the first pass, {mean(runs.bpb('ttt')):.4f}; the reported "
            f"{mean(runs.bpb('slot')):.4f} is a second scoring of the same text, on {runs.code.get('slot_runs_on')}, "
            f"of {runs.code.get('slot_scores')}"
        ),
        MEDIUM,
    )


@on_int6()
def last_blocks_only(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """What is frozen is less than ten blocks; the model's blocks end before the stated ones."""
    trained, frozen = runs.numbers("ttt_trained")[0], runs.numbers("ttt_frozen")[0]
    blocks, of_a_block = runs.code.get("blocks", 0), runs.code.get("frozen_by_block", 0)
    evidence = (
        f"the logs print {trained:,} trained and {frozen:,} frozen, 10 × {of_a_block:,} numbers of vectors; blocks "
        f"end at {blocks - 1}; the matrices stand in banks whose names have no block"
    )
    return Ruling.of(judge(trained < 10_000_000, evidence))


@on_int6()
def trained_weights(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The stated millions of trained weights are the logs'."""
    return Ruling.of(stated(claim, "millions", r"about (\d+)M", runs.numbers("ttt_trained")[0] / 1e6))


@on_int6()
def before_quantization(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """Whether test-time training stands before the scores of the stored model."""
    names = list(runs.runs[0].scores)
    is_before = "ttt" in names and names.index("ttt") < names.index("roundtrip")
    return Ruling.of(judge(is_before, f"the scores' order in the logs: {', '.join(names)}; the roundtrip is quantized"))


@on_int6("", MERGED)
def same_architecture(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The same parameters as #1019, whose table is the stated one."""
    mine, theirs = runs.numbers("parameters")[0], published.int6(MERGED).numbers("parameters")[0]
    table = runs.code.get("bigram", ["?", "?"])
    return Ruling.of(judge(mine == theirs, f"{mine:,} parameters, #1019's logs {theirs:,}; by the source the table is "
                                           f"{table[0]}x{table[1]}"))  # fmt: skip


@on_int6("", MERGED)
def same_quantization(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The damping of GPTQ, which no log prints, is #1019's."""
    mine, theirs = (each.code.get("gptq_damping") for each in (runs, published.int6(MERGED)))
    evidence = f"by the source GPTQ is damped by {mine}, #1019's by {theirs}"
    return Ruling.of(judge(mine == theirs, evidence) if mine and theirs else cant_tell("no damping is known"), MEDIUM)


def _late_qat(runs: Int6Runs) -> Outcome:
    layers = runs.code.get("late_qat_layers")
    if layers is None:
        return cant_tell("which layers quantize while training no log says")
    evidence = (
        f"the logs print that it was enabled (step {runs.numbers('late_qat_step')[0]:,}); by the source it reaches "
        f"{' and '.join(layers)} alone, of {runs.numbers('hessians')[0]} matrices, and they are stored in "
        f"{runs.code.get('late_qat_layers_stored_as')}"
    )
    return judge(len(layers) == runs.numbers("hessians")[0], evidence)


def _averages(runs: Int6Runs) -> Outcome:
    read = runs.code.get("swa_is_read")
    if read is None:
        return cant_tell("whether the sums of SWA are read no log says")
    return judge(read, f"SWA starts at step {runs.numbers('swa_step')[0]:,}; by the source nothing reads its sums")


def _pruning(runs: Int6Runs) -> Outcome:
    target = runs.numbers("target_mib")[0] * MIB
    was = sum(run.was_pruned for run in runs.runs)
    evidence = (
        f"{len(runs.runs) - was} of {len(runs.runs)} logs: already fits, nothing pruned; the target is "
        f"{runs.numbers('target_mib')[0]} MiB = {int(target):,} bytes, the limit {BYTE_LIMIT:,}"
    )
    return judge(was > 0 and target <= BYTE_LIMIT, evidence)


@on_int6()
def late_qat(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """Late QAT reaches the matrices that are stored in 6 bits."""
    return Ruling.of(_late_qat(runs), MEDIUM)


@on_int6()
def averages(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """Both averages are of the stored model."""
    return Ruling.of(_averages(runs), MEDIUM)


@on_int6()
def pruning(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """Values were pruned to fit, to the contest's megabytes."""
    return Ruling.of(_pruning(runs), HIGH)


@on_int6()
def parts_of_the_record(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """Late QAT, both averages and pruning made the model that is scored."""
    return Ruling.of(all_of(_late_qat(runs), _averages(runs), _pruning(runs)), MEDIUM)


@on_int6()
def review(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The review is of another pull request; a participant's review is no ruling."""
    evidence = (
        f"the review is of {runs.code.get('review_is_of')}, a participant's, drafted by a classifier; it names another "
        "function than SLOT's, and a review is no ruling"
    )
    return Ruling.of(cant_tell(evidence if "review_is_of" in runs.code else "of which text the review is, isn't known"))


@on_int6()
def below_a_floor(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """No floor was measured; what the runs show is another ground."""
    evidence = f"{_free_numbers(runs)}, by tokens that it was fitted to: C1 and C3 come before C2"
    return Ruling.of(cant_tell(f"no such floor was measured here or there; {evidence}"))


@on_int6("pr1722", EARLIER)
def no_ternary_mlp(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """No logged run has a ternary MLP."""
    every = [*runs.numbers("ternary_mlps"), *published.int6(EARLIER).numbers("ternary_mlps")]
    evidence = f"{len(every)} logs: {max(every):.0f} ternary MLP matrices, {runs.numbers('int6_matrices')[0]} in 6 bits"
    return Ruling.of(
        judge(max(every) > 0, f"{evidence}; by the source no training quantizes this MLP to trits"), MEDIUM
    )


def no_log(claim: Claim, published: Published) -> Ruling:
    """Nobody published a log of the run."""
    return Ruling.of(cant_tell("no log of this run was published"))
