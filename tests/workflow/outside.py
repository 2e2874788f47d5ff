"""An environment without the checkout: the wheel of this tree, installed beside the libraries of the tests' own.

The libraries' folder alone is put on the path (as ``tests/bundle/alone.py`` does): none of its .pth files is read, so
the editable install is not there, and torch is not installed a second time.
"""

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from tests.small import REPOSITORY, TIMEOUT


@dataclass(frozen=True)
class Outside:
    """A Python that has the wheel, and the folder that it is used in."""

    python: Path
    folder: Path

    def run(self, *arguments: object, code: int = 0) -> str:
        """Standard output of ``python -m ARGUMENTS`` in the folder, which ends with ``code``."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        ended = subprocess.run(
            [self.python, "-m", *map(str, arguments)],
            cwd=self.folder,
            env=environment | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stdout


def install_outside(folder: Path) -> Outside:
    """Build the wheel, and install it in a fresh environment below ``folder``."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "wheel")]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True, timeout=TIMEOUT)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True, timeout=TIMEOUT)
    python = folder / "venv" / "bin" / "python"
    wheel = next((folder / "wheel").glob("*.whl"))
    install = ["-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, *install], check=True, timeout=TIMEOUT)
    libraries = next((folder / "venv" / "lib").glob("python*/site-packages"))
    (libraries / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (folder / "empty").mkdir()
    return Outside(python, folder / "empty")
