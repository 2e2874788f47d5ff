"""Rulings on claims of #1722 and #1019 from the rules table and from kept runs of their kind.

Whether a way to score is valid, and what a setting reaches, is the same at any size: those rulings have medium
confidence, since this code is held to the published code's numbers (``tests/parity``) but isn't it. How much something
costs is not: that is told, and decides nothing.
"""

from collections.abc import Callable, Mapping, Sequence

from tritgolf.audit.claims import MEDIUM, Claim, Published, Ruling
from tritgolf.audit.int6_measurements import Int6Measurement
from tritgolf.audit.measurements import Measurements
from tritgolf.audit.rulings.int6_details import rotary_base
from tritgolf.audit.rulings.measured import NOT_MEASURED
from tritgolf.outcome import cant_tell, judge
from tritgolf.report.causality_table import RuleRow
from tritgolf.report.statistics import format_with_error
from tritgolf.report.tables import GAP_DECIMALS

# Ways to score, as published/rulings.csv names them.
SCORE_FIRST = "score-first TTT (chunk scored once with the state before it; then trained on)"
ON_SCORED = "SLOT, per-sample, on the scored positions"
ON_CONTEXT = "SLOT, context only (positions before the scored ones)"
LATER_PASS = "multi-epoch TTT that reports a later pass"
PROBES = "by the causality probes, on a toy of random weights: "

Probed = Mapping[str, RuleRow]
MeasuredRuling = Callable[[Claim, Published, Measurements], Ruling]


def _by_rules(decide: Callable[[Probed], Ruling]) -> MeasuredRuling:
    """A ruling on the kept rules table that can't tell without it."""

    def ruling(claim: Claim, published: Published, measured: Measurements) -> Ruling:
        rules = measured.int6.rules
        rows = {row.mechanism: row for row in rules.rows} if rules else {}  # of several of one name the last
        if not {SCORE_FIRST, ON_SCORED, ON_CONTEXT, LATER_PASS} <= rows.keys():
            return Ruling.of(cant_tell(NOT_MEASURED))
        return decide(rows)

    ruling.__doc__ = decide.__doc__
    return ruling


def _told(row: RuleRow, name: str = "") -> str:
    """What the probes say of a way to score, by its ``name``: what moved, and what the probabilities add up to."""
    leak = row.causality.later_tokens.leak
    moved = f"a token moves scores up to {leak.changed - leak.moved} before it" if leak else "no later token moves any"
    total = max((own.total for own in row.causality.own_token), default=0.0)
    return f"{name or row.name}: {moved}, probabilities of all next tokens add up to {total:.2f}"


def _leaks(row: RuleRow) -> bool:
    return row.causality.causal is False and row.causality.later_tokens.leak is not None


def _if_shown(shown: bool, is_true: bool, evidence: str) -> Ruling:
    """Of a claim that probes decide where they show what it is about."""
    return Ruling.of(judge(is_true, evidence) if shown else cant_tell(evidence), MEDIUM)


def _if_slot_scores_what_it_fits(rows: Probed, is_true: bool) -> Ruling:
    """Whether probes show that the published SLOT, and not SLOT as such, looks at the targets that it scores."""
    published, control = [rows[ON_SCORED], rows[LATER_PASS]], rows[ON_CONTEXT]
    shown = all(map(_leaks, published)) and control.causality.causal is True
    return _if_shown(shown, is_true, PROBES + "; ".join(_told(row) for row in (*published, control)))


@_by_rules
def no_scored_region(rows: Probed) -> Ruling:
    """SLOT as published fails the probes, fitted to the targets before it passes: it fits the scored region."""
    return _if_slot_scores_what_it_fits(rows, is_true=False)


@_by_rules
def fitted_then_scored(rows: Probed) -> Ruling:
    """The same finding, which the claim admits."""
    return _if_slot_scores_what_it_fits(rows, is_true=True)


@_by_rules
def only_graded_tokens(rows: Probed) -> Ruling:
    """What uses graded tokens alone gives scores that no later token moves."""
    return _if_slot_scores_what_it_fits(rows, is_true=False)


@_by_rules
def score_first(rows: Probed) -> Ruling:
    """Of the two stages the first is score-first by the probes, and what is reported is not."""
    first, both = rows[SCORE_FIRST], rows[LATER_PASS]
    evidence = f"{PROBES}{_told(first, 'the first stage')}; {_told(both, 'the reported score')}"
    shown = first.causality.causal is True and _leaks(both)
    return _if_shown(shown, False, evidence)


