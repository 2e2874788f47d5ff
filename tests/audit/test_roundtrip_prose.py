"""Numbers in the prose of docs/roundtrip.md, and of the report's page behind it, are those that were kept."""

import json
import statistics
from pathlib import Path

import pytest

from tests import kept
from tritgolf.report.published import read_published

ROOT = Path(__file__).parents[2]
PAGE = " ".join(
    " ".join((ROOT / "captions" / f"roundtrip_{part}.md").read_text() for part in ("paper", "page")).split()
)
RMS = kept.LONG_AS_WRITTEN[1]


def long_laboratories_of_all_checkpoints() -> list[dict]:
    """Of the long models as written: those of the way too."""
    runs = kept.LONG_AS_WRITTEN
    return [kept.laboratory(run, checkpoint) for run in runs for checkpoint in kept.checkpoints(run, "laboratory.json")]


def test_fp16_less_bf16_scales_at_full_size():
    assert "differ by less than 0.00003 BPB at the end of four runs at full size (on the way by up to 0.00006)" in PAGE
    for folder in kept.FULL_SIZE:
        for checkpoint in kept.checkpoints(folder, "roundtrip.json"):
            found = kept.storages(folder, checkpoint)
            most = 0.00003 if checkpoint == "final" else 0.00006
            assert abs(found["fp16"]["gap_bpb"] - found["bf16"]["gap_bpb"]) < most


def test_what_the_format_of_the_scales_changes_in_the_long_models():
    assert "whose gaps are 0.016 to 0.042, they differ by 0.00011 at most." in PAGE
    at_the_end = [kept.spread(each, "fp16", "bf16") for each in kept.long_laboratories()]
    assert max(at_the_end) == pytest.approx(0.00011, abs=5e-6)
    assert "FP16 make the same gap within 0.0002" in PAGE
    assert "up to 0.00036, in either direction, in both models" in PAGE
    found = long_laboratories_of_all_checkpoints()
    assert len(found) > 6
    assert all(kept.spread(kept.laboratory(folder), "fp32", "bf16", "fp16") < 0.0002 for folder in kept.LONG_AS_WRITTEN)
    assert max(kept.spread(each, "fp32", "bf16", "fp16") for each in found) == pytest.approx(0.00036, abs=5e-6)


def test_the_forward_passs_trits_cost_next_to_no_bytes():
    assert "storing the forward pass's own trits costs 1,640 bytes at most of 15 million" in PAGE
    assert "for 412 bytes at most (1,640 at full size)" in PAGE

    def most(found: list[dict]) -> int:
        return max(
            kept.grid_row(each, "without_decide")["bytes"] - kept.grid_row(each, "own")["bytes"] for each in found
        )

    assert most([kept.laboratory(folder) for folder in kept.FULL_SIZE]) == 1640
    assert most(long_laboratories_of_all_checkpoints()) == 412


