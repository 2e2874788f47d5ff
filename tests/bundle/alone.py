"""A script run as the contest would: by a Python that has the libraries and no tritgolf."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from tests.small import TIMEOUT

# Without site: no .pth file, so none of an editable install, which leaves a folder of records and rules. The libraries'
# folder alone is put on the path.
PROGRAM = """
import importlib.util, runpy, sys
sys.path.append({libraries!r})
found = importlib.util.find_spec("tritgolf")
assert found is None or found.origin is None, "it could be imported"  # a folder of data alone has no origin
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_alone(script: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """What became of ``script`` with these arguments."""
    program = PROGRAM.format(libraries=sysconfig.get_path("purelib"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [sys.executable, "-I", "-S", "-c", program, str(script), *map(str, arguments)]
    environment |= {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT, env=environment, cwd=script.parent, check=False
    )


def result_of(folder: Path) -> dict[str, Any]:
    """What a finished script left in its folder."""
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result
