"""The README's figures are those of the metrics it names, its settings those of the configuration."""

import json
import re
from pathlib import Path

import pytest

from tritgolf.config import MODES, known_records
from tritgolf.report.metrics import load_run
from tritgolf.report.tables import roundtrip_table, seeds_table

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
RUN = ROOT / "measured" / "ternary_v2_docs_en_2xh200"
FIRST = ROOT / "measured" / "ternary_v1_docs_en_2xh100"


def table_after(marker: str) -> list[list[str]]:
    lines = README.split(marker, 1)[1].strip().splitlines()
    rows = lines[: next(i for i, line in enumerate([*lines, ""]) if not line.startswith("|"))]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


@pytest.mark.parametrize("setting", MODES["faithful"])
def test_every_setting_of_the_modes_is_in_the_table(setting):
    row = f"| `{setting}` | `{MODES['faithful'][setting]}` | `{MODES['honest'][setting]}` |"
    assert row in README


def test_every_record_is_in_the_table():
    for name in known_records(ROOT / "records"):
        base = name.removeprefix("demo_") if name.startswith("demo_fix_") else name
        assert re.search(rf"^\|[^|]*`{base}`", README, re.M)


@pytest.mark.parametrize("run", [RUN, FIRST], ids=lambda run: run.name)
def test_the_measured_scores_are_those_of_the_metrics(run):
    csv = seeds_table(load_run(run)).csv().splitlines()
    seed = dict(zip(csv[0].split(","), csv[1].split(","), strict=True))
    shown = {row[0]: row[-1] for row in table_after(f"<!-- table: {run.name} seeds -->")}
    assert shown["steps"] == f"{int(seed['steps']):,}"
    assert shown["ms/step"] == f"{float(seed['ms_per_step']):.1f}"
    assert shown["sliding BPB"] == f"{float(seed['sliding_bpb']):.4f} (stride {seed['stride']})"
    assert shown["val BPB, with z-loss"] == f"{float(seed['val_record_bpb']):.4f}"
    assert shown["RT BPB, with z-loss"] == f"{float(seed['rt_record_bpb']):.4f}"
    assert shown["artifact bytes"] == f"{int(seed['artifact_bytes']):,}"
    assert shown["artifact and code bytes"] == f"{int(seed['total_bytes']):,}"


def test_the_measured_gaps_are_those_of_the_metrics():
    storages = ["bf16", "fp16", "fp32", "bf16_mixes_bf16", "bf16_table_bf16", "lossless"]
    rows = table_after("<!-- table: ternary_v2_docs_en_2xh200 roundtrip -->")
    assert len(rows) == len(storages)
    for row, storage in zip(rows, storages, strict=True):
        for cell, checkpoint in zip(row[1:], ("step_000600", "step_001200", "step_001800", "final"), strict=True):
            roundtrip = json.loads((RUN / "seed42" / checkpoint / "roundtrip.json").read_text())
            facts = roundtrip["metrics"]["storages"][storage]
            shown = [float(number) for number in re.findall(r"[+-]?\d\.\d+", cell.replace("−", "-"))]
            assert shown[0] == pytest.approx(facts["gap_bpb"], abs=5.1e-6)
            assert all(error == pytest.approx(facts["gap_se"], abs=5.1e-6) for error in shown[1:])


def test_the_measured_decomposition_is_that_of_the_laboratory():
    names = ["lossless", *(f"only_{factor}" for factor in ("scales", "decide", "shrinkage", "reload_dtype", "table"))]
    names += ["only_mixes", "own", "scales_bf16"]
    rows = table_after(f"<!-- table: {FIRST.name} decomposition -->")
    found = json.loads((FIRST / "seed42/final/laboratory.json").read_text())["metrics"]["rows"]
    for (_, cell), name in zip(rows, names, strict=True):
        if cell == "0 exactly":
            assert (found[name]["gap_bpb"], found[name]["gap_se"]) == (0, 0)
        else:
            gap, error = (float(number.replace("−", "-")) for number in cell.split(" ± "))
            assert gap == pytest.approx(found[name]["gap_bpb"], abs=5.1e-6)
            assert error == pytest.approx(found[name]["gap_se"], abs=5.1e-6)


@pytest.mark.parametrize(
    ("run", "said"), [("long_rms", "from 0.451 after 100 steps to 0.542"), ("long_absmean", "from 0.349 to 0.434")]
)
def test_the_zeros_of_the_long_runs_are_those_of_their_logs(run, said):
    log = (ROOT / "measured" / f"{run}_docs_en_h100" / "seed42/train/metrics.jsonl").read_text().splitlines()
    lines = {line["step"]: line for line in map(json.loads, log)}
    first, last = (f"{lines[step]['zero_fraction']['all']:.3f}" for step in (100, 50_000))
    assert re.findall(r"0\.\d+", said) == [first, last]
    assert said in " ".join(README.split())
    if run == "long_rms":
        assert lines[50_000]["record_zero_fraction"] < lines[5_000]["record_zero_fraction"]
        assert lines[50_000]["zero_fraction"]["all"] > lines[5_000]["zero_fraction"]["all"]


def test_the_most_that_the_scales_dtype_moves_a_gap_is_that_of_the_metrics():
    said = float(re.search(r"moves either model's gap by at most ([\d.]+) BPB", README)[1])
    spreads = []
    for path in (*RUN.rglob("roundtrip.json"), *FIRST.rglob("roundtrip.json")):
        storages = json.loads(path.read_text())["metrics"]["storages"]
        gaps = [storages[name]["gap_bpb"] for name in ("bf16", "fp16", "fp32")]
        spreads.append(max(gaps) - min(gaps))
    assert said == round(max(spreads), 6)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{p.name}" for p in DOCS.glob("*.md"))])
def test_every_local_link_leads_somewhere(page):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert (ROOT / page).parent.joinpath(target).exists(), target


def test_the_gap_after_long_training_is_the_laboratorys():
    kept = ROOT / "measured" / "long_absmean_docs_en_h100/seed42/final/laboratory.json"
    found = json.loads(kept.read_text())["metrics"]
    rows, flips, weights = found["rows"], found["threshold"]["flips"], found["ternary_weights"]
    said = " ".join(README.split())
    assert f"loses {rows['own']['gap_bpb']:.4f} ± {rows['own']['gap_se']:.4f} here: with FP16 scales" in said
    assert f"and {rows['scales_bf16']['gap_bpb']:.4f} with BF16 scales" in said
    assert f"({100 * found['threshold']['near']:.1f} % within 2⁻⁸ of it)" in said
    assert f"{100 * flips['fp32_weight_fp16_scale'] / weights:.2f} % of trits change" in said
    assert f"with FP32 scales ({100 * flips['fp32_weight_fp32_scale'] / weights:.2f} %)" in said
    assert f"cost no byte, {rows['without_decide']['gap_bpb']:.4f} is left" in said
    earlier = json.loads((kept.parents[1] / "step_010000/laboratory.json").read_text())["metrics"]["rows"]["own"]
    assert earlier["gap_bpb"] < earlier["gap_se"] and "after 10,000 steps it lost nothing" in said


def test_the_table_of_gaps_can_be_made_again():
    assert "bf16_mixes_bf16" in roundtrip_table(load_run(RUN)).markdown()


def test_every_command_of_the_readme_exists():
    targets = re.search(r"Targets: (.*?)\. Tables", README, re.S)[1]
    snakefile = (ROOT / "Snakefile").read_text() + "".join(p.read_text() for p in (ROOT / "rules").glob("*.smk"))
    for target in re.findall(r"`(\w+)`", targets):
        assert f"rule {target}:" in snakefile
