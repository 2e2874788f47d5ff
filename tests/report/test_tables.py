"""Tables from synthetic metrics: exact content, and digests that only figures can change."""

import io
import shutil

import pandas as pd
import pytest

from tests.report import synthetic
from tests.report.test_metrics import edit, metrics_files
from tests.small import REPOSITORY
from tritgolf.errors import InputError
from tritgolf.report.comparisons import published_table, records_table
from tritgolf.report.metrics import load_files, load_run
from tritgolf.report.published import published_files, published_for, read_published
from tritgolf.report.record_facts import published_system
from tritgolf.report.schemas import Provenance
from tritgolf.report.tables import checkpoints_table, roundtrip_table, seeds_table

SEEDS = """\
seed      steps    ms/step    sliding BPB    val BPB    RT BPB    RT gap    artifact bytes    fits
------  -------  ---------  -------------  ---------  --------  --------  ----------------  ------
42          300      202.0         2.4500     2.5000    2.5009   +0.0009           250,042     yes
1337        300      207.0         2.4530     2.5030    2.5040   +0.0010           250,037     yes
7           300      207.0         2.4480     2.4980    2.4988   +0.0008           250,007     yes
mean        300      205.3         2.4503     2.5003    2.5012   +0.0009           250,029
std           0        2.9         0.0025     0.0025    0.0026    0.0001                19"""

PUBLISHED = """\
seed,steps,ms_per_step,sliding_bpb,val_bpb,rt_bpb,rt_gap,total_bytes,artifact_bytes
42,6530,91.9,1.1542,1.1802,1.1821,0.0019,15953221,15876313
1337,6530,91.8,1.1540,1.1805,1.1813,0.0008,15952387,15875479
7,6540,91.9,1.1535,1.1802,1.1808,0.0006,15951196,15874288
"""


@pytest.fixture
def published(tmp_path):
    """Made-up figures of #920, compared as the real ones are."""
    folder = tmp_path / "published" / "pr920"
    folder.mkdir(parents=True)
    (folder / "seeds.csv").write_text(PUBLISHED)
    shutil.copy(REPOSITORY / "published" / "pr640" / "figures.yaml", folder)
    return read_published(folder)


def csv_of(table) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(table.csv()))


def test_seed_table_in_the_terminal(folder):
    assert seeds_table(load_run(folder)).terminal() == SEEDS


def test_seed_table_as_csv_has_every_figure_at_full_precision(folder):
    frame = csv_of(seeds_table(load_run(folder)))
    assert list(frame["seed"]) == ["42", "1337", "7", "mean", "std"]
    first, mean, std = frame.iloc[0], frame.iloc[3], frame.iloc[4]
    assert first["rt_bpb"] == 2.5 + 0.00089
    assert first["rt_gap_bpb"] == 0.00089
    assert first["val_record_bpb"] == pytest.approx(first["val_bpb"] + synthetic.Z_LOSS_BPB)
    assert first["total_bytes"] == 250_042 + 70_000
    assert first["torch"] == "0.0.0+synthetic"
    assert first["mode"] == "honest"
    assert first["dataset"] == "docstrings"
    assert mean["val_bpb"] == pytest.approx(2.5 + (0.003 - 0.002) / 3)
    # offsets 0, 3, −2 thousandths: mean 1/3, squared deviations 1/9 + 64/9 + 49/9 = 38/3, halved 19/3
    assert std["val_bpb"] == pytest.approx((19 / 3) ** 0.5 / 1000)
    assert pd.isna(mean["hardware"])
    assert pd.isna(mean["stride"])


def test_headline_follows_the_mode(folder, tmp_path):
    honest = seeds_table(load_run(folder))
    faithful = seeds_table(load_run(synthetic.write_run(tmp_path / "v2", "ternary_v2")))
    assert honest.cells["val BPB"][0] == "2.5000"
    assert faithful.cells["val BPB"][0] == "2.5030"
    assert honest.cells["sliding BPB"][0] == faithful.cells["sliding BPB"][0] == "2.4500"
    assert list(honest.frame["val_bpb"]) == list(faithful.frame["val_bpb"])
    assert "Val BPB as cross-entropy plus the z-loss term, by published bytes: 2.5033 ± 0.0025" in honest.markdown()
    assert "as the published tables have them. Val BPB as pure cross-entropy: 2.5003 ± 0.0025" in faithful.markdown()


