"""``config.yaml`` and what is laid over records from it or from the command line."""

from pathlib import Path

import pytest

from tests.small import REPOSITORY
from tritgolf.config.record import load_record
from tritgolf.data.dataset import load_dataset
from tritgolf.errors import InputError
from tritgolf.pipeline import (
    check_apart,
    check_together,
    config_files,
    costly_without_gpus,
    laid_over,
    load_pipeline,
    resolve_again,
    resolve_record,
)


def resolved(**overrides):
    return resolve_record(load_pipeline({"records": ["ternary_v2"], "overrides": overrides}), "ternary_v2", "records")


def test_null_and_numbers_may_come_as_the_strings_that_the_command_line_makes_of_them():
    record = resolved(train={"seconds": "null", "steps": "1900", "checkpoints": ["600"]}, model={"smear": "true"})
    assert (record.train.seconds, record.train.steps, record.train.checkpoints) == (None, 1900, (600,))
    assert record.model.smear is True


def test_the_repositorys_configuration_is_the_default_in_any_folder(tmp_path, monkeypatch):
    repository = tmp_path / "repository"
    for folder in (repository, tmp_path / "elsewhere"):
        folder.mkdir()
    (repository / "config.yaml").write_text("records: [demo]")
    monkeypatch.chdir(repository)
    assert config_files(repository) == ["config.yaml"]
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert config_files(repository) == ["../repository/config.yaml"]
    Path("config.yaml").write_text("seeds: [7]")
    assert config_files(repository) == ["../repository/config.yaml", "config.yaml"]


@pytest.mark.parametrize(
    "content", [b"", b"seeds: [", b"- tiny", b"caf\xe9: 1", b"a: \0", b"[" * 10**5, b"a: 2026-99-99"]
)
def test_a_configuration_that_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / "config.yaml").write_bytes(content)
    with pytest.raises(InputError, match=r"config\.yaml: (cannot be read as YAML|is not a YAML mapping)") as caught:
        config_files(tmp_path)
    assert "\n" not in str(caught.value)


def test_words_that_are_no_yaml_values_stay_strings():
    with pytest.raises(InputError, match=r"train\.steps: 'many'"):
        resolved(train={"steps": "many"})


def test_a_mistake_laid_over_a_record_is_not_blamed_on_its_file_alone():
    with pytest.raises(InputError, match=r"ternary_v2\.yaml with the settings laid over it: .*widht: unknown key"):
        resolved(model={"widht": 3})


def test_a_mistake_of_the_command_line_is_not_blamed_on_a_file():
    said = {"records": ["tiny"], "seeds": "x"}
    for commanded, where in (({"seeds": "x"}, "--config"), ({"records": ["tiny"]}, "config.yaml")):
        with pytest.raises(InputError, match=f"^{where}: seeds: 'x' is not a list"):
            load_pipeline(said, "config.yaml", commanded)


@pytest.mark.parametrize("key", ["submissions", "dataset", "seeds"])
def test_a_setting_without_a_value_on_the_command_line_is_a_mistake(key):
    """As ``submissions=$FOLDER`` is where FOLDER isn't set; Snakemake makes it a null, which config.yaml may say."""
    raw = {"records": ["tiny"], key: None}
    with pytest.raises(InputError, match=f"^--config: {key}= has no value; give it one, or leave it out$"):
        load_pipeline(raw, "config.yaml", {key: None})
    assert getattr(load_pipeline(raw, "config.yaml", {"records": ["tiny"]}), key) is None
    assert getattr(load_pipeline(raw | {key: "null"}, "config.yaml", {key: "null"}), key) is None


def test_an_unknown_record_lists_the_known_ones():
    with pytest.raises(InputError, match=r"record 'nope': is unknown; known records: .*ternary_v2"):
        resolve_record(load_pipeline({"records": ["nope"], "seeds": [1]}), "nope", "records")


@pytest.mark.parametrize("text", ["fineweb", "docs_en"])
def test_a_tokenizer_of_other_size_is_told_before_it_is_fetched(text):
    record = resolve_record(load_pipeline({"records": ["demo"], "dataset": text}), "demo", "records")
    with pytest.raises(InputError, match=rf"{text}\.yaml: vocab_size: 8192, but the record demo has .*: 1024"):
        check_together(record, load_dataset(text), processes=1)
    with pytest.raises(InputError, match=rf"^\./{text}\.yaml: vocab_size: 8192"):
        check_together(record, load_dataset(text), 1, f"./{text}.yaml")
    check_together(resolved(), load_dataset(text), processes=8)


