"""Write ``envs/tritgolf.yaml`` and ``envs/tritgolf-cuda.yaml`` from the locks: ``python envs/conda.py``.

A test keeps each equal to its lock.
"""

from pathlib import Path

HERE = Path(__file__).parent
OPTIONS = {  # of pip, by lock
    "cpu": ["--extra-index-url https://download.pytorch.org/whl/cpu"],
    "cuda": [],
}
FILES = {"cpu": "tritgolf.yaml", "cuda": "tritgolf-cuda.yaml"}
HEAD = """# For `snakemake --sdm conda`{where}: the pins of {torch}.lock, by envs/conda.py; a test keeps them equal.
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def environment(torch: str, lock: str) -> str:
    """The conda environment that holds every pin of ``lock``; ``torch``: which build it has, ``cpu`` or ``cuda``."""
    head = HEAD.format(torch=torch, where=", jobs that compute on GPUs" if torch == "cuda" else "")
    pins = [line for line in lock.splitlines() if line and not line.startswith("#")]
    entries = OPTIONS[torch] + [f"{pin!r}" if ";" in pin else pin for pin in pins]
    return head + "".join(f"      - {entry}\n" for entry in entries)


if __name__ == "__main__":
    for build, name in FILES.items():
        (HERE / name).write_text(environment(build, (HERE / f"{build}.lock").read_text()))
