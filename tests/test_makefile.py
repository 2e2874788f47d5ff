"""``make``: which environment it makes, and when."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path):
    """What the Makefile looks at, with a CPU environment that is newer than all of it."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/.complete").write_text("cpu\n")
    return tmp_path


def planned(folder, *arguments):
    return subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_what_is_installed_is_not_installed_again(folder):
    assert "install.sh" not in planned(folder, "install")
    assert "install.sh" not in planned(folder, "TORCH=cpu", "demo")


def test_the_other_build_of_torch_takes_the_place_of_the_one_that_is_there(folder):
    assert "envs/install.sh .venv cuda" in planned(folder, "TORCH=cuda", "install")
    (folder / ".venv/.complete").write_text("cuda\n")
    assert "envs/install.sh .venv cpu" in planned(folder, "TORCH=cpu", "demo")


def test_what_follows_keeps_the_build_that_was_chosen(folder):
    (folder / ".venv/.complete").write_text("cuda\n")
    assert "install.sh" not in planned(folder, "demo")
    (folder / ".venv/.complete").unlink()
    assert "envs/install.sh .venv cpu" in planned(folder, "demo")


def asked_of_venv(tmp_path, folder):
    """How ``install.sh`` asks for the CPU's environment in ``folder``: its Python says that and fails."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\n[ "$1" = -c ] || { echo "$*"; exit 1; }\n')
    python.chmod(0o755)
    command = ["sh", ROOT / "envs/install.sh", folder, "cpu", python]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("build", "kept"), [("cpu", True), ("cuda", False), (None, False)])
def test_an_environment_of_the_other_build_is_made_anew(tmp_path, build, kept):
    folder = tmp_path / "venv"
    folder.mkdir()
    (folder / "pyvenv.cfg").write_text("")
    if build:
        (folder / ".complete").write_text(f"{build}\n")
    assert asked_of_venv(tmp_path, folder) == f"-m venv {'' if kept else '--clear '}{folder}\n"


def test_a_folder_that_is_no_environment_is_never_cleared(tmp_path):
    assert asked_of_venv(tmp_path, tmp_path) == f"-m venv {tmp_path}\n"
