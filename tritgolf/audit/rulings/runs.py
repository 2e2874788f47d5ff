"""Rulings on claims about one system, from its own logs: each runs the audit's checks over them."""

from collections.abc import Sequence
from statistics import fmean

from tritgolf.audit.checks import budget, evaluation, parameters, ternary, text, timing
from tritgolf.audit.checks.lines import restarts_are_explained
from tritgolf.audit.claims import HIGH, MEDIUM, Claim, Published, Ruling
from tritgolf.audit.expected import expected
from tritgolf.audit.figures import compare_mean, compare_std, figures_of
from tritgolf.audit.intervals import Interval, Printed, rounds_to
from tritgolf.audit.published import FIGURES, SeedTable
from tritgolf.audit.rulings.combine import all_of, over
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, cant_tell, judge

# Figure → how a claim's text states its mean over the seeds.
STATED = {
    "sliding_bpb": r"sliding (\d\.\d+)",
    "val_bpb": r"\bval (\d\.\d+)",
    "rt_bpb": r"RT (\d\.\d+)",
    "rt_gap": r"gap (\d\.\d+)",
    "total_bytes": r"total ([\d,]+) bytes",
}


def as_submission(published: Published, system: str) -> Submission:
    """A system's published logs as a submission folder, with all others known."""
    logs = published.of(system)
    return Submission(published.folder, logs=logs, known=tuple(log for log in published.logs if log not in logs))


def log_table(system: str, logs: Sequence[RunLog]) -> SeedTable:
    """Seed table out of the logs alone, at the precision they print."""
    seeds = {}
    for log in logs:
        found = figures_of(log)
        texts = {
            name: f"{found[name]:.0f}" if name == "total_bytes" else f"{found[name]:.4f}"
            for name in FIGURES
            if name in found
        }
        seeds[log.seed or 0] = {name: Printed(text) for name, text in texts.items()}
    return SeedTable(system, FIGURES, seeds)


def scores(claim: Claim, published: Published) -> Ruling:
    """The stated means, and the std of the sliding score, are those of the logs."""
    table = log_table(claim.system, published.of(claim.system))
    compared = [
        (name, compare_mean(printed, table.column(name)))
        for name, pattern in STATED.items()
        if (printed := claim.number(pattern)) and table.column(name)
    ]
    std = claim.number(r"std (\d\.\d+)")
    if std and len(table.column("sliding_bpb")) > 1:
        compared.append(("std of sliding_bpb", compare_std(std, table.column("sliding_bpb"))))
    if not compared:
        return Ruling.of(cant_tell("the claim states no figure of the logs"))
    wrong = [f"{name}: {c.text}" for name, c in compared if c.status == "differs"]
    right = ", ".join(f"{name} {c.printed}" for name, c in compared)
    return Ruling.of(judge(not wrong, "; ".join(wrong) or f"means of {len(table.seeds)} logs: {right}"))


def scores_and_artifact(claim: Claim, published: Published) -> Ruling:
    """The stated scores are the log's, and so is the artifact's size in megabytes."""
    return Ruling.of(all_of(scores(claim, published).outcome, artifact(claim, published).outcome))


def artifact(claim: Claim, published: Published) -> Ruling:
    """The stated megabytes are the logged total's, which fits, and the log's lines on it agree with each other."""
    logs, stated = published.of(claim.system), claim.number(r"(\d+\.\d+) MB")
    totals = [log.budget.total for log in logs if log.budget]
    if not stated or not totals:
        return Ruling.of(cant_tell("no size stated, or no budget line"))
    told = judge(
        all(rounds_to(total / 1e6, stated) for total in totals),
        f"stated {stated} MB; logged total {', '.join(f'{total:,}' for total in totals)} bytes",
    )
    same = budget.byte_counts_differ_between_runs(as_submission(published, claim.system))
    checks = (
        budget.total_is_within_the_limit,
        budget.megabytes_are_the_bytes,
        budget.verdict_agrees_with_the_limit,
        budget.artifact_and_code_make_the_total,
        parameters.count_is_the_configurations,
        parameters.stored_sizes_are_the_configurations,
    )
    return Ruling.of(all_of(told, *(over(check, logs) for check in checks), same))


