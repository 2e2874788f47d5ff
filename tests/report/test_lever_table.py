"""An experiment of changes: its records, what is laid over them, and the table of gains."""

import pytest

from tests.report import synthetic
from tests.report.test_metrics import edit
from tests.small import RECORDS
from tritgolf.config.changes import Changes, changes_of
from tritgolf.errors import InputError
from tritgolf.pipeline import load_pipeline, resolve_again, resolve_record
from tritgolf.report.experiment_table import experiment_table
from tritgolf.report.experiments import load_experiment, records_of
from tritgolf.report.lever_table import lever_table, paired_p

EXPERIMENT = """
title: "Two levers"
changed:
  base: demo
  storage: bf16
  what: "as it is"
  changes:
    rms: {what: "rms scales", over: {model: {quantizer: {estimator: rms}}}}
    long: {what: "longer", over: {train: {steps: 300}, model: {quantizer: {group_size: 32}}}}
  ladder: [long, rms]
"""
MADE = ["demo", "demo@rms", "demo@long", "demo@ladder1_long", "demo@ladder2_rms"]
GAINS = {"demo@rms": (0.1, 0.1, 0.1), "demo@long": (0.1, 0.2, 0.3), "demo@ladder2_rms": (0.5, 0.5, 0.8)}


@pytest.fixture
def folder(tmp_path):
    """Runs of equal figures but for how much less each seed scores."""
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    for name in MADE:
        synthetic.write_run(tmp_path / name, "demo")
        edit(tmp_path / name / "record.json", name=name)
        for path in (tmp_path / name).rglob("*.json"):
            if path.name != "record.json":
                edit(path, record=name)
        for seed, less in zip(synthetic.SEEDS, GAINS.get(name, (0, 0, 0)), strict=True):
            path = tmp_path / name / f"seed{seed}" / "final" / "evaluate.json"
            edit(path, metrics__sliding__bpb=synthetic.evaluate(seed)["sliding"]["bpb"] - less)
    return tmp_path


def test_changes_make_records_and_rows(folder):
    assert records_of(folder / "experiment.yaml") == MADE
    changes = changes_of(folder / "experiment.yaml")
    assert changes.over("demo") == {}
    assert changes.over("demo@ladder2_rms") == {
        "train": {"steps": 300},
        "model": {"quantizer": {"group_size": 32, "estimator": "rms"}},
    }
    table = experiment_table(*load_experiment(folder))
    words = ["as it is", "rms scales", "longer", "longer", "… and rms scales"]
    assert list(table.cells["trained and stored"][-5:]) == words


def test_a_gain_is_paired_by_seed_and_a_rung_s_is_over_the_one_below(folder):
    cells = lever_table(*load_experiment(folder)).cells.set_index("change")
    assert list(cells["gain"]) == ["base", "+0.1000 ± 0.0000", "+0.2000 ± 0.1000", "0 exactly", "+0.6000 ± 0.1732"]
    assert cells["p"]["… and rms scales"] == "0.027"
    assert cells["time"].iloc[1] == "1.00" and cells["artifact bytes"].iloc[1] == "+0"


def test_the_p_value_is_student_s():
    """t = 0.2/(0.1/√3) = 3.464 of two degrees: the tables' p is 0.0742."""
    assert paired_p([0.1, 0.2, 0.3]) == pytest.approx(0.0742, abs=1e-4)
    assert paired_p([-0.1, -0.2, -0.3]) == pytest.approx(0.0742, abs=1e-4)
    assert paired_p([0.0, 0.0]) == 1.0
    assert paired_p([0.1]) != paired_p([0.1])


def test_the_workflow_resolves_a_change_and_its_jobs_do_so_again():
    config = {"experiment": "demo_levers", "records": ["demo"]}
    pipeline = load_pipeline(config)
    made = resolve_record(pipeline, "demo_levers@context", RECORDS)
    assert (made.name, made.model.context, made.train.micro_batch_sequences) == ("demo_levers@context", 128, 8)
    assert resolve_again(config, made.name, RECORDS.parent) == made
    short = load_pipeline(config | {"run": "short", "overrides": {"train": {"steps": 7}}})
    named = resolve_record(short, "demo_levers@context", RECORDS)
    assert (named.name, named.model.context, named.train.steps) == ("demo_levers@context-short", 128, 7)
    again = config | {"run": "short", "overrides": {"train": {"steps": 7}}}
    assert resolve_again(again, named.name, RECORDS.parent) == named
    with pytest.raises(InputError, match="is none of the experiment; it has demo_levers, "):
        resolve_record(pipeline, "demo_levers@contxt", RECORDS)


@pytest.mark.parametrize("name", ["levers", "demo_levers"])
def test_every_change_of_an_experiment_is_possible_and_changes_something(name):
    pipeline = load_pipeline({"experiment": name, "records": ["demo"]})
    records = [resolve_record(pipeline, each, RECORDS) for each in records_of(RECORDS / f"experiments/{name}.yaml")]
    differ = [(record.model, record.train, record.export) for record in records]
    assert len(records) == 19
    assert all(one not in differ[:n] for n, one in enumerate(differ))


def test_mistakes_are_one_line():
    good = {"base": "demo", "storage": "bf16", "what": "it", "changes": {"a": {"what": "a", "over": {"train": {}}}}}
    with pytest.raises(ValueError, match="ladder: b is not possible; it must be of the changes: a"):
        Changes.model_validate(good | {"ladder": ["b"]})
