"""An experiment of changes: its records, what is laid over them, and the table of gains."""

import json
from pathlib import Path

import pytest
import yaml

from tests.report import synthetic
from tests.report.test_metrics import edit
from tests.small import RECORDS
from tritgolf.config.record import load_record
from tritgolf.errors import InputError
from tritgolf.experiments.levers import LeversConfig
from tritgolf.experiments.ready import ready
from tritgolf.report.experiments import load_experiment, settings_of
from tritgolf.report.lever_table import lever_table
from tritgolf.report.statistics import blocked_error, students_p

EXPERIMENT = """
kind: levers
title: "Two levers"
rows:
  - {record: first, storage: bf16, what: "as it is", against: first}
  - {record: alone, storage: bf16, what: "rms scales", against: first}
  - {record: long, storage: bf16, what: "longer", against: first}
  - {record: rung1, storage: bf16, what: "longer", against: first}
  - {record: rung2, storage: bf16, what: "… and rms scales", against: rung1}
"""
GAINS = {"alone": (0.1, 0.1, 0.1), "long": (0.1, 0.2, 0.3), "rung2": (0.5, 0.5, 0.8)}
GRID = {
    "kind": "levers",
    "title": "Two levers",
    "base": "demo",
    "storage": "bf16",
    "what": "as it is",
    "changes": {
        "rms": {"what": "rms scales", "over": {"model": {"quantizer": {"estimator": "rms"}}}},
        "long": {"what": "longer", "over": {"train": {"steps": 300}, "model": {"quantizer": {"group_size": 32}}}},
    },
    "ladder": ["long", "rms"],
}


@pytest.fixture
def folder(tmp_path):
    """Runs of equal figures but for how much less each seed scores."""
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    for name in ("first", "alone", "long", "rung1", "rung2"):
        synthetic.write_run(tmp_path / name, "demo")
        edit(tmp_path / name / "record.json", name=name)
        for path in (tmp_path / name).rglob("*.json"):
            if path.name != "record.json":
                edit(path, record=name)
        for seed, less in zip(synthetic.SEEDS, GAINS.get(name, (0, 0, 0)), strict=True):
            path = tmp_path / name / f"seed{seed}" / "final" / "evaluate.json"
            edit(path, metrics__sliding__bpb=synthetic.evaluate(seed)["sliding"]["bpb"] - less)
    return tmp_path


def test_changes_are_compared_by_sliding_scores(folder):
    for path in (folder / "long").rglob("evaluate.json"):
        metrics = json.loads(path.read_text())["metrics"]
        edit(path, metrics__methods={"chunked": metrics["chunked"] | {"kind": "chunked"}})
    with pytest.raises(InputError, match=r"record 'long': has no sliding score, .*; name such a method in evaluate"):
        lever_table(*load_experiment(folder))


def test_changes_make_records_and_rows(tmp_path):
    (tmp_path / "experiments").mkdir()
    for folder in ("variants", "demo.yaml", "ternary_v2.yaml"):
        (tmp_path / folder).symlink_to(RECORDS / folder)
    (tmp_path / "experiments/two.yaml").write_text(yaml.safe_dump(GRID, sort_keys=False))
    found = ready("two", tmp_path, tmp_path / "results")
    records = {Path(given).stem: load_record(given, tmp_path) for given in found.records}
    assert list(records) == ["two_base", "two_rms", "two_long", "two_rung1_long", "two_rung2_rms"]
    assert {name: (one.train.steps, one.model.quantizer.group_size) for name, one in records.items()} == {
        **dict.fromkeys(("two_base", "two_rms"), (240, 64)),
        **dict.fromkeys(("two_long", "two_rung1_long", "two_rung2_rms"), (300, 32)),
    }
    rows = settings_of(found.file).rows
    assert [row.against for row in rows] == [*["two_base"] * 4, "two_rung1_long"]
    assert rows[-1].what == "… and rms scales"


def test_a_gain_is_paired_by_seed_and_a_rung_s_is_over_the_one_below(folder):
    cells = lever_table(*load_experiment(folder)).cells.set_index("change")
    assert list(cells["gain"]) == ["base", "+0.1000 ± 0.0000", "+0.2000 ± 0.1000", "0 exactly", "+0.6000 ± 0.1732"]
    assert set(cells["time"]) == {"1.00"} and cells["artifact bytes"].iloc[1] == "+0"


def test_all_gains_are_tested_with_one_spread(folder):
    """A change whose seeds agree by luck is told from nothing by no more than the others' spread allows."""
    frame = lever_table(*load_experiment(folder)).frame
    scores = [group["sliding_bpb"].tolist() for _, group in frame.groupby("record", sort=False)]
    deviation, degrees = blocked_error(scores)
    p = frame.groupby("record")["gain_p"].first()
    for record, gain in (("alone", 0.1), ("long", 0.2), ("rung1", 0.0), ("rung2", 0.6)):
        assert p[record] == pytest.approx(students_p(gain, deviation * (2 / 3) ** 0.5, degrees))
    assert degrees == 4 * 2 and p["alone"] > p["long"] > p["rung2"]


def test_a_row_apart_has_its_own_spread_and_gives_the_others_none(folder):
    before = lever_table(*load_experiment(folder))
    text = EXPERIMENT.replace('what: "longer", against: first}', 'what: "longer", against: first, apart: true}', 1)
    (folder / "experiment.yaml").write_text(text)
    table = lever_table(*load_experiment(folder))
    p = table.frame.groupby("record")["gain_p"].first()
    assert p["long"] == pytest.approx(0.0742, abs=1e-4)  # 0.1, 0.2, 0.3 alone: t = 3.464 of two degrees
    assert "6 degrees" in table.notes[1] and "their own spread" in table.notes[1] and "8 degrees" in before.notes[1]


def test_one_seed_tells_nothing(folder):
    text = EXPERIMENT.replace("rows:", "seeds: [42]\nrows:")
    (folder / "experiment.yaml").write_text(text)
    table = lever_table(*load_experiment(folder))
    assert set(table.cells["p"]) == {"", "—"} and table.notes[1].startswith("p: one seed tells no change")


@pytest.mark.parametrize("name", ["levers", "demo_levers"])
def test_every_change_of_an_experiment_is_possible_and_changes_something(name, tmp_path):
    records = [load_record(given, RECORDS) for given in ready(name, RECORDS, tmp_path).records]
    first_rung = "_rung1_"  # the change alone
    differ = [(record.model, record.train, record.export) for record in records if first_rung not in record.name]
    assert len(records) >= 19
    assert all(one not in differ[:n] for n, one in enumerate(differ))


def test_mistakes_are_one_line():
    with pytest.raises(ValueError, match="ladder: b is not possible; it must be of the changes: rms, long"):
        LeversConfig.model_validate(GRID | {"ladder": ["b"]})
    with pytest.raises(InputError, match="'levers/first': is unknown; levers has no parts"):
        ready("levers/first", RECORDS)
