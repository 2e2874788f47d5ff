"""Rulings on the earlier variants of #1722, of which no log was published: by arithmetic and their public source."""

from collections.abc import Mapping
from typing import Any

from tritgolf.artifact.layouts.base3 import base3_length
from tritgolf.audit.claims import MEDIUM, Claim, Published, Ruling
from tritgolf.audit.contest import BYTE_LIMIT
from tritgolf.audit.int6_facts import Int6Runs
from tritgolf.audit.intervals import Printed
from tritgolf.audit.rulings.combine import all_of
from tritgolf.audit.rulings.int6 import EARLIER, LAST, on_int6, stated_std
from tritgolf.audit.rulings.recurrent import stated
from tritgolf.outcome import Outcome, cant_tell, contradicted, judge
from tritgolf.report.statistics import mean

NO_LOG = "no log of this run was published"
MIB = 2**20
GROUP, SCALE_BYTES = 128, 2  # trits that share a scale of 16 bits


def variant(runs: Int6Runs, claim: Claim) -> Mapping[str, Any]:
    """What the source of a claim's variant says; empty where nothing is known of it."""
    known: Mapping[str, Any] = runs.code.get("variants", {}).get(claim.system, {})
    return known


def matrices(of: Mapping[str, Any]) -> int:
    """Weights in the matrices of a variant's blocks: query, key, value, output and the two of the MLP."""
    width, head = of["width"], of["width"] // of["heads"]
    attention = 2 * width * width + 2 * width * head * of["kv_heads"]
    return int(of["layers"] * (attention + 2 * width * width * of["mlp_multiple"]))


