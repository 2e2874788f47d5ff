import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.report import synthetic
from tests.report.test_metrics import edit
from tests.small import RECORDS
from tritgolf.config.named import named_file
from tritgolf.config.record import load_record
from tritgolf.config.yaml_files import read_yaml
from tritgolf.errors import InputError
from tritgolf.report.experiment_kinds import KINDS
from tritgolf.report.experiment_table import experiment_table
from tritgolf.report.experiments import load_experiment, read_experiment, records_of

MEASURED = Path(__file__).parents[2] / "measured"
KEPT = sorted(path.parent for path in MEASURED.glob("*/experiment.yaml"))

EXPERIMENT = """
title: "Two demos"
rows:
  - {record: first, storage: bf16, what: "as it is"}
  - {record: first, storage: fp16, what: "FP16 scales"}
  - {record: second, storage: bf16, what: "other training"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two runs of the same figures; the second's seeds score 0.5, 0.25 and 0.75 lower, at the last step."""
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    for name in ("first", "second"):
        synthetic.write_run(tmp_path / name, "demo")
    for seed, lower in ((42, 0.5), (1337, 0.25), (7, 0.75)):
        path = tmp_path / f"second/seed{seed}/final/roundtrip.json"
        bpb = synthetic.roundtrip(seed, "final")["trained"]["bpb"] - lower
        edit(path, metrics__trained__bpb=bpb, metrics__storages__bf16__bpb=bpb + 0.125)
    return tmp_path


def test_rows_are_compared_with_the_first_seed_by_seed_at_equal_steps(folder):
    table = experiment_table(*load_experiment(folder))
    cells = table.cells
    assert list(cells["step"]) == ["100"] * 3 + ["200"] * 3 + ["300"] * 3
    assert list(cells["trained and stored"]) == ["as it is", "FP16 scales", "other training"] * 3
    last = cells[6:]
    assert list(last["trained BPB against the baseline"]) == ["baseline", "0 exactly", "−0.5000 ± 0.2500"]
    assert list(last["bytes against the baseline"]) == ["baseline", "+1,000", "+0"]
    assert last["RT BPB against the baseline"].iloc[2].startswith("−0.37")  # 0.125 − 0.5 less the baseline's gap
    earlier = cells[3:6]
    assert earlier["trained BPB against the baseline"].iloc[2] == "0 exactly"
    frame = table.frame
    row = frame[(frame.checkpoint == "final") & (frame.what == "other training") & (frame.seed == 7)]
    assert row["trained_bpb_over_baseline"].item() == pytest.approx(-0.75)
    assert "mean" in set(frame["seed"])


def test_rows_are_labelled_and_told_apart_by_what_their_runs_recorded(folder):
    """Also rows of the same words: #920 as written, and #920."""
    (folder / "experiment.yaml").write_text(EXPERIMENT.replace("other training", "as it is"))
    edit(folder / "first/record.json", mode="faithful", model__quantizer__arithmetic="bf16_weight")
    table = experiment_table(*load_experiment(folder))
    assert list(table.cells["mode"]) == [*["as written (weights rounded to BF16)"] * 2, "honest"] * 3
    assert list(table.cells["seeds"]) == ["3"] * 9
    assert list(table.cells["trained BPB against the baseline"][6:]) == ["baseline", "0 exactly", "−0.5000 ± 0.2500"]
    assert "the first row (as it is; as written (weights rounded to BF16))" in " ".join(table.notes)


def test_the_training_loss_is_that_of_the_batches_logged_shortly_before(folder):
    log = folder / "second/seed7/train/metrics.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        line["loss"] = 2.0 if line["step"] > 270 else 9.0
    assert any(180 < line["step"] <= 200 for line in lines)
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    frame = experiment_table(*load_experiment(folder)).frame
    rows = frame[(frame["what"] == "other training") & (frame["seed"] == 7)].set_index("step")
    assert rows["training_loss"].to_dict() == {100: 9.0, 200: 9.0, 300: 2.0}


def test_an_experiment_may_compare_some_of_the_seeds(folder):
    shutil.rmtree(folder / "second/seed7")
    shutil.rmtree(folder / "first/seed42")
    with pytest.raises(InputError, match="has the seeds"):
        load_experiment(folder)
    (folder / "experiment.yaml").write_text(EXPERIMENT + "seeds: [1337]\n")
    _, runs = load_experiment(folder)
    assert {name: [seed.seed for seed in run.seeds] for name, run in runs.items()} == {
        "first": [1337],
        "second": [1337],
    }


def test_a_seed_that_a_run_has_not_is_told(folder):
    (folder / "experiment.yaml").write_text(EXPERIMENT + "seeds: [42, 99]\n")
    with pytest.raises(InputError, match="seeds: demo has no 99; it has 42, 1337, 7"):
        load_experiment(folder)
    (folder / "experiment.yaml").write_text(EXPERIMENT + "seeds: []\n")
    with pytest.raises(InputError, match="seeds"):
        load_experiment(folder)


