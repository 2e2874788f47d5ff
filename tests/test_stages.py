"""``benchmarks/stages.py``: stages that are run one by one lose nothing and agree with each other."""

import json
import runpy
import shutil
import sys

import pytest

from tests.small import REPOSITORY
from tritgolf.devices import VARIABLE

STEPS = "{train: {steps: 2, checkpoints: []}}"
MORE = "{train: {steps: 3, checkpoints: []}}"


@pytest.fixture(scope="module")
def program():
    """The program, as a module."""
    sys.path.insert(0, str(REPOSITORY / "benchmarks"))
    yield runpy.run_path(str(REPOSITORY / "benchmarks" / "stages.py"))
    sys.path.remove(str(REPOSITORY / "benchmarks"))


@pytest.fixture
def stages(program, monkeypatch, capsys, tmp_path):
    """Runs stages of a short record in a folder that is no repository; returns the error's line, None without one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.yaml").write_text("inherit: tiny\nmodel: {vocab_size: 300}\n")

    def run(*arguments, overrides=STEPS):
        options = ("--record", "./short.yaml", "--text", "small", "--device", "cpu", "--overrides", overrides)
        monkeypatch.setattr(sys, "argv", ["stages.py", *options, *arguments])
        try:
            program["main"]()
        except SystemExit as ended:
            assert ended.code == 2
            return capsys.readouterr().err.splitlines()[-1]
        return None

    return run


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory):
    """Results with a record's training of two steps; not to be changed."""
    results = tmp_path_factory.mktemp("trained") / "results"
    (results / "data").mkdir(parents=True)
    (results / "data" / "small").symlink_to(dataset)
    return results


@pytest.fixture
def results(trained, stages, tmp_path):
    """The same in the working folder, to be changed."""
    if not (trained / "short").exists():
        shutil.copytree(trained, tmp_path / "results", symlinks=True)
        assert stages("record", "train") is None
        shutil.copytree(tmp_path / "results" / "short", trained / "short")
    else:
        shutil.copytree(trained, tmp_path / "results", symlinks=True)
    return tmp_path / "results"


def state(results):
    """Every file of the record with its content."""
    return {path: path.read_bytes() for path in sorted((results / "short").rglob("*")) if path.is_file()}


def test_a_finished_training_is_not_replaced_unasked(stages, results):
    (results / "short" / "record.json").unlink()
    before = state(results)
    line = stages("train", overrides=MORE)
    assert line.startswith("error: results/short/seed42: trained already; another training would replace this one")
    assert "(train.steps: 2 → 3); give the new one a name (--run NAME), or let it take this place (--replace)" in line
    assert state(results) == before
    assert stages("train") is None
    assert state(results) == before


def test_states_of_a_stopped_training_are_not_deleted_unasked(stages, results):
    facts = results / "short" / "seed42" / "train" / "train.json"
    plan = {"trained": json.loads(facts.read_text())["trained"]}
    shutil.rmtree(results / "short")
    live = results / "short" / "seed42" / "live"
    live.mkdir(parents=True)
    (live / "plan.json").write_text(json.dumps(plan))
    (live / "state_00000001.safetensors").touch()
    for stage, told in (("train", "its live holds a stopped training"), ("record", "is trained with other settings")):
        line = stages(stage, overrides=MORE)
        assert told in line and "(train.steps: 2 → 3)" in line and "--run NAME" in line
    assert (live / "state_00000001.safetensors").exists() and not (results / "short" / "record.json").exists()


def test_a_training_is_replaced_where_that_is_said(stages, results):
    assert stages("record", "train", "--replace", overrides=MORE) is None
    made, told = (
        json.loads((results / "short" / file).read_text()) for file in ("seed42/train/train.json", "record.json")
    )
    assert made["metrics"]["steps"] == told["train"]["steps"] == 3


def test_a_record_tells_of_the_training_beside_it(stages, results):
    before = state(results)
    line = stages("record", overrides=MORE)
    assert "short/seed42: is trained with other settings than record.json would say (train.steps: 2 → 3)" in line
    assert "text: small" not in line and state(results) == before
    line = stages("record", "--text", "other")
    assert "(text: small → other)" in line and state(results) == before
    assert stages("record", overrides="{train: {steps: 2, checkpoints: []}, evaluate: {stride: 8}}") is None


@pytest.mark.parametrize("stage", ["train", "export"])
def test_a_stage_has_the_settings_of_the_record_that_was_written(stages, results, stage):
    before = state(results)
    line = stages(stage, "--seed", "7", overrides=MORE)
    assert f"record.json: has other settings than {stage} was given (train.steps: 2 → 3)" in line
    assert "run the stage record with these first" in line
    assert state(results) == before


def test_only_settings_that_a_stage_depends_on_count(stages, results):
    assert stages("export") is None
    line = stages("roundtrip", overrides="{train: {steps: 2, checkpoints: [], z_loss: 0.5}}")
    assert "has other settings than roundtrip was given (train.z_loss: 0.0001 → 0.5)" in line
    other = "{evaluate: {methods: {half: {kind: sliding, stride: 16, rule: drop_tail}}}}"
    assert stages("evaluate", "--methods", "half", overrides=other) is None  # nor have the steps to be said again
    assert stages("join", overrides=other) is None
    scored = json.loads((results / "short" / "seed42" / "final" / "evaluate.json").read_text())
    assert list(scored["metrics"]["methods"]) == ["half"]


def test_a_seed_is_a_whole_number_from_0_on(stages):
    assert stages("record", "--seed", "-7").startswith("error: SEED or --seed: '-7' is no whole number from 0 on")


def test_options_are_told_by_their_names(stages, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    for stage in ("train", "evaluate"):
        line = stages(stage, "--ranks", "2", "--device", "cuda")
        assert "--ranks: 2 are asked for, none is here; compute on the CPU, in 2 processes: --device cpu" in line
        assert "--ranks: 0 can't compute anything; give 1 or more" in stages(stage, "--ranks", "0")
    assert stages("record", overrides="{a: [").startswith("error: --overrides: cannot be read as YAML (while parsing")
    assert "error: options: overrides: [1] is not a mapping; write {key: value}" in stages("record", overrides="[1]")
