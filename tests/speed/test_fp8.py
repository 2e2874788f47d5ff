"""What both pages say of FP8 is what was kept of it."""

import json
import re
import statistics

from tests.speed.kept import KEPT, PAGE, SHORT, lines_of, read

MLP_SHAPES = (("mlp.fc", "768 → 3072"), ("mlp.proj", "3072 → 768"))


def test_fp8_is_told_with_the_times_of_its_products():
    ways = ("bf16", "fp8 tensor", "fp8 row", "fp8 1x128")
    sums = dict.fromkeys(ways, 0.0)
    for name, shape in (("attn.qkv", "768 → 1536"), ("attn.proj", "768 → 768"), *MLP_SHAPES):
        cells = [read("products_h200.json")["forward"][name][way]["median_ms"] for way in ways]
        assert f"| {name}, {shape} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |" in PAGE
        sums = {way: sums[way] + cell for way, cell in zip(ways, cells, strict=True)}
    said = f"save {sums['bf16'] - sums['fp8 1x128']:.2f} ms a layer, the gradients of inputs with a scale a row"
    assert f"{said} {sums['bf16'] - sums['fp8 row']:.2f} if" in " ".join(PAGE.split())


def test_fp8_is_told_with_the_times_of_quantizing():
    ways = ("bf16", "fp8 row", "fp8 row from BF16", "fp8 1x128", "fp8 1x128 from BF16")
    sums = dict.fromkeys(ways, 0.0)
    for name, shape in (("attn.qkv", "768 → 1536"), ("attn.proj", "768 → 768"), *MLP_SHAPES):
        times = {way: read("products_h100.json")["forward"][name][way]["median_ms"] for way in ways}
        assert f"| {name}, {shape} | " + " | ".join(f"{time:.3f}" for time in times.values()) + " |" in PAGE
        sums = {way: sums[way] + times[way] for way in ways}
    assert "| all four | " + " | ".join(f"{time:.3f}" for time in sums.values()) + " |" in PAGE


SEEDS = (42, 1337, 7)


def test_a_step_of_fp8_is_told_with_what_was_kept():
    steps = read("fp8_in_turn_h200.json")["records"]
    (ms, joules), (fp8_ms, fp8_joules) = (
        [steps[name]["first"][of] for of in ("median_ms", "joules_of_a_gpu")] for name in ("ternary_v2", "ternary_fp8")
    )
    assert f"| {ms:.1f} ms, {joules:.1f} J | {fp8_ms:.1f} ms, {fp8_joules:.1f} J | 0.758 of the time" in SHORT
    assert f"| {fp8_ms / ms:.3f}: missed |" in SHORT
    assert f"save {1 - fp8_ms / ms:.0%} of a step and {1 - fp8_joules / joules:.0%} of its energy" in SHORT


def test_a_micro_step_of_fp8_is_told_with_what_was_kept():
    found = read("training_step_fp8_h200.json")
    assert (
        f"| peak memory of `ternary_fp8`, the same tokens | | {found['peak_memory_gb']['fast']:.1f} GB | 14 GB |"
        in SHORT
    )
    profile = (KEPT / "fp8_h200_kernels.txt").read_text()

    def time(name):
        return float(
            re.search(rf"^ *{re.escape(name)} .*?%\s+\S+\s+\S+%\s+\S+\s+\S+\s+([\d.]+)ms ", profile, re.MULTILINE)[1]
        )

    attention = time("aten::_cudnn_attention_backward") + time("aten::_cudnn_attention_forward")
    mlp = time("tritgolf::slope_codes") + time("tritgolf::relu_codes")
    whole = float(re.search(r"Self CUDA time total: ([\d.]+)ms", profile)[1])
    said = f"Of {whole:.1f} ms of kernels a micro-step, {attention:.1f} are attention's, which FP8 leaves as they are"
    assert f"{said}, and {time('aten::_scaled_mm'):.1f} cuBLAS's FP8 products" in SHORT
    assert f"two fused products take {mlp:.1f};" in SHORT


