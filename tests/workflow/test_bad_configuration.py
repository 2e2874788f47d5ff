"""Configuration that cannot be: one line before anything runs."""

import os

import pytest

pytestmark = pytest.mark.workflow


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"records": ["tiny", "tinny"]}, ["record 'tinny'", "is unknown", "demo", "ternary_v2", "tiny"]),
        ({"records": ["tiny", "records/tiny.yaml"]}, ["records/tiny.yaml", "has the name of tiny", "leave one"]),
        ({"record": "tiny"}, ["--config: record: unknown key", "records"]),
        ({"overrides": {"train": {"stepz": 8}}}, ["records/tiny.yaml", "train.stepz: unknown key", "steps"]),
        ({"overrides": {"train": {"steps": "many"}}}, ["records/tiny.yaml", "train.steps: 'many'", "a whole number"]),
        ({"overrides": {"model": {"heads": 3}}}, ["tiny.yaml", "width: 64", "a multiple of heads = 3"]),
        (
            {"overrides": {"model": {"quantizer": {"group_size": 48}}}},
            ["tiny.yaml", "quantizer.group_size: 48", "a divisor of width = 64"],
        ),
        ({"overrides": {"train": {"steps": 16}}}, ["tiny.yaml", "checkpoints: [8, 16]", "steps before the last, 16"]),
        ({"overrides": {"evaluate": {"stride": 33}}}, ["tiny.yaml", "evaluate.stride: 33", "at most the window, 32"]),
        (
            {"gpus": 3},
            ["gpus: 3", "does not divide the 16 sequences of a step", "of tiny", "use one of 1, 2, 4, 8, 16"],
        ),
        (
            {"overrides": {"model": {"vocab_size": 256}}},
            ["datasets/tiny.yaml", "512", "tiny has model.vocab_size: 256"],
        ),
        ({"dataset": "fineweb"}, ["datasets/fineweb.yaml", "8192", "tiny has model.vocab_size: 512"]),
        ({"device": "cuda"}, ["--config: device: 'cuda'", "'cpu'"]),
        ({"dataset": "nowhere"}, ["dataset 'nowhere'", "is unknown", "known datasets", "tiny"]),
    ],
    ids=[
        "record",
        "record twice",
        "pipeline key",
        "key",
        "type",
        "heads",
        "group",
        "checkpoint",
        "stride",
        "GPUs",
        "vocabulary",
        "vocabulary of a download",
        "device",
        "dataset",
    ],
)
def test_it_is_told_in_one_line(base, config, told):
    run = base.snakemake(**config)
    assert run.code == 2
    (line,) = run.errors
    assert [word for word in told if word not in line] == []
    assert "Traceback" not in run.said and "Building DAG" not in run.said


def test_a_file_of_a_record_that_was_not_asked_for_has_no_rule(base):
    run = base.snakemake("--dry-run", "results/demo/tables/seeds.md")
    assert run.code == 1
    assert "No rule to produce results/demo/tables/seeds.md" in run.said and "KeyError" not in run.said


def test_a_codec_that_is_not_installed_ends_it_before_any_work(tmp_path, base):
    (tmp_path / "brotli.py").write_text("raise ImportError")
    hidden = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])}
    faithful = {"mode": "faithful"}
    run = base.snakemake(records=["tiny_int6"], run="no_brotli", overrides=faithful, environment=hidden)
    assert (run.code, run.errors) == (2, ["error: package brotli: is not installed; run: pip install 'brotli>=1.2'"])
    assert not base.results("tiny_int6@no_brotli").exists()


def test_what_a_cpu_cannot_do_and_texts_that_are_not_there_are_told_when_planning(base):
    run = base.snakemake("--dry-run", records=["ternary_v2"], dataset="docs_en")
    assert run.code == 0
    warnings = [line for line in run.said.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 2, run.said
    assert warnings[0].startswith("warning: ternary_v2: no GPU is visible, and each seed trains on up to 5.2 billion")
    assert warnings[1].startswith("warning: corpora/docs_en/docs-en.train-*.jsonl.xz: names no text file; put it there")
    assert "warning: " not in base.snakemake("--dry-run").said
    assert "no GPU is visible" in base.snakemake("--dry-run", records=["ternary_v2"], gpus=8).said
    assert "warning: " not in base.snakemake("--dry-run", "published", records=["ternary_v2"]).said