def artifact_and_resume(claim: Claim, published: Published) -> Ruling:
    """The artifact, and whether the log shows that the run was resumed."""
    resumed = restarts_are_explained(as_submission(published, claim.system))
    verdict, evidence = artifact(claim, published).outcome
    return Ruling.of(Outcome(verdict, f"{evidence}; {resumed.evidence}"))


def bytes_total(claim: Claim, published: Published) -> Ruling:
    """The stated bytes_total is the total of one of the system's logs; if not, whose it is."""
    stated = claim.number(r"bytes_total (\d+)")
    totals = {log.name: log.budget.total for log in published.of(claim.system) if log.budget}
    if not stated or not totals:
        return Ruling.of(cant_tell("no bytes_total stated, or no budget line"))
    owners = [log.name for log in published.logs if log.budget and log.budget.total == stated.value]
    whose = f"; it is the total of {' and '.join(owners)}" if owners else ""
    told = ", ".join(f"{total:,}" for total in totals.values())
    return Ruling.of(judge(stated.value in totals.values(), f"stated {stated.value:,.0f}, logged {told}{whose}"))


def score_and_bytes(claim: Claim, published: Published) -> Ruling:
    """The stated score and size are of one run."""
    stated = claim if claim.number(r"bytes_total (\d+)") else _submission_claim(claim, published)
    score, size = stated.number(r"val_bpb (\d\.\d+)"), stated.number(r"bytes_total (\d+)")
    if not score or not size:
        return Ruling.of(cant_tell("no score or no size stated"))
    return Ruling.of(text.pairing(score, size, published.of(claim.system)))


def _submission_claim(claim: Claim, published: Published) -> Claim:
    """The claim that quotes the system's submission.json."""
    return next(c for c in published.claims if c.system == claim.system and c.where == "submission.json")


def time_limit(claim: Claim, published: Published) -> Ruling:
    """Every run's training time is within the limit."""
    return Ruling.of(over(timing.training_is_within_the_limit, published.of(claim.system)))


def time_and_bytes(claim: Claim, published: Published) -> Ruling:
    """Every run is within the limits of time and bytes."""
    fits = over(budget.total_is_within_the_limit, published.of(claim.system))
    return Ruling.of(all_of(time_limit(claim, published).outcome, fits))


def base3_ships(claim: Claim, published: Published) -> Ruling:
    """The ternary bytes are base-3's."""
    logs = published.of(claim.system)
    found = {
        log.name: (log.artifact.ternary_bytes, written)
        for log in logs
        if log.artifact and (written := ternary.written_layout(log))
    }
    if not found:
        return Ruling.of(cant_tell("the logs don't tell the layout"))
    base3 = next(iter(found.values()))[1][1].base3_bytes
    layouts = {layout for _, (layout, _) in found.values()}
    told = ", ".join(f"{name.removesuffix('.log')} {size:,}" for name, (size, _) in found.items())
    evidence = f"base-3 with scales is {base3:,} bytes for any weights; logged: {told}: {' and '.join(sorted(layouts))}"
    if "int8" in claim.text:
        evidence += "; how large int8 and zlib would be is not in the logs"
    return Ruling.of(judge(layouts == {"base-3"}, evidence))


def gaps_are_zero(claim: Claim, published: Published) -> Ruling:
    """No roundtrip gap is left in the logs."""
    gaps = {log.name: figures_of(log)["rt_gap"] for log in published.of(claim.system) if "rt_gap" in figures_of(log)}
    told = ", ".join(f"{name} {gap:.4f}" for name, gap in gaps.items())
    # Two scores of four decimals: a difference up to 0.0001 can be no difference.
    none_left = all(abs(gap) < 1.05e-4 for gap in gaps.values())
    return Ruling.of(judge(none_left, f"RT bpb − val_bpb: {told}") if gaps else cant_tell("no roundtrip line"))


