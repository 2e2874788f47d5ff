"""The figures of docs/speed.md and its notebook are those of the benchmarks' files that they name."""

import json
import re
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "speed_notebook.md").read_text()
SHORT = " ".join((ROOT / "docs" / "speed.md").read_text().split())
KEPT = ROOT / "measured" / "speed"
WAYS = ("forward", "back")
MLP_SHAPES = (("mlp.fc", "768 → 3072"), ("mlp.proj", "3072 → 768"))


def read(name: str) -> dict:
    return json.loads((KEPT / name).read_text())


@pytest.mark.parametrize("gpu", ["h100", "h200"])
def test_the_table_of_a_training_step_is_the_benchmarks(gpu):
    found = read(f"training_step_{gpu}.json")
    for what, name in (
        ("forward_backward", "forward + backward"),
        ("optimizers", "optimizers: Muon matrix by matrix; Muon by shape and Adam"),
    ):
        times, ratio = found[what], found[what]["times_faster"]
        row = (
            f"| {name} | {times['plain']['median_ms']:.1f} | {times['fast']['median_ms']:.1f} "
            f"| {ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f}) |"
        )
        assert row in PAGE
    assert f"whole step takes {found['step']['fast']['median_ms']:.1f} ms" in PAGE
    assert f"peak is {found['peak_memory_gb']['fast']:.1f} GB" in PAGE


def lines_of(name: str) -> list[dict]:
    return [json.loads(line) for line in (KEPT / name).read_text().splitlines()]


def test_the_forms_of_an_h200_are_what_was_kept():
    found = {(line["call"], line["name"]): line for line in lines_of("forms_h200.jsonl")}
    rows = (
        (1, "the MLP's form (relu² and norms as passes over memory, all kept)", "nomlp"),
        (1, "nothing", "full"),
        (2, "vectors rounded once", "nokept"),
        (2, "nothing: as it trains now, but for a loss kernel that is 0.3 ms faster", "full"),
    )
    for call, name, variant in rows:
        line = found[call, variant]
        assert f"| {call} | {name} | {line['replay']['median_ms']:.1f} | {line['peak']:.1f} |" in PAGE


def test_the_required_column_is_met_or_missed_by_what_was_kept():
    step = read("training_step_h200.json")
    assert f"**{step['forward_backward']['fast']['median_ms']:.1f} ms: missed** (`training_step_h200.json`)" in PAGE
    assert f"| {step['optimizers']['fast']['median_ms']:.1f} ms, all optimizers together" in PAGE
    assert f"| {step['peak_memory_gb']['fast']:.1f} GB (`training_step_h200.json`) |" in PAGE
    whole = {gpu: read(f"scaling_4x{gpu}.json")["ranks"]["4"]["median_ms"] for gpu in ("h200", "h100")}
    assert f"**{whole['h200']:.1f} ms: missed** (`scaling_4xh200.json`); four H100s {whole['h100']:.1f} ms |" in PAGE


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


def test_what_gained_nothing_is_told_with_its_times():
    times: dict[str, list[str]] = {}
    for line in lines_of("loss_rows_h100.jsonl"):
        times.setdefault(line["name"], []).append(f"{line['forward_backward']['fast']['median_ms']:.2f}")
    without, with_it = (" and ".join(found) for found in times.values())
    assert PAGE.count(f"nothing: {without} → {with_it} ms (H100, `loss_rows_h100.jsonl`") == 1


def test_the_compilers_search_for_products_is_told_with_what_it_found():
    searches = (KEPT / "autotune_h100.txt").read_text().split("AUTOTUNE ")[1:]
    found = [re.findall(r"^ +(\S+) ([\d.]+) ms ([\d.]+)%", search, re.M) for search in searches]
    fastest = [choices[0][0] in ("mm", "addmm") for choices in found]
    behind = [float(share) for choices in found for name, _, share in choices if name in ("mm", "addmm")]
    said = f"of {len(found)} products it had searched"
    assert said in PAGE and f"cuBLAS's was the fastest for {sum(fastest)}, and {100 - min(behind):.1f}% slower" in PAGE


