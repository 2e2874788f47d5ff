"""Reading runs back, and every way a metrics file can be bad."""

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.report import synthetic
from tests.small import RECORDS
from tritgolf.config.record import load_record
from tritgolf.errors import InputError
from tritgolf.files import read_json, write_json, write_text
from tritgolf.report.comparisons import records_table
from tritgolf.report.frames import seed_frame
from tritgolf.report.metrics import load_files, load_run, load_several, read_log, read_record_facts
from tritgolf.report.record_facts import record_facts
from tritgolf.report.tables import roundtrip_table, seeds_table

PACKAGE = Path(__file__).parents[2] / "tritgolf" / "report"


def metrics_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.json*") if path.name != "record.json"]


def edit(path: Path, **changes) -> None:
    """Lay ``changes`` over a JSON file; a dotted key names a nested one."""
    content = read_json(path)
    for dotted, value in changes.items():
        *parents, last = dotted.split("__")
        part = content
        for key in parents:
            part = part[key]
        part[last] = value
    write_json(path, content)


def test_a_whole_run_is_read(folder):
    run = load_run(folder)
    assert run.facts == synthetic.facts("demo")
    assert [seed.seed for seed in run.seeds] == [42, 1337, 7]  # the configured order
    assert run.checkpoints == ["step_000100", "step_000200", "final"]
    first = run.seeds[0]
    assert first.train.steps == 300
    assert len(first.log) == 30
    assert first.exported("final", "bf16").bytes == 250_042
    assert first.reloaded("final", "fp16").gap_bpb == pytest.approx(0.0009)
    assert first.evaluate.sliding.stride == 32
    assert first.made_by.machine == "Synthetic processor, 2 cores"
    assert len(run.sources) == 3 * (1 + 3 + 3 + 3 + 3 + 1)


def test_the_log_of_a_training_that_is_not_done_is_passed_over(folder):
    (folder / "seed5/live").mkdir(parents=True)
    shutil.copy(folder / "seed42/train/metrics.jsonl", folder / "seed5/live")
    assert [seed.seed for seed in load_run(folder).seeds] == [42, 1337, 7]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_step_of_a_checkpoint_is_that_of_its_artifact(folder, reverse):
    """Up to its version 2 the evaluate stage told the run's last step of every checkpoint."""
    edit(folder / "seed42/step_000100/evaluate.json", step=300)
    run = load_files(sorted(metrics_files(folder), reverse=reverse), synthetic.facts())
    assert run.seeds[0].steps_of == {"step_000100": 100, "step_000200": 200, "final": 300}


def test_the_order_and_place_of_files_do_not_matter(folder, tmp_path):
    in_order = load_files(sorted(metrics_files(folder)), synthetic.facts())
    assert load_files(sorted(metrics_files(folder), reverse=True), synthetic.facts()) == in_order
    flat = tmp_path / "measured" / "flat"
    for path in folder.rglob("*.json"):
        name = "record.json" if path.name == "record.json" else "_".join(path.relative_to(folder).parts)
        (flat / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, flat / name)
    flattened = load_run(flat)
    assert [seed.exports for seed in flattened.seeds] == [seed.exports for seed in in_order.seeds]


def test_several_records(tmp_path):
    folders = [synthetic.write_run(tmp_path / name, name) for name in ("ternary_v2", "demo")]
    runs = [load_run(folder) for folder in folders]
    assert [run.facts.name for run in runs] == ["ternary_v2", "demo"]
    mixed = [path for folder in folders for path in metrics_files(folder) if path.suffix == ".json"]
    again = load_several(mixed, [run.facts for run in reversed(runs)])
    assert [run.facts.name for run in again] == ["demo", "ternary_v2"]


def test_files_of_other_schemas_in_a_folder_are_passed_over(folder):
    write_json(folder / "seed42" / "shards.json", {"schema": "tritgolf/shards/1"})
    write_json(folder / "list.json", [1, 2])
    assert len(load_run(folder).seeds) == 3


