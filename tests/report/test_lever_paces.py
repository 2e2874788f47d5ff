"""Times of levers whose own trainings shared a machine: of runs that had one each, kept in a folder of their own."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.report import synthetic
from tests.report.test_metrics import edit
from tritgolf.errors import InputError
from tritgolf.report.experiments import load_experiment, paces_folder, read_experiment
from tritgolf.report.lever_table import lever_table

EXPERIMENT = """
kind: levers
title: "Two levers"
timed: false
paces: times
rows:
  - {record: first, storage: bf16, what: "as it is", against: first}
  - {record: slow, storage: bf16, what: "slow", against: first}
  - {record: later, storage: bf16, what: "not timed", against: first}
"""
SECONDS = {"first": 12.0, "slow": 15.0}  # of 120 steps
BASE, SLOW = (Path("times") / name / "seed42" / "train" / "train.json" for name in SECONDS)


def named(folder: Path, name: str) -> None:
    """Give the run in ``folder`` a name."""
    for path in folder.rglob("*.json"):
        edit(path, **({"name": name} if path.name == "record.json" else {"record": name}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three runs of equal figures, of which the first two were timed: 120 steps of one seed, alone on a GPU."""
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    for name in ("first", "slow", "later"):
        named(synthetic.write_run(tmp_path / name, "demo"), name)
    edit(tmp_path / "slow" / "record.json", model__softcap=20.0)
    for name, seconds in SECONDS.items():
        place = tmp_path / "times" / name
        (place / "seed42").mkdir(parents=True)
        shutil.copy(tmp_path / name / "record.json", place)
        shutil.copytree(tmp_path / name / "seed42/train", place / "seed42/train")
        (place / "seed42/train/metrics.jsonl").unlink()
        named(place, f"{name}@alone")
        over = {"title": "Timed", "seeds": [42], "dataset": "docstrings_few", "train__steps": 120}
        edit(place / "record.json", laid_over=["train.steps: 240 → 120"], **over)
        edit(
            place / "seed42/train/train.json",
            metrics__steps=120,
            metrics__tokens=120 * 4096,
            metrics__training_seconds=seconds,
            metrics__step_ms={"mean": 1000 * seconds / 120, "median": 1.0, "p10": 1.0, "p90": 1000.0},
            provenance__hardware={"gpus": ["Some GPU"]},
        )
    return tmp_path


def test_times_are_those_of_runs_that_had_a_machine_alone(folder):
    table = lever_table(*load_experiment(folder))
    assert list(table.cells["time"]) == ["1.00", "1.25", ""]
    found = table.frame.groupby("record", sort=False)[["ms_per_step", "base_ms_per_step"]]
    assert found.nunique().max().max() == 1  # one for all seeds of a row
    assert found.first()["ms_per_step"].tolist() == pytest.approx([100, 125, math.nan], nan_ok=True)
    assert found.first()["base_ms_per_step"].tolist() == pytest.approx([100, 100, math.nan], nan_ok=True)


def test_a_lever_timed_with_some_of_the_bases_seeds_is_compared_with_these(folder):
    other = folder / "times/first/seed1337"
    shutil.copytree(folder / "times/first/seed42", other)
    edit(other / "train/train.json", seed=1337, metrics__step_ms={"mean": 300.0, "median": 1.0, "p10": 1.0, "p90": 1.0})
    table = lever_table(*load_experiment(folder))
    assert list(table.cells["time"]) == ["1.00", "1.25", ""]
    assert any("one or more of the seeds 42, 1337" in note for note in table.notes)


def test_how_they_were_measured_is_told_beside_the_bytes(folder):
    notes = lever_table(*load_experiment(folder)).notes
    (time,) = (note for note in notes if note.startswith("Time: "))
    assert "120 steps" in time and "seed 42" in time and "alone on 1 × Some GPU" in time
    assert "not timed" in time and notes[notes.index(time) - 1].startswith("Bytes: ")
    assert any(note.startswith("first@alone (") and "times/first/seed<k>/train/train.json" in note for note in notes)
    (folder / "experiment.yaml").write_text("\n".join(EXPERIMENT.splitlines()[:-1]))
    assert not any("not timed" in note for note in lever_table(*load_experiment(folder)).notes)


