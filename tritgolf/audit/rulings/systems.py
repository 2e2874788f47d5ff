"""Rulings on claims that compare systems, from their logs: settings, gaps, zero fractions, bytes a kind of tensor."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from tritgolf.audit.checks import ternary
from tritgolf.audit.claims import HIGH, LOW, MEDIUM, Claim, Published, Ruling
from tritgolf.audit.contest import BYTE_LIMIT
from tritgolf.audit.expected import expected
from tritgolf.audit.figures import figures_of
from tritgolf.audit.rulings.combine import over
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.significance import improvement
from tritgolf.outcome import Outcome, Verdict, cant_tell, holds, judge

# Settings that change neither the model nor its training, under the standard architecture.
NEUTRAL = {
    "run_id", "seed", "sliding_batch_size", "checkpoint_dir", "checkpoint_every", "val_loss_every", "embed_rank",
    "tversky_feature_pools", "tversky_num_features",
}  # fmt: skip

ABSMEAN, RMS = "pr640", "pr920"
LONG_ABSMEAN, LONG_RMS = "ternary_150k_fp16", "pr923"


def differing_settings(one: Sequence[RunLog], other: Sequence[RunLog]) -> dict[str, tuple[str, str]]:
    """Settings that differ between two systems, as (one, other); those that vary within a system are left out."""
    a, b = (_shared_settings(logs) for logs in (one, other))
    differ = {key: (a.get(key, "absent"), b.get(key, "absent")) for key in sorted(a.keys() | b.keys())}
    return {key: pair for key, pair in differ.items() if pair[0] != pair[1] and key not in NEUTRAL}


def _shared_settings(logs: Sequence[RunLog]) -> dict[str, str]:
    if not logs:
        return {}
    first = logs[0].hyperparameters
    return {key: value for key, value in first.items() if all(log.hyperparameters.get(key) == value for log in logs)}


def only_stated_changes(claim: Claim, published: Published) -> Ruling:
    """Between #640 and #920 nothing but E and the warmdown changed in the settings, nor the estimator in the code."""
    differ = differing_settings(published.of(ABSMEAN), published.of(RMS))
    if not differ:
        return Ruling.of(cant_tell("no settings to compare"))
    others = {key: pair for key, pair in differ.items() if key not in ("embed_dim", "warmdown_fraction")}
    told = [f"{key} {a} → {b}" for key, (a, b) in others.items()]
    one, other = (published.estimators.get(system, "?") for system in (ABSMEAN, RMS))
    if one != other:
        told.append(f"scale estimator in the code {one} → {other}")
    before, after = (_mean_zeros(published.of(system)) for system in (ABSMEAN, RMS))
    if before and after:
        told.append(f"zero trits by the logged bytes {before:.3f} → {after:.3f}, as another estimator makes them")
    return Ruling.of(judge(not others and one == other, "; ".join(told)))


def only_length_and_smear(claim: Claim, published: Published) -> Ruling:
    """#923's settings are #920's but for smear gates and length; its parameter count should have the gates then."""
    differ = differing_settings(published.of(RMS), published.of(LONG_RMS))
    if not differ:
        return Ruling.of(cant_tell("no settings to compare"))
    stated = {"smear", "iterations", "max_wallclock_seconds"}
    told = ", ".join(f"{key} {a} → {b}" for key, (a, b) in differ.items())
    line = f"settings that change model or training: {told}"
    count = [log for log in published.of(LONG_RMS) if (e := expected(log)) and log.parameters != e.counts.published]
    if count:
        line += f"; but {count[0].name} counts {count[0].parameters:,} parameters, none of them a smear gate's"
    return Ruling.of(judge(set(differ) <= stated, line), MEDIUM)


def gap_difference(claim: Claim, published: Published) -> Ruling:
    """The gaps of #640 and #920 differ significantly (one-sided Welch, margin 0, 5 %), were all else equal."""
    old, new = (_gaps(published.of(system)) for system in (ABSMEAN, RMS))
    if min(len(old), len(new)) < 2:
        return Ruling.of(cant_tell("fewer than two gaps on a side"))
    test = improvement(new, old, margin=0.0, level=0.05)
    seeds = f"{_listed(old)} against {_listed(new)}"
    if test.passes:
        return Ruling.of(holds(f"{seeds}: {test}"), LOW)
    return Ruling.of(cant_tell(f"{seeds}: not significant ({test}), and more than the storage differs between the two"))


def long_gap(claim: Claim, published: Published) -> Ruling:
    """The gap at 150,000 steps beside #923's and #640's: what else differs, and how far 1/(1 − z) goes."""
    short, long, other = (published.of(system) for system in (ABSMEAN, LONG_ABSMEAN, LONG_RMS))
    z_short, z_long, gap_short, gap_long = _mean_zeros(short), _mean_zeros(long), _gaps(short), _gaps(long)
    if not (z_short and z_long and gap_short and gap_long):
        return Ruling.of(cant_tell("no gap or no bitmask to take a zero fraction from"))
    before, after = 1 / (1 - z_short), 1 / (1 - z_long)
    growth, fold = after / before - 1, gap_long[0] / fmean(gap_short)
    differ = differing_settings(long, other)
    estimators = [published.estimators.get(system, "?") for system in (LONG_ABSMEAN, LONG_RMS)]
    return Ruling.of(
        cant_tell(
            f"1/(1 − z) goes from {before:.3f} (#640) to {after:.3f}, {growth:.0%} more, "
            f"the gap from {fmean(gap_short):.4f} to {gap_long[0]:.4f}, {fold:.0f}-fold; "
            f"against #923 it differs in {', '.join(differ)}, seed and estimator ({' and '.join(estimators)}) too"
        )
    )


