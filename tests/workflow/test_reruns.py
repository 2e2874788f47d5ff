"""What runs again: just what depends on what changed; nothing for a touched script or an edited comment."""

import os
import subprocess
import sys

import pytest

from tritgolf.provenance import VERSIONS

pytestmark = pytest.mark.workflow

TRAIN, EXPORT, ROUNDTRIP, EVALUATE = {"train_tiny": 2}, {"export_tiny": 6}, {"roundtrip_tiny": 6}, {"evaluate_tiny": 2}
CURVES = {"plot_loss": 1, "plot_zero_fraction": 1}
OF_EVALUATION = {"table_seeds": 1, "plot_sliding": 1, "plot_temperature": 1, "records_table": 1, "summary": 1}
OF_ROUNDTRIP = {"table_roundtrip": 1, "plot_rt_gap": 1, "plot_loss": 1}  # which shows validation too
TOLD = {"table_roundtrip": 1}  # that the settings are not the record's own
ENDING = {"record_page": 1, "report_page": 1, "provenance_tiny": 1}
CHANGED_SETTINGS = {"record_tiny": 1} | ENDING
AFTER_EXPORT = ROUNDTRIP | EVALUATE | OF_EVALUATION | OF_ROUNDTRIP | CHANGED_SETTINGS


@pytest.mark.parametrize(
    ("overrides", "jobs"),
    [
        ({"evaluate": {"stride": 16}}, EVALUATE | OF_EVALUATION | TOLD | CHANGED_SETTINGS),
        ({"export": {"vectors": "float32"}}, EXPORT | {"plot_bytes": 1} | AFTER_EXPORT),
        ({"train": {"steps": 32}}, TRAIN | CURVES | EXPORT | {"plot_bytes": 1} | AFTER_EXPORT),
    ],
    ids=["evaluation", "export", "training"],
)
def test_one_changed_option_runs_what_depends_on_it(base, overrides, jobs):
    assert base.planned(overrides=overrides, replace="train" in overrides) == jobs


def test_fewer_seeds_run_only_the_report(base):
    everything_shown = CURVES | {"plot_bytes": 1} | OF_EVALUATION | OF_ROUNDTRIP | CHANGED_SETTINGS
    assert base.planned(seeds=[42]) == everything_shown


def test_a_changed_dataset_option_runs_the_data_and_all_after_it(copied):
    dataset = copied.folder / "datasets" / "tiny.yaml"
    dataset.write_text(dataset.read_text().replace("tokens_per_shard: 20000", "tokens_per_shard: 30000"))
    (line,) = copied.snakemake("--dry-run", "train").errors
    assert "trained already; its text, results/data/tiny/shards, would be made again" in line
    assert copied.planned("train", replace=True) == {"shards": 1} | TRAIN


@pytest.mark.parametrize(
    ("stage", "jobs"),
    [
        ("train", TRAIN),
        ("export", EXPORT),
        ("roundtrip", ROUNDTRIP),
        ("evaluate", EVALUATE),
        ("score", ROUNDTRIP | EVALUATE),
    ],
    ids=["train", "export", "roundtrip", "evaluate", "score"],
)
def test_a_raised_version_runs_again_what_depends_on_it(copied, stage, jobs):
    provenance = copied.folder / "tritgolf" / "provenance.py"
    before = provenance.read_text()
    version = VERSIONS[stage]
    provenance.write_text(before.replace(f'"{stage}": {version}', f'"{stage}": {version + 1}'))
    assert provenance.read_text() != before
    assert copied.planned(replace=stage == "train").items() >= jobs.items()
    if stage == "train":
        (line,) = copied.snakemake("--dry-run").errors
        assert f"(version: {version} → {version + 1})" in line


def test_touched_code_and_edited_comments_run_nothing(copied):
    code = [*copied.folder.glob("workflow_scripts/*.py"), *copied.folder.glob("tritgolf/**/*.py")]
    for path in [*code, *copied.folder.glob("rules/*.smk"), copied.folder / "Snakefile"]:
        path.write_text(path.read_text() + "\n# A comment.\n")
    assert copied.planned() == {}


def test_a_deleted_table_is_rebuilt_alone_and_without_torch(copied, tmp_path):
    table = copied.results("tiny", "tables", "seeds.csv")
    content = table.read_bytes()
    table.unlink()
    assert copied.planned() == {"table_seeds": 1} | ENDING

    for path in copied.results("tiny", "tables").iterdir():
        path.unlink()
    run = copied.snakemake("tables", environment=without_torch(tmp_path))
    assert run.code == 0, run.said
    assert run.jobs == {"table_seeds": 1, "table_roundtrip": 1, "tables": 1}
    assert table.read_bytes() == content


def test_a_deleted_plot_is_redrawn_without_torch(copied, tmp_path):
    plots = [copied.results("tiny", "plots", f"{name}.svg") for name in ("loss", "rt_gap")]
    contents = [plot.read_bytes() for plot in plots]
    for plot in plots:
        plot.unlink()
    run = copied.snakemake("plots", environment=without_torch(tmp_path))
    assert run.code == 0, run.said
    assert run.jobs == {"plot_loss": 1, "plot_rt_gap": 1, "plots": 1}
    assert [plot.read_bytes() for plot in plots] == contents


def without_torch(folder) -> dict[str, str]:
    """An environment in which importing torch fails, as it is shown to."""
    package = folder / "without_torch" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('torch is not to be imported here')\n")
    environment = {"PYTHONPATH": str(package.parent)}
    command = [sys.executable, "-c", "import torch"]
    tried = subprocess.run(command, check=False, env=os.environ | environment, capture_output=True)
    assert b"torch is not to be imported here" in tried.stderr
    return environment
