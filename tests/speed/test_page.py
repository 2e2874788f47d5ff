"""The figures of docs/speed.md, and of the README, are those of the benchmarks' files that they name."""

import json
import re
import statistics

import pytest

from tests.speed.kept import KEPT, PAGE, ROOT, SHORT, read

WAYS = ("forward", "back")


def test_the_readmes_step_is_that_of_the_benchmark():
    readme = " ".join((ROOT / "README.md").read_text().split())
    found = read("scaling_4xh100.json")["ranks"]["4"]["median_ms"]
    assert f"A step of `ternary_v2` takes {found:.0f} ms on four H100s" in readme


def test_the_short_page_says_what_the_notebook_does():
    """Every row of its table, and of the runs' own metrics, from the same files."""
    step, sliding = read("training_step_h200.json"), read("sliding_h200.json")
    whole = {gpu: read(f"scaling_4x{gpu}.json")["ranks"]["4"] for gpu in ("h200", "h100")}
    pace = sliding["batches"]["64"]["fast"]["window_tokens_per_second"] / 1e6
    rows = {
        "forward and backward, 64×1024 tokens, one H200": f"{step['forward_backward']['fast']['median_ms']:.1f} ms",
        "all optimizers, one H200": f"{step['optimizers']['fast']['median_ms']:.1f} ms",
        "whole step, four H200s": f"{whole['h200']['median_ms']:.1f} ms",
        "peak memory, 64×1024 tokens": f"{step['peak_memory_gb']['fast']:.1f} GB",
        "sliding evaluation, stride 16, window tokens a second, one H200": f"{pace:.2f}M",
    }
    for what, value in rows.items():
        assert re.search(rf"\| {re.escape(what)} \| [^|]+ \| {re.escape(value)} \|", SHORT), what
    assert f"A step takes {whole['h100']['median_ms']:.1f} ms on four H100s" in SHORT
    ratio = step["forward_backward"]["times_faster"]["median"]
    assert f"{ratio:.2f} times as fast as the plain path" in SHORT
    efficiencies = [whole[gpu]["efficiency"]["median"] for gpu in ("h100", "h200")]
    assert "{:.3f} and {:.3f}".format(*efficiencies) in SHORT
    for phase, full, required in (
        ("before the switch", "before the switch, 11 layers run", 1.15),
        ("after it", "after it, 17 layers run", 1.2),
    ):
        scaled, here, ratio = re.search(rf"\| {full} \| \d+ \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", PAGE).groups()
        assert f"| {phase} | {scaled} ms | {here} ms | {ratio} | {required} |" in SHORT


def test_records_in_turn_are_told_with_what_was_kept():
    text = (KEPT / "in_turn_2xh200.txt").read_text()
    ternary, first, recurrence = re.findall(r'"median_ms": ([\d.]+),\n    "min_ms": [\d.]+,\n    "max_ms"', text)
    scaled = re.findall(r'"published_scaled": {\n     "median_ms": ([\d.]+)', text)
    for phase, published, there, here in zip(
        ("before the switch, 11 layers run", "after it, 17 layers run"),
        (216, 319),
        scaled,
        (first, recurrence),
        strict=True,
    ):
        assert float(there) == pytest.approx(published * float(ternary) / 154.3)
        times = f"{float(there):.1f} | {float(here):.1f} | {float(there) / float(here):.2f}"
        assert f"| {phase} | {published} | {times} |" in PAGE
    said = " ".join(PAGE.split())
    assert f"`ternary_v2` took 154.3 ms; here it takes {float(ternary):.1f}, and" in SHORT
    assert f"here it took {float(ternary):.1f}, so they are scaled by {float(ternary) / 154.3:.3f}" in said
    run = KEPT.parent / "int6_recurrent_800_docs_en_2xh200" / "seed42" / "train" / "train.json"
    before = json.loads(run.read_text())["metrics"]["step_ms"]
    assert f"took {before['p10']:.1f} and {before['median']:.1f} ms a step on two other H200s" in said


def test_the_coders_figures_are_the_benchmarks():
    coders = read("code_coders.json")["coders"]
    published, brotli, arithmetic = (coders[name] for name in ("published", "brotli", "arithmetic"))
    before, now, other = (each["processor_seconds"][0] for each in (published, brotli, arithmetic))
    fewer, fewest = (-100 * each["bytes_over_published"] for each in (brotli, arithmetic))
    assert f"in {now:.1f} processor seconds, where the published settings take {before:.1f}, in {fewer:.3f}%" in SHORT
    assert f"The range coder of honest records takes {other:.1f}, and {fewest:.1f}% fewer bytes" in SHORT
    assert f"({before:.1f} → {now:.1f} processor seconds, {fewer:.3f}% fewer bytes, `code_coders.json`)" in PAGE


