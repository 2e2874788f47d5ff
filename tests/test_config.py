# ruff: noqa: E501 (the table reads best with a case a line)
import copy
from pathlib import Path

import pytest
import yaml

from tests.small import RECORDS
from tritgolf.config.modes import MODES
from tritgolf.config.record import known_records, load_record
from tritgolf.config.yaml_files import read_yaml
from tritgolf.data.dataset import load_dataset
from tritgolf.errors import InputError
from tritgolf.experiments.ready import ready
from tritgolf.laboratory.grid import load_grid
from tritgolf.pipeline import load_pipeline, resolve_record


def complaint(caught) -> str:
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    return message


# dotted key, impossible value → what the line says of key, value and what is allowed
IMPOSSIBLE = [
    ("model.heads", 5, "model.width: 64 is not possible; it must be a multiple of heads = 5"),
    ("model.heads", 64, "model.width: 64 is not possible; it must be a multiple of 2 × heads = 128"),
    ("model.kv_heads", 3, "model.kv_heads: 3 is not possible; it must be a divisor of heads = 2"),
    ("model.quantizer.group_size", 48, "model.quantizer.group_size: 48 is not possible; it must be a divisor of width = 64"),
    ("model.layers", 1, "model.layers: 1 is not possible; it must be at least 2"),
    ("model.layers", 999_999_999, "model.layers: 999999999 is not possible; it must be at most 1,000"),
    ("model.yarn_max", 8, "model.yarn_max: 8 is not possible; it must be at least context = 32"),
    ("model.width", -64, "model.width: -64: Input should be greater than 0"),
    ("model.width", "wide", "model.width: 'wide' is not a whole number"),
    ("model.width", 64.5, "model.width: 64.5 is not a whole number"),
    ("model.vocab_size", 70_000, "model.vocab_size: 70000: Input should be less than or equal to 65536"),
    ("model.softcap", 1e9, "model.softcap: 1000000000.0: Input should be less than or equal to 80"),
    ("model.rotary_base", 0, "model.rotary_base: 0: Input should be greater than 1"),
    ("model.compute", "float8", "model.compute: 'float8': Input should be 'float32' or 'bfloat16'"),
    ("model.smear", "perhaps", "model.smear: 'perhaps' is not true or false"),
    ("model.widht", 64, "model.widht: unknown key; allowed here: vocab_size, layers, width, heads"),
    ("model.quantizer.estimator", "max", "model.quantizer.estimator: 'max': Input should be 'absmean' or 'rms'"),
    ("model.quantizer.groups", 3, "model.quantizer.groups: unknown key; allowed here: group_size, estimator"),
    ("seeds", 42, "seeds: 42 is not a list; write [a, b], or [a] for one; on a command line KEY='[a]'"),
    ("model.softcap", "hot", "model.softcap: 'hot' is not a number"),
    ("dataset", 5, "dataset: 5 is not text"),
    ("model", None, "model: None is not a mapping"),
    ("train.checkpoints", [8, 24], "train.checkpoints: [8, 24] is not possible; it must be steps before the last, 24"),
    ("train.checkpoints", [8, 99], "train.checkpoints: [8, 99] is not possible; it must be steps before the last, 24"),
    ("train.checkpoints", [16, 8], "train.checkpoints: [16, 8] is not possible; it must be increasing steps"),
    ("train.checkpoints", [8, 8], "train.checkpoints: [8, 8] is not possible; it must be increasing steps"),
    ("train.checkpoints", [0, 8], "train.checkpoints.0: 0: Input should be greater than 0"),
    ("train.seconds", 60, "train.checkpoints: [8, 16] is not possible; it must be [] when a time budget"),
    ("train.seconds", 0, "train.seconds: 0: Input should be greater than 0"),
    ("train.batch_tokens", 500, "train.batch_tokens: 500 is not possible; it must be a multiple of model.context = 32"),
    ("train.batch_tokens", 16, "train.batch_tokens: 16 is not possible; it must be a multiple of model.context = 32"),
    ("train.micro_batch_sequences", 5, "train.micro_batch_sequences: 5 is not possible; it must be a divisor of the 16"),
    ("train.warmdown_fraction", 1.5, "train.warmdown_fraction: 1.5: Input should be less than or equal to 1"),
    ("train.muon.lr", float("inf"), "train.muon.lr: inf: Input should be a finite number"),
    ("train.muon.momentum", float("nan"), "train.muon.momentum: nan: Input should be"),
    ("train.muon.momentum", 1, "train.muon.momentum: 1: Input should be less than 1"),
    ("train.muon.momentum_start", 1.0, "train.muon.momentum_start: 1.0: Input should be less than 1"),
    ("train.adam.betas", [1.0, 0.95], "train.adam.betas.0: 1.0: Input should be less than 1"),
    ("train.adam.betas", [0.9, 1], "train.adam.betas.1: 1: Input should be less than 1"),
    ("train.adam.betas", [-0.1, 0.95], "train.adam.betas.0: -0.1: Input should be greater than or equal to 0"),
    ("train.average", {"decay": 1.0}, "train.average.decay: 1.0: Input should be less than 1"),
    ("train.muon.momentun", 0.9, "train.muon.momentun: unknown key; allowed here: lr, momentum"),
    ("train.products", "int8", "train.products: 'int8': Input should be 'compute' or 'fp8'"),
    ("train.products", "fp8", "train.products: fp8 is not possible; it must be compute: fp8 is for a ternary U-Net with model.quantizer.scale_dtype: e4m3"),
    ("train.attention", "fa9", "train.attention: 'fa9': Input should be 'auto', 'fa3', 'fa4', 'fa2', 'cudnn', 'sdpa' or 'math'"),
    ("export.own_storage", "zip", "export.own_storage: zip is not possible; it must be one of ['bf16', 'fp16', 'fp32', 'lossless']"),
    ("export.storages.bf16.scales", "int4", "export.storages.bf16.scales: 'int4': Input should be 'float32', 'bfloat16'"),
    ("export.storages.bf16.sclaes", "float16", "export.storages.bf16.sclaes: unknown key; allowed here: scales, estimator, decide"),
    ("export.storages.lossless.table", "e4m3", "export.storages.lossless.table: e4m3 is not possible; it must be bfloat16 or float32: else this model loses something"),
    ("export.storages.lossless.decide", "master", "export.storages.lossless.decide: master is not possible; it must be forward"),
    ("evaluate.stride", 33, "evaluate.stride: 33 is not possible; it must be at most the window, 32"),
    ("evaluate.stride", 0, "evaluate.stride: 0: Input should be greater than 0"),
    ("evaluate.temperatures", [], "evaluate.temperatures: [] is not possible; it must be some, if one is applied"),
    ("evaluate.methods", {}, "evaluate.methods: {} is not possible; it must be at least one method by name"),
    ("evaluate.methods", {"wide": {"kind": "sliding", "stride": 33, "rule": "record"}}, "evaluate.methods.wide.stride: 33 is not possible; it must be at most the window, 32"),
    ("evaluate.methods", {"wide": {"kind": "wide"}}, "evaluate.methods.wide.kind: 'wide' is not possible; it must be one of chunked, sliding"),
    ("evaluate.methods", {"new": {"stride": 16}}, "evaluate.methods.new.kind: is missing; write one of chunked, sliding"),
    ("evaluate.methods", {"new": 3}, "evaluate.methods.new: 3 is not a mapping; write {key: value}"),
    ("evaluate.methods", {"new": {"kind": "sliding", "stride": 8, "rule": "record", "adapt": [{"lr": 1}]}}, "evaluate.methods.new.sliding.adapt.0.kind: is missing; write one of score_first, slot"),
    ("train", {"steps": None, "seconds": 3}, "train.steps: null is no number of steps; give the most that it may make, as 100000; seconds"),
    ("train.batch_tokens", None, "train.batch_tokens: None is not a whole number; write one, without a point"),
    ("evaluate.methods", {"all": {"kind": "chunked", "stride": 2}}, "evaluate.methods.all.chunked.stride: unknown key; allowed here: "),
    ("evaluate.temperatures", [1.0, 0.0], "evaluate.temperatures.1: 0.0: Input should be greater than 0"),
    ("evaluate.calibration_tokens", 32, "evaluate.calibration_tokens: 32 is not possible; it must be more than the window, 32"),
    ("evaluate.window_rule", "all", "evaluate.window_rule: 'all': Input should be 'drop_tail', 'every_token' or 'repeat_tail'"),
    ("report.zero_fraction", "half", "report.zero_fraction: 'half': Input should be 'record' or 'true'"),
    ("seeds", [], "seeds: [] is not possible; it must be at least one seed"),
    ("seeds", [1, 2, 1], "seeds: [1, 2, 1] is not possible; it must be different"),
    ("seeds", [-1], "seeds.0: -1: Input should be greater than or equal to 0"),
    ("seeds", 42, "seeds: 42 is not a list"),
    ("train.log_every", True, "train.log_every: is true or false; write a number"),
    ("train.checkpoints", [True, 16], "train.checkpoints.0: is true or false; write a number"),
    ("export.storages", {"../fp16": {"scales": "float16"}, "bf16": {"scales": "bfloat16"}}, "export.storages: '../fp16' is not possible; it must be named in letters"),
    ("mode", "fair", "mode: 'fair' is unknown; allowed: faithful, honest"),
    ("mode", ["honest"], "mode: ['honest'] is unknown; allowed: faithful, honest"),
    ("title", None, "title: None is not text"),
    ("colour", "red", "colour: unknown key; allowed here: name, title, source, mode, dataset, seeds, model"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "expected"), IMPOSSIBLE)
