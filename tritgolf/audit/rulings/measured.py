"""Rulings on claims that logs can't decide, from what was measured (``measured/``).

Each takes the claim, the published folder (for the size of the effect that is claimed) and the measurements. Full-size
models decide with high confidence from three seeds on and with medium from fewer; smaller ones, where there are no
others, with low. An effect contradicts a claim where it stays under half of what is claimed by two standard errors, and
supports it where it stays above. What is said of long training only long runs decide.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any, TypeVar

from tritgolf.audit.claims import HIGH, LOW, MEDIUM, Claim, Published, Ruling
from tritgolf.audit.measurements import Effect, Gap, Measurements
from tritgolf.outcome import cant_tell, contradicted, counted, holds, judge
from tritgolf.report.published import PUBLISHED_DATASET
from tritgolf.report.statistics import format_value, format_with_error
from tritgolf.report.tables import BPB_DECIMALS, GAP_DECIMALS

T = TypeVar("T", bound=Any)

NOT_MEASURED = "not measured yet"
LONG = 50_000  # steps from which on a run speaks to claims about 100,000 and 150,000
ENOUGH_SEEDS = 3
PRINTED_FRACTION = 0.5e-3
PRINTED_STEP = 0.5e-4  # what four printed decimals can show, bits a byte


def _largest(rows: Sequence[T], model: Any = lambda row: row) -> tuple[list[T], str]:
    """The rows of full-size models if there are any, else all; and the confidence they give.

    ``model`` takes from a row what knows its ``full_size`` and ``seed``.
    """
    full = [row for row in rows if model(row).full_size]
    if not full:
        return list(rows), LOW
    return full, HIGH if len({model(row).seed for row in full}) >= ENOUGH_SEEDS else MEDIUM


def _rule(effects: Sequence[Effect], claimed: float, what: str) -> Ruling:
    """Whether measured effects are as large as claimed (bits a byte)."""
    rows, confidence = _largest(effects, lambda effect: effect.row)
    if not rows:
        return Ruling.of(cant_tell(NOT_MEASURED))
    evidence = f"{what}, same weights: {_told(rows)} (claimed about {claimed:.4f})"
    if all(effect.difference + 2 * effect.error < claimed / 2 for effect in rows):
        return Ruling.of(contradicted(evidence), confidence)
    if all(effect.difference - 2 * effect.error > claimed / 2 for effect in rows):
        return Ruling.of(holds(evidence), confidence)
    return Ruling.of(cant_tell(evidence))


def _rule_on_fp16_scales(measured: Measurements, claimed: float, what: str, since: int = 0) -> Ruling:
    """Whether storing scales in FP16 costs as much as claimed, told with what they cost where they decide trits.

    Of checkpoints after at least ``since`` steps. #640's export decides with FP16-rounded scales and #920's does not.
    The claims are about storing, so this doesn't change the verdict; but the published gaps differ by both.
    """

    def effects(factor: str, setting: str, baseline: str) -> list[Effect]:
        return [effect for effect in measured.effects(factor, setting, baseline) if effect.row.step >= since]

    stored = _rule(effects("scales", "float16", "bfloat16"), claimed, what)
    deciding, _ = _largest(effects("decide", "forward_float16", "forward"), lambda effect: effect.row)
    if not deciding:
        return stored
    told = f"{stored.outcome.evidence}; not storing, but deciding trits by FP16 scales, as #640's export does: "
    return replace(stored, outcome=stored.outcome._replace(evidence=told + _told(deciding)))


def _told(effects: Sequence[Effect]) -> str:
    """All effects, in order of training, by run and by what else the pair of storages shares."""
    return _over_steps(
        (e.row, f" ({e.row.estimator}), {e.rest}", format_with_error(e.difference, e.error, GAP_DECIMALS))
        for e in sorted(effects, key=lambda e: (not e.as_in_record, e.rest))
    )


def _over_steps(figures: Iterable[tuple[Gap, str, str]]) -> str:
    """``RUN what: step 600 FIGURE, step 1,200 FIGURE; RUN …`` from (row, what, figure); seeds named if several."""
    given = list(figures)
    seeds: dict[str, set[int]] = {}
    for row, _, _ in given:
        seeds.setdefault(row.run, set()).add(row.seed)
    series: dict[str, list[str]] = {}
    for row, what, figure in sorted(given, key=lambda each: (each[0].run, each[0].seed, each[0].step)):
        seed = f", seed {row.seed}" if len(seeds[row.run]) > 1 else ""
        series.setdefault(f"{row.run}{what}{seed}", []).append(f"step {row.step:,} {figure}")
    return "; ".join(f"{name}: {', '.join(steps)}" for name, steps in series.items())


def scale_storage(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """FP16 scales make the gap larger than BF16 scales by what #640 and #920 differ by."""
    claimed = published.mean_gap("pr640") - published.mean_gap("pr920")
    return _rule_on_fp16_scales(measured, claimed, "gap with FP16 less BF16 scales")


