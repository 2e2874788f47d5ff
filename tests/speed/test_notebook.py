"""The figures of docs/speed_notebook.md are those of the benchmarks' files that they name."""

import json
import re
import statistics

import pytest

from tests.speed.kept import KEPT, PAGE, lines_of, read


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