def test_a_missing_stage_is_named_when_it_is_needed(folder):
    (folder / "seed7/final/evaluate.json").unlink()
    (folder / "seed7/train/train.json").unlink()
    (folder / "seed7/train/metrics.jsonl").unlink()
    run = load_run(folder)
    with pytest.raises(InputError, match="demo seed 7: has no evaluate metrics; run that stage first"):
        _ = run.seeds[2].evaluate
    with pytest.raises(InputError, match="demo seed 7: has no train metrics"):
        _ = run.seeds[2].train
    with pytest.raises(InputError, match="has no step_000999 roundtrip metrics"):
        run.seeds[0].roundtrip("step_000999")
    with pytest.raises(InputError, match="has no storage 'int4'; known: bf16, fp16, fp32"):
        run.seeds[0].exported("final", "int4")
    assert run.seeds[2].made_by.machine == "Synthetic processor, 2 cores"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"schema": "tritgolf/export/99"}, "unknown schema 'tritgolf/export/99'"),
        ({"schema": None}, "unknown schema None"),
        ({"seed": "many"}, "seed: 'many'"),
        ({"record": "other"}, "belongs to record 'other', not 'demo'"),
        ({"payload_digest": "md5:0"}, "payload_digest: 'md5:0'"),
        ({"checkpoint": None}, "does not name its checkpoint and step"),
        ({"metrics__storages": {}}, "metrics.storages"),
        ({"metrics__storages__bf16__bytes": -1}, "metrics.storages.bf16.bytes: '-1'"),
        ({"metrics__storages__bf16__layout": 3}, "metrics.storages.bf16.layout: '3'"),
        ({"metrics__zero_fraction__all": 1.5}, "metrics.zero_fraction.all: '1.5'"),
        ({"metrics__zero_fraction": {"attn": 0.5}}, "lacks the share of 'all' layers"),
        ({"metrics": {}}, "metrics.storages is missing"),
    ],
)
def test_bad_metrics_are_named(folder, changes, complaint):
    path = folder / "seed42/final/export/export.json"
    edit(path, **changes)
    with pytest.raises(InputError) as error:
        load_files(metrics_files(folder), synthetic.facts())
    assert complaint in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 3}', '"text"'])
def test_damaged_files_are_named(folder, content):
    path = folder / "seed42/final/roundtrip.json"
    write_text(path, content)
    with pytest.raises(InputError, match=r"seed42/final/roundtrip\.json"):
        load_files(metrics_files(folder), synthetic.facts())


def test_not_a_number_is_no_score(folder):
    path = folder / "seed42/final/roundtrip.json"
    content = read_json(path)
    content["metrics"]["trained"]["nats"] = math.nan
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"metrics\.trained\.nats"):
        load_run(folder)


def test_two_files_about_one_thing(folder):
    shutil.copy(folder / "seed42/final/evaluate.json", folder / "seed42/evaluate.json")
    with pytest.raises(InputError, match="is a second evaluate file of seed 42"):
        load_run(folder)


def test_a_log_line_is_checked(folder):
    path = folder / "seed42/train/metrics.jsonl"
    lines = path.read_text().splitlines()
    bad = json.loads(lines[3]) | {"loss": "low"}
    path.write_text("\n".join([*lines[:3], json.dumps(bad), *lines[4:]]))
    with pytest.raises(InputError, match=r"metrics\.jsonl, line 4: loss: 'low'"):
        load_run(folder)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        read_log(path)


def test_nothing_to_report(tmp_path):
    with pytest.raises(InputError, match="has no metrics to report"):
        load_files([], synthetic.facts())
    with pytest.raises(InputError, match=r"record\.json: is missing"):
        load_run(tmp_path)