def test_the_gap_after_the_records_own_length():
    found = kept.laboratory(kept.LENGTH_AS_WRITTEN)
    own, forward = kept.grid_row(found, "own"), kept.grid_row(found, "decide_forward")
    by_trits = own["gap_bpb"] - forward["gap_bpb"]
    assert "The run as written loses 0.0055, of which 0.0043 come from 0.65 % of the trits" in PAGE
    assert "that costs 0.0043 of the gap's 0.0055" in PAGE
    assert (f"{own['gap_bpb']:.4f}", f"{by_trits:.4f}") == ("0.0055", "0.0043")
    assert "the other run has left without those trits, 0.0011," in PAGE and f"{forward['gap_bpb']:.4f}" == "0.0011"
    assert "three times as many lie there as an even spread" in PAGE and "0.65 % of the trits are" in PAGE
    assert found["threshold"]["crowding"] == pytest.approx(3, abs=0.2)
    assert f"{100 * own['trits_changed'] / found['ternary_weights']:.2f}" == "0.65"
    flips = found["threshold"]["flips"]
    by_fp32, by_fp16 = flips["fp32_weight_fp32_scale"], flips["fp32_weight_fp16_scale"]
    assert f"by {by_fp32:,} trits with FP32 scales, by {by_fp16:,} with FP16 ones" in PAGE
    *earlier, before = (
        kept.storages(kept.LENGTH_AS_WRITTEN, step)["bf16"] for step in ("step_002000", "step_004000", "step_006000")
    )
    assert "a third as many trits differ already and the whole gap is 0.0011" in PAGE
    assert f"{before['gap_bpb']:.4f}" == "0.0011"
    assert "Up to 6,000 steps that run's gap is no more than 0.0012" in PAGE
    assert max(each["gap_bpb"] for each in (*earlier, before)) < 0.0012
    assert (
        "would cost 0.0012 in the run of 6,530 steps as written and" in PAGE
        and "0.0012 after 6,530 steps at full" in PAGE
    )
    assert "It costs 0.00016 in `ternary_v1` after 1,900 steps" in PAGE
    assert f"{kept.gap_of(kept.laboratory(kept.SHORT[0]), 'lossless_decide_fp16'):.5f}" == "0.00016"
    assert f"{kept.gap_of(found, 'lossless_decide_fp16'):.4f}" == "0.0012"
    assert before["trits_changed"] / own["trits_changed"] == pytest.approx(1 / 3, abs=0.02)
    table = kept.gap_of(found, "own") - kept.gap_of(found, "table_bf16")
    assert "the table costs 0.0005" in PAGE and f"{table:.4f}" == "0.0005"
    log = (kept.LENGTH_AS_WRITTEN / "seed42" / "train" / "metrics.jsonl").read_text().splitlines()
    rates = {line["step"]: line["lr_scale"] for line in map(json.loads, log)}
    assert "where the rate has fallen by half" in PAGE and rates[6000] == pytest.approx(0.5, abs=0.05)
    short = kept.laboratory(kept.SHORT[1])
    assert "`ternary_v2` as written lost 0.00127, and 0.00027 by the trits alone;" in PAGE
    assert [f"{kept.gap_of(short, name):.5f}" for name in ("own", "only_decide")] == ["0.00127", "0.00027"]


def test_the_gap_after_the_records_own_length_where_trits_are_decided_from_fp32_weights():
    found, as_written = kept.laboratory(kept.RECORD_LENGTH), kept.laboratory(kept.LENGTH_AS_WRITTEN)
    own, left = kept.grid_row(found, "own"), kept.grid_row(found, "mixes_bf16")
    assert f"The faithful run loses {own['gap_bpb']:.4f}. Four fifths of that are e4m3" in PAGE
    assert 1 - left["gap_bpb"] / own["gap_bpb"] == pytest.approx(4 / 5, abs=0.01)
    table = own["gap_bpb"] - kept.gap_of(found, "table_bf16")
    assert "nearly all the rest is the embedding table in e4m3" in PAGE and table > 0.9 * left["gap_bpb"]
    assert f"decides only {own['trits_changed']} of {found['ternary_weights']:,} trits otherwise, at no cost." in PAGE
    assert abs(own["gap_bpb"] - kept.gap_of(found, "decide_forward")) < 0.00001
    assert f"Its gap of {own['gap_bpb']:.4f} is larger than what the other run has left" in PAGE
    mixes = [kept.gap_of(each, "own") - kept.gap_of(each, "mixes_bf16") for each in (found, as_written)]
    assert "costs it twice as much: {:.4f} against {:.4f}.".format(*mixes) in PAGE
    assert f"take {left['bytes'] - own['bytes']:,} bytes more, and the gap is {left['gap_bpb']:.4f}." in PAGE
    assert f"The faithful run's gap of {own['gap_bpb']:.4f} lies among #920's three" in PAGE
    decided = kept.grid_row(found, "lossless_decide_fp16")
    share, cost = 100 * decided["trits_changed"] / found["ternary_weights"], f"{decided['gap_bpb']:.4f}"
    assert f"decide {share:.2f} % of the trits otherwise, and that costs {cost}." in PAGE
    assert f"and {cost} in the faithful one. It costs" in PAGE
    assert "has its weights as crowded at the threshold" in PAGE
    crowding = [each["threshold"]["crowding"] for each in (found, as_written)]
    assert crowding[0] == pytest.approx(crowding[1], rel=0.02)


def test_how_weights_gather():
    assert "an eighth more weights" in PAGE and "at 42,500, 1.5 times as many" in PAGE
    crowding = {
        step: kept.laboratory(RMS, f"step_{step:06d}")["threshold"]["crowding"]
        for step in (10_000, 42_500, 45_000, 47_500)
    } | {50_000: kept.laboratory(RMS)["threshold"]["crowding"]}
    assert crowding[10_000] == pytest.approx(1 + 1 / 8, abs=0.02)
    assert crowding[42_500] == pytest.approx(1.5, abs=0.1)
    assert crowding[50_000] - crowding[45_000] > 0.7 * (crowding[50_000] - crowding[10_000])
    own = {step: kept.gap_of(kept.laboratory(RMS, step), "own") for step in ("step_047500", "final")}
    assert own["final"] - own["step_047500"] > own["final"] / 2