def fp_storage_halves(claim: Claim, published: Published) -> Ruling:
    """The non-ternary elements take half of what 16 bits each would. What that costs is in no log."""
    shares = {
        log.artifact.fp_bytes / (2 * log.artifact.fp_parameters) for log in published.of(claim.system) if log.artifact
    }
    if not shares:
        return Ruling.of(cant_tell("no artifact line"))
    told = f"logged FP bytes are {', '.join(f'{share:.3f}' for share in sorted(shares))} of 16 bits an element"
    told += "; of the penalty logs say nothing"
    return Ruling.of(judge(all(Interval(0.475, 0.525).contains(share) for share in shares), told))


def sliding_gain(claim: Claim, published: Published) -> Ruling:
    """val_bpb less sliding BPB is the stated gain (as printed: the first has the z-loss in it, the second not)."""
    stated = claim.number(r"about (\d\.\d+)")
    gains = [
        f["val_bpb"] - f["sliding_bpb"]
        for log in published.of(claim.system)
        if (f := figures_of(log)).keys() >= {"val_bpb", "sliding_bpb"}
    ]
    if not stated or not gains:
        return Ruling.of(cant_tell("no gain stated, or no sliding score"))
    evidence = (
        f"val_bpb − sliding is {fmean(gains):.4f} on average; but the first is the trained model's with the z-loss, "
        "the second the reloaded one's without"
    )
    return Ruling.of(judge(abs(fmean(gains) - stated.value) < 0.002, evidence), MEDIUM)


def parameter_count(claim: Claim, published: Published) -> Ruling:
    """The stated count is the logged one, and all of it is used; a fused gate would show in the ternary weights."""
    logs, stated = published.of(claim.system), claim.number(r"(\d+\.\d)M parameters")
    counts = {log.parameters for log in logs if log.parameters}
    outcomes = [over(parameters.every_parameter_is_used, logs)]
    if stated:
        right = all(rounds_to(count / 1e6, stated) for count in counts)
        outcomes.append(judge(right, f"stated {stated}M; logged {', '.join(f'{c:,}' for c in sorted(counts))}"))
    if "gate" in claim.text:
        outcomes.append(over(_no_gate, logs))
    return Ruling.of(all_of(*outcomes), HIGH)


def _no_gate(log: RunLog) -> Outcome:
    """Whether the ternary count leaves room for a gate beside the up projection."""
    implied = expected(log)
    layers, width, multiple = (log.setting_int(key) for key in ("num_layers", "model_dim", "mlp_mult"))
    if implied is None or log.artifact is None or not (layers and width and multiple):
        return cant_tell("the log doesn't say how many ternary weights there are")
    gate = layers * width * multiple * width
    extra = log.artifact.ternary_parameters - implied.counts.ternary
    return judge(
        extra == gate,
        f"{log.artifact.ternary_parameters:,} ternary weights, {implied.counts.ternary:,} without a gate; "
        f"a gate beside the up projection would add {gate:,}",
    )


def score_is_pure(claim: Claim, published: Published) -> Ruling:
    """No validation figure has the z-loss in it: only a log with a validation at step 0 can show it."""
    logs = [log for log in published.of(claim.system) if any(line.step == 0 for line in log.validations)]
    return Ruling.of(over(evaluation.step_zero_is_the_uniform_guess, logs))


def temperature(claim: Claim, published: Published) -> Ruling:
    """A best temperature that is not always the grid's first."""
    return Ruling.of(evaluation.temperature_search(published.of(claim.system)))


def averages(claim: Claim, published: Published) -> Ruling:
    """Step averages are time over steps."""
    return Ruling.of(over(timing.averages_are_time_over_steps, published.of(claim.system)))