def test_what_fp8_trains_to_is_told_with_what_was_kept():
    found = read("fp8_one_step_h200.json")
    fp8 = found["against_full_scales"]["fp8"]
    said = f"after {found['steps']} steps at full size, FP8 moves the loss by −{-fp8['loss_shift']:.4f} ± "
    assert said + f"{fp8['standard_error']:.4f} nats" in SHORT
    assert f"gradients by {fp8['gradient_error']['all']:.2f} of a micro-batch's sampling noise" in SHORT
    runs = {(line["record"].split("@")[0], line["seed"]): line for line in lines_of("fp8_600_steps_h200.jsonl")}
    ours = [f"{runs['ternary_fp8', seed]['chunked_bpb']:.4f}" for seed in SEEDS]
    bf16 = [f"{runs['ternary_honest', seed]['chunked_bpb']:.4f}" for seed in SEEDS]
    apart = [runs["ternary_fp8", seed]["chunked_bpb"] - runs["ternary_honest", seed]["chunked_bpb"] for seed in SEEDS]
    told = [f"{', '.join(scores[:2])} and {scores[2]}" for scores in (ours, bf16)]
    said = f"score {told[0]} BPB, where `ternary_honest` scores {told[1]}"
    assert f"{said}: −{-statistics.mean(apart):.4f} ± {statistics.stdev(apart):.4f}" in SHORT
    assert {line["roundtrip_gap_bpb"]["lossless"] for line in runs.values()} == {0.0}


def test_fp8_s_long_run_is_told_with_what_was_kept():
    own, partner = (
        json.loads((KEPT.parent / run / "seed1337" / "final" / "roundtrip.json").read_text())["metrics"]["storages"][
            "lossless"
        ]
        for run in ("ternary_fp8_1900_docs_en_h200", "ternary_honest_docs_en")
    )
    ours, theirs = own["bpb_published_bytes"], partner["bpb"]  # the older schema's are by published bytes
    assert f"+{ours - theirs:.4f} BPB after 1,900 steps, where 0.003 was allowed" in SHORT
    assert f"Seed 1337 scores {ours:.4f}, `ternary_honest` {theirs:.4f} (chunked" in SHORT
    assert own["gap_bpb"] == partner["gap_bpb"] == 0
    operands = json.loads((KEPT.parent / "ternary_fp8_1900_docs_en_h200" / "rounding.json").read_text())["operands"]
    worst = max(operands, key=lambda operand: operand["median_token_error"])
    assert (worst["pass"], worst["operand"]) == ("back", "result of mlp.proj")
    assert f"FP8 rounds {worst['nonzeros_lost']:.0%} of that MLP's gradient to zero" in SHORT


NOTEBOOK = " ".join((KEPT.parent / "demo_fp8" / "notebook.md").read_text().split())


def test_what_fp8_products_lose_at_a_laptop_s_size_is_told():
    def scores(part: str) -> list[float]:
        files = [KEPT.parent / f"demo_fp8/demo_fp8_{part}/seed{seed}/final/roundtrip.json" for seed in (1337, 7)]
        return [json.loads(file.read_text())["metrics"]["storages"]["lossless"]["bpb"] for file in files]

    base, scales, products = map(scores, ("base", "scales", "products"))
    lost = [product - scale for product, scale in zip(products, scales, strict=True)]
    said = (
        f"FP8 products lose {statistics.mean(lost):.4f} ± {statistics.stdev(lost):.4f} BPB after 1,200 steps, two seeds"
    )
    assert said in SHORT
    assert all(scale < plain for scale, plain in zip(scales, base, strict=True))
    first, second = (exact - scale for exact, scale in zip(scores("outer_exact"), scales, strict=True))
    assert f"{-first:.4f} better than the scales alone on seed 1337, and {second:.4f} worse on seed 7" in NOTEBOOK
    assert f"the products had lost {lost[1]:.4f}" in NOTEBOOK