def test_the_zero_fraction_that_the_record_reports_comes_first(folder, tmp_path):
    honest = seeds_table(load_run(folder)).markdown()
    faithful = seeds_table(load_run(synthetic.write_run(tmp_path / "v2", "ternary_v2"))).markdown()
    assert "Zero fraction: 0.414 of the stored trits; 0.224 as the published code counts." in honest
    assert "Zero fraction: 0.224 as the published code counts; 0.414 of the stored trits." in faithful


def test_temperature_is_noted_where_it_was_applied(folder):
    note = "The best on training tokens is 1.00; sliding BPB there, which is what a bundle claims: 2.4503 ± 0.0025."
    assert note in seeds_table(load_run(folder)).markdown()
    for seed in synthetic.SEEDS:
        path = folder / f"seed{seed}/final/evaluate.json"
        edit(path, metrics__temperature__applied=False, metrics__temperature__sliding_bpb_at_best=None)
    assert "at temperature 1" not in seeds_table(load_run(folder)).markdown()


def test_markdown_and_html_name_what_made_them(folder):
    table = seeds_table(load_run(folder))
    for text in (table.markdown(), table.html()):
        assert "Demo: the ternary U-Net on two CPU cores: 3 seeds" in text
        assert (
            "honest mode, text docstrings (BPB by published bytes); Synthetic processor, 2 cores; torch 0.0.0+synthetic"
            in text
        )
        assert table.digest in text
    assert "/train/train.json" in table.markdown()
    assert "seed&lt;k&gt;/train/train.json" in table.html()
    assert "http" not in table.html()  # self-contained


def test_an_artifact_over_the_limit_stands_out(folder):
    edit(folder / "seed7/final/export/export.json", metrics__byte_limit=320_006)
    table = seeds_table(load_run(folder))
    assert list(table.cells["fits"]) == ["yes", "yes", "NO", "", ""]
    edit(folder / "seed7/final/export/export.json", metrics__byte_limit=320_007)
    assert set(seeds_table(load_run(folder)).cells["fits"]) == {"yes", ""}


def test_one_seed_has_no_mean_row(folder):
    run = load_files([path for path in metrics_files(folder) if "seed42" in path.parts], synthetic.facts())
    table = seeds_table(run)
    assert list(table.cells["seed"]) == ["42"]
    assert table.title.endswith(": 1 seed")
    assert csv_of(table)["val_bpb"].isna().tolist() == [False, False, True]


def test_a_storage_without_any_gap_says_so(folder):
    lossless = {"storages__fp32__gap_bpb": 0.0, "storages__fp32__gap_se": 0.0}
    for seed in synthetic.SEEDS:
        edit(folder / f"seed{seed}/final/roundtrip.json", **{f"metrics__{name}": to for name, to in lossless.items()})
    last = roundtrip_table(load_run(folder)).cells.iloc[8]
    assert (last["storage"], last["RT gap"], last["paired SE"]) == ("fp32", "0 exactly", "0 exactly")


def test_roundtrip_table_has_a_row_a_checkpoint_and_storage(folder):
    table = roundtrip_table(load_run(folder))
    assert list(table.cells["step"]) == ["100"] * 3 + ["200"] * 3 + ["300"] * 3
    assert list(table.cells["storage"]) == ["bf16", "fp16", "fp32"] * 3
    last = table.cells.iloc[6]
    assert last["seeds"] == "3"
    # gaps 0.00089 × (1, 1.15, 0.9): mean 0.00089 × 3.05/3, std 0.00089 × √(0.0316667/2)
    assert last["RT gap"] == "+0.000905 ± 0.000112"
    assert last["paired SE"] == "0.000040"
    # fp32 costs 0.00002 more than bf16, the own storage, times the same (1, 1.15, 0.9)
    assert table.cells["over own storage"].tolist()[6:] == ["own", "+0.000010 ± 0.000001", "+0.000020 ± 0.000003"]
    assert last["largest weight error"] == "8.00e-04"
    assert last["layout"] == "bitmask"
    frame = csv_of(table)
    assert len(frame) == 9 * (3 + 2)
    assert frame[(frame.checkpoint == "final") & (frame.storage == "fp16")]["seed"].tolist() == [
        "42", "1337", "7", "mean", "std",
    ]  # fmt: skip