def test_scaling_is_told_with_what_was_kept():
    found = [read(f"scaling_4x{gpu}.json")["ranks"] for gpu in ("h100", "h200")]
    for gpus in ("1", "2", "4"):
        cells = []
        for machine in found:
            ratio = machine[gpus]["efficiency"]
            spread = f"{ratio['median']:.3f} ({ratio['min']:.3f} to {ratio['max']:.3f})" if gpus != "1" else "1"
            cells += [f"{machine[gpus]['median_ms']:.1f}", spread]
        assert f"| {gpus} | {' | '.join(cells)} |" in PAGE
    phases = found[1]["4"]["phase_ms"]
    said = " ".join(PAGE.split())
    assert f"gradients take {phases['gradients']:.1f} ms on the first, averaging {phases['average']:.1f} ms" in said
    slowest = max(read("scaling_4xh200.json")["alone_ms"])
    assert f"slowest ({slowest:.1f} ms alone), and the update {phases['update']:.1f} ms" in said
    assert f"all averaging takes {found[1]['2']['phase_ms']['average']:.1f} ms on two H200s" in said


def test_the_clock_is_told_as_it_was_read():
    readings = [line.split(", ") for line in (KEPT / "scaling_4xh200_clocks.csv").read_text().splitlines()]
    clocks = sorted(int(clock.split()[0]) for _, clock, watts, _ in readings if float(watts.split()[0]) > 600)
    said = " ".join(PAGE.split())
    assert (
        f"of the {len(clocks)} readings of four H200s that drew more than 600 W, {clocks[0]:,} to {clocks[-1]:,} MHz"
        in said
    )
    assert f"half of them {clocks[len(clocks) // 2]:,} or less" in said
    kernels = (KEPT / "training_step_h200_kernels.txt").read_text()
    total = float(re.search(r"Self CUDA time total: ([\d.]+)ms", kernels)[1])
    assert said.count(f"take {total:.1f} ms") == 2


def test_the_kernels_of_a_micro_step_are_those_of_the_profile():
    kernels = {}  # device kernels alone: they take no time of the CPU
    for line in (KEPT / "training_step_h200_kernels.txt").read_text().splitlines():
        cells = re.split(r"  +", line.strip())
        if len(cells) > 10 and cells[2] == "0.000us":
            kernels[cells[0]] = float(cells[6][:-2]) / (1 if cells[6].endswith("ms") else 1000)

    def together(*names: str) -> float:
        return sum(ms for kernel, ms in kernels.items() if any(name in kernel for name in names))

    prepared = together("cudnn::fusion")
    attention = together("cudnn_generated") + prepared
    said = " ".join(PAGE.split())
    mlp = together("_relu_kernel", "_slope_kernel")
    assert f"products {together('nvjet'):.1f}, the MLP's products with their epilogues {mlp:.1f}, cuDNN" in said
    assert f"attention {attention:.1f} (of which {prepared:.1f} prepare its backward pass" in said
    heads = together("_forward_kernel", "_backward_kernel")
    assert f"heads {heads:.1f}, loss {together('_row_kernel'):.1f}, sums" in said
    assert f"their {together('nvjet'):.1f} ms, what a large square product" in said


def test_the_readmes_step_is_that_of_the_benchmark():
    readme = " ".join((ROOT / "README.md").read_text().split())
    found = read("scaling_4xh100.json")["ranks"]["4"]["median_ms"]
    assert f"A step of `ternary_v2` takes {found:.0f} ms on four H100s" in readme


def test_parity_is_told_seed_by_seed():
    found = read("training_parity_h100.json")
    nats = {(run["path"], run["seed"]): run["validation_nats"] for run in found["runs"]}
    differences = found["fast_less_plain_nats"]
    for seed, difference in differences.items():
        plain, fast = nats["plain", int(seed)], nats["fast", int(seed)]
        assert f"| {seed} | {plain:.4f} | {fast:.4f} | {difference:+.4f} |".replace("-", "−") in PAGE
    paths = [(found["mean_nats"][path], found["std_over_seeds_nats"][path]) for path in ("plain", "fast")]
    values = list(differences.values())
    cells = [f"{mean:.4f} ± {std:.4f}" for mean, std in paths]
    cells.append(f"{statistics.mean(values):+.4f} ± {statistics.stdev(values):.4f}")
    assert f"| mean ± std of seeds | {' | '.join(cells)} |" in PAGE