def test_impossible_settings_are_one_line_with_file_key_value_and_what_is_allowed(key, value, expected):
    override = value
    for part in reversed(key.split(".")):
        override = {part: override}
    with pytest.raises(InputError) as caught:
        load_record("tiny", RECORDS, override)
    assert complaint(caught).startswith(f"{RECORDS / 'tiny.yaml'}: {expected}")


@pytest.fixture
def folder(tmp_path):
    """A folder of records to write into: ``base`` is whole."""
    whole = load_record("tiny", RECORDS).model_dump(mode="json")
    del whole["name"]
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(whole))
    return tmp_path


def write(folder: Path, name: str, **settings) -> None:
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings))


def test_an_unknown_record_lists_the_known_ones():
    with pytest.raises(InputError) as caught:
        load_record("ternary_v3", RECORDS)
    known = ", ".join(sorted(path.stem for path in RECORDS.glob("*.yaml")))
    more = f"and {len(list(RECORDS.glob('variants/*.yaml')))} in variants/"
    assert (
        complaint(caught) == f"record 'ternary_v3': is unknown; did you mean ternary_v2? known records: {known}, {more}"
    )
    with pytest.raises(InputError, match="nowhere: is no folder of records; give the one that holds"):
        load_record("demo", RECORDS / "nowhere")


