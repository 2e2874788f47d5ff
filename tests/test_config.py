# ruff: noqa: E501 (the table reads best with a case a line)
import copy
from pathlib import Path

import pytest
import yaml

from tests.small import RECORDS
from tritgolf.config.model import UNetConfig
from tritgolf.config.modes import MECHANISMS_OF, MODES
from tritgolf.config.record import known_records, load_record
from tritgolf.config.settings import Settings, merge, read_yaml, validate
from tritgolf.errors import InputError
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
    ("evaluate.methods", {"wide": {"kind": "wide"}}, "evaluate.methods.wide: {'kind': 'wide'}: Input tag 'wide' found using 'kind' does not match"),
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
    assert complaint(caught) == f"record 'ternary_v3': is unknown; known records: {known}, {more}"
    with pytest.raises(InputError, match="nowhere: is no folder of records; give the one that holds"):
        load_record("demo", RECORDS / "nowhere")


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
    with pytest.raises(InputError, match=r"child\.yaml: inherit: 'records/base' is unknown; known: base, child"):
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


@pytest.mark.parametrize("mode", MODES)
def test_trits_are_decided_from_fp32_weights_and_a_records_dump_says_so(mode):
    dumped = load_record("ternary_v2", RECORDS, {"mode": mode}).model_dump()
    assert dumped["model"]["quantizer"]["arithmetic"] == "float64"


def test_one_record_is_kept_as_the_published_source_is_written():
    models = {name: load_record(name, RECORDS).model for name in known_records(RECORDS)}
    arithmetic = {name: model.quantizer.arithmetic for name, model in models.items() if isinstance(model, UNetConfig)}
    assert [name for name, each in arithmetic.items() if each != "float64"] == ["ternary_v2_as_written"]
    written, faithful = (load_record(name, RECORDS).model_dump() for name in ("ternary_v2_as_written", "ternary_v2"))
    assert written["model"].pop("quantizer") == faithful["model"].pop("quantizer") | {"arithmetic": "bf16_weight"}
    assert {key for key in written if written[key] != faithful[key]} == {"name"}


def test_a_mode_decides_mechanisms_where_a_record_has_them():
    slot, xsa = (load_record(name, RECORDS).model for name in ("int6_slot", "int6_xsa"))
    assert (slot.qat.roles, slot.qat.scored, slot.rotary_stretch.of) == (("projection",), False, "call")
    assert (xsa.qat.roles, xsa.qat.scored, xsa.rotary_stretch.of) == (("attention", "mlp"), True, "context")
    assert "qat" not in load_record("int6_recurrent", RECORDS).model_dump()["model"]


def test_what_is_of_another_kind_or_grid_takes_the_place_of_what_it_inherits():
    trits = {"grid": "ternary", "group_size": 64}
    hybrid = load_record("int6_xsa", RECORDS, {"model": {"qat": {"roles": ["mlp"], "quantizer": trits}}}).model.qat
    assert (hybrid.roles, hybrid.quantizer.group_size, hybrid.scored) == (("mlp",), 64, True)
    again = load_record(
        "int6_xsa", RECORDS, {"model": {"qat": {"quantizer": {"grid": "integer", "bits": 4}}}}
    ).model.qat
    assert (again.quantizer.bits, again.quantizer.scale_dtype) == (4, "float32")  # the same grid: laid over


@pytest.mark.parametrize(
    ("record", "overrides", "complaint"),
    [
        ("int6_recurrent", {"train": {"start": {"qat": 0.5}}}, "train.start.qat: 0.5 is not possible; it must be left"),
        (
            "int6_slot",
            {"model": {"qat": {"roles": []}}},
            "model.qat.roles: [] is not possible; it must be at least one",
        ),
        (
            "int6_slot",
            {"model": {"qat": {"quantizer": {"grid": "x"}}}},
            "model.qat.quantizer.grid: 'x' is not possible",
        ),
        (
            "int6_slot",
            {"model": {"mlp_multiple": 3.0001}},
            "model.mlp_multiple: 3.0001 is not possible; it must be such",
        ),
        (
            "int6_slot",
            {"model": {"value_embedding": {"layers": 12}}},
            "model.value_embedding.layers: 12 is not possible",
        ),
        ("int6_recurrent", {"train": {"products": "fp8"}}, "train.products: fp8 is not possible; it must be compute"),
        ("tiny_fp8", {"train": {"start": {"qat": 0.5}}}, "train.start.qat: 0.5 is not possible; it must be left out"),
    ],
)
def test_mechanisms_that_cannot_be_are_told_in_one_line(record, overrides, complaint):
    with pytest.raises(InputError) as caught:
        load_record(record, RECORDS, overrides)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_modes_speak_of_the_same_settings():
    transformer = MECHANISMS_OF["transformer"]
    assert transformer["faithful"].keys() == transformer["honest"].keys()
    assert MODES["faithful"].keys() == MODES["honest"].keys()
    assert all(MODES["faithful"][key] != MODES["honest"][key] for key in MODES["honest"])


