"""The examples of README.md and docs/use.md run, on an artifact of the tests in the place of the demo's."""

import re
import shlex

import pytest
import torch

from tests.small import REPOSITORY
from tritgolf.artifact.container import read_artifact, write_artifact
from tritgolf.cli import main

PAGES = {name: (REPOSITORY / name).read_text() for name in ("README.md", "docs/use.md")}
ARTIFACT = "results/demo/seed42/final/export/bf16.tgolf"


@pytest.fixture
def demo(artifact, tmp_path, monkeypatch):
    """A folder in which the examples' artifact is there."""
    (tmp_path / ARTIFACT).parent.mkdir(parents=True)
    read = read_artifact(artifact)
    write_artifact(tmp_path / ARTIFACT, read.stored, read.header.model_copy(update={"record": "demo"}))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("page", PAGES)
def test_the_python_examples_run(page, capsys):
    (example,) = re.findall(r"```python\n(.*?)```", PAGES[page], re.S)
    names = {}
    exec(compile(example, page, "exec"), names)
    shown = capsys.readouterr().out
    assert re.search(r"\d\.\d+\n$", shown), shown
    assert isinstance(names["model"], torch.nn.Module)


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_generate_run(page, capsys):
    (example,) = re.findall(r"^tritgolf (generate .*?)$", PAGES[page], re.M)
    assert main(shlex.split(example)) == 0
    assert capsys.readouterr().out.startswith("Return the")


def test_each_command_is_on_a_page():
    pages = "".join(PAGES.values()) + (REPOSITORY / "docs" / "running.md").read_text()
    for command in ("generate", "export", "tensorboard", "run", "describe", "inspect", "audit", "verify", "bundle"):
        assert f"tritgolf {command} " in pages, command


def test_the_dockerfile_and_the_hosted_ci_run_what_is_here():
    docker = (REPOSITORY / "Dockerfile").read_text()
    assert (REPOSITORY / re.search(r"RUN (\S+)", docker)[1]).is_file()
    hosted = (REPOSITORY / ".github" / "workflows" / "ci.yml").read_text()
    assert (REPOSITORY / re.search(r"run: .*?(\.ci/\S+)", hosted)[1]).is_file()
