"""The figures of docs/speed.md are those of the benchmarks' files that it names."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "speed.md").read_text()
KEPT = ROOT / "measured" / "speed"


def read(name: str) -> dict:
    return json.loads((KEPT / name).read_text())


def test_the_table_of_a_training_step_is_the_benchmarks():
    found = read("training_step_h100.json")
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
        ("nothing: all three, as it trains now", "full"),
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
    (batch,) = read("sliding_h100.json")["batches"].values()
    pace = {name: path["window_tokens_per_second"] / 1e6 for name, path in batch.items()}
    assert f"{pace['fast']:.2f}M (`sliding_h100.json`)" in PAGE
    assert f"{pace['fast'] / pace['eager']:.2f} ({pace['eager']:.2f}M → {pace['fast']:.2f}M" in PAGE
    ratio = batch["fast"]["times_faster_than_plain"]
    assert f"{ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})" in PAGE


def test_whole_steps_are_those_of_the_runs():
    for path, folder in (("speed/train_ternary_v2_2xh200.json", KEPT), ("ternary_v2_docs_en_2xh100", KEPT)):
        file = folder.parent / path
        train = json.loads((file / "seed42/train/train.json" if file.is_dir() else file).read_text())["metrics"]
        assert f"{train['step_ms']['mean']:.1f} ms" in PAGE
