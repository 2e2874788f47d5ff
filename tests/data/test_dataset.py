from pathlib import Path

import pytest

from tests.small import RECORDS
from tritgolf.config.record import load_record
from tritgolf.data.dataset import DocstringsSource, DocumentsSource, HubSource, TextSource, load_dataset
from tritgolf.errors import InputError
from tritgolf.pipeline import check_together

DATASETS = Path(__file__).parents[2] / "datasets"
TEXT = "title: t\nsource: {kind: text, files: [a.txt]}\nvalidation: {fraction: 0.1}\ntokenizer: {vocab_size: 300}\n"


SHIPPED = {
    "docstrings": DocstringsSource,
    "docstrings_tune": DocstringsSource,
    "docstrings_few": DocstringsSource,
    "tiny": DocstringsSource,
    "tiny_tune": DocstringsSource,
    "docs_en": TextSource,
    "docs_en_4": TextSource,
    "docs_en_sp1024": TextSource,
    "docs_en_sp1024_tune": TextSource,
    "docs_en_tune": TextSource,
    "fineweb": HubSource,
    "fineweb_sp8192_128": HubSource,
    "fineweb_sp1024": HubSource,
    "fineweb_sp1024_10": HubSource,
    "fineweb_sp8192_own": DocumentsSource,
    "fineweb_sp1024_own": DocumentsSource,
}


@pytest.mark.parametrize(("name", "source"), SHIPPED.items())
def test_shipped_datasets_are_valid(name, source):
    dataset = load_dataset(name, DATASETS)
    assert dataset.name == name
    assert isinstance(dataset.source, source)


def test_every_shipped_dataset_is_covered():
    assert {path.stem for path in DATASETS.glob("*.yaml")} == SHIPPED.keys()


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("fineweb_sp8192_128", 8192),
        ("fineweb_sp8192_own", 8192),
        ("fineweb_sp1024", 1024),
        ("fineweb_sp1024_own", 1024),
        ("docs_en_4", 8192),
        ("docs_en_sp1024", 1024),
    ],
)
def test_a_record_of_another_vocabulary_is_told_when_planning(name, pieces):
    dataset = load_dataset(name, DATASETS)
    fitting, other = (
        load_record(record, RECORDS) for record in (("ternary_v2", "demo"), ("demo", "ternary_v2"))[pieces == 1024]
    )
    check_together(fitting, dataset, processes=1)
    with pytest.raises(InputError, match=rf"{name}.yaml: .*vocab_size: {pieces}, but the record {other.name} has"):
        check_together(other, dataset, processes=1)


def test_a_dataset_states_what_differs_from_the_one_it_inherits(tmp_path):
    (tmp_path / "x.yaml").write_text(TEXT)
    (tmp_path / "y.yaml").write_text("inherit: x\ntitle: u\nsource: {files: [b.txt]}\ntokens_per_shard: 7\n")
    x, y = (load_dataset(name, tmp_path) for name in "xy")
    changed = {
        "name": "y",
        "title": "u",
        "tokens_per_shard": 7,
        "source": x.source.model_copy(update={"files": ("b.txt",)}),
    }
    assert y == x.model_copy(update=changed)
    (tmp_path / "z.yaml").write_text("inherit: w\n")
    with pytest.raises(InputError, match=r"z.yaml: inherit: 'w' is unknown; known: x, y, z"):
        load_dataset("z", tmp_path)


def test_overrides_are_laid_on_top(tmp_path):
    (tmp_path / "x.yaml").write_text(TEXT)
    dataset = load_dataset("x", tmp_path, {"source": {"files": ["b.md"]}, "tokens_per_shard": 7})
    assert dataset.source.files == ("b.md",)
    assert dataset.tokens_per_shard == 7


