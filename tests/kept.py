"""The runs that are kept in ``measured/``, and what their metrics and laboratories say: for tests of the pages.

Bits per byte are by published bytes, as on the pages: all runs have these.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from tritgolf.report.frames import seed_frame
from tritgolf.report.metrics import load_run
from tritgolf.report.statistics import format_mean_std

MEASURED = Path(__file__).parents[1] / "measured"
SHORT = (MEASURED / "ternary_v1_docs_en_4xh100", MEASURED / "ternary_v2_docs_en_2xh100")  # 1,900 steps
HONEST = MEASURED / "ternary_honest_docs_en"  # three seeds, 1,900 steps
LENGTH_AS_WRITTEN = MEASURED / "ternary_v2_6530_docs_en_4xh100"  # 6,530 steps
RECORD_LENGTH = MEASURED / "ternary_v2_6530_fp32_docs_en_4xh200"  # the same, faithful
INT6 = MEASURED / "int6_recurrent_800_docs_en_2xh200"  # #1716, faithful, 800 steps
INT6_SLOT = MEASURED / "int6_slot_600_docs_en_2xh200"  # #1722, faithful, 600 steps, by raw bytes
BEST = tuple(sorted([*MEASURED.glob("ternary_best_*"), *MEASURED.glob("best_int[46]_*")]))
FP8 = MEASURED / "ternary_fp8_1900_docs_en_h200"  # one seed, by raw bytes
SLOT_DEMO = MEASURED / "demo_slot_docstrings"  # #1722 at a laptop's size, on another text
AS_WRITTEN = (*SHORT, LENGTH_AS_WRITTEN)
FULL_SIZE = (*AS_WRITTEN, RECORD_LENGTH)
LONG_AS_WRITTEN = (MEASURED / "long_absmean_docs_en_h100", MEASURED / "long_rms_docs_en_h100")
# (folder, seed) of the long models by what they train with: the estimator, and where trits are decided
LONG = {
    ("absmean", "as written"): [(LONG_AS_WRITTEN[0], 42)],
    ("absmean", "faithful"): [(MEASURED / "long_absmean_float64_docs_en_4xh200", seed) for seed in (42, 1337)],
    ("rms", "as written"): [(LONG_AS_WRITTEN[1], 42)],
    ("rms", "faithful"): [(MEASURED / "long_rms_float64_docs_en_4xh200", seed) for seed in (42, 1337)],
}


def laboratory(run: Path, checkpoint: str = "final", seed: int = 42) -> dict[str, Any]:
    """The metrics of ``run``'s laboratory."""
    found = json.loads((run / f"seed{seed}" / checkpoint / "laboratory.json").read_text())["metrics"]
    _to_published_bytes(found["trained"], found["rows"])
    return found


def long_laboratories(*training: str) -> list[dict[str, Any]]:
    """The laboratories of the long models at their end, of those that train with all of ``training``."""
    chosen = [runs for key, runs in LONG.items() if set(training) <= set(key)]
    return [laboratory(run, seed=seed) for runs in chosen for run, seed in runs]


def storages(run: Path, checkpoint: str = "final", seed: int = 42) -> dict[str, Any]:
    """What the roundtrip of ``run`` says of each storage choice."""
    found = json.loads((run / f"seed{seed}" / checkpoint / "roundtrip.json").read_text())["metrics"]
    _to_published_bytes(found["trained"], found["storages"])
    return found["storages"]


def _to_published_bytes(trained: dict[str, Any], storages: dict[str, Any]) -> None:
    scale = trained.get("bpb_published_bytes", trained["bpb"]) / trained["bpb"]
    for facts in (trained, *storages.values()):
        facts |= {name: scale * facts[name] for name in ("bpb", "gap_bpb", "gap_se") if name in facts}


def checkpoints(run: Path, file: str) -> list[str]:
    """The checkpoints of ``run``, seed 42, of which ``file`` was kept."""
    return sorted(path.parent.name for path in run.glob(f"seed42/*/{file}"))


def grid_row(found: dict[str, Any], name: str) -> dict[str, Any]:
    """A row of a laboratory by its name, or by that of the row that it equals."""
    return found["rows"][found["names"][name]]


def gap_of(found: dict[str, Any], name: str) -> float:
    """The gap of a laboratory's row."""
    return grid_row(found, name)["gap_bpb"]


def spread(found: dict[str, Any], *formats: str) -> float:
    """How far the gaps of a laboratory's own storage with scales in these formats lie apart."""
    gaps = [gap_of(found, f"scales_{name}") for name in formats]
    return max(gaps) - min(gaps)


def figures(run: Path) -> dict[str, str]:
    """A run's first seed, as the pages show it."""
    seed = seed_frame(load_run(run)).iloc[0]
    return {
        "steps": f"{seed['steps']:,}",
        "ms/step": f"{seed['ms_per_step']:.1f}",
        "sliding BPB": f"{seed['sliding_bpb_published_bytes']:.4f}",
        "stride": str(seed["stride"]),
        "val BPB, with z-loss": f"{seed['val_record_bpb']:.4f}",
        "RT BPB, with z-loss": f"{seed['rt_record_bpb']:.4f}",
        "RT gap": f"{seed['rt_gap_record_bpb']:.4f}",
        "artifact bytes": f"{seed['artifact_bytes']:,}",
        "artifact and code bytes": f"{seed['total_bytes']:,}",
        "seconds": str(seed["training_seconds"]),
    }


def of_seeds(frame: pd.DataFrame, column: str, decimals: int) -> str:
    """Mean ± sample standard deviation of a column of ``seed_frame``, as the pages show it."""
    return format_mean_std(frame[column], decimals, fixed=True, signed=column.startswith("rt_gap"))