def amplification_grows(claim: Claim, published: Published) -> Ruling:
    """1/(1 − zero_frac) grows over #923's own printed zero fractions; and between the two absmean runs."""
    lines = [line for log in published.of(LONG_RMS) for line in log.validations if line.zero_fraction and line.step]
    if len(lines) < 2:
        return Ruling.of(cant_tell("no zero fractions over training"))
    first, last = (line.zero_fraction.value for line in (lines[0], lines[-1]) if line.zero_fraction)
    evidence = (
        f"by #923's own zero_frac 1/(1 − z) goes from {1 / (1 - first):.3f} at step {lines[0].step:,} "
        f"to {1 / (1 - last):.3f} at step {lines[-1].step:,}"
    )
    z_short, z_long = (_mean_zeros(published.of(system)) for system in (ABSMEAN, LONG_ABSMEAN))
    if z_short and z_long:
        evidence += (
            f"; by the bytes of #640 and the 150k run it goes from {1 / (1 - z_short):.3f} to {1 / (1 - z_long):.3f}"
        )
    return Ruling.of(judge(last > first, evidence), MEDIUM)


def zero_fraction(claim: Claim, published: Published) -> Ruling:
    """The printed zero fractions are those of the stored trits; and which way the true one goes with training."""
    system = claim.system if claim.system == "all" else RMS
    printed = over(
        ternary.printed_zero_fraction_is_true, [log for log in published.of(system) if not _repeats(log, published)]
    )
    z_short, z_long = (_mean_zeros(published.of(name)) for name in (ABSMEAN, LONG_ABSMEAN))
    trend = f"zeros by the bytes: #640 {z_short:.3f}, 150k steps {z_long:.3f}" if z_short and z_long else ""
    repeated = [log.name for log in published.of(LONG_RMS) if _repeats(log, published)]
    unknown = f"; unknown for {', '.join(repeated)}, whose ternary bytes are another run's" if repeated else ""
    if printed.verdict is Verdict.CANT_TELL:
        return Ruling.of(printed)
    return Ruling.of(
        Outcome(printed.verdict, f"{printed.evidence}; {trend}{unknown}"), HIGH if system == "all" else MEDIUM
    )


def embedding_cost(claim: Claim, published: Published) -> Ruling:
    """What E 254 → 312 costs: e4m3 bytes by the artifact lines, compressed bytes by the rates that fit all logs.

    Two rates (ternary, other) are fitted to artifact = a·ternary + b·other by least squares over the short runs' logs.
    """
    stated = claim.number(r"(\d+) KB")
    logs = [log for system in (ABSMEAN, RMS) for log in published.of(system) if log.artifact and log.artifact_bytes]
    kinds = np.array([[log.artifact.ternary_bytes, log.artifact.fp_bytes] for log in logs if log.artifact], dtype=float)
    if not stated or len(logs) < 3 or np.linalg.matrix_rank(kinds) < 2:
        return Ruling.of(cant_tell("no cost stated, or too few artifact lines"))
    rates = np.linalg.lstsq(kinds, np.array([log.artifact_bytes for log in logs], dtype=float), rcond=None)[0]
    grown = float(np.ptp(kinds[:, 1]))
    compressed = grown * float(rates[1])
    spare = BYTE_LIMIT - max(log.budget.total for log in published.of(RMS) if log.budget)
    evidence = (
        f"the e4m3 bytes grow by {grown:,.0f}; at {rates[1]:.4f} compressed bytes a byte, the rate that fits the logs' "
        f"artifacts, that is {compressed / 1000:,.0f} KB, against {stated} KB stated ({spare:,} bytes were left)"
    )
    return Ruling.of(judge(abs(compressed / 1000 - stated.value) < 0.5 * stated.value, evidence), MEDIUM)


def _gaps(logs: Sequence[RunLog]) -> list[float]:
    return [found["rt_gap"] for log in logs if "rt_gap" in (found := figures_of(log))]


def _listed(gaps: Sequence[float]) -> str:
    return ", ".join(f"{gap:.4f}" for gap in gaps)


def _mean_zeros(logs: Sequence[RunLog]) -> float | None:
    """Mean zero fraction by the bitmask's bytes; None if no log tells."""
    found = [
        zeros.low
        for log in logs
        if log.artifact and (e := expected(log)) and (zeros := e.zero_fraction(log.artifact.ternary_bytes))
    ]
    return fmean(found) if found else None


def _repeats(log: RunLog, published: Published) -> bool:
    """Whether the log's ternary bytes are those of an earlier system's run: then they are not evidence of its own."""
    size = log.artifact.ternary_bytes if log.artifact else None
    return log.name.startswith(LONG_RMS) and any(
        other.artifact and other.artifact.ternary_bytes == size for other in published.logs if other is not log
    )
