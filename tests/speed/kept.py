"""Both pages about speed, and the benchmarks' files that their figures are of."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "speed_notebook.md").read_text()
SHORT = " ".join((ROOT / "docs" / "speed.md").read_text().split())
KEPT = ROOT / "measured" / "speed"


def read(name: str) -> dict:
    return json.loads((KEPT / name).read_text())


def lines_of(name: str) -> list[dict]:
    return [json.loads(line) for line in (KEPT / name).read_text().splitlines()]