def test_an_experiment_of_two_texts_or_other_checkpoints_is_refused(folder):
    edit(folder / "second/record.json", dataset="fineweb")
    with pytest.raises(
        InputError, match="second has the text fineweb, the baseline docstrings; run both with the same"
    ):
        load_experiment(folder)
    edit(folder / "second/record.json", dataset="docstrings")
    shutil.rmtree(folder / "second/seed42/step_000100")
    with pytest.raises(InputError, match="second has the checkpoints"):
        load_experiment(folder)


def test_an_experiment_that_cannot_be_compared_is_refused(folder):
    path = folder / "experiment.yaml"
    path.write_text(EXPERIMENT.replace("storage: fp16", "storage: int4"))
    with pytest.raises(InputError, match="first has no storage 'int4'; known: bf16, fp16, fp32"):
        experiment_table(*load_experiment(folder))
    path.write_text(EXPERIMENT.replace("storage: fp16", "storag: fp16"))
    with pytest.raises(InputError, match=r"rows\.1\.storag"):
        load_experiment(folder)
    path.write_text(EXPERIMENT)
    for file in (folder / "second" / "seed7").rglob("*.json*"):
        file.unlink()
    with pytest.raises(InputError, match=r"second has the seeds \[42, 1337\], the baseline \[42, 1337, 7\]"):
        load_experiment(folder)


def test_a_run_that_is_kept_elsewhere_is_found_where_the_experiment_says(folder):
    wanted = experiment_table(*load_experiment(folder)).frame
    (folder / "second").rename(folder.parent / "kept_elsewhere")
    path = folder / "experiment.yaml"
    path.write_text(EXPERIMENT + "runs: {second: ../kept_elsewhere}")
    pd.testing.assert_frame_equal(experiment_table(*load_experiment(folder)).frame, wanted)
    path.write_text(EXPERIMENT + "runs: {third: ../kept_elsewhere}")
    with pytest.raises(InputError, match="runs: no row is of 'third'; records of the rows: first, second"):
        load_experiment(folder)


def test_an_experiment_of_results_says_records_and_storages_that_there_are(folder, tmp_path_factory):
    wanted = experiment_table(*load_experiment(folder)).frame
    elsewhere = tmp_path_factory.mktemp("experiments") / "two.yaml"
    (folder / "experiment.yaml").rename(elsewhere)
    pd.testing.assert_frame_equal(experiment_table(*load_experiment(elsewhere, folder)).frame, wanted)
    assert named_file("experiment", "two", elsewhere.parent) == elsewhere
    with pytest.raises(InputError, match=r"experiment 'three': is unknown; known experiments: two"):
        named_file("experiment", "three", elsewhere.parent)


ROWS = [path for path in sorted((RECORDS / "experiments").glob("*.yaml")) if "rows" in read_yaml(path)]  # no grids


@pytest.mark.parametrize("path", ROWS, ids=lambda path: path.stem)
def test_experiments_to_be_run_are_of_records_that_can_be_compared(path):
    rows = read_experiment(path)[0].rows
    records = {name: load_record(name, RECORDS) for name in records_of(path)}
    assert all(row.storage in records[row.record].export.storages for row in rows)
    made_with = {(record.seeds, record.dataset, tuple(record.train.checkpoint_names)) for record in records.values()}
    assert len(made_with) == 1


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.name)
def test_every_kept_experiment_has_its_table(kept):
    """Also one in which some rows have no trits, so that none of theirs changes."""
    experiment, runs = load_experiment(kept)
    table = KINDS[experiment.kind].table(experiment, runs)
    assert len(table.cells) > 0
    assert experiment.kind != "rows" or "baseline" in set(table.cells["RT BPB against the baseline"])


HAVE_LOSSLESS = [path for path in KEPT if any("lossless" in row.storage for row in read_experiment(path)[0].rows)]


@pytest.mark.parametrize("kept", HAVE_LOSSLESS, ids=lambda path: path.name)
def test_a_lossless_storage_has_a_gap_of_exactly_zero_in_every_kept_run(kept):
    table = experiment_table(*load_experiment(kept))
    lossless = table.frame[(table.frame["storage"] == "lossless") & ~table.frame["seed"].isin(["mean", "std"])]
    assert len(lossless) > 0
    for name in ("gap_bpb", "gap_se_bpb", "trits_changed"):
        assert list(lossless[name]) == [0] * len(lossless), name
    others = table.frame[table.frame["storage"] == "bf16"]
    assert others["gap_bpb"].astype(bool).all()
    gaps = table.cells[table.cells["trained and stored"].str.contains("lossless")]["RT gap"]
    assert set(gaps) == {"0 exactly"}
