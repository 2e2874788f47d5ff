"""Write ``envs/tritgolf.yaml`` from ``envs/cpu.lock``: ``python envs/conda.py``. A test keeps the two equal."""

from pathlib import Path

HERE = Path(__file__).parent
HEAD = """# For `snakemake --sdm conda`: the pins of cpu.lock. Made by envs/conda.py; a test keeps them equal.
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.11
  - pip
  - pip:
      - --extra-index-url https://download.pytorch.org/whl/cpu
"""


def environment(lock: str) -> str:
    """The conda environment that holds every pin of ``lock``."""
    pins = [line for line in lock.splitlines() if line and not line.startswith("#")]
    return HEAD + "".join(f"      - {pin!r}\n" if ";" in pin else f"      - {pin}\n" for pin in pins)


if __name__ == "__main__":
    (HERE / "tritgolf.yaml").write_text(environment((HERE / "cpu.lock").read_text()))
