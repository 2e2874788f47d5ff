from pathlib import Path

import pytest

from tests.workflow.workspace import SNAKEMAKE_MEMORY, Finished, Workspace, copy_of_the_repository


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups, however the tests were asked for
def pytest_collection_modifyitems(items):
    """One worker runs all of these: they share a finished run, and each uses both cores."""
    for item in items:
        if "tests/workflow/" in item.path.as_posix():
            item.add_marker(pytest.mark.xdist_group("workflow"))


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory) -> tuple[Workspace, Finished]:
    """A workspace in which the main job ran on ``tiny`` (two seeds), and what it said. Not to be changed.

    It said it in ASCII: that nothing there ends for want of a character is shown by the run that is there anyway.
    """
    workspace = copy_of_the_repository(tmp_path_factory.mktemp("base") / "pipeline")
    run = workspace.snakemake(environment={"PYTHONIOENCODING": "ascii"})
    assert run.code == 0, run.said
    return workspace, run


@pytest.fixture(scope="session")
def base(finished_run) -> Workspace:
    """The finished workspace. Not to be changed; dry runs leave no trace."""
    return finished_run[0]


@pytest.fixture
def copied(base: Workspace, tmp_path: Path) -> Workspace:
    """The finished workspace again, to be changed."""
    return base.copy(tmp_path / "pipeline", "results", SNAKEMAKE_MEMORY)


@pytest.fixture
def untrained(base: Workspace, tmp_path: Path) -> Workspace:
    """A workspace with the finished one's data and nothing else."""
    return base.copy(tmp_path / "pipeline", "results/data", SNAKEMAKE_MEMORY)