def test_roundtrip_table_of_seeds_with_different_last_steps(folder):
    edit(folder / "seed7/final/export/export.json", step=290)
    edit(folder / "seed7/final/roundtrip.json", step=290)
    table = roundtrip_table(load_run(folder))
    assert list(table.cells["seeds"]) == ["3"] * 9
    assert table.cells["step"].iloc[-1] == "297"  # (300 + 300 + 290) / 3


def test_digest_ignores_times_hardware_and_paths(folder, tmp_path):
    elsewhere = synthetic.write_run(tmp_path / "elsewhere")
    for seed in synthetic.SEEDS:
        path = elsewhere / f"seed{seed}/train/train.json"
        edit(path, metrics__step_ms={"mean": 1.0, "median": 1.0, "p10": 1.0, "p90": 1.0}, metrics__training_seconds=9.0)
        edit(path, provenance__hardware={"gpus": ["G", "G"]}, provenance__versions={"torch": "9"})
    first, second = seeds_table(load_run(folder)), seeds_table(load_run(elsewhere))
    assert first.csv() != second.csv()
    assert "2 × G" in second.markdown()
    assert first.digest == second.digest
    assert roundtrip_table(load_run(folder)).digest == roundtrip_table(load_run(elsewhere)).digest
    assert records_table([load_run(folder)]).digest == records_table([load_run(elsewhere)]).digest


def test_digest_of_the_published_table_ignores_times(tmp_path, published):
    run = synthetic.write_run(tmp_path / "v2", "ternary_v2")

    def table():
        return published_table(load_run(run), published)

    before = table()
    edit(run / "seed7/train/train.json", metrics__step_ms={"mean": 1.0, "median": 1.0, "p10": 1.0, "p90": 1.0})
    assert table().csv() != before.csv()
    assert table().digest == before.digest
    edit(run / "seed7/train/train.json", metrics__steps=299)
    assert table().digest != before.digest


def test_seeds_of_different_machines_are_told_apart(tmp_path, published):
    run = synthetic.write_run(tmp_path / "v2", "ternary_v2")

    def pages():
        found = load_run(run)
        tables = (seeds_table(found), records_table([found]), published_table(found, published))
        return [table.markdown() for table in tables]

    assert not any("different hardware" in page for page in pages())
    edit(run / "seed7/train/train.json", provenance__hardware={"gpus": ["G", "G"]})
    said = (
        "The seeds of ternary_v2 were trained on different hardware (Synthetic processor, 2 cores: 42, 1337; 2 × G: 7)"
    )
    assert all(said in page for page in pages())


def test_times_on_different_hardware_are_not_averaged(tmp_path, published):
    run = synthetic.write_run(tmp_path / "v2", "ternary_v2")
    for seed in (42, 1337):
        edit(run / f"seed{seed}/train/train.json", provenance__hardware={"gpus": ["NVIDIA H200"] * 4})
    edit(run / "seed7/train/train.json", provenance__hardware={"gpus": ["NVIDIA H100 80GB HBM3"] * 2})
    found = load_run(run)
    seeds, records = seeds_table(found), records_table([found])
    beside = published_table(found, published)
    by_hardware = "204.5 on 4×H200, 207.0 on 2×H100"
    assert list(seeds.cells["ms/step"]) == ["202.0", "207.0", "207.0", by_hardware, "—"]
    assert list(records.cells["ms/step"]) == [by_hardware]
    shown = beside.cells.set_index("figure").loc["ms/step"]
    assert list(shown)[1:] == ["204.5 ± 3.5 on 4×H200, 207.0 on 2×H100", "—"]
    frame = csv_of(seeds)
    for name in ("ms_per_step", "median_ms_per_step", "training_seconds"):
        assert frame[name][:3].notna().all() and frame[name][3:].isna().all()
        assert csv_of(records)[[f"{name}_mean", f"{name}_std"]].isna().all(axis=None)
    assert frame["val_bpb"].notna().all()
    assert csv_of(beside).set_index("figure").loc["ms/step", ["mean", "std", "difference"]].isna().all()


