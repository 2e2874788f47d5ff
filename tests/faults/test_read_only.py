"""Results that cannot be written: one line that names the folder, and nothing changed."""

import os
import shutil
import subprocess

import pytest

from tests.train.test_stage import arguments
from tests.workflow.workspace import copy_of_the_repository
from tritgolf.errors import one_line_errors
from tritgolf.files import atomic_directory, write_text
from tritgolf.stages.train import train_stage


@pytest.fixture
def read_only(tmp_path):
    """A folder that nobody may write to; root may write to any but those of a read-only file system."""
    folder = tmp_path / "read_only"
    folder.mkdir()
    if os.getuid() != 0:
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    if shutil.which("mount") is None:
        pytest.skip("a folder that root cannot write to needs the mount command")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a folder that root cannot write to needs the right to mount one: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_stage_says_so_in_one_line(read_only, dataset, capsys):
    with pytest.raises(SystemExit) as ended, one_line_errors():
        train_stage(**arguments(read_only / "seed1", dataset))
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {read_only / 'seed1'}: ")
    assert told.endswith("; get the right to it or choose another folder, then run again\n")
    assert told.count("\n") == 1
    assert list(read_only.iterdir()) == []


def test_the_file_or_folder_that_was_asked_for_is_named(read_only):
    with pytest.raises(OSError) as file:
        write_text(read_only / "facts.json", "x")
    with pytest.raises(OSError) as folder, atomic_directory(read_only / "exported"):
        pytest.fail("there is no such folder")
    assert [caught.value.filename for caught in (file, folder)] == [
        str(read_only / name) for name in ("facts.json", "exported")
    ]


@pytest.mark.workflow
def test_the_workflow_names_the_folder_and_runs_nothing(read_only, tmp_path):
    workspace = copy_of_the_repository(tmp_path / "pipeline")
    (workspace.folder / "results").symlink_to(read_only)
    run = workspace.snakemake("results/tiny/record.json")
    assert run.code != 0
    assert "results/" in run.said.splitlines()[-1] or "results/" in run.said.splitlines()[-2]
    assert "Read-only file system" in run.said or "Permission denied" in run.said
    assert "Traceback" not in run.said
    assert list(read_only.iterdir()) == []
