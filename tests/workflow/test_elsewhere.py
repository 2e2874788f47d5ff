"""Started from, or for, another folder than the repository's: its defaults, that folder's results."""

import json
import subprocess
import sys

import pytest

from tests.small import TIMEOUT
from tests.workflow.workspace import Workspace

pytestmark = pytest.mark.workflow

RECORD = "results/tiny/record.json"


@pytest.fixture
def elsewhere(tmp_path):
    """A folder without anything of the repository; its name has a space, as people's folders do."""
    folder = tmp_path / "my results"
    folder.mkdir()
    return folder


@pytest.fixture
def there(base, elsewhere):
    """What is run as ``snakemake -s PATH/Snakefile`` in that folder."""
    return Workspace(elsewhere, ("-m", "snakemake", "--snakefile", str(base.folder / "Snakefile")))


def test_its_snakefile_is_named(base, there):
    run = there.snakemake(RECORD)
    assert run.code == 0, run.said
    assert (there.folder / RECORD).read_bytes() == (base.folder / RECORD).read_bytes()
    assert f"workflow specific profile {base.folder}/profiles/default" in run.said  # what is run again hangs on it


def test_another_folder_is_named(base, elsewhere):
    run = base.snakemake("--directory", str(elsewhere), RECORD)
    assert run.code == 0, run.said
    assert (elsewhere / RECORD).read_bytes() == (base.folder / RECORD).read_bytes()


def test_the_folders_own_configuration_is_laid_over_the_repositorys(there):
    (there.folder / "config.yaml").write_text("seeds: [7]\n")
    (there.folder / "other.yaml").write_text("seeds: [8, 9]\n")
    for arguments, seeds in (((), 1), (("--configfile", "other.yaml"), 2)):
        assert there.planned("train", *arguments)["train_tiny"] == seeds
    assert there.planned("train", "--configfile", "other.yaml", seeds=[1, 2, 3])["train_tiny"] == 3


def test_a_configuration_that_cannot_be_is_named(there):
    (there.folder / "config.yaml").write_bytes("title: café".encode("latin-1"))
    run = there.snakemake("--dry-run")
    assert run.code == 2
    assert [line.startswith("error: config.yaml: cannot be read as YAML") for line in run.errors] == [True], run.said
    assert "Traceback" not in run.said


def test_a_record_and_a_text_of_ones_own_are_files_of_that_folder(there):
    (there.folder / "mine.yaml").write_text("inherit: tiny\ntitle: Mine\ndataset: ./my_text.yaml\n")
    (there.folder / "my_text.yaml").write_text("inherit: tiny\ntitle: My text\n")
    run = there.snakemake("results/mine/record.json", records=["./mine.yaml", "tiny"])
    assert run.code == 0, run.said
    record = json.loads((there.folder / "results/mine/record.json").read_text())
    assert (record["name"], record["dataset"], record.get("laid_over")) == ("mine", "my_text", None)
    assert there.planned("samples", records=["./mine.yaml"])["sample_mine"] == 1
    (there.folder / "tiny.yaml").write_text("title: Another\n")
    (error,) = there.snakemake("--dry-run", records=["./tiny.yaml"]).errors
    assert error.startswith("error: ./tiny.yaml: has the name of ") and error.endswith("; give it another name")


def test_no_input_names_the_checkouts_place_and_graphs_need_no_cores(base):
    """So that a moved checkout has nothing to do; here of the published figures, which no folder of results holds."""
    command = [sys.executable, "-m", "snakemake", "claims", "--filegraph", "--config", "records=[ternary_v2]"]
    graph = subprocess.run(command, cwd=base.folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert graph.returncode == 0, graph.stderr
    assert ">published/pr920/seeds.csv<" in graph.stdout and str(base.folder) not in graph.stdout


def test_a_module_with_a_prefix_is_refused_in_one_line(base, tmp_path):
    """Its functions look into results/, so that half of it would be elsewhere."""
    module = f"module golf:\n    snakefile: {str(base.folder / 'Snakefile')!r}\n    prefix: 'below'\n"
    (tmp_path / "Snakefile").write_text(f"{module}use rule * from golf as golf_*\n")
    run = Workspace(tmp_path).snakemake("--dry-run")
    assert run.code == 2, run.said
    assert run.errors == [
        "error: module: has a prefix, which this workflow can't have; leave it out: results are in results/"
    ]