def test_a_setting_that_is_missing_because_it_is_mistyped():
    with pytest.raises(InputError, match=r"finer\.scales: is missing; there is scale, which is unknown: correct it$"):
        load_record("tiny", RECORDS, {"export": {"storages": {"finer": {"scale": "bfloat16"}}}})


@pytest.mark.parametrize(
    ("part", "key", "fix"),
    [
        ("evaluate", "window_rule", "; write one of drop_tail, every_token, repeat_tail"),
        ("evaluate", "headline_z_loss", "; write one of true, false"),
        ("report", "zero_fraction", "; write one of record, true"),
        ("export", "own_storage", ""),
    ],
)
def test_a_setting_that_is_missing_says_what_it_may_be(folder, part, key, fix):
    settings = load_record("tiny_slot", RECORDS).model_dump(mode="json")
    settings.pop("name")
    del settings[part][key]
    write(folder, "whole", **settings)
    with pytest.raises(InputError) as caught:
        load_record("whole", folder)
    assert complaint(caught) == f"{folder}/whole.yaml: {part}.{key}: is missing{fix}"


def test_what_an_unknown_name_probably_means_is_said_first(folder, monkeypatch):
    monkeypatch.chdir(folder)

    def told(name, known, found=load_record):
        with pytest.raises(InputError) as caught:
            found(name, known)
        return str(caught.value)

    for name, meant in {"demo_absmen": "demo_absmean", "results/tiny": "tiny", "base": "./base.yaml"}.items():
        assert told(name, RECORDS).startswith(f"record {name!r}: is unknown; did you mean {meant}? known records: ")
    assert told("xyz", RECORDS).startswith("record 'xyz': is unknown; known records: ")
    for name in ("base", "./base.yaml"):
        assert told(name, RECORDS / "grids", load_grid) == (
            f"grid {name!r}: is not in {RECORDS / 'grids'}; put it there and give its name alone, base"
        )
    line = told("./base.yaml", RECORDS, ready)
    assert line.startswith(f"experiment './base.yaml': is not in {RECORDS / 'experiments'}; put it there")
    assert "experiment './none'" in told("./none", RECORDS, ready)


def test_two_records_of_one_name_are_refused(tmp_path):
    (tmp_path / "variants").mkdir()
    for folder in (tmp_path, tmp_path / "variants"):
        (folder / "tiny.yaml").write_text("{}")
    with pytest.raises(InputError, match="give one of them another name"):
        known_records(tmp_path)


def test_every_record_of_the_repository_is_whole():
    assert {"demo", "ternary_100k", "ternary_v1", "ternary_v2", "tiny"} <= set(known_records(RECORDS))
    for name in known_records(RECORDS):
        record = load_record(name, RECORDS)
        assert record.name == name
        again = record.model_dump(mode="json")
        assert type(record).model_validate(again) == record