def test_the_losss_kernel_is_told_with_what_was_kept():
    times = {}
    for line in (KEPT / "loss_kernel_h200.txt").read_text().splitlines():
        rows, warps, ms = re.match(r"rows (\d+) warps (\d+): ([\d.]+) ms", line).groups()
        times[int(rows), int(warps)] = float(ms)
    (before,) = (line["ms"] / 2 for line in lines_of("products_h200.jsonl") if line["name"] == "row now")
    said = " ".join(PAGE.split())
    assert f"takes {times[1, 16]:.3f} ms for 8,192 tokens (`loss_kernel_h200.txt`) instead of {before:.3f}" in said
    assert f"({before:.3f} → {times[1, 16]:.3f} ms, eight times a micro-step)" in said
    assert f"slower: {times[1, 8]:.3f} → {times[8, 8]:.3f} ms" in said


def test_the_kernels_of_products_are_those_of_other_libraries():
    times = {(line["call"], line["name"]): line["ms"] for line in lines_of("products_h200.jsonl")}
    best = {
        kind: min(ms for (call, name), ms in times.items() if call == 2 and name.startswith(kind))
        for kind in ("relu triton", "relu quack", "slope NN triton", "slope TN quack")
    }
    relu, slope = (f"{best[a]:.3f} → {best[b]:.3f}" for a, b in zip(*[iter(best)] * 2, strict=True))
    assert f"alone {relu} and {slope} ms (H200" in PAGE


def test_what_was_tried_is_told_with_the_benchmarks_figures():
    before, after = read("training_step_h100.json"), read("training_step_h100_one_graph.json")
    saved = read("training_step_h100_memory_budget_0.8.json")
    called = f"{before['forward_backward_eager_ms']['median_ms']:.1f}"
    replayed = f"{before['forward_backward']['fast']['median_ms']:.1f}"
    assert f"({called} → {replayed} ms)" in PAGE
    assert f"({called} → {after['forward_backward_eager_ms']['median_ms']:.1f} ms)" in PAGE
    assert f"({replayed} → {after['forward_backward']['fast']['median_ms']:.1f} ms, another H100)" in PAGE
    memory = f"{before['peak_memory_gb']['fast']:.1f} → {saved['peak_memory_gb']['fast']:.1f} GB"
    assert f"{memory}, {replayed} → {saved['forward_backward']['fast']['median_ms']:.1f} ms" in PAGE


def test_the_table_of_the_fused_forms_is_what_was_kept():
    lines = (KEPT / "forms_h100.jsonl").read_text().splitlines()
    found = {line["name"]: line for line in map(json.loads, lines)}
    rows = (
        ("any of the three forms", "old"),
        ("the heads' kernels", "noheads"),
        ("relu² made again on the way back", "norec"),
        ("nothing: all three, as it trained then", "full"),
    )
    for name, variant in rows:
        assert f"| {name} | {found[variant]['replay']['median_ms']:.1f} | {found[variant]['peak']:.1f} |" in PAGE
    times, peaks = ({name: line[key] for name, line in found.items()} for key in ("replay", "peak"))
    said = f"for {100 * (times['full']['median_ms'] / times['norec']['median_ms'] - 1):.1f}% of the time"
    assert said in " ".join(PAGE.split())
    assert f"{100 * (1 - peaks['full'] / peaks['norec']):.0f}% of the memory" in " ".join(PAGE.split())


def test_attention_and_sliding_evaluation_are_told_with_what_was_kept():
    times = read("attention_h100.json")["graph_ms"]
    assert f"{times['cudnn']['both']:.3f} → {times['fa4']['both']:.3f} ms a layer" in PAGE
    kept = read("sliding_h200.json")["batches"]
    assert (
        f"| {max(b['fast']['window_tokens_per_second'] for b in kept.values()) / 1e6:.2f}M (`sliding_h200.json`)"
        in PAGE
    )
    (batch,) = read("sliding_h100.json")["batches"].values()
    pace = {name: path["window_tokens_per_second"] / 1e6 for name, path in batch.items()}
    assert f"{pace['fast'] / pace['eager']:.2f} ({pace['eager']:.2f}M → {pace['fast']:.2f}M" in PAGE
    ratio = batch["fast"]["times_faster_than_plain"]
    assert f"{ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})" in PAGE