def test_record_facts_survive_other_settings_but_not_their_own_loss(folder):
    path = folder / "record.json"
    edit(path, settings_of_the_future={"a": 1}, model={})
    assert read_record_facts(path) == synthetic.facts()
    content = read_json(path)
    del content["evaluate"]
    write_json(path, content)
    with pytest.raises(InputError, match="is not a resolved record"):
        read_record_facts(path)
    edit(path, evaluate={"headline_z_loss": "perhaps"})
    with pytest.raises(InputError, match="headline_z_loss: 'perhaps'"):
        read_record_facts(path)


@pytest.mark.parametrize(
    ("mode", "arithmetic", "label"),
    [
        ("faithful", "float64", "faithful"),
        ("faithful", "bf16_weight", "as written (weights rounded to BF16)"),
        ("honest", "float64", "honest"),
        ("honest", "bf16_weight", "honest, weights rounded to BF16"),
    ],
)
def test_a_run_is_labelled_by_the_arithmetic_that_it_recorded(mode, arithmetic, label, folder):
    """Whatever its name says: the kept runs of ``ternary_v2`` were trained with rounded weights."""
    path = folder / "record.json"
    edit(path, mode=mode, model__quantizer__arithmetic=arithmetic)
    run = load_run(folder)
    assert run.facts.label == label
    for table in (seeds_table(run), roundtrip_table(run)):
        assert (f", {label}: " in table.markdown().splitlines()[0]) == (arithmetic == "bf16_weight")
        assert f"{run.facts.name} (this project): {label}" in table.markdown()
    assert set(seed_frame(run)["mode"]) == {label}
    assert list(records_table([run]).cells["mode"]) == [label]


def test_a_configuration_and_its_file_give_the_same_facts(folder):
    config = load_record("ternary_v2_as_written", RECORDS)
    write_json(folder / "record.json", config.model_dump(mode="json"))
    assert read_record_facts(folder / "record.json") == record_facts(config)
    assert record_facts(config).rounds_weights


def test_reporting_does_not_import_torch_nor_planning_pandas():
    modules = sorted(f"tritgolf.report.{path.stem}" for path in PACKAGE.glob("*.py") if path.stem != "__init__")
    assert "tritgolf.report.plots" in modules
    asked_in_planning = "tritgolf.report.experiments, tritgolf.report.metrics, tritgolf.report.published"
    code = f"import sys, {asked_in_planning}; print('pandas' in sys.modules); "
    code += f"import {', '.join(modules)}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\nFalse\n"


def test_evaluations_of_old_and_new_files_read_alike(folder):
    """Up to schema 4 chunked and sliding lay beside the rest, with one causality for both, and all had temperatures."""
    path = folder / "seed42/final/evaluate.json"
    raw = json.loads(path.read_text())
    raw["metrics"]["causality"] = {"changes": 16, "leak": None, "repeatable": True}
    write_json(path, raw)
    old = load_run(folder).seeds[0].evaluate
    methods = {name: raw["metrics"].pop(name) | {"kind": name} for name in ("chunked", "sliding")}
    flag = {"causal": False, "reason": "leaks"}
    methods["adapted"] = methods["sliding"] | {"adapt": ["score_first"], "causality": flag}
    methods["other"] = methods["chunked"] | {"kind": "of your own"}
    write_json(path, raw | {"schema": "tritgolf/evaluate/5", "metrics": raw["metrics"] | {"methods": methods}})
    new = load_run(folder).seeds[0].evaluate
    for name in ("chunked", "sliding"):
        before, after = (getattr(metrics, name) for metrics in (old, new))
        assert after.model_dump(exclude={"causality"}) == before.model_dump(exclude={"causality"})
        assert before.causality.causal
    assert new.temperature == old.temperature
    assert new.methods["adapted"].causality.model_dump(exclude={"scored_again"}) == flag
    assert (new.headline.kind, old.headline.kind) == ("of your own", "sliding")
    raw["metrics"]["temperature"] = None
    write_json(path, raw | {"schema": "tritgolf/evaluate/5", "metrics": raw["metrics"] | {"methods": methods}})
    assert (load_run(folder).seeds[0].evaluate.temperature.best, new.temperature.best) == (None, 1.0)
