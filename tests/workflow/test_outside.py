"""From anywhere: the wheel in a fresh environment, in an empty folder."""

import json
import shutil

import pytest

from tests.small import REPOSITORY
from tests.workflow.outside import install_outside
from tests.workflow.workspace import JOB_COUNT

pytestmark = pytest.mark.workflow

SNAKEFILE = """
from tritgolf.resources import workflow_folder

module tritgolf:
    snakefile: str(workflow_folder() / "Snakefile")
    config: {"records": ["./mine.yaml"], "seeds": [42], "device": "cpu"}

use rule * from tritgolf as golf_*

rule everything:
    input: "results/mine/seed42/final/export/bf16.tgolf"
    default_target: True
"""
RECORD = "inherit: tiny\ntitle: Mine\nsource: mine\ntrain: {steps: 8, checkpoints: [4]}\n"
TALK = """
import tritgolf
from tritgolf.cli import main

artifact = "results/mine/seed42/final/export/bf16.tgolf"
main(["generate", artifact, "--prompt", "Return the", "--tokens", "8", "--temperature", "0"])
print("---")
print("Return the" + tritgolf.load(artifact).generate("Return the", 8, temperature=0))
"""


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    return install_outside(tmp_path_factory.mktemp("outside"))


@pytest.fixture(scope="module")
def used(outside):
    """The folder after another workflow, which has this one as a module, ran there with a record of its own."""
    (outside.folder / "Snakefile").write_text(SNAKEFILE)
    (outside.folder / "mine.yaml").write_text(RECORD)
    outside.run("snakemake", "--cores", "2", "--quiet", "all")
    return outside


def test_a_record_is_described(outside):
    facts = json.loads(outside.run("tritgolf", "describe", "ternary_v2", "--json"))
    assert facts["configuration"]["source"] == "#920" and facts["artifact"]["bytes"] > 15_000_000


def test_a_module_trains_ones_own_record(used):
    train = json.loads((used.folder / "results" / "mine" / "seed42" / "train" / "train.json").read_text())
    assert train["metrics"]["steps"] == 8
    assert train["provenance"]["code"]["commit"] is None  # not of a repository that the environment may lie in


def test_what_was_trained_is_talked_to_by_the_api_too(used):
    (used.folder / "talk.py").write_text(TALK)
    command, api = used.run("talk").split("\n---\n")
    assert command == api.removesuffix("\n") and command.startswith("Return the")


def test_a_submission_is_audited(outside):
    shutil.copytree(REPOSITORY / "tests" / "fixtures" / "submissions" / "int6", outside.folder / "int6")
    assert "2 contradicted" in outside.run("tritgolf", "audit", "int6", code=1)


def test_the_workflow_is_planned_with_our_profile(used):
    planned = used.run(
        "tritgolf", "run", "--dry-run", "train", "--config", "records=[tiny]", "seeds=[42]", "device=cpu"
    )
    assert dict(JOB_COUNT.findall(planned)) == {"train": "1", "train_tiny": "1", "total": "2"}