def test_what_was_measured_in_turn_is_what_was_kept():
    bf16, ranks = read("bf16_forms_h200.json"), read("averages_during_backward_2xh200.json")
    old, new = bf16["old"], bf16["new"]
    assert f"| {old['median']:.1f} ms | {new['median']:.1f} ms | 0.907 | {new['of_old'][0]:.3f}: missed |" in SHORT
    assert f"forms save {1 - new['of_old'][0]:.1%} of forward and backward, in one round; {1 - 0.907:.1%} were" in SHORT
    assert f"| {old['peak']['peak_gb']:.1f} GB | {new['peak']['peak_gb']:.1f} GB | 15.5 GB | met |" in SHORT
    profile = (KEPT / "bf16_forms_h200_kernels.txt").read_text()
    join = float(re.search(r" _join_kernel .* ([\d.]+)us +20 ", profile)[1])
    forward, back = (next(each for each in bf16["kernels"] if each["kernel"] == f"join {way}") for way in WAYS)
    assert f"take {2 * join / 1000:.2f} ms a layer" in SHORT
    assert f"which add nothing, take {forward['mm_ms'] + back['mm_ms']:.2f}" in SHORT
    assert f"Alone they took {forward['ms'] + back['ms']:.2f}, but" in SHORT
    first = {name: found["by_rank"][0] for name, found in ranks["two_micro_batches"].items()}
    assert f"| {first['plain']['step']:.2f} ms | {first['spread']['step']:.2f} ms | | no gain" in SHORT
    updates = [statistics.mean(rank["update"] for rank in ranks["two_micro_batches"][n]["by_rank"]) for n in first]
    assert "| {:.2f} ms | {:.2f} ms | | kept |".format(*updates) in SHORT
    sliding = read("sliding_kernels_h200.json")
    for stride, eager, said in (("16", "0", "3.5M"), ("64", "1", "2.5M")):
        was = sliding["old"]["rounds"][f"{stride} 4096 64 {eager}"][0]["tokens_per_second"]
        now = sliding["new"]["rounds"][f"{stride} 4096 64 0"][0]["tokens_per_second"]
        assert f"| {was / 1e6:.2f}M | {now / 1e6:.2f}M | {said} |" in SHORT


def test_sliding_s_profile_is_told_with_what_was_kept():
    pace = read("sliding_profile_h200.json")["batches"]["64"]["fast"]["window_tokens_per_second"]
    assert f"profiled ({pace / 1e6:.2f}M tokens a second, `sliding_profile_h200_kernels.txt`)" in SHORT
    profile = (KEPT / "sliding_profile_h200_kernels.txt").read_text().splitlines()
    share = {line.split()[0]: float(line.split()[-2].rstrip("%")) for line in profile[3:]}
    products = sum(value for name, value in share.items() if name.startswith(("nvjet", "_relu", "_join")))
    attention = sum(value for name, value in share.items() if name.startswith("cudnn"))
    rest = share["_begin_kernel"] + share["_forward_kernel"]
    said = (
        f"products take {products:.0f}% of its kernels' time, attention {attention:.0f}%, what makes heads and begins"
    )
    assert f"{said} blocks {rest:.0f}%" in SHORT


def test_test_time_training_is_told_with_what_was_kept():
    found = read("ttt_package_h200.json")["train"]
    one, four = ([found[f"of {ranks}, {form}"]["median_ms"] for form in ("old", "main", "new")] for ranks in "14")
    assert f"| {one[0]:.0f}, {four[0]:.0f} ms | {one[2]:.0f}, {four[2]:.0f} ms | half | met |" in SHORT
    assert (
        f"{one[0] / one[2]:.1f} and {four[0] / four[2]:.1f} times as fast as before (`ttt_package_h200.json`)" in SHORT
    )
    said = f"{one[0]:.0f} → {one[2]:.0f} ms a chunk, {four[0]:.0f} → {four[2]:.0f} as a rank of four"
    assert f"{said} (one H200, `ttt_package_h200.json`); the forms alone {one[1]:.0f} and {four[1]:.0f} | yes |" in PAGE


def test_candidates_are_told_with_what_was_kept():
    found = read("candidates_h200.json")
    inputs = found["alone"]["inputs"]
    best, today = inputs["best of input candidate"][0], inputs["input today"]["ms"]
    assert f"the input's gradients in {best:.2f} ms, today's kernel in {today:.2f}." in SHORT
    now, before = (found["micro_step"][name]["median"] for name in ("v2_inputs_addmm", "v2"))
    assert f"took {now:.1f} ms, and {before:.1f} without (`candidates_h200.json`)" in SHORT
    assert f"alone {today:.2f} → {best:.2f} ms; a micro-step took {now:.1f} ms" in PAGE
    ways = [found["alone"]["boundary"][f"boundary {way} today"]["ms"] for way in ("keep", "skip")]
    ours = [found["alone"]["boundary"][f"best of boundary {way} candidate"][0] for way in ("keep", "skip")]
    said = f"{ways[0]:.2f} → {ours[0]:.2f} ms without a skip, {ways[1]:.2f} → {ours[1]:.2f} with one"
    assert said in PAGE


def test_the_demo_s_time_is_what_was_kept():
    walls = re.findall(r"wall ([\d.]+)", (KEPT / "demo_2_cores.txt").read_text())
    new, old = (float(wall) for wall in walls)
    assert f"The demo takes {new:.0f} s on two idle cores; it took {old:.0f} s at commit 2a09df4" in SHORT
    assert f"That is {new / old:.2f} of the time" in SHORT