@_by_rules
def is_no_compression(rows: Probed) -> Ruling:
    """Of the claim's parts this decides one: a text can't be stored in bits whose shares add up to more than one."""
    both = rows[LATER_PASS]
    shown = any(own.total > 1.01 for own in both.causality.own_token)
    evidence = f"{PROBES}{_told(both)}: no code has such lengths, so it is no compression; of a floor this says nothing"
    return _if_shown(shown, True, evidence)


def _on_runs(decide: Callable[[Sequence[Int6Measurement]], Ruling]) -> MeasuredRuling:
    """A ruling on the kept runs of #1722's kind that can't tell without any."""

    def ruling(claim: Claim, published: Published, measured: Measurements) -> Ruling:
        runs = measured.int6.runs
        return decide(runs) if runs else Ruling.of(cant_tell(NOT_MEASURED))

    ruling.__doc__ = decide.__doc__
    return ruling


@_on_runs
def each_target_once(runs: Sequence[Int6Measurement]) -> Ruling:
    """The windows of the published rule, counted while a run was scored."""
    counted = [(run, run.probes["sliding"].scored_again) for run in runs if "sliding" in run.probes]
    if not counted:
        return Ruling.of(cant_tell(NOT_MEASURED))
    evidence = "; ".join(f"{run.name}, sliding: {again:,} scores are of targets that had one" for run, again in counted)
    return Ruling.of(judge(all(again == 0 for _, again in counted), evidence), MEDIUM)


@_on_runs
def late_qat(runs: Sequence[Int6Measurement]) -> Ruling:
    """Which matrices the switch reaches, by the model's table of parameters, and how these are stored."""
    faithful = [run for run in runs if run.trained_on_a_grid]
    if not faithful:
        return Ruling.of(cant_tell(NOT_MEASURED))
    run = faithful[0]
    reached = run.trained_on_a_grid
    stored = ", ".join(f"{name} (stored in {form})" for name, form in reached.items())
    evidence = (
        f"the network of {run.run}, held to the published one's gradients under late QAT, trains {stored} on the grid; "
        f"of the {len(run.in_codes)} matrices that are stored in 6 bits "
        f"{sum(name in reached for name in run.in_codes) or 'none'}"
    )
    return Ruling.of(judge(set(run.in_codes) <= reached.keys(), evidence), MEDIUM)


@_on_runs
def calibration_text(runs: Sequence[Int6Measurement]) -> Ruling:
    """Whether the network that writes the text is, at every length, the one that is trained and scored."""
    run = next((run for run in runs if run.model.rotary_stretch is not None), None)
    if run is None or run.model.rotary_stretch is None:
        return Ruling.of(cant_tell(NOT_MEASURED))
    model, stretch = run.model, run.model.rotary_stretch
    bases = [rotary_base(model.rotary_base, length, stretch.from_length, model.rotary_dims)
             for length in range(1, model.context + 1)]  # fmt: skip
    others = sum(base != bases[-1] for base in bases[:-1]) if stretch.of == "call" else 0
    evidence = (
        f"the network of {run.run}, held to the published one's text, draws a token at each length; at {others} of "
        f"{model.context - 1} its rotary base is another than the {bases[-1]:,.0f} of training and scores"
    )
    return Ruling.of(judge(others == 0, evidence), MEDIUM)


def _damped(runs: Sequence[Int6Measurement]) -> list[tuple[Int6Measurement, float, float]]:
    """Runs damped by 0.005 in whose laboratory the same weights were damped by 0.01: how much higher that scores."""
    rows = [(run, run.rows["damping_0_01"]) for run in runs if "damping_0_01" in run.rows and run.damping == 0.005]
    return [(run, row.over_own_bpb, row.over_own_se) for run, row in rows]


def _damped_evidence(rows: Sequence[tuple[Int6Measurement, float, float]]) -> str:
    return "same weights, damped by 0.01 as #1019 instead of 0.005: " + "; ".join(
        f"{run.name} {format_with_error(difference, error, GAP_DECIMALS)} BPB" for run, difference, error in rows
    )


@_on_runs
def same_quantization(runs: Sequence[Int6Measurement]) -> Ruling:
    """With #1019's damping the same weights get other codes: their score is another."""
    rows = _damped(runs)
    if not rows:
        return Ruling.of(cant_tell(NOT_MEASURED))
    evidence = f"{_damped_evidence(rows)}: other codes, whatever the score"
    return Ruling.of(judge(False, evidence) if all(d != 0 for _, d, _ in rows) else cant_tell(evidence), MEDIUM)


@_on_runs
def damping_helps(runs: Sequence[Int6Measurement]) -> Ruling:
    """What the lower damping gains on models of a laptop's size: told, but no verdict on the published ones."""
    rows = _damped(runs)
    return Ruling.of(cant_tell(_damped_evidence(rows) if rows else NOT_MEASURED))