def test_sliding_evaluation_in_the_pipeline_is_told_with_its_times():
    folder = KEPT.parent / "ternary_v2_6530_docs_en_4xh100" / "seed42"
    evaluations = [json.loads(path.read_text())["metrics"]["sliding"] for path in folder.glob("*/evaluate.json")]
    *seconds, compiling = sorted(each["seconds"] for each in evaluations)
    pace = sorted(each["window_tokens_per_second"] / 1e6 for each in evaluations)[1:]
    said = " ".join(PAGE.split())
    assert f"{seconds[0]:.0f} to {seconds[-1]:.0f} s each for {evaluations[0]['tokens_scored']:,} tokens" in said
    assert f"{pace[0]:.2f}M to {pace[-1]:.2f}M window tokens" in said
    assert f"the first, which compiled it, {compiling:.0f} s" in said


def test_export_is_told_with_the_benchmarks_times():
    seconds = {name: path["seconds"] for name, path in read("export_16_cores.json")["paths"].items()}
    assert f"{seconds['fast']:.1f} s on 16 cores" in PAGE
    assert f"one after the other {seconds['one after the other']:.1f} s" in PAGE
    assert f"as published {seconds['published']:.1f} s (`export_16_cores.json`)" in PAGE


@pytest.mark.parametrize(
    "run", ["ternary_v1_docs_en_4xh100", "ternary_v2_docs_en_2xh100", "ternary_v2_6530_docs_en_4xh100"]
)
def test_whole_steps_are_those_of_the_runs(run):
    file = KEPT.parent / run / "seed42" / "train" / "train.json"
    step = json.loads(file.read_text())["metrics"]["step_ms"]
    assert re.search(rf"{step['mean']:.1f} ms[^`]*\(`measured/{run}`[;)]", PAGE)
    if "6530" in run:
        assert "median {median:.1f}, p10 to p90 {p10:.1f} to {p90:.1f}".format(**step) in " ".join(PAGE.split())


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
    for phase, full in (
        ("before the switch", "before the switch, 11 layers run"),
        ("after it", "after it, 17 layers run"),
    ):
        scaled, here, ratio = re.search(rf"\| {full} \| \d+ \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", PAGE).groups()
        assert f"| {phase} | {scaled} ms | {here} ms | {ratio} | 1.2 |" in SHORT


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


def test_a_transformers_layer_is_told_with_what_was_kept():
    text = (KEPT / "transformer_kernels_h100.txt").read_text()

    def time(after: str) -> float:
        return float(re.search(re.escape(after) + r" ([\d.]+)", text)[1])

    said = " ".join(PAGE.split())
    forward, back = re.search(r"strided fwd ([\d.]+) bwd ([\d.]+)", text).groups()
    assert f"takes {float(forward):.2f} ms forward and {float(back):.2f} back" in said
    helpers = [float(us) for us in re.findall(r"cudnn::fusion\S* .*?([\d.]+)us +[\d.]+%", text)]
    assert f"of which {sum(helpers) / 1000:.2f} are cuDNN's helpers" in said
    assert f"took {time('act pass'):.2f} and {time('slope pass'):.2f} ms as passes over memory" in said
    assert f"products of {time('cublas fc'):.2f} and {time('dgrad of proj'):.2f}." in said
    assert f"epilogues all takes {time('leaky 128 256 64 8 3'):.2f} and {time('slope 128 256 64 8 3'):.2f}" in said
    parts = f"{time('1024'):.2f} ms instead of {time('cublas 512'):.2f} + 2 × {time('512 0.09411200135946274 256'):.2f}"
    assert parts in said
    assert f"gates' product in it: {time('mixed 8 2 fwd'):.2f} and" in said


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
    said = f"after {found['steps']} steps at full size, it moves the loss by −{-fp8['loss_shift']:.4f} ± "
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
    assert f"The demo takes {new:.0f} s on two cores, where it took {old:.0f} s" in SHORT
    assert f"{new / old:.2f} of the time" in SHORT