@on_int6(LAST, EARLIER)
def earlier_set(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """Mean and std are of the listed seeds; logs of the same training and export, of a day later, have other scores."""
    listed = [float(text) for text in claim.text.partition("(")[2].partition(")")[0].split(", ")]
    later = published.int6(EARLIER).bpb("sliding")
    evidence = ", ".join(f"{score:.4f}" for score in later)
    return Ruling.of(
        all_of(
            stated(claim, "mean", r"(\d\.\d+) mean", mean(listed)),
            stated_std(claim, listed),
            cant_tell(f"{NO_LOG}; the next set, of the same training and export, logs {evidence}"),
        )
    )


@on_int6(LAST, EARLIER)
def adaptation_hurts(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The score with test-time training is held against one of the same windows."""
    windows, printed = variant(runs, claim).get("first_ttt_windows"), claim.number(r"gives (\d\.\d+)")
    alike, sliding = published.int6(EARLIER).bpb("roundtrip"), published.int6(EARLIER).bpb("sliding")
    if windows is None or printed is None:
        return Ruling.of(cant_tell(NO_LOG))
    evidence = (
        f"by the source its windows are {windows}: the like figure is the roundtrip, {min(alike):.4f} to "
        f"{max(alike):.4f} in the next set's logs, not the sliding score, {min(sliding):.4f} to {max(sliding):.4f}"
    )
    return Ruling.of(judge(printed.value - max(alike) > max(alike) - min(alike), evidence), MEDIUM)


@on_int6(LAST)
def fits_in_mib(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The printed MB of this script are MiB, and so is what it prunes to."""
    target, printed = variant(runs, claim).get("target_mib"), claim.number(r"artifact (\d+\.\d+) MB")
    if target is None or printed is None:
        return Ruling.of(cant_tell(NO_LOG))
    wider = 2 * 512 * (variant(runs, claim)["mlp_width"] - 1536) * 11
    rate = mean(runs.numbers("artifact_bytes")) / (matrices(THE_MODEL) + 524_288)
    size = printed.value * MIB
    evidence = (
        f"the script's MB are MiB (its logs: unpruned {runs.numbers('unpruned_mib')[0]}MB with "
        f"{runs.numbers('total_bytes')[0]:,} bytes in all), so {printed} are {size:,.0f} bytes; {wider:,} weights more "
        f"than the logged model's, at its {rate:.2f} bytes a weight, make "
        f"{mean(runs.numbers('total_bytes')) + wider * rate:,.0f}"
    )
    return Ruling.of(judge(size <= BYTE_LIMIT, evidence), MEDIUM)


THE_MODEL = {"layers": 11, "width": 512, "heads": 8, "kv_heads": 4, "mlp_multiple": 3}  # of #1019 and #1722


@on_int6(LAST)
def over_the_limit(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The stated excess is the stated size less the limit; the score has no log."""
    size, excess = claim.number(r"at (\d+\.\d+) MB"), claim.number(r"(\d\.\d+) MB over")
    arithmetic = size and excess and abs(size.value - BYTE_LIMIT / 1e6 - excess.value) < 0.01
    evidence = f"{size} MB are {excess} MB over" if arithmetic else f"{size} less 16 are not {excess}"
    return Ruling.of(all_of(judge(bool(arithmetic), evidence), cant_tell(NO_LOG)))


@on_int6(LAST)
def wider_hurts(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The stated scores of the wider models are worse than those of the one that was gone back to."""
    scores = {name: _first_score(published, f"int6_gptq_{name}") for name in ("mlp4", "mlp35", "mlp325", "mlp3")}
    known = {name: score.value for name, score in scores.items() if score}
    if "mlp3" not in known or len(known) < 2:
        return Ruling.of(cant_tell(NO_LOG))
    better = [name for name, score in known.items() if name != "mlp3" and score < known["mlp3"]]
    evidence = ", ".join(f"{name} {score:.4f}" for name, score in known.items())
    return Ruling.of(
        judge(not better, f"as stated in the same texts: {evidence}; {len(better)} wider ones are better"), MEDIUM
    )


def _first_score(published: Published, system: str) -> Printed | None:
    """The first score, of some 1.1 BPB, that the texts state of a system."""
    stated_ones = (claim.number(r"\b(1\.\d{4})\b") for claim in published.claims if claim.system == system)
    return next(filter(None, stated_ones), None)


@on_int6(LAST)
def ternary_size(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The stated steps and megabytes, against the arithmetic of its trits; neither has a log."""
    of = variant(runs, claim)
    if not of:
        return Ruling.of(cant_tell(NO_LOG))
    trits = matrices(of)
    packed = (base3_length(trits) + trits // GROUP * SCALE_BYTES) / 1e6
    return Ruling.of(
        cant_tell(
            f"{NO_LOG}; {trits:,} trits in base 3 with 16-bit scales are {packed:.2f} MB before LZMA and the table"
        )
    )


@on_int6(LAST)
def parameter_count(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The stated millions are those of the source's sizes."""
    of, printed = variant(runs, claim), claim.number(r"([\d.]+)M")
    if not of or printed is None:
        return Ruling.of(cant_tell(NO_LOG))
    count = matrices(of) + of["vocabulary"] * of["width"]
    about = abs(count / 1e6 - printed.value) < 1
    return Ruling.of(judge(about, f"matrices {matrices(of):,} and table {of['vocabulary'] * of['width']:,} are "
                                  f"{count / 1e6:.1f}M; vectors are under 0.1M"), MEDIUM)  # fmt: skip


def _by_source(claim: Claim, runs: Int6Runs, key: str, right: object, evidence: str) -> Ruling:
    """Whether the source says of a variant what the claim needs."""
    value = variant(runs, claim).get(key)
    outcome: Outcome = (
        cant_tell(NO_LOG) if value is None else judge(value == right, f"by the source {evidence.format(value)}")
    )
    return Ruling.of(outcome, MEDIUM)


@on_int6(LAST)
def table_format(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The table is stored in FP8."""
    return _by_source(claim, runs, "table_stored_as", "FP8", "the export stores the table as {}, as every matrix")


@on_int6(LAST)
def decay_is_used(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The setting of weight decay is read."""
    return _by_source(claim, runs, "weight_decay_is_read", True, "the setting is defined and read nowhere")


@on_int6(LAST)
def jump_is_of_quantization(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """What was scored when quantization began is the quantized model."""
    evidence = "evaluation uses {} while training quantizes: 2.75 says nothing of the ternary model"
    return _by_source(claim, runs, "evaluates", "quantized weights", evidence)


@on_int6(LAST)
def late_qat_figures(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The stated parameters are the source's; of the scores there is no log."""
    of = variant(runs, claim)
    if not of:
        return Ruling.of(cant_tell(NO_LOG))
    count = matrices(of) + of["vocabulary"] * of["width"]
    sizes = stated(claim, "millions of parameters", r"([\d.]+)M", count / 1e6)
    return Ruling.of(all_of(sizes, cant_tell(f"{NO_LOG}; the table, which no training quantizes, is stored as "
                                             f"{of['table_stored_as']}")))  # fmt: skip


@on_int6(LAST)
def rank_zero(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The author takes the first score back; of the roundtrip there is no log."""
    return Ruling.of(cant_tell(f"{NO_LOG}: neither of 0.9650, which the claim takes back, nor of the error of 0"))


@on_int6(LAST)
def first_score(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """The score was taken by one process inside a sum over all; its author takes it back in the next commit."""
    retracted = next((each for each in published.claims if each.id == "t40"), None)
    taken = variant(runs, claim).get("score_taken_by")
    if retracted is None or taken is None or "artifact" not in retracted.text:
        return Ruling.of(cant_tell(NO_LOG))
    return Ruling.of(
        contradicted(f"{NO_LOG}; by the source it was taken by {taken}; a later commit: {retracted.text}"), MEDIUM
    )


@on_int6(LAST)
def export_bug(claim: Claim, runs: Int6Runs, published: Published) -> Ruling:
    """By the source weights trained in full precision were cut to trits; of the run there is no log."""
    of = variant(runs, claim)
    if not of:
        return Ruling.of(cant_tell(NO_LOG))
    evidence = f"the MLP, {of['mlp_multiple']}x, is trained in {of['mlp_trained_as']} and cut to trits at export"
    return Ruling.of(cant_tell(f"{NO_LOG}; by the source {evidence}"))


def other_counts(claim: Claim, published: Published) -> Ruling:
    """A count of steps that two commits state differently, without a log."""
    return Ruling.of(cant_tell(f"{NO_LOG}; the next commit states another count"))
