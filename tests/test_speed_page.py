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
