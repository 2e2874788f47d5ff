"""A training that was done before under another name."""

from pathlib import Path

import pytest

from tests.train.test_earlier import SHARDS, wanted
from tritgolf.files import write_json
from tritgolf.train.alike import trained_alike
from tritgolf.train.earlier import Planned


@pytest.fixture
def results(tmp_path) -> Path:
    """Results of a record, and of a run of it, of which seed 42 is trained."""
    for name, trained in {"tiny": wanted(), "tiny@longer": wanted(steps=32)}.items():
        write_json(tmp_path / name / "seed42" / "train" / "train.json", {"trained": trained})
    return tmp_path


def planned(results: Path, name: str, want: dict, seed: str = "seed42", trains: bool = True) -> list[str]:
    return trained_alike([Planned(results / name / seed, want, trains, None)])


def test_it_is_told_with_the_name_that_it_has(results):
    (line,) = planned(results, "mine", wanted())
    assert line.startswith(f"{results}/mine/seed42: tiny was trained with just these settings and this text; ")
    assert "(--config records='[tiny]')" in line
    (line,) = planned(results, "mine", wanted(steps=32))
    assert "tiny@longer was trained with just these" in line and "run=longer, with that run's overrides" in line


def test_several_seeds_of_a_record_are_one_line(results):
    write_json(results / "tiny" / "seed7" / "train" / "train.json", {"trained": wanted()})
    plan = [Planned(results / "mine" / seed, wanted(), True, None) for seed in ("seed42", "seed7")]
    (line,) = trained_alike(plan)
    assert line.startswith(f"{results}/mine/seed42, {results}/mine/seed7: tiny was trained")


def test_what_is_another_training_is_not_told(results):
    assert planned(results, "mine", wanted(steps=40)) == []
    assert planned(results, "mine", wanted(SHARDS["other"])) == []
    assert planned(results, "mine", wanted(None)) == []  # its text is not made yet
    assert planned(results, "mine", wanted(), "seed7") == []


def test_nor_one_that_does_not_begin(results):
    assert planned(results, "mine", wanted(), trains=False) == []
    assert planned(results, "tiny", wanted()) == []
    write_json(results / "mine" / "seed42" / "live" / "plan.json", {"trained": wanted()})
    (results / "mine" / "seed42" / "live" / "state_00000012.safetensors").touch()
    assert planned(results, "mine", wanted()) == []


def test_a_damaged_file_of_another_record_stops_nothing(results):
    (results / "tiny" / "seed42" / "train" / "train.json").write_text("{")
    assert planned(results, "mine", wanted()) == []