def test_a_record_states_only_what_differs(folder):
    write(folder, "child", inherit="base", title="Child", model={"q_gain": 3.0, "quantizer": {"estimator": "absmean"}})
    write(folder, "grandchild", inherit="child", model={"q_gain": 4.0})
    base, child, grandchild = (load_record(name, folder) for name in ("base", "child", "grandchild"))
    assert (child.title, grandchild.title) == ("Child", "Child")
    assert (base.model.q_gain, child.model.q_gain, grandchild.model.q_gain) == (2.25, 3.0, 4.0)
    assert grandchild.model.quantizer.estimator == "absmean"
    assert grandchild.model.quantizer.group_size == base.model.quantizer.group_size
    assert grandchild.train == base.train


def test_null_leaves_out_a_method_or_a_storage_that_is_inherited(folder):
    chunked = {
        "methods": {"chunked": {"kind": "chunked"}, "sliding": {"kind": "sliding", "stride": 8, "rule": "every_token"}}
    }
    write(folder, "child", inherit="base", evaluate=chunked)
    left = {"evaluate": {"methods": {"sliding": None}}, "export": {"storages": {"fp16": None}}}
    write(folder, "grandchild", inherit="child", **left)
    child, grandchild = (load_record(name, folder) for name in ("child", "grandchild"))
    assert list(grandchild.evaluate.scoring) == ["chunked"]
    assert child.export.storages.keys() - grandchild.export.storages.keys() == {"fp16"}
    with pytest.raises(InputError, match=r"own_storage: bf16 is not possible; it must be one of \['fp16', "):
        load_record("child", folder, {"export": {"storages": {"bf16": None}}})


def test_a_list_replaces_the_inherited_list(folder):
    write(folder, "child", inherit="base", seeds=[7], train={"checkpoints": []})
    child = load_record("child", folder)
    assert (child.seeds, child.train.checkpoints) == ((7,), ())


@pytest.mark.parametrize("circle", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "b"}])
def test_circular_inheritance_is_told(folder, circle):
    for name, parent in circle.items():
        write(folder, name, inherit=parent)
    with pytest.raises(InputError, match=r"\.yaml: inherit: '.' inherits from itself; break the circle"):
        load_record("a", folder)


def test_an_unknown_parent_is_told(folder):
    write(folder, "child", inherit=["base"])
    with pytest.raises(InputError, match=r"child\.yaml: inherit: \['base'\] is unknown; known: base, child"):
        load_record("child", folder)
    write(folder, "child", inherit="records/base")
    with pytest.raises(
        InputError, match=r"child\.yaml: inherit: 'records/base' is unknown; did you mean base\? known: base, child"
    ):
        load_record("child", folder)
    write(folder, "child", inherit="nobody")
    with pytest.raises(InputError, match=r"child\.yaml: inherit: 'nobody' is unknown; known: base, child"):
        load_record("child", folder)


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_fills_in_what_the_record_leaves_open(folder, mode):
    raw = read_yaml(folder / "base.yaml")
    for dotted in MODES[mode]:
        section, *rest = dotted.split(".")
        inner = raw[section]
        for part in rest[:-1]:
            inner = inner[part]
        inner.pop(rest[-1], None)
    write(folder, "open", **{**raw, "mode": mode})
    record = load_record("open", folder).model_dump()
    for dotted, expected in MODES[mode].items():
        value = record
        for part in dotted.split("."):
            value = value[part]
        assert value == expected, dotted


def test_what_a_record_states_is_stronger_than_its_mode(folder):
    write(folder, "child", inherit="base", mode="faithful", evaluate={"window_rule": "every_token"})
    assert load_record("child", folder).evaluate.window_rule == "every_token"
    assert load_record("ternary_v2", RECORDS, {"mode": "honest"}).model.rotary_frequencies == "float32"


def test_a_missing_setting_is_named_without_the_rest(folder):
    write(folder, "poor", title="Poor", model={"quantizer": {}})
    with pytest.raises(InputError) as caught:
        load_record("poor", folder)
    assert complaint(caught) == f"{folder / 'poor.yaml'}: source: is missing"


@pytest.mark.parametrize("name", ["./nothing.yaml", "folder/nothing.yaml", "/folder.yaml"])
def test_a_path_of_no_file_is_told_as_such(name):
    with pytest.raises(InputError, match=rf"^{name}: is no file"):
        load_record(name, RECORDS)


