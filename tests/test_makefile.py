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


GPUS = "#!/bin/sh\necho 'GPU 0: A (UUID: GPU-0a-1)'\n"  # nvidia-smi of a machine with a GPU


@pytest.fixture
def gpu(tmp_path):
    """A folder whose ``nvidia-smi`` lists a GPU."""
    program = tmp_path / "driver/nvidia-smi"
    program.parent.mkdir()
    program.write_text(GPUS)
    program.chmod(0o755)
    return program.parent


def planned(folder, *arguments, path="/usr/bin:/bin"):
    return subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *arguments],
        cwd=folder,
        env={"PATH": path},
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


def test_a_demo_that_leaves_the_gpu_alone_says_so(folder, gpu):
    with_gpu = f"{gpu}:/usr/bin:/bin"
    assert planned(folder, "demo") == ".venv/bin/snakemake --cores 2\n"
    said, command = planned(folder, "demo", path=with_gpu).splitlines()
    assert "CPU build" in said and "make TORCH=cuda demo" in said
    assert command == ".venv/bin/snakemake --cores 2 --config device=cpu"
    (folder / ".venv/.complete").write_text("cuda\n")
    assert planned(folder, "demo", path=with_gpu) == ".venv/bin/snakemake --cores 2\n"


def test_each_build_is_made_again_when_its_own_lock_changes(folder):
    for lock, made_again in (("cuda", False), ("cpu", True)):
        (folder / "envs" / f"{lock}.lock").touch()
        assert ("install.sh" in planned(folder, "demo")) == made_again


def test_the_build_that_is_installed_beside_a_gpu_is_told(tmp_path, gpu, monkeypatch):
    monkeypatch.setenv("PATH", f"{gpu}:/usr/bin:/bin")
    said = install(tmp_path, tmp_path / "venv")[1]
    assert "CPU build is installed" in said and said.endswith("make TORCH=cuda install\n")
    assert install(tmp_path, tmp_path / "venv", "cuda")[1] == ""


def install(tmp_path, folder, torch="cpu"):
    """``install.sh`` with a Python that says how it is asked for the environment, and fails: (what it said, errors)."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\n[ "$1" = -c ] || { echo "$*"; exit 1; }\n')
    python.chmod(0o755)
    command = ["sh", ROOT / "envs/install.sh", folder, torch, python]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    return done.stdout, done.stderr


def environment(tmp_path, complete, build):
    """An environment whose ``.complete`` says ``complete`` and whose torch is the other; None: it has none."""
    folder = tmp_path / "venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").touch()
    if complete is not None:
        (folder / ".complete").write_text(complete)
    python = folder / "bin/python"
    python.write_text(f"#!/bin/sh\necho {build}\n" if build else "#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("complete", "build", "options"),
    [
        ("cpu\n", "cpu", ""),
        ("cuda\n", "cuda", "--clear "),
        (None, "cpu", ""),  # installed by hand
        ("", "cpu", ""),  # by an older version of the script
        (None, None, ""),  # not to its end
    ],
)
def test_an_environment_is_replaced_only_if_the_script_made_it_with_the_other_build(tmp_path, complete, build, options):
    folder = environment(tmp_path, complete, build)
    assert install(tmp_path, folder) == (f"-m venv {options}{folder}\n", "")


@pytest.mark.parametrize("complete", [None, ""])
def test_another_environment_with_the_other_build_is_left_alone(tmp_path, complete):
    folder = environment(tmp_path, complete, "cuda")
    said, error = install(tmp_path, folder)
    assert said == "" and error.startswith(f"error: {folder} holds PyTorch's cuda build")
    assert error.endswith("delete it, or say TORCH=cuda\n")


def test_a_folder_that_is_no_environment_is_never_cleared(tmp_path):
    assert install(tmp_path, tmp_path) == (f"-m venv {tmp_path}\n", "")


def test_a_build_that_there_is_not_is_told(tmp_path):
    assert install(tmp_path, tmp_path / "venv", "gpu") == ("", "error: TORCH=gpu: there is cpu and cuda\n")


PIP = """#!/bin/sh
# Of an environment: says what pip is asked for; a lock can't be had until torch is there, which has an index of its own
case "$*" in
*--index-url*) echo "torch: $*" >&2; %s ;;
*-m?pip*cpu.lock) echo "all" >&2; [ -e "$0.torch" ] ;;
esac
"""


@pytest.mark.parametrize("reached", [True, False])
def test_only_torch_is_asked_of_its_own_index(tmp_path, monkeypatch, reached):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    folder, python = tmp_path / "venv", tmp_path / "python"
    (folder / "bin").mkdir(parents=True)
    python.write_text('#!/bin/sh\n[ "$1" != --version ] || echo Python 3.99\n')
    (folder / "bin/python").write_text(PIP % ('touch "$0.torch"' if reached else "exit 1"))
    for program in (python, folder / "bin/python"):
        program.chmod(0o755)
    command = ["sh", ROOT / "envs/install.sh", folder, "cpu", python]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    torch, *then = done.stderr.splitlines()
    assert torch.startswith("torch: ") and torch.endswith("--no-deps --index-url https://download.pytorch.org/whl/cpu "
                                                          f"-r {folder}/torch.txt")  # fmt: skip
    assert all(line.startswith("torch==") for line in (folder / "torch.txt").read_text().splitlines())
    assert (folder / ".complete").exists() == reached == (done.returncode == 0)
    if reached:
        assert then == ["all"]
    else:
        assert len(then) == 1 and "can't be reached, or has no build of PyTorch for Python 3.99" in then[0]