def test_too_few_shards_for_the_ranks_are_told_before_they_are_made(tmp_path):
    record = resolve_record(load_pipeline({"records": ["int6_recurrent"]}), "int6_recurrent", "records")
    hub = load_dataset("fineweb_sp8192_128", overrides={"source": {"train_shards": 2}})
    (tmp_path / "mine.txt").write_text("a text of mine")
    own = {"source": {"files": [str(tmp_path / "mine.txt")]}}
    for text, shards in ((hub, 2), (load_dataset("docs_en", overrides=own), 1)):
        with pytest.raises(
            InputError, match=rf"gpus: 4: .*without a shard.* the {shards} training shards of int6_recurrent; use"
        ):
            check_together(record, text, processes=4)
        check_together(record, text, processes=1)
    check_together(record, load_dataset("docs_en"), processes=4)  # compressed: not known yet
    small = own | {"tokens_per_shard": 7}
    check_together(record, load_dataset("docs_en", overrides=small), processes=4)


def test_what_takes_a_cpu_days_is_told():
    told = costly_without_gpus(resolved())
    assert told.startswith("ternary_v2: no GPU is visible, and each seed trains on up to 5.2 billion tokens")
    assert costly_without_gpus(resolved(train={"steps": 100, "checkpoints": []})) is None


def test_a_run_with_a_name_is_another_record_of_the_same_source():
    run = {
        "run": "long",
        "overrides": {"train": {"steps": 32, "seconds": 60, "checkpoints": []}},
        "seeds": [7],
        "dataset": "docs_en",
    }
    pipeline = load_pipeline({"records": ["tiny", "ternary_v2"], **run})
    tiny, other = (resolve_record(pipeline, name, "records") for name in pipeline.records)
    assert (tiny.name, other.name, other.source) == ("tiny@long", "ternary_v2@long", "#920")
    changed = (
        "dataset: tiny → docs_en",
        "seeds: [42, 7] → [7]",
        "train.steps: 24 → 32",
        "train.seconds: not set → 60.0",
        "train.checkpoints: [8, 16] → []",
    )
    assert laid_over(tiny, "records") == changed


def test_nothing_is_laid_over_a_record_as_it_is():
    assert laid_over(resolved(train={"steps": load_record("ternary_v2").train.steps}), "records") == ()
    pipeline = load_pipeline({"records": ["tiny"], "run": "again"})
    assert laid_over(resolve_record(pipeline, "tiny", "records"), "records") == ()


@pytest.mark.parametrize("name", ["a b", "a/b", "..@", "", "long\n", "länge", 2.5, True, ["a"]])
def test_a_name_that_cannot_be_in_a_path_is_told(name):
    with pytest.raises(InputError, match=r"config\.yaml: run: .* is not possible; it must be a word of A to Z"):
        load_pipeline({"records": ["tiny"], "run": name})


@pytest.mark.parametrize(("name", "run"), [("6530-steps_v1.b", "6530-steps_v1.b"), (6530, "6530"), (None, None)])
def test_a_name_of_letters_digits_and_marks_is_taken(name, run):
    assert load_pipeline({"records": ["tiny"], "run": name}).run == run


def test_a_run_is_not_named_with_its_record():
    pipeline = load_pipeline({"records": ["tiny@long"]})
    with pytest.raises(
        InputError, match=r"record 'tiny@long': names a record and a run .*: records='\[tiny\]' run=long"
    ):
        resolve_record(pipeline, "tiny@long", "records")


def test_a_job_resolves_a_record_as_the_workflow_did(tmp_path):
    """Also one that was given by its file, with a text that was, and in a module whose configuration is a part."""
    (tmp_path / "mine.yaml").write_text("inherit: tiny\ntitle: Mine\ndataset: ./my_text.yaml\n")
    config = {"records": [str(tmp_path / "mine.yaml")], "overrides": {"train": {"steps": 32}}, "run": "long"}
    record = resolve_again(config, "mine@long", REPOSITORY)
    assert (record.name, record.dataset, record.train.steps) == ("mine@long", "my_text", 32)
    changes = laid_over(record, REPOSITORY / "records", config["records"][0])
    assert changes == ("train.steps: 24 → 32",)
    assert resolve_again({"records": ["tiny"]}, "tiny", REPOSITORY).name == "tiny"


def test_two_records_that_would_make_the_same_results_are_told():
    check_apart("record", [("a", "a"), ("b", "./b.yaml")])
    with pytest.raises(
        InputError, match=r"^record \./two/mine\.yaml: has the name of \./one/mine\.yaml; leave one out"
    ):
        check_apart("record", [("mine", "./one/mine.yaml"), ("mine", "./two/mine.yaml")])