def scale_storage_long(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """After long training, FP16 scales make the gap larger than BF16 scales by what the 150k run and #923 differ by."""
    claimed = published.mean_gap("ternary_150k_fp16") - published.mean_gap("pr923")
    return _rule_on_fp16_scales(measured, claimed, f"gap with FP16 less BF16 scales from {LONG:,} steps on", since=LONG)


def shrinkage(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """With the shrinkage correction no gap is left in what a record ships."""
    rows = [row for row in measured.gaps if row.own and row.factors.get("shrinkage") == "true"]
    chosen, confidence = _largest(rows)
    if not chosen:
        return Ruling.of(cant_tell(NOT_MEASURED))
    told = _over_steps((row, "", format_with_error(row.gap, row.error, GAP_DECIMALS)) for row in chosen)
    left = any(row.gap > max(2 * row.error, PRINTED_STEP) for row in chosen)
    return Ruling.of(judge(not left, f"gap of the own storage, with the correction: {told}"), confidence)


def e4m3_penalty(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """e4m3 in the table, projections and mixes costs each model, at its end, the stated penalty."""
    stated = claim.number(r"(\d\.\d+) BPB")
    kinds = ("table", "projections", "mixes")
    effects = [e for kind in kinds for e in measured.last_effects(kind, "e4m3", "bfloat16").values()]
    rows, confidence = _largest(effects, lambda effect: effect.row)
    if not rows or stated is None:
        return Ruling.of(cant_tell(NOT_MEASURED))
    models: dict[tuple[str, int], list[Effect]] = {}
    for row in sorted(rows, key=lambda effect: (effect.row.run, effect.row.seed)):
        models.setdefault((row.row.run, row.row.seed), []).append(row)
    totals = [sum(effect.difference for effect in found) for found in models.values()]
    told = "; ".join(
        f"{found[0].row.run}, step {found[0].row.step:,}: "
        + ", ".join(f"{effect.factor} {format_value(effect.difference, GAP_DECIMALS, signed=True)}" for effect in found)
        + f", together {format_value(total, BPB_DECIMALS, signed=True)}"
        for total, found in zip(totals, models.values(), strict=True)
    )
    evidence = f"e4m3 less BF16: {told} (claimed {stated})"
    right = {stated.value / 2 < total < 2 * stated.value for total in totals}
    return Ruling.of(cant_tell(evidence) if len(right) > 1 else judge(right.pop(), evidence), confidence)


def temperature(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """Really applied, T = 0.90 is the best of the grid."""
    rows = [row for row in measured.evaluations if 0.9 in row.temperatures and len(row.temperatures) > 1]
    chosen, confidence = _largest(rows)
    if not chosen:
        return Ruling.of(cant_tell(NOT_MEASURED))
    best = {f"{row.run} seed {row.seed}": min(row.temperatures, key=row.temperatures.__getitem__) for row in chosen}
    loss = fmean(row.temperatures[0.9] - min(row.temperatures.values()) for row in chosen)
    told = ", ".join(f"{name} T = {value:.2f}" for name, value in best.items())
    evidence = f"best, when applied: {told}; T = 0.90 costs {format_value(loss, 4, signed=True)} nats against it"
    return Ruling.of(judge(all(value == 0.9 for value in best.values()), evidence), confidence)


def z_loss(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """The record's figure is the pure one, to the decimals it is printed with."""
    rows, confidence = _largest(measured.evaluations)
    if not rows:
        return Ruling.of(cant_tell(NOT_MEASURED))
    excess = [row.chunked_record - row.chunked for row in rows]
    least, most = (format_value(end, BPB_DECIMALS, signed=True) for end in (min(excess), max(excess)))
    spread = f"{least} to {most} BPB"
    evidence = f"the figure with the z-loss less the pure one: {spread}, {len(rows)} models"
    return Ruling.of(judge(max(map(abs, excess)) < PRINTED_STEP, evidence), confidence)


def sliding_gain(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """Sliding evaluation at the stated stride gains what is stated, both scores pure cross-entropy.

    What a longer context is worth depends on the text: another one than the published can't decide it.
    """
    stated, stride = claim.number(r"about (\d\.\d+)"), claim.number(r"stride (\d+)")
    rows = [row for row in measured.evaluations if stride and row.stride == stride.value]
    chosen, confidence = _largest(rows)
    if not chosen or stated is None:
        return Ruling.of(cant_tell(NOT_MEASURED))
    same = [row for row in chosen if row.dataset == PUBLISHED_DATASET]
    gain = fmean(row.chunked - row.sliding for row in same or chosen)
    evidence = f"chunked less sliding BPB {gain:.4f}, mean of {counted(len(same or chosen), ('model', 'models'))}"
    if not same:
        texts = ", ".join(sorted({row.dataset for row in chosen}))
        return Ruling.of(cant_tell(f"{evidence} on other text ({texts}), where a longer context may be worth more"))
    return Ruling.of(judge(abs(gain - stated.value) < stated.value / 2, evidence), confidence)


def zero_fraction_is_true(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """What the record counts is the share of zero trits, to the three decimals it is printed with."""
    chosen, confidence = _largest(measured.zeros)
    if not chosen:
        return Ruling.of(cant_tell(NOT_MEASURED))
    furthest = max(chosen, key=lambda row: abs(row.record - row.true))
    evidence = (
        f"{furthest.run}, step {furthest.step:,}: true {furthest.true:.3f}, by the record's count {furthest.record:.3f}"
    )
    return Ruling.of(judge(abs(furthest.record - furthest.true) < PRINTED_FRACTION, evidence), confidence)


def zeros_fall(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """In long training the true zero fraction falls from a run's first checkpoint to its last."""
    return _zeros_over_training(measured, lambda first, last: last.true < first.true)


def amplification_grows(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """In long training 1/(1 − z) grows from a run's first checkpoint to its last: the true zero fraction rises."""
    return _zeros_over_training(measured, lambda first, last: last.true > first.true)


def _zeros_over_training(measured: Measurements, agrees: Any) -> Ruling:
    runs: dict[tuple[str, int], list[Any]] = {}
    for row in measured.zeros:
        runs.setdefault((row.run, row.seed), []).append(row)
    ends = [(min(rows, key=_step), max(rows, key=_step)) for rows in runs.values() if len({r.step for r in rows}) > 1]
    long = [pair for pair in ends if pair[1].step >= LONG]
    chosen, confidence = _largest(long or ends, lambda pair: pair[0])
    if not chosen:
        return Ruling.of(cant_tell(NOT_MEASURED))
    evidence = f"true zero fraction: {_told_ends(chosen)}"
    if shorter := [pair for pair in ends if pair not in chosen and pair[0].full_size]:
        evidence += f"; not long, but of full size: {_told_ends(shorter)}"
    if not long:
        return Ruling.of(cant_tell(f"{evidence}; no run of {LONG:,} steps yet"))
    verdicts = {bool(agrees(first, last)) for first, last in chosen}
    return Ruling.of(cant_tell(evidence) if len(verdicts) > 1 else judge(verdicts.pop(), evidence), confidence)


def _told_ends(ends: Sequence[tuple[Any, Any]]) -> str:
    return "; ".join(
        f"{a.run} ({a.estimator}) {a.true:.4f} at step {a.step:,} → {b.true:.4f} at {b.step:,}, by the record's count "
        f"{a.record:.4f} → {b.record:.4f}"
        for a, b in ends
    )


def _step(row: Any) -> int:
    return int(row.step)
