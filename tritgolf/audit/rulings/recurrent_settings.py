"""Rulings on what #1716 and #1493 say of their settings, model and method, from the settings their logs print."""

import math
from collections.abc import Mapping

from tritgolf.audit.claims import MEDIUM, Claim, Published, Ruling
from tritgolf.audit.intervals import rounds_to
from tritgolf.audit.recurrent_facts import RecurrentRun, RecurrentRuns
from tritgolf.audit.rulings.combine import all_of
from tritgolf.audit.rulings.recurrent import MERGED, on_runs
from tritgolf.audit.rulings.recurrent_model import parameters_of
from tritgolf.outcome import Outcome, cant_tell, holds, judge

CODE_SIZES = {"raw": "readable", "minified": "minified", "LZMA": "compressed", "wrapped": "wrapped"}


def setting_is(run: RecurrentRun, key: str, value: float | str) -> Outcome:
    """Whether a printed setting is ``value``, a number or a word."""
    printed = run.settings.get(key)
    if printed is None:
        return cant_tell(f"{key} is not among the settings")
    if isinstance(value, float) and math.isnan(value):
        return cant_tell(f"the claim states no {key}")
    same = run.setting(key) == value if isinstance(value, int | float) else printed == value
    return judge(same, f"{key}: {printed}")


def all_settings(run: RecurrentRun, expected: Mapping[str, float | str]) -> Outcome:
    """``setting_is`` of several."""
    return all_of(*(setting_is(run, key, value) for key, value in expected.items()))


def number_in(claim: Claim, pattern: str) -> float:
    """A number of the claim's text; NaN, which no setting equals, where it states none."""
    printed = claim.number(pattern)
    return printed.value if printed else float("nan")


