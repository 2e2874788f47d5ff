"""Texts of experiments that are unknown, or whose files are not there, are told before anything is run."""

import shutil

import pytest
import yaml

from tests.small import RECORDS, REPOSITORY
from tritgolf.errors import InputError
from tritgolf.experiments.ready import ready
from tritgolf.experiments.texts import check_files, texts_of

DATASETS = REPOSITORY / "datasets"
OF_DOCS_EN = ["corpora/docs_en/docs-en.train-*.jsonl.xz (names no text file)", "corpora/docs_en/docs-en.val.jsonl.xz ("]


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"inherit": "isobyte_tiny", "record": {"dataset": "nosuch"}}, "/trials"),  # which the trials don't read
        ({"inherit": "isobyte_tiny", "trials": {"dataset": "nosuch"}}, "/trials"),
        ({"inherit": "isobyte_tiny", "series": {"other": {"over": {"dataset": "nosuch"}}}}, "/trials"),
        ({"inherit": "demo_fp8", "changes": {"scales": {"over": {"dataset": "nosuch"}}}}, ""),
    ],
)
def test_a_text_that_is_unknown_is_told_of_the_experiment(tmp_path, changed, part):
    records = tmp_path / "records"
    shutil.copytree(RECORDS, records)
    (records / "experiments/mine.yaml").write_text(yaml.safe_dump(changed))
    with pytest.raises(InputError) as error:
        texts_of(ready(f"mine{part}", records, tmp_path / "results"), DATASETS)
    start = f"{records / 'experiments/mine.yaml'}: dataset 'nosuch': is unknown; known datasets: docs_en, "
    assert str(error.value).startswith(start)


@pytest.mark.parametrize(
    ("name", "texts", "missing"),
    [
        ("isobyte_gpu/trials", ["docs_en_sp1024", "docs_en_sp1024_tune"], OF_DOCS_EN),
        ("levers", ["docs_en_tune"], [*OF_DOCS_EN, "corpora/docs_en/fineweb_8192_bpe.model (is missing)"]),
    ],
)
def test_a_text_s_files_that_are_not_here_are_all_named(tmp_path, monkeypatch, name, texts, missing):
    experiment = ready(name, RECORDS, tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    found = texts_of(experiment, DATASETS)
    assert [text.name for text in found] == texts
    for text in found:
        with pytest.raises(InputError) as error:
            check_files(experiment, text, tmp_path)
        told = str(error.value)
        assert told.startswith(f"{experiment.source}: reads the text {text.name}, and not all of its files are here: ")
        assert [one for one in missing if one not in told] == []
        assert told.endswith(f"paths are from {tmp_path}), or name your own text in datasets/{text.name}.yaml")
        made = tmp_path / text.name / "shards"
        made.mkdir(parents=True)
        (made / "manifest.json").touch()
        check_files(experiment, text, tmp_path)


def test_texts_of_packages_need_no_files(tmp_path):
    experiment = ready("isobyte_tiny/trials", RECORDS, tmp_path)
    found = texts_of(experiment, DATASETS)
    assert [text.name for text in found] == ["tiny", "tiny_tune"]
    for text in found:
        check_files(experiment, text, tmp_path)