def test_a_missing_setting_is_named_without_the_rest(folder):
    write(folder, "poor", title="Poor", model={"quantizer": {}})
    with pytest.raises(InputError) as caught:
        load_record("poor", folder)
    assert complaint(caught) == f"{folder / 'poor.yaml'}: source: is missing"


@pytest.mark.parametrize(
    "text", [b"", b"- a\n- b\n", b"just text", b"a: [1", b"a: b: c", b"\xff\xfe\x00", b"a:\n\t- b"]
)
def test_files_that_are_no_yaml_mapping_are_one_line(tmp_path, text):
    (tmp_path / "bad.yaml").write_bytes(text)
    with pytest.raises(InputError, match=r"bad\.yaml: (cannot be read as YAML|is not a YAML mapping)") as caught:
        load_record("bad", tmp_path)
    complaint(caught)


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "a: {b: 1, c: 2, b: 1}\n"])
def test_a_key_that_is_said_twice_is_told_with_its_line(tmp_path, text):
    (tmp_path / "twice.yaml").write_text(text)
    with pytest.raises(InputError, match=r"twice\.yaml: cannot be read as YAML \(line \d says '[ab]' a second time\)"):
        read_yaml(tmp_path / "twice.yaml")


def test_a_mapping_that_is_merged_into_another_may_have_its_keys(tmp_path):
    (tmp_path / "merged.yaml").write_text("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  x: 3\n")
    assert read_yaml(tmp_path / "merged.yaml")["b"] == {"x": 3, "y": 2}


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


def test_yaml_runs_nothing(tmp_path):
    (tmp_path / "bad.yaml").write_text("title: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(InputError, match="cannot be read as YAML"):
        load_record("bad", tmp_path)


def test_overrides_are_laid_on_top_and_left_as_they_are():
    overrides = {"train": {"steps": 50}, "report": {}, "model": {"quantizer": {}}}
    before = copy.deepcopy(overrides)
    assert load_record("ternary_100k", RECORDS, {"train": {"steps": 50, "checkpoints": [7]}}).train.steps == 50
    assert load_record("tiny", RECORDS, overrides).report.zero_fraction == "true"
    assert overrides == before  # they serve the next record too, whose mode may be another


def test_merging_by_hand():
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    over = {"a": {"c": [3]}, "e": {"f": 1}}
    assert merge(base, over) == {"a": {"b": 1, "c": [3]}, "d": 1, "e": {"f": 1}}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    merge(base, over)["e"]["f"] = 2
    assert over["e"] == {"f": 1}


def test_settings_do_not_change_after_validation():
    record = load_record("tiny", RECORDS)
    with pytest.raises(Exception, match="frozen"):
        record.train.steps = 3


def test_storages_take_the_rest_from_the_export():
    export = load_record("ternary_v1", RECORDS).export
    storage = export.storage("bf16")
    assert (storage.scales, storage.vectors, storage.mixes, storage.decide) == ("bfloat16", "float16", "e4m3", "master")
    assert None not in storage.model_dump().values()


def test_validate_names_the_place_it_is_given():
    with pytest.raises(InputError, match=r"^plan\.json: width: 0: Input should be greater than 0"):
        validate(
            UNetConfig,
            {"width": 0, "rotary_frequencies": "float32", "quantizer": {"arithmetic": "float64"}},
            "plan.json",
        )


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


class Grown(Settings):
    """As settings are after some were added."""

    LATER = frozenset({"added", "inner_added"})
    old: int = 1
    added: int | None = None
    inner_added: tuple[int, ...] = ()


def test_a_setting_added_later_leaves_the_dump_as_it_was_until_it_is_used():
    assert Grown().model_dump(mode="json") == {"old": 1}
    assert Grown(added=2).model_dump(mode="json") == {"old": 1, "added": 2}
    used = Grown(inner_added=(1,)).model_dump(mode="json")
    assert used == {"old": 1, "inner_added": [1]}
    assert Grown(**used) == Grown(inner_added=(1,))


def test_later_settings_are_settings_with_defaults():
    """Else a dump would lose what the mode, or the record, decides."""
    for kind in subclasses(Settings):
        for name in kind.LATER:
            assert not kind.model_fields[name].is_required(), (kind, name)


def subclasses(kind):
    return [inner for each in kind.__subclasses__() for inner in (each, *subclasses(each))]


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
