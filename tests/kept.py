"""The runs at full size that are kept in ``measured/``, and what their laboratories say: for tests of the pages."""

import json
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).parents[1] / "measured"
SHORT = (MEASURED / "ternary_v1_docs_en_4xh100", MEASURED / "ternary_v2_docs_en_2xh100")  # 1,900 steps
RECORD_LENGTH = MEASURED / "ternary_v2_6530_docs_en_4xh100"
FULL_SIZE = (*SHORT, RECORD_LENGTH)
# (folder, seed) of the long models by what they train with: the estimator, and where trits are decided
LONG = {
    ("absmean", "as written"): [(MEASURED / "long_absmean_docs_en_h100", 42)],
    ("absmean", "as compiled"): [(MEASURED / "long_absmean_float64_docs_en_4xh200", seed) for seed in (42, 1337)],
    ("rms", "as written"): [(MEASURED / "long_rms_docs_en_h100", 42)],
    ("rms", "as compiled"): [(MEASURED / "long_rms_float64_docs_en_4xh200", seed) for seed in (42, 1337)],
}


def laboratory(run: Path, checkpoint: str = "final", seed: int = 42) -> dict[str, Any]:
    """The metrics of ``run``'s laboratory."""
    return json.loads((run / f"seed{seed}" / checkpoint / "laboratory.json").read_text())["metrics"]


def long_laboratories(*training: str) -> list[dict[str, Any]]:
    """The laboratories of the long models at their end, of those that train with all of ``training``."""
    chosen = [runs for key, runs in LONG.items() if set(training) <= set(key)]
    return [laboratory(run, seed=seed) for runs in chosen for run, seed in runs]


def storages(run: Path, checkpoint: str = "final") -> dict[str, Any]:
    """What the roundtrip of ``run``, seed 42, says of each storage choice."""
    return json.loads((run / "seed42" / checkpoint / "roundtrip.json").read_text())["metrics"]["storages"]


def checkpoints(run: Path, file: str) -> list[str]:
    """The checkpoints of ``run``, seed 42, of which ``file`` was kept."""
    return sorted(path.parent.name for path in run.glob(f"seed42/*/{file}"))


def grid_row(found: dict[str, Any], name: str) -> dict[str, Any]:
    """A row of a laboratory by its name, or by that of the row that it equals."""
    return found["rows"][found["names"][name]]