@pytest.mark.parametrize("name", ["my record", "a{b}", "a@b", "tiny\n", ".mine", "größe"])
def test_a_name_that_paths_of_results_cannot_have_is_told(tmp_path, name):
    (tmp_path / f"{name}.yaml").write_text("inherit: tiny\n")
    for given, folder in ((str(tmp_path / f"{name}.yaml"), RECORDS), (name, tmp_path)):
        with pytest.raises(InputError, match="has a name that folders of results can't have; use letters"):
            load_record(given, folder)


def test_overrides_are_laid_on_top_and_left_as_they_are():
    overrides = {"train": {"steps": 50}, "report": {}, "model": {"quantizer": {}}}
    before = copy.deepcopy(overrides)
    assert load_record("ternary_100k", RECORDS, {"train": {"steps": 50, "checkpoints": [7]}}).train.steps == 50
    assert load_record("tiny", RECORDS, overrides).report.zero_fraction == "true"
    assert overrides == before  # they serve the next record too, whose mode may be another


def test_storages_take_the_rest_from_the_export():
    export = load_record("ternary_v1", RECORDS).export
    storage = export.storage("bf16")
    assert (storage.scales, storage.vectors, storage.mixes, storage.decide) == ("bfloat16", "float16", "e4m3", "master")
    assert None not in storage.model_dump().values()


def pipeline(**settings):
    return load_pipeline({"records": ["tiny"], **settings})


def test_the_pipeline_lays_seeds_dataset_and_overrides_over_its_records():
    chosen = pipeline(seeds=[5], dataset="docs_en", overrides={"train": {"log_every": 3}, "seeds": [9]})
    record = resolve_record(chosen, "tiny", RECORDS)
    assert (record.seeds, record.dataset, record.train.log_every) == ((5,), "docs_en", 3)
    plain = resolve_record(pipeline(), "tiny", RECORDS)
    assert (plain.seeds, plain.dataset) == ((42, 7), "tiny")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"record": ["tiny"]}, "record: unknown key; allowed here: records, seeds, dataset, overrides, gpus"),
        ({"records": "tiny"}, "records: 'tiny' is not a list"),
        ({"records": []}, "records: [] is not possible; it must be at least one record"),
        ({"records": ["tiny", "tiny"]}, "records: ['tiny', 'tiny'] is not possible; it must be different"),
        ({"gpus": 0}, "gpus: 0: Input should be greater than 0"),
        ({"overrides": [1]}, "overrides: [1] is not a mapping"),
    ],
)
def test_an_impossible_pipeline_is_one_line(settings, expected):
    with pytest.raises(InputError) as caught:
        pipeline(**settings)
    assert complaint(caught).startswith(f"config.yaml: {expected}")


def test_the_pipelines_overrides_are_checked_with_the_record():
    with pytest.raises(
        InputError,
        match=r"tiny\.yaml with the settings laid over it: train\.stepz: unknown key; allowed here: batch_tokens",
    ):
        resolve_record(pipeline(overrides={"train": {"stepz": 1}}), "tiny", RECORDS)


def test_a_name_that_is_not_the_files_is_told_and_not_dropped():
    with pytest.raises(InputError, match=r"tiny\.yaml: name: 'other' is not the file's, tiny; leave it out"):
        load_record("tiny", RECORDS, {"name": "other"})
    assert load_record("tiny", RECORDS, {"name": "tiny"}).name == "tiny"
    with pytest.raises(InputError, match=r"tiny\.yaml: name: 'other' is not the file's, tiny; leave it out"):
        load_dataset("tiny", RECORDS.parent / "datasets", {"name": "other"})


def test_a_record_outside_is_loaded_by_its_file_and_inherits_from_ours_and_its_neighbours(tmp_path):
    (tmp_path / "base.yaml").write_text("inherit: tiny\ntitle: Base\ntrain: {steps: 8, checkpoints: [4]}\n")
    (tmp_path / "mine.yaml").write_text("inherit: base\ntitle: Mine\n")
    mine = load_record(str(tmp_path / "mine.yaml"), RECORDS)
    assert (mine.name, mine.title, mine.train.steps, mine.model) == (
        "mine",
        "Mine",
        8,
        load_record("tiny", RECORDS).model,
    )
    (tmp_path / "tiny.yaml").write_text("inherit: demo\n")
    with pytest.raises(InputError, match=r"tiny.yaml: has the name of .*records/tiny.yaml; give it another name"):
        load_record(str(tmp_path / "tiny.yaml"), RECORDS)
    assert load_record(str(RECORDS / "tiny.yaml"), RECORDS) == load_record("tiny", RECORDS)