def test_the_checkpoint_that_stands_apart():
    assert "(2.00 BPB there, against 1.46 to 1.53" in PAGE and "moves that score by 0.019" in PAGE
    beside = [kept.laboratory(RMS, step)["trained"]["bpb"] for step in ("step_042500", "step_047500")]
    apart = kept.laboratory(RMS, "step_045000")
    assert [f"{bpb:.2f}" for bpb in sorted(beside)] == ["1.46", "1.53"]
    assert f"{apart['trained']['bpb']:.2f}" == "2.00"
    assert f"{kept.gap_of(apart, 'only_reload_dtype'):.3f}" == "0.019"
    assert kept.gap_of(apart, "only_reload_dtype") > kept.gap_of(apart, "own")


def test_what_fp16_scales_do_where_they_decide():
    assert "a seventh as many trits otherwise" in PAGE and "cost 0.003 and 0.005 BPB." in PAGE
    costs = []
    for folder in kept.LONG_AS_WRITTEN:
        found = kept.laboratory(folder)
        decided = kept.grid_row(found, "lossless_decide_fp16")
        assert found["threshold"]["flips"]["fp32_weight_fp32_scale"] / decided["trits_changed"] == pytest.approx(
            7, abs=0.6
        )
        costs.append(decided["gap_bpb"])
    assert [f"{cost:.3f}" for cost in costs] == ["0.005", "0.003"]


def test_what_is_left_of_the_gap_in_long_models_that_decide_from_fp32_weights():
    def gaps(found: list[dict], name: str, digits: int = 3) -> list[str]:
        return [f"{kept.gap_of(each, name):.{digits}f}" for each in found]

    compiled, everything = kept.long_laboratories("faithful"), kept.long_laboratories()
    absmean, rms = (kept.long_laboratories(estimator, "faithful") for estimator in ("absmean", "rms"))
    own, faithful, table = gaps(everything, "own"), gaps(compiled, "own"), gaps(compiled, "without_table", 4)
    assert f"whose gaps are {min(own)} to {max(own)}" in PAGE
    said = f"Decided from FP32 weights, small models lose {min(faithful)} to {max(faithful)} after 50,000 steps."
    assert f"{said} With the table in BF16 they lose {min(table)} to {max(table)}." in PAGE
    by_fp16 = gaps(everything, "lossless_decide_fp16")
    assert f"and {min(by_fp16)} to {max(by_fp16)} in the small models." in PAGE
    assert [kept.grid_row(each, "own")["trits_changed"] for each in rms] == [3, 3]
    changed = [kept.grid_row(each, "own")["trits_changed"] for each in absmean]
    assert (
        "decides 3 of 2,883,584 trits otherwise" in PAGE and "decides {:,} and {:,} otherwise".format(*changed) in PAGE
    )
    parts = [kept.gap_of(each, "own") - kept.gap_of(each, "without_decide") for each in absmean]
    parts = [f"{part:.3f}" for part in parts]
    assert "that is {} and {} of its gap".format(*parts) in PAGE
    shrink = [*gaps(rms, "own"), *gaps(rms, "without_table")]
    assert "gaps of {} and {} (rms) shrink to {} and {},".format(*shrink) in PAGE
    assert "gaps of {} and {} (absmean) to 0.005 each".format(*gaps(absmean, "own")) in PAGE
    assert gaps(absmean, "without_table") == ["0.005"] * 2
    shares = [100 * kept.grid_row(each, "lossless_decide_fp16")["trits_changed"] / 2_883_584 for each in compiled]
    assert f"decide {min(shares):.2f} to {max(shares):.2f} % of the trits otherwise" in PAGE
    costs = [*gaps(absmean, "lossless_decide_fp16", 4), *gaps(rms, "lossless_decide_fp16", 4)]
    assert "costs {} and {} in the absmean models, {} and {} in the rms ones".format(*costs) in PAGE
    assert "a quarter to two fifths of what the table in e4m3 costs the same model" in PAGE
    shares = [kept.gap_of(e, "lossless_decide_fp16") / kept.gap_of(e, "only_table") for e in compiled]
    assert [min(shares), max(shares)] == [pytest.approx(1 / 4, abs=0.01), pytest.approx(2 / 5, abs=0.03)]
    assert "are as crowded as the others'" in PAGE
    crowding = [each["threshold"]["crowding"] for each in everything]
    assert max(crowding) - min(crowding) < 0.6


