"""The laboratory by its own target: not part of the main job, the grid on every checkpoint, probes on the last."""

import json

import pytest

pytestmark = pytest.mark.workflow

SETTINGS = {"seeds": [42], "grid": "essential"}
OF_THE_GRID = {
    "table_laboratory": 1,
    "table_decomposition": 1,
    "table_training_length": 1,
    "plot_waterfall": 1,
    "plot_gap_length": 1,
    "laboratory_page": 1,
}
OF_THE_PROBES = {"table_mechanisms": 1, "plot_probes": 1}


def test_the_whole_laboratory_of_a_record_is_one_target(copied):
    everything = {"laboratory": 1, "laboratory_tiny": 3, "probes_tiny": 1} | OF_THE_GRID | OF_THE_PROBES
    assert copied.planned("laboratory", **SETTINGS) == everything
    run = copied.snakemake("laboratory", **SETTINGS)
    assert run.code == 0, run.said
    page = copied.results("tiny", "laboratory.html").read_text()
    assert "How far mechanisms are from breaking" in page and "Ablation grid" in page
    assert copied.left_behind() == []
    final = copied.results("tiny", "seed42", "final")
    assert sorted(path.name for path in final.glob("lab*")) == ["laboratory.json"]
    metrics = json.loads((final / "laboratory.json").read_text())["metrics"]
    assert metrics["rows"]["lossless"]["gap_bpb"] == 0
    assert metrics["rows"]["own"]["gap_bpb"] != 0
    assert copied.planned("laboratory", **SETTINGS) == {}

    grid = copied.folder / "records" / "grids" / "essential.yaml"
    grid.write_text(grid.read_text().replace("scales_fp32: {scales: float32}", "scales_fp32: {scales: e8m0}"))
    changed = {"laboratory": 1, "laboratory_tiny": 3} | OF_THE_GRID | OF_THE_PROBES  # which show the margins too
    assert copied.planned("laboratory", **SETTINGS) == changed


def test_a_record_without_trits_has_its_own_grid_and_no_probes(base):
    jobs = base.planned("laboratory", records=["tiny_int6"], seeds=[42])
    assert {rule: jobs[rule] for rule in OF_THE_GRID | {"laboratory_tiny_int6": 0}} == {
        **OF_THE_GRID, "laboratory_tiny_int6": 2
    }  # fmt: skip
    assert not [rule for rule in jobs if "probes" in rule or "mechanisms" in rule]
    plots = base.planned("plots", records=["tiny_int6"], seeds=[42])
    assert {rule for rule in plots if rule.startswith("plot_")} == {
        "plot_loss",
        "plot_rt_gap",
        "plot_bytes",
        "plot_sliding",
    }
    run = base.snakemake("--dry-run", records=["tiny_int6"], grid="essential")
    assert run.code == 2
    assert [line.partition(";")[2] for line in run.errors] == [" name one of its kind, as int6 is"]


def test_an_unknown_grid_is_told_in_one_line(base):
    run = base.snakemake("--dry-run", grid="mine")
    assert run.code == 2
    assert run.errors == [
        "error: grid 'mine': is unknown; known grids: essential, int6, roundtrip, trinity, trinity_v1"
    ]