def test_unknown_dataset_lists_the_known(tmp_path):
    (tmp_path / "x.yaml").write_text(TEXT)
    with pytest.raises(InputError, match=r"dataset 'y': is unknown; known datasets: x$"):
        load_dataset("y", tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            TEXT.replace("kind: text", "kind: web"),
            r"source.kind: 'web' is not possible; allowed: docstrings, text, documents, hub",
        ),
        (TEXT.replace("{kind: text, files: [a.txt]}", "text"), r"source.kind: 'text' is not possible"),
        (
            TEXT.replace("files:", "paths: 3, files:"),
            r"source: paths: unknown key; allowed here: kind, files, validation_files, documents, separator",
        ),
        (TEXT.replace("[a.txt]", "[]"), r"source: files"),
        (TEXT.replace("files:", "documents: lines, files:"), r"source: documents: 'lines': .*'files' or 'blank_lines'"),
        (TEXT.replace("files:", "separator: '', files:"), r"source: separator: ''"),
        (
            TEXT.replace("files:", "documents: blank_lines, separator: x, files:"),
            r"source: separator: give either it or documents: blank_lines",
        ),
        (TEXT + "shards: 3\n", r"shards: unknown key; allowed here: .*tokens_per_shard"),
        (TEXT + "tokens_per_shard: 0\n", r"tokens_per_shard: 0: Input should be greater than 0"),
        (TEXT.replace("fraction: 0.1", "fraction: 1.5"), r"validation.fraction: 1.5"),
        (
            TEXT.replace("fraction: 0.1", "fraction: 0.1, first_documents: 3"),
            r"validation.fraction: give either it or first_documents",
        ),
        (TEXT.replace("validation: {fraction: 0.1}\n", ""), r"either validation or source.validation_files"),
        (
            TEXT.replace("vocab_size: 300", "vocab_size: 300, model: m"),
            r"tokenizer.vocab_size: give either it .* or model",
        ),
        (TEXT.replace("vocab_size: 300", "vocab_size: 70000"), r"tokenizer.vocab_size: 70000: .* 65536"),
        (TEXT.replace("tokenizer: {vocab_size: 300}\n", ""), r"tokenizer: is missing"),
        (TEXT + "vocab_size: 300\n", r"vocab_size: leave it out; tokenizer.vocab_size says it"),
    ],
)
def test_bad_configuration_is_one_clear_line(tmp_path, text, message):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_dataset("x", tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "x.yaml") in str(caught.value)


def test_a_hub_dataset_brings_its_own_tokenizer(tmp_path):
    hub = "title: t\nsource: {kind: hub, repository: a/b, revision: main, train: t*, validation: v*, tokenizer: m}\n"
    (tmp_path / "x.yaml").write_text(hub)
    assert load_dataset("x", tmp_path).tokenizer is None
    (tmp_path / "x.yaml").write_text(hub + "tokenizer: {vocab_size: 300}\n")
    with pytest.raises(InputError, match="a hub dataset brings its own"):
        load_dataset("x", tmp_path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            "train: t*, tokenizer: m",
            r"source: validation: is missing; give train, validation, tokenizer, or else manifest, dataset",
        ),
        (
            "manifest: m.json",
            r"source: dataset: is missing; give manifest, dataset, or else train, validation, tokenizer",
        ),
        ("dataset: d", r"source: manifest: is missing"),
        ("manifest: m.json, dataset: d, train: t*", r"source: train: leave it out; the manifest says it"),
        ("manifest: m.json, dataset: d, train_shards: 0", r"source: train_shards: 0: Input should be greater than 0"),
        (
            "manifest: m.json, dataset: d, documents: {repository: a/b, revision: main, file: f}",
            r"source: documents.first: is missing",
        ),
    ],
)
def test_a_hub_dataset_names_its_files_in_one_way(tmp_path, files, message):
    (tmp_path / "x.yaml").write_text(f"title: t\nsource: {{kind: hub, repository: a/b, revision: main, {files}}}\n")
    with pytest.raises(InputError, match=message) as caught:
        load_dataset("x", tmp_path)
    assert "\n" not in str(caught.value)