def test_without_paces_an_experiment_that_was_not_timed_has_no_times(folder):
    (folder / "experiment.yaml").write_text(EXPERIMENT.replace("paces: times\n", ""))
    table = lever_table(*load_experiment(folder))
    assert "time" not in table.cells and not any(note.startswith("Time: ") for note in table.notes)
    assert table.frame["ms_per_step"].isna().all()  # of trainings that shared a machine


def test_a_page_is_made_of_them_too(folder):
    """What a rule has as its inputs."""
    assert paces_folder(read_experiment(folder)[0], folder) == folder / "times"
    (folder / "experiment.yaml").write_text(EXPERIMENT.replace("paces: times", "paces: ../elsewhere"))
    assert paces_folder(read_experiment(folder)[0], folder / "experiment.yaml") == folder.parent / "elsewhere"
    (folder / "experiment.yaml").write_text(EXPERIMENT.replace("paces: times\n", ""))
    assert paces_folder(read_experiment(folder)[0], folder) is None


@pytest.mark.parametrize("timed", ["timed: true\n", ""])
def test_times_of_two_places_are_refused(folder, timed):
    (folder / "experiment.yaml").write_text(EXPERIMENT.replace("timed: false\n", timed))
    with pytest.raises(InputError, match=r"yaml: timed: true is not possible; it must be false beside paces"):
        load_experiment(folder)


MISTAKES: dict[str, tuple[Callable[[Path], None], str]] = {
    "no folder": (
        lambda folder: shutil.rmtree(folder / "times"),
        r"experiment.yaml: paces: there is no folder .*times; keep .* or leave paces out",
    ),
    "no base": (
        lambda folder: shutil.rmtree(folder / "times/first"),
        r"experiment.yaml: paces: .*times has no run of the base, first; keep one",
    ),
    "no record": (lambda folder: (folder / "times/slow/record.json").unlink(), r"times/slow/record.json: is missing"),
    "no training": (lambda folder: (folder / SLOW).unlink(), r"'slow@alone': has no metrics"),
    "a setting of another": (
        lambda folder: edit(folder / "times/slow/record.json", model__softcap=10.0),
        r"times/slow/record.json: is not of .*/slow/record.json's settings \(model.softcap: 20.0 → 10.0\); time",
    ),
    "a setting of training": (
        lambda folder: edit(folder / "times/first/record.json", train__z_loss=0.5),
        r"times/first/record.json: is not of .*\(train.z_loss: .* → 0.5\)",
    ),
    "other tokens a step": (
        lambda folder: edit(folder / SLOW, metrics__tokens=120 * 8192),
        r"times/slow: has the tokens a step 8,192, the base's run 4,096; time both with the same",
    ),
    "other steps": (
        lambda folder: edit(folder / SLOW, metrics__steps=60, metrics__tokens=60 * 4096),
        r"times/slow: has the steps 60, the base's run 120",
    ),
    "another machine": (
        lambda folder: edit(folder / SLOW, provenance__hardware={"gpus": ["Another GPU"]}),
        r"times/slow: has the hardware 1 × Another GPU, the base's run 1 × Some GPU",
    ),
    "another text": (
        lambda folder: edit(folder / "times/slow/record.json", dataset="docstrings"),
        r"times/slow: has the text docstrings, the base's run docstrings_few",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_times_that_tell_nothing_are_refused_in_one_line(folder, name):
    change, told = MISTAKES[name]
    change(folder)
    with pytest.raises(InputError, match=told):
        load_experiment(folder)


def test_times_of_another_seed_are_refused(folder):
    (folder / "times/slow/seed42").rename(folder / "times/slow/seed7")
    edit(folder / "times/slow/seed7/train/train.json", seed=7)
    with pytest.raises(InputError, match=r"times/slow: has the seeds 7, the base's run only 42; time the base"):
        load_experiment(folder)