def test_names_of_hardware_that_are_alike_when_short_are_shown_whole(tmp_path):
    run = synthetic.write_run(tmp_path / "v2", "ternary_v2")
    for seed, memory in ((42, "80GB HBM3"), (1337, "80GB HBM3"), (7, "64GB HBM2")):
        edit(run / f"seed{seed}/train/train.json", provenance__hardware={"gpus": [f"NVIDIA H100 {memory}"]})
    shown = seeds_table(load_run(run)).cells["ms/step"][3]
    assert shown == "204.5 on 1 × NVIDIA H100 80GB HBM3, 207.0 on 1 × NVIDIA H100 64GB HBM2"


@pytest.mark.parametrize(
    ("devices", "machine"),
    [
        (["cpu: P"], "P, 2 cores"),
        (["cpu: P", "cpu: P"], "P, 2 cores, 2 processes"),
        (["H", "G", "H"], "1 × G, 2 × H"),
    ],
)
def test_a_machine_is_what_its_ranks_trained_on(devices, machine):
    hardware = {"processor": "P", "cores": 2, "gpus": [], "trained_on": [{"to_step": 9, "devices": devices}]}
    made_by = Provenance(hardware=hardware)
    assert (made_by.machine, made_by.device_count) == (machine, len(devices))


def test_digest_changes_with_a_figure(folder):
    before = seeds_table(load_run(folder)).digest
    edit(folder / "seed42/final/evaluate.json", metrics__sliding__bpb=2.4500001)
    assert seeds_table(load_run(folder)).digest != before


def test_the_order_of_input_changes_no_byte(folder):
    files = metrics_files(folder)
    for make in (seeds_table, roundtrip_table):
        one, other = (make(load_files(order, synthetic.facts())) for order in (files, files[::-1]))
        assert (one.csv(), one.markdown(), one.html()) == (other.csv(), other.markdown(), other.html())


def test_writing(folder, tmp_path):
    table = seeds_table(load_run(folder))
    table.write(tmp_path / "tables" / "seeds")
    assert (tmp_path / "tables/seeds.csv").read_text() == table.csv()
    assert (tmp_path / "tables/seeds.md").read_text() == table.markdown()
    assert (tmp_path / "tables/seeds.html").read_text() == table.html()
    assert len(list((tmp_path / "tables").iterdir())) == 3


def test_records_table_warns_of_different_texts(folder, tmp_path):
    runs = [load_run(folder), load_run(synthetic.write_run(tmp_path / "v2", "ternary_v2"))]
    table = records_table(runs)
    assert list(table.cells["record"]) == ["demo", "ternary_v2"]
    assert list(table.cells["val BPB"]) == ["2.5003 ± 0.0025", "2.5033 ± 0.0025"]
    assert table.frame["val_bpb_mean"].nunique() == 1
    assert "different texts (docstrings, fineweb)" in table.markdown()
    assert "different texts" not in records_table(runs[:1]).markdown()


def test_records_of_other_commands_are_not_taken_for_missing(folder):
    page = records_table([load_run(folder)]).markdown()
    assert page.startswith("# Records of the last command\n")
    assert "results of other records stay in results/RECORD/tables" in page


def test_beside_the_published_figures(tmp_path, published):
    run = load_run(synthetic.write_run(tmp_path / "v2", "ternary_v2"))
    rows = published_table(run, published).cells.set_index("figure")
    assert rows.loc["sliding BPB"].tolist() == ["1.15390 ± 0.00036", "2.4503 ± 0.0025", "+1.2964"]
    assert rows.loc["val BPB, with z-loss"].iloc[1] == "2.5033 ± 0.0025"


def test_other_text_has_no_difference_of_scores(tmp_path, published):
    folder = synthetic.write_run(tmp_path / "v2", "ternary_v2")
    edit(folder / "record.json", dataset="docs_en")
    table = published_table(load_run(folder), published)
    rows = table.cells.set_index("figure")["difference"]
    assert set(rows[["sliding BPB", "val BPB, with z-loss", "RT BPB, with z-loss", "RT gap, with z-loss"]]) == {
        "other text"
    }
    assert rows["artifact bytes"] == "−15,625,331"
    assert "Scored on docs_en here, on fineweb there" in table.markdown()