def test_what_was_blamed_is_far_away():
    assert "2¹³ times as large" in PAGE and "nine zeros in ten" in PAGE and "move the score by less than 0.001" in PAGE
    probes = json.loads((RMS / "seed42" / "final" / "probes.json").read_text())["metrics"]["mechanisms"]
    found = {(probe["parameter"], probe["kind"], probe["choice"]): probe for probe in probes}
    assert found["shift", "scales", "float16"]["above"] == 13
    assert found["shift", "scales", "float16"]["below"] is None
    for reload in ("float16", "bfloat16"):
        last = found["zeros", "reload", reload]["points"][-1]
        assert last["at"] == 0.9 and abs(last["gap_bpb"]) < 0.001


def test_the_demo_that_decides_from_fp32_weights():
    demo = kept.MEASURED / "decide_demo"
    found = {name: kept.laboratory(demo / name) for name in ("demo_v1", "demo_v1_float64", "demo_v2_float64")}
    changed = {name: kept.grid_row(each, "own")["trits_changed"] for name, each in found.items()}
    total = found["demo_v1"]["ternary_weights"]
    assert "decides no trit otherwise" in PAGE and changed["demo_v2_float64"] == 0
    fewer, more = changed["demo_v1_float64"], changed["demo_v1"]
    assert f"{fewer} of {total:,} ({more} as written)" in PAGE
    cost = kept.grid_row(found["demo_v1_float64"], "only_decide")
    assert "at no measurable cost (−0.0002 ± 0.0001)" in PAGE
    assert (f"{cost['gap_bpb']:.4f}", f"{cost['gap_se']:.4f}") == ("-0.0002", "0.0001")
    assert "they do so no less" in PAGE
    crowding = [found[name]["threshold"]["crowding"] for name in ("demo_v1_float64", "demo_v1")]
    assert crowding[0] == pytest.approx(crowding[1], abs=0.05)


def test_what_fp16_scales_would_cost_the_honest_model_is_its_laboratorys():
    rows = [kept.grid_row(kept.laboratory(kept.HONEST, seed=seed), "lossless_decide_fp16") for seed in (1337, 7)]
    costs = " and ".join(f"{row['gap_bpb']:.5f} ± {row['gap_se']:.5f}" for row in rows)
    assert f"would cost its seeds 1337 and 7 {costs} after 1,900 steps" in PAGE


def test_the_share_of_zeros_over_long_training():
    ends = []
    for folder in kept.LONG_AS_WRITTEN:
        log = map(json.loads, (folder / "seed42" / "train" / "metrics.jsonl").read_text().splitlines())
        steps = {line["step"]: line for line in log}
        ends += [f"{steps[step]['zero_fraction']['all']:.3f}" for step in (100, 50_000)]
    assert "from {2} to {3} (rms) and from {0} to {1} (absmean)".format(*ends) in PAGE
    assert steps[50_000]["record_zero_fraction"] < steps[5_000]["record_zero_fraction"]  # of the rms model


def test_what_training_in_the_stored_formats_gains():
    assert "`ternary_honest` loses exactly nothing in three seeds of three" in PAGE
    assert [kept.storages(kept.HONEST, seed=seed)["lossless"]["gap_bpb"] for seed in (42, 1337, 7)] == [0, 0, 0]
    lost = kept.gap_of(kept.laboratory(kept.SHORT[1]), "own")
    assert f"where #920's artifact of as many bytes loses {lost:.4f} after as many steps" in PAGE


def test_what_the_published_gaps_are():
    gaps = {name: list(read_published(ROOT / "published" / name).seeds["rt_gap"]) for name in ("pr640", "pr920")}
    assert "#920 published {:.4f}, {:.4f} and {:.4f}.".format(*sorted(gaps["pr920"])) in PAGE
    apart = statistics.mean(gaps["pr640"]) - statistics.mean(gaps["pr920"])
    assert f"The published gaps of #640 and #920 differ by {apart:.4f}, which is not significant" in PAGE
