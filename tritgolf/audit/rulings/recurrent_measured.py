"""Rulings on claims of #1716 that its logs leave open, from the runs of its kind that are kept in ``measured/``.

They decide with medium confidence: of full size, but of fewer seeds and steps than the published ones.
"""

from collections.abc import Sequence

from tritgolf.audit.claims import LOW, MEDIUM, Claim, Published, Ruling
from tritgolf.audit.measurements import Measurements
from tritgolf.audit.recurrent_measurements import RecurrentMeasurement
from tritgolf.audit.rulings.measured import NOT_MEASURED
from tritgolf.outcome import Outcome, Verdict, cant_tell, judge
from tritgolf.report.statistics import format_value
from tritgolf.report.tables import BPB_DECIMALS

SEED_NOISE = 0.004  # BPB that two seeds of one recipe may differ by at this length
STAGES = ("averaged", "quantized", "sliding", "ttt")


def bigram_is_inert(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """A run that never trains the table, which starts at zero, scores as the published code does at every stage."""
    rows = [row for row in measured.recurrent if row.has_bigram and not row.trains_bigram and row.published_code]
    if not rows:
        return Ruling.of(cant_tell(NOT_MEASURED))
    outcomes = [_as_the_published_code(row) for row in rows]
    evidence = "; ".join(outcome.evidence for outcome in outcomes)
    same = all(outcome.verdict is Verdict.HOLDS for outcome in outcomes)
    return Ruling.of(judge(False, evidence) if same else cant_tell(evidence), LOW)


def _as_the_published_code(row: RecurrentMeasurement) -> Outcome:
    """Whether all scores of a run are the published code's up to the noise of seeds."""
    differences = {
        stage: row.scores[stage] - row.published_code[stage]
        for stage in STAGES
        if stage in row.scores and stage in row.published_code
    }
    told = ", ".join(f"{stage} {format_value(d, BPB_DECIMALS, signed=True)}" for stage, d in differences.items())
    return judge(
        bool(differences) and all(abs(difference) < SEED_NOISE for difference in differences.values()),
        f"{row.name} keeps the table at zero all through training and scores as the published code on the same text: "
        f"{told} BPB; what a trained table would change is not measured (that no optimizer has the table is held "
        "to the published grouping in tests/parity)",
    )


def gptq_beats_nearest(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """The same weights score better rounded by GPTQ than to the nearest."""
    rows = [(row, row.nearest - row.scores["quantized"]) for row in measured.recurrent
            if row.nearest is not None and "quantized" in row.scores]  # fmt: skip
    if not rows:
        return Ruling.of(cant_tell(NOT_MEASURED))
    told = "; ".join(
        f"{row.name}, on {row.text}: nearest less GPTQ {format_value(gain, BPB_DECIMALS, signed=True)} BPB"
        for row, gain in rows
    )
    return Ruling.of(judge(all(gain > 0 for _, gain in rows), told), MEDIUM)


def adaptation_is_causal(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """The causality probe on the true code path of score-first training: no score knows its own or a later token."""
    return _probed(measured, (True,))


def everything_is_causal(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """The probe on sliding windows, without and with training: no later token moves a score, sums are one."""
    return _probed(measured, (False, True))


def _probed(measured: Measurements, adapts: tuple[bool, ...]) -> Ruling:
    probes = [
        (f"{row.name}, {name}", probe)
        for row in measured.recurrent
        for name, probe in row.probes.items()
        if probe.adapts in adapts and name in row.published_code
    ]
    return _of_verdicts([(f"{name}: {probe.reason}", probe.causal) for name, probe in probes])


def _of_verdicts(told: Sequence[tuple[str, bool | None]]) -> Ruling:
    """Holds if all are true, contradicted if any is false, else can't tell."""
    if not told:
        return Ruling.of(cant_tell(NOT_MEASURED))
    evidence = "; ".join(text for text, _ in told)
    verdicts = {verdict for _, verdict in told}
    if False in verdicts:
        return Ruling.of(judge(False, evidence), MEDIUM)
    return Ruling.of(cant_tell(evidence) if None in verdicts else judge(True, evidence), MEDIUM)


def scored_once(claim: Claim, published: Published, measured: Measurements) -> Ruling:
    """Sliding and adapting, each target is scored once and none is left out."""
    told = [
        (
            f"{row.name}, {name}: {probe.scored_again} targets scored again, {probe.tokens_left_out} left out",
            # A probe that can't tell has not counted.
            None if probe.causal is None else probe.scored_again == 0 and probe.tokens_left_out == 0,
        )
        for row in measured.recurrent
        for name, probe in row.probes.items()
        if name in row.published_code
    ]
    return _of_verdicts(told)
