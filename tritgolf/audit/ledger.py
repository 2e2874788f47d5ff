"""The claims ledger: every published claim, ruled on by logs or by measurements.

What decides a claim stands in two tables, claim id → ruling; a claim may be in both. The page is generated
(``docs/claims.md``), its figures come from ``published/`` and ``measured/`` alone.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tritgolf.audit.claims import HIGH, LOW, MEDIUM, Claim, Entry, Kind, Published, Ruling
from tritgolf.audit.measurements import Measurements
from tritgolf.audit.measurements_reader import read_measurements
from tritgolf.audit.rulings import (
    int6,
    int6_costs,
    int6_details,
    int6_measured,
    int6_methods,
    int6_trits,
    int6_variants,
    measured,
    recurrent,
    recurrent_measured,
    recurrent_methods,
    recurrent_settings,
    recurrent_storage,
    runs,
    stride,
    systems,
)
from tritgolf.outcome import Verdict, cant_tell
from tritgolf.report.statistics import NOT_KNOWN

LogRuling = Callable[[Claim, Published], Ruling]
MeasuredRuling = Callable[[Claim, Published, Measurements], Ruling]

BY_LOGS: dict[str, LogRuling] = {
    "c01": runs.scores,
    "c02": runs.time_and_bytes,
    "c03": runs.base3_ships,
    "c04": runs.temperature,
    "c05": runs.gaps_are_zero,
    "c06": runs.fp_storage_halves,
    "c07": runs.sliding_gain,
    "c08": runs.parameter_count,
    "c09": runs.scores,
    "c10": systems.only_stated_changes,
    "c11": systems.gap_difference,
    "c12": systems.embedding_cost,
    "c13": runs.time_limit,
    "c14": stride.sliding_stride,
    "c15": runs.parameter_count,
    "c16": runs.score_and_bytes,
    "c17": runs.scores_and_artifact,
    "c18": systems.zero_fraction,
    "c19": systems.long_gap,
    "c20": systems.only_length_and_smear,
    "c21": runs.bytes_total,
    "c22": systems.amplification_grows,
    "r01": systems.only_stated_changes,
    "r02": systems.gap_difference,
    "r03": runs.temperature,
    "r04": runs.score_is_pure,
    "r05": systems.zero_fraction,
    "r06": runs.base3_ships,
    "r07": runs.artifact_and_resume,
    "r08": runs.time_limit,
    "r09": stride.sliding_stride,
    "r10": runs.parameter_count,
    "r11": systems.long_gap,
    "r12a": runs.score_and_bytes,
    "r12b": systems.embedding_cost,
    "r12c": runs.averages,
    "s01": recurrent.scores_of_seeds,
    "s02": recurrent.scores_of_stages,
    "s03": recurrent.totals,
    "s04": recurrent.significance,
    "s06": recurrent.training_seconds,
    "s07": recurrent.evaluation_seconds,
    "s08": recurrent_storage.bigram_regularizes,
    "s09": recurrent_storage.bigram_frees,
    "s10": recurrent_settings.two_changes,
    "s11": recurrent_storage.passthrough_saves,
    "s13": recurrent_storage.passthrough_makes_it_fit,
    "s14": recurrent_storage.passthrough_error,
    "s16": recurrent_settings.script_bytes,
    "s17": recurrent_settings.recurrence_start,
    "s19": recurrent_methods.adaptation,
    "s20": recurrent_methods.inference_mode,
    "s21": recurrent_methods.scored_once,
    "s22": recurrent_methods.no_forbidden_method,
    "s23": recurrent_methods.independent_seeds,
    "s24": recurrent_settings.weight_decay,
    "s25": recurrent_settings.seed_page,
    "s29": recurrent_settings.architecture,
    "s30": recurrent_methods.gate_source,
    "s31": recurrent_storage.gptq_settings,
    "s33": recurrent.merged_figures,
    "s34": recurrent_settings.one_script,
    "t01": int6.slot_scores,
    "t02": int6.new_record,
    "t03": int6_methods.no_scored_region,
    "t04": int6_methods.fitted_then_scored,
    "t05": int6_methods.only_graded_tokens,
    "t06": int6_methods.score_first,
    "t07": int6_methods.last_blocks_only,
    "t08": int6_methods.trained_weights,
    "t09": int6_methods.before_quantization,
    "t10": int6.adaptation_improves,
    "t11": int6.adaptation_alone,
    "t12": int6_costs.seconds_of_stages,
    "t13": int6_costs.evaluation_is_bounded,
    "t14": int6_costs.stated_bytes,
    "t15": int6_costs.last_step,
    "t16": int6_methods.same_architecture,
    "t17": int6_methods.same_quantization,
    "t18": int6_methods.late_qat,
    "t19": int6_methods.averages,
    "t20": int6_methods.pruning,
    "t21": int6_methods.review,
    "t22": int6_methods.below_a_floor,
    "t23": int6.slot_scores,
    "t24": int6_costs.steps_and_wall_time,
    "t25": int6_costs.stated_bytes,
    "t26": int6.without_slot,
    "t27": int6_variants.earlier_set,
    "t28": int6_variants.adaptation_hurts,
    "t29": int6_variants.other_counts,
    "t30": int6_variants.fits_in_mib,
    "t31": int6_variants.over_the_limit,
    "t32": int6_methods.no_log,
    "t33": int6_variants.wider_hurts,
    "t34": int6_variants.export_bug,
    "t35": int6_methods.no_ternary_mlp,
    "t36": int6_variants.first_score,
    "t37": int6_variants.ternary_size,
    "t38": int6_variants.parameter_count,
    "t39": int6_variants.table_format,
    "t40": int6_variants.rank_zero,
    "t41": int6_variants.late_qat_figures,
    "t42": int6_variants.decay_is_used,
    "t43": int6_variants.jump_is_of_quantization,
    "t44": int6.merged_record,
    "t45": int6_methods.parts_of_the_record,
    "t46": int6_costs.largest_artifact,
    "t47": int6_details.calibration_text,
    "t48": int6_details.after_training,
    "t49": int6_details.each_target_once,
    "t50": int6_details.printed_names,
    "t51": int6_details.damping_helps,
}

BY_MEASUREMENT: dict[str, MeasuredRuling] = {
    "c04": measured.temperature,
    "c05": measured.shrinkage,
    "c06": measured.e4m3_penalty,
    "c07": measured.sliding_gain,
    "c11": measured.scale_storage,
    "c18": measured.zeros_fall,
    "c19": measured.scale_storage_long,
    "c22": measured.amplification_grows,
    "r02": measured.scale_storage,
    "r03": measured.temperature,
    "r04": measured.z_loss,
    "r05": measured.zero_fraction_is_true,
    "r11": measured.scale_storage_long,
    "s08": recurrent_measured.bigram_is_inert,
    "s19": recurrent_measured.adaptation_is_causal,
    "s21": recurrent_measured.scored_once,
    "s22": recurrent_measured.everything_is_causal,
    "s31": recurrent_measured.gptq_beats_nearest,
    "t03": int6_measured.no_scored_region,
    "t04": int6_measured.fitted_then_scored,
    "t05": int6_measured.only_graded_tokens,
    "t06": int6_measured.score_first,
    "t17": int6_measured.same_quantization,
    "t18": int6_measured.late_qat,
    "t22": int6_measured.is_no_compression,
    "t34": int6_trits.export_bug,
    "t35": int6_trits.ternary_mlp,
    "t40": int6_trits.lossless_export,
    "t47": int6_measured.calibration_text,
    "t49": int6_measured.each_target_once,
    "t51": int6_measured.damping_helps,
}

WORD_OF = {verdict: "can't tell yet" if verdict is Verdict.CANT_TELL else verdict.value for verdict in Verdict}

OPEN_IN_PART = "open in part"
CONFIDENCES = (HIGH, MEDIUM, LOW, "")


def rule(published: Published, measurements: Measurements) -> list[Entry]:
    """Every claim ruled on: once by logs, and by measurement where logs leave something open."""
    entries = []
    for claim in published.claims:
        by_logs, by_measurement = BY_LOGS.get(claim.id), BY_MEASUREMENT.get(claim.id)
        if by_logs is None and by_measurement is None:
            entries.append(Entry(claim, "logs", Ruling.of(cant_tell("nothing here decides this claim"))))
        if by_logs is not None:
            entries.append(Entry(claim, "logs", by_logs(claim, published)))
        if by_measurement is not None:
            entries.append(Entry(claim, "measurement", by_measurement(claim, published, measurements)))
    return entries


def read_ledger(published: str | Path, measurements: str | Path) -> list[Entry]:
    """``rule`` on two folders."""
    return rule(Published(Path(published)), read_measurements(measurements))


@dataclass(frozen=True)
class Verdicts:
    """A claim with what each kind of evidence says of it, in words; an em dash where there is none."""

    claim: Claim
    by_logs: str
    by_measurement: str
    together: str


def verdicts(entries: Iterable[Entry]) -> list[Verdicts]:
    """Every claim once, in the order of the entries."""
    rulings: dict[Claim, dict[Kind, Ruling]] = {}
    for entry in entries:
        rulings.setdefault(entry.claim, {})[entry.kind] = entry.ruling
    return [
        Verdicts(claim, told(found.get("logs")), told(found.get("measurement")), together(list(found.values())))
        for claim, found in rulings.items()
    ]


def told(ruling: Ruling | None) -> str:
    """``contradicted, high``: verdict and confidence."""
    if ruling is None:
        return NOT_KNOWN
    word = WORD_OF[ruling.outcome.verdict]
    return f"{word}, {ruling.confidence}" if ruling.confidence else word


def together(rulings: Sequence[Ruling]) -> str:
    """What all rulings on a claim come to, with the greatest confidence of those that say so."""
    found = {ruling.outcome.verdict for ruling in rulings}
    if Verdict.DISPUTED in found or {Verdict.HOLDS, Verdict.CONTRADICTED} <= found:
        return WORD_OF[Verdict.DISPUTED]
    if found == {Verdict.HOLDS, Verdict.CANT_TELL}:
        return OPEN_IN_PART
    decided = [ruling for ruling in rulings if ruling.outcome.verdict is not Verdict.CANT_TELL]
    return told(min(decided or rulings, key=lambda ruling: CONFIDENCES.index(ruling.confidence)))
