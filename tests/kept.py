"""The runs at full size that are kept in ``measured/``, and what their laboratories say: for tests of the pages."""

import json
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).parents[1] / "measured"
SHORT = (MEASURED / "ternary_v1_docs_en_4xh100", MEASURED / "ternary_v2_docs_en_2xh100")  # 1,900 steps
RECORD_LENGTH = MEASURED / "ternary_v2_6530_docs_en_4xh100"
FULL_SIZE = (*SHORT, RECORD_LENGTH)


def laboratory(run: Path, checkpoint: str = "final") -> dict[str, Any]:
    """The metrics of ``run``'s laboratory, seed 42."""
    return json.loads((run / "seed42" / checkpoint / "laboratory.json").read_text())["metrics"]


def storages(run: Path, checkpoint: str = "final") -> dict[str, Any]:
    """What the roundtrip of ``run``, seed 42, says of each storage choice."""
    return json.loads((run / "seed42" / checkpoint / "roundtrip.json").read_text())["metrics"]["storages"]


def checkpoints(run: Path, file: str) -> list[str]:
    """The checkpoints of ``run``, seed 42, of which ``file`` was kept."""
    return sorted(path.parent.name for path in run.glob(f"seed42/*/{file}"))


def grid_row(found: dict[str, Any], name: str) -> dict[str, Any]:
    """A row of a laboratory by its name, or by that of the row that it equals."""
    return found["rows"][found["names"][name]]