@on_runs(MERGED)
def two_changes(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """Against #1493 only the bigram table's settings differ; its logs should have such a table then, 48 wide."""
    one, other = published.recurrent(MERGED).runs[-1], runs.runs[0]
    differ = [
        key for key in sorted(one.settings.keys() & other.settings.keys())
        if one.settings[key] != other.settings[key] and key != "seed"
    ]  # fmt: skip
    told = [f"{key} {one.settings[key]} → {other.settings[key]}" for key in differ]
    gates = [key for key in ("gate_attn_out", "smear_gate_enabled") if key in other.settings.keys() - one.settings]
    if gates:
        told.append(f"{' and '.join(gates)} are new")
    if "bigram_dim" not in one.settings:
        told.append(f"#1493 has no bigram table, {one.numbers['parameters']:,} parameters")
        told.append(f"#1716 {other.numbers['parameters']:,}")
    tokens = [run.numbers["validation_tokens"] for run in (one, other)]
    if tokens[0] != tokens[1]:
        told.append(f"validation tokens {tokens[0]:,} → {tokens[1]:,}")
    as_claimed = differ == ["bigram_dim"] and not gates and one.setting("bigram_dim") == number_in(claim, r"vs (\d+)")
    return Ruling.of(judge(as_claimed, "; ".join(told) or "no other setting differs"))


@on_runs()
def script_bytes(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """The stated sizes of the script are those counted on it, and the wrapped one is the logs' code size."""
    if not runs.script:
        return Ruling.of(cant_tell("nobody counted the script's bytes"))
    sizes = {stage: claim.number(rf"([\d,]+)(?: bytes)? {stage}") for stage in CODE_SIZES}
    script = runs.script
    wrong = [
        f"{stage}: stated {printed.value:,.0f}, the file has {script[CODE_SIZES[stage]]:,}"
        for stage, printed in sizes.items()
        if printed and printed.value != script[CODE_SIZES[stage]]
    ]
    logged = set(runs.numbers("code_bytes"))
    if logged != {script["wrapped"]}:
        wrong.append(f"the logs print {', '.join(f'{size:,}' for size in sorted(logged))}")
    right = [stage for stage, printed in sizes.items() if printed and printed.value == script[CODE_SIZES[stage]]]
    return Ruling.of(judge(not wrong, "; ".join([*wrong, f"as stated: {', '.join(right)}"])))


@on_runs()
def recurrence_start(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """The stated share of training is that of the steps before the recurrence begins; the fraction is the setting."""
    share = claim.number(r"(\d+)% of training")
    steps = list(zip(runs.numbers("recurrence_step"), runs.numbers("steps"), strict=True))
    told = ", ".join(f"step {step:,} of {last:,} = {step / last:.1%}" for step, last in steps)
    fraction = setting_is(runs.runs[0], "enable_looping_at", number_in(claim, r"fraction (\d\.\d+)"))
    if share is None:
        return Ruling.of(cant_tell(told))
    right = all(rounds_to(100 * step / last, share) for step, last in steps)
    evidence = f"{told}; {fraction.evidence}, which is of the time, not of the steps"
    return Ruling.of(all_of(judge(right, evidence), fraction), MEDIUM)


@on_runs()
def weight_decay(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """The stated decays of table and matrices are the settings'."""
    decays: dict[str, float | str] = {
        "embed_wd": number_in(claim, r"decay (\d\.\d+) for the embedding"),
        "muon_wd": number_in(claim, r"(\d\.\d+) for matrices"),
    }
    return Ruling.of(all_settings(runs.runs[0], decays))


@on_runs()
def seed_page(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """What a page of the runs lists is what their logs print."""
    bits, length = number_in(claim, r"(\d+) bits"), number_in(claim, r"length ([\d,]+)")
    compression = claim.text.partition("compression ")[2].partition(";")[0].lower()
    expected: dict[str, float | str] = {
        "muon_wd": number_in(claim, r"Muon weight decay (\d\.\d+)"), "adam_wd": number_in(claim, r"AdamW .*?(\d\.\d+)"),
        "train_seq_len": length, "eval_seq_len": length, "compressor": compression,
        "matrix_bits": bits, "embed_bits": bits,
    }  # fmt: skip
    return Ruling.of(all_settings(runs.runs[0], expected))


@on_runs()
def architecture(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """The stated sizes are the settings', and a model of these has as many parameters as the logs count.

    The slope of the MLP is in no log.
    """
    run = runs.runs[0]
    expected: dict[str, float | str] = {
        "num_layers": number_in(claim, r"(\d+) layers"), "model_dim": number_in(claim, r"width (\d+)"),
        "num_heads": number_in(claim, r"(\d+)/\d+ heads"), "num_kv_heads": number_in(claim, r"\d+/(\d+) heads"),
        "mlp_mult": number_in(claim, r"MLP (\d+)x"), "rope_dims": number_in(claim, r"rotary (\d+)/"),
        "logit_softcap": number_in(claim, r"softcap (\d+)"), "skip_gates_enabled": "True",
        "parallel_residual_start": number_in(claim, r"from layer (\d+)"), "gate_attn_out": "True",
        "gate_width": number_in(claim, r"gate of width (\d+)"), "smear_gate_enabled": "True",
        "smear_gate_width": number_in(claim, r"gate of width (\d+)"),
    }  # fmt: skip
    counted = parameters_of(run)
    logged = run.numbers["parameters"]
    unstated = ", ".join(f"{key}: {run.settings[key]}" for key in ("xsa_last_n", "ln_scale") if key in run.settings)
    return Ruling.of(
        all_of(
            all_settings(run, expected),
            judge(counted == logged, f"such a model has {counted:,} parameters, the logs count {logged:,}"),
            holds(f"not listed, but printed: {unstated}; the slope of 0.5 is in no log"),
        ),
        MEDIUM,
    )


@on_runs()
def one_script(claim: Claim, runs: RecurrentRuns, published: Published) -> Ruling:
    """The logs of the seeds print one code size and the same settings."""
    sizes, settings = runs.numbers("code_bytes"), [set(run.settings) for run in runs.runs]
    told = ", ".join(f"seed {run.seed} {size:,} bytes" for run, size in zip(runs.runs, sizes, strict=True))
    extra = sorted(settings[0].union(*settings) - settings[0].intersection(*settings))
    only = f"; settings of some logs only: {', '.join(extra)}" if extra else ""
    return Ruling.of(judge(len(set(sizes)) == 1 and not extra, f"code: {told}{only}"))