def test_a_run_with_a_name_is_not_taken_for_the_record(tmp_path, published):
    """Beside the published figures of its record too, and among other records."""
    folder = synthetic.write_run(tmp_path / "ternary_v2@long", "ternary_v2")
    changed = ["seeds: [1] → [42]", "train.steps: 10000 → 300", "model.layers: 10 → 4", "train.z_loss: 0.1 → 0.0"]
    for path in metrics_files(folder):
        if path.suffix == ".json":
            edit(path, record="ternary_v2@long")
    edit(folder / "record.json", name="ternary_v2@long", laid_over=changed)
    run = load_run(folder)
    tables = [seeds_table(run), roundtrip_table(run), published_table(run, published)]
    for table in tables:
        told = "run long; not as the record has it: train.steps: 10000 → 300, model.layers: 10 → 4 and 1 more"
        assert f" ({told}): " in table.title
    page = records_table([run]).markdown()
    assert "\n| ternary_v2@long | " in page
    for text in (page, *(table.markdown() for table in tables)):
        assert f"Not as the record has it: {', '.join(changed)}." in text
    assert "published (pr920, seeds: 3" in tables[-1].markdown()


def test_a_record_as_it_is_says_nothing_of_runs(folder):
    assert "not as the record has it" not in seeds_table(load_run(folder)).markdown().lower()


def test_no_published_figures(published, tmp_path):
    folder, demo, record = tmp_path / "published", synthetic.facts("demo"), synthetic.facts("ternary_v2")
    assert published_files(folder, demo.source) == published_files(folder, "#640") == []
    fix = r"add seeds.csv and figures.yaml in published/NAME, and source: NAME$"
    with pytest.raises(
        InputError, match=rf"record 'demo': has no published figures of its source, 'this project'; {fix}"
    ):
        published_for(demo, [])
    with pytest.raises(InputError, match=r"of its source, '#920'; add seeds.csv and figures.yaml in published/pr920$"):
        published_for(record, [])
    assert published_for(record, published_files(folder, record.source)).system == "pr920"
    assert published_system("#640") == "pr640"
    assert published_system("this project") is None


def test_what_was_published_without_a_pull_request_is_found_by_its_folder(published, tmp_path):
    folder = tmp_path / "published"
    baseline = folder / "baseline"
    baseline.mkdir()
    (baseline / "figures.yaml").write_text("inherit: pr920\nfigures: {ms_per_step: null}\n")
    (baseline / "seeds.csv").write_text(PUBLISHED)
    assert published_files(folder, "baseline")[0] == baseline / "seeds.csv"
    assert published_files(folder, "another") == published_files(folder, "this project") == []
    inherited, own = published.figures.figures, read_published(baseline).figures.figures
    assert own == {name: figure for name, figure in inherited.items() if name != "ms_per_step"}
    assert published_files(REPOSITORY / "published", "ternary_150k_fp16")


def test_bad_published_figures(published, tmp_path):
    folder = tmp_path / "published" / "pr920"
    (folder / "seeds.csv").write_text("seed,steps\n")
    with pytest.raises(InputError, match="lacks the columns artifact_bytes, ms_per_step"):
        read_published(folder)
    (folder / "seeds.csv").unlink()
    with pytest.raises(InputError, match="cannot be read as CSV"):
        read_published(folder)
    (folder / "figures.yaml").write_text("inherit: pr920\n")
    with pytest.raises(InputError, match="comes round to itself"):
        read_published(folder)
    (folder / "figures.yaml").write_text("figures: {steps: {}}\n")
    with pytest.raises(InputError, match=r"figures\.yaml: dataset: is missing"):
        read_published(folder)


def test_a_row_a_checkpoint_that_was_evaluated(folder):
    (folder / "seed42/step_000100/evaluate.json").unlink()
    frame = csv_of(checkpoints_table(load_run(folder)))
    assert list(frame["step"][frame["seed"] == "42"].astype(int)) == [200, 300]
    assert list(frame["step"][frame["seed"] == "mean"].astype(float)) == [100, 200, 300]
    last = frame[(frame["checkpoint"] == "final") & (frame["seed"] == "mean")].iloc[0]
    assert float(last["sliding_gain_bpb"]) == pytest.approx(0.05089)
    cells = checkpoints_table(load_run(folder)).cells
    assert list(cells["step"]) == ["100", "200", "300"]
    assert list(cells["seeds"]) == ["2", "3", "3"]
