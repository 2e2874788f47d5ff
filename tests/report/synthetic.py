"""Made-up metrics of a made-up run, in the shape the stages write. No figure here was ever measured.

Everything follows from the seed and the step by plain formulas, so tests know what to expect. ``write_run`` lays the
files out as the workflow does.
"""

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

from tritgolf.config.record import RecordConfig, load_record
from tritgolf.files import digest_json, write_json, write_text
from tritgolf.report.record_facts import RecordFacts, record_facts
from tritgolf.train.step_timing import FASTEST, SLOWEST

SEEDS = (42, 1337, 7)
STEPS = {"step_000100": 100, "step_000200": 200, "final": 300}
STORAGES = {"bf16": 0.00089, "fp16": 0.00090, "fp32": 0.00091}  # gap of the final checkpoint, BPB
OFFSET = {42: 0.000, 1337: 0.003, 7: -0.002}  # how far a seed's BPB lies from 2.5
Z_LOSS_BPB = 0.003
PHASES = {"gradients": 190.0, "average": 4.0, "update": 5.0, SLOWEST: 191.0, FASTEST: 190.0}
RECORDS = Path(__file__).parents[2] / "records"


@cache
def config(name: str = "demo") -> RecordConfig:
    """A real configuration, for the facts reports need of it."""
    return load_record(name, RECORDS)


def facts(name: str = "demo") -> RecordFacts:
    """The facts of ``config``."""
    return record_facts(config(name))


def train(seed: int) -> dict[str, Any]:
    return {
        "steps": 300,
        "tokens": 300 * 4096,
        "stop_reason": "steps",
        "training_seconds": 60.0 + seed % 10,
        "compile_seconds": 0.0,
        "step_ms": {"mean": 200.0 + seed % 10, "median": 199.0, "p10": 190.0, "p90": 215.0},
        "phase_ms": PHASES,
        "parameters": {
            "published": 900_000,
            "trained": 800_000,
            "ternary": 700_000,
            "groups": 10_000,
            "stored_fp": 90_000,
        },
        "final_loss": 3.0 + OFFSET[seed],
        "zero_fraction": zeros(300),
        "weights_digest": {name: digest_json([seed, name]) for name in STEPS},
    }


def log(seed: int) -> list[dict[str, Any]]:
    lines = []
    for step in range(10, 301, 10):
        noise = 0.05 * math.sin(step * 12.9898 + seed) * (1 + 40 / step)
        loss = 3.0 + 3.9 * math.exp(-step / 60) + OFFSET[seed] + noise
        line = {"step": step, "tokens": step * 4096, "loss": loss, "record_loss": loss + 0.005, "lr_scale": 1.0}
        line |= {"muon_lr": 0.04, "table_lr": 0.02, "vector_lr": 0.02, "muon_momentum": 0.9}
        line |= {
            "training_seconds": step * 0.2,
            "step_ms": 200.0,
            "phase_ms": PHASES,
            "tokens_per_second": 20_480.0,
        }
        if step % 50 == 0:
            line |= {"zero_fraction": zeros(step), "record_zero_fraction": record_zeros(step)}
        lines.append(line)
    return lines


def export(seed: int, checkpoint: str) -> dict[str, Any]:
    kinds = {
        "trits": 196_608,
        "scales": 24_576,
        "table": 65_536,
        "projections": 16_384,
        "mixes": 4_096,
        "vectors": 8_192,
    }
    return {
        "storages": {
            name: {
                "file": f"{name}.tgolf",
                "bytes": 250_000 + 1_000 * position + seed % 100,
                "layout": "bitmask",
                "layout_bytes": {"bitmask": 250_000 + 1_000 * position + seed % 100, "base3": 260_000},
                "bytes_by_kind": kinds | {"scales": 24_576 * (2 if name == "fp32" else 1)},
                "payload_digest": digest_json([seed, checkpoint, name]),
            }
            for position, name in enumerate(STORAGES)
        },
        "zero_fraction": zeros(STEPS[checkpoint]),
        "record_zero_fraction": record_zeros(STEPS[checkpoint]),
        "code_bytes": 70_000,
        "byte_limit": 16_000_000,
    }


def roundtrip(seed: int, checkpoint: str) -> dict[str, Any]:
    bpb = 2.5 + OFFSET[seed] + 60 / STEPS[checkpoint] - 0.2
    reached = STEPS[checkpoint] / 300
    return {
        "trained": score(bpb),
        "storages": {
            name: {
                **score(bpb + reached * gap * (1 + OFFSET[seed] * 50)),
                "gap_bpb": reached * gap * (1 + OFFSET[seed] * 50),
                "gap_se": 0.00004,
                "trits_changed": 0,
                "max_weight_error": 0.0005 + abs(OFFSET[seed]) / 10,
            }
            for name, gap in STORAGES.items()
        },
        "own_storage": "bf16",
        "zero_fraction": zeros(STEPS[checkpoint]),
    }


FACTORS = {
    "scales": "bfloat16",
    "estimator": "own",
    "decide": "master",
    "shrinkage": True,
    "reload_dtype": "bfloat16",
    "table": "e4m3",
    "projections": "e4m3",
    "mixes": "e4m3",
    "vectors": "bfloat16",
}
LOSSLESS = {
    **FACTORS,
    **{"scales": "float32", "decide": "forward", "shrinkage": False, "reload_dtype": "float32"},
    **{"table": "bfloat16", "projections": "float32", "mixes": "float32", "vectors": "float32"},
}
EFFECTS = {"table": 0.0003, "mixes": 0.0005}  # of the final checkpoint, alone, BPB
REMAINDER = 0.00002
GRID = {
    "own": (FACTORS, sum(EFFECTS.values()) + REMAINDER),
    "lossless": (LOSSLESS, 0.0),
    **{f"only_{factor}": (LOSSLESS | {factor: FACTORS[factor]}, gap) for factor, gap in EFFECTS.items()},
    "scales_fp16": (FACTORS | {"scales": "float16"}, sum(EFFECTS.values()) + REMAINDER + 0.00001),
    **{
        f"without_{factor}": (FACTORS | {factor: LOSSLESS[factor]}, sum(EFFECTS.values()) + REMAINDER - 0.9 * gap)
        for factor, gap in EFFECTS.items()
    },
}


def laboratory(seed: int, checkpoint: str) -> dict[str, Any]:
    reached, own = STEPS[checkpoint] / 300, GRID["own"][1]
    rows = {
        name: {
            **score(2.5 + OFFSET[seed] + reached * gap),
            "factors": factors,
            "bytes": 250_000,
            "layout": "bitmask",
            "gap_bpb": reached * gap,
            "gap_se": 0.00004 if gap else 0.0,
            "over_own_bpb": reached * (gap - own),
            "over_own_se": 0.00003 if name != "own" else 0.0,
            "trits_changed": 0,
            "max_weight_error": 0.001,
            "max_tensor_error": 0.01,
            "payload_digest": digest_json([seed, checkpoint, name]),
        }
        for name, (factors, gap) in GRID.items()
    }
    place = {"kind": "scales", "format": "float16", "numbers": 10_000, "smallest": 0.004, "median": 0.1}
    ends = {"largest": 1.0, "binades_above": 15.99, "binades_to_subnormal": 6.03, "binades_to_zero": 16.03}
    shares = {"share_subnormal": 0.0, "share_zeroed": 0.0, "share_saturated": 0.0}
    return {
        "trained": score(2.5 + OFFSET[seed]),
        "estimator": "rms",
        "ternary_weights": 700_000,
        "zero_fraction": zeros(STEPS[checkpoint]),
        "record_zero_fraction": record_zeros(STEPS[checkpoint]),
        "own_storage": "bf16",
        "names": {name: name for name in rows} | {"scales_bf16": "own"},
        "rows": rows,
        "decomposition": {
            "factors": list(EFFECTS),
            "remainder_bpb": reached * REMAINDER,
            "remainder_se": 0.000005,
        },
        "margins": [place | ends | shares],
    }


def probes(seed: int) -> dict[str, Any]:
    """Scales in FP16 break eight binades down; zeros break nothing."""
    settings = {"shift": (-8, -4, 0, 4), "zeros": (0.0, 0.5)}
    return {
        "trained": score(2.5 + OFFSET[seed]),
        "estimator": "rms",
        "break_bpb": 0.001,
        "mechanisms": [
            {
                "parameter": parameter,
                "kind": kind,
                "choice": "float16",
                "points": [
                    {"at": at, "gap_bpb": 0.01 if at == -8 else 0.00001, "gap_se": 0.000003, "relative_error": 0.0001}
                    | {"trits_changed": 0}
                    for at in settings[parameter]
                ],
                "below": -8 if parameter == "shift" else None,
                "above": None,
            }
            for parameter, kind in (("shift", "scales"), ("zeros", "reload"))
        ],
    }


def evaluate(seed: int, checkpoint: str = "final") -> dict[str, Any]:
    trained = OFFSET[seed] + 0.3 * (1 - STEPS[checkpoint] / STEPS["final"])
    chunked = score(2.5 + trained + 0.00089)
    sliding = {"stride": 32, "window": 128, "rule": "every_token", "bpb": 2.45 + trained, "nats": 3.0}
    counted = {"tokens_scored": 99_999, "tokens_left_out": 0, "bytes": 180_000}
    grid = [
        {"temperature": t, "calibration_nats": 3.0 + OFFSET[seed] + 0.9 * (t - 1.02 - 5 * OFFSET[seed]) ** 2}
        for t in (0.90, 0.95, 1.00, 1.05, 1.10)
    ]
    return {
        "storage": "bf16",
        "chunked": chunked | counted | {"tokens_left_out": 31},
        "sliding": sliding | counted | {"seconds": 5.0, "window_tokens_per_second": 80_000.0},
        "temperature": {
            "grid": grid,
            "best": 1.00,
            "applied": True,
            "sliding_bpb_at_best": 2.45 + OFFSET[seed],
            "calibration_tokens": 16_384,
        },
        "unigram_entropy_bpb": 3.4,
    }


def score(bpb: float) -> dict[str, float]:
    return {"bpb": bpb, "nats": bpb * 1.2, "record_bpb": bpb + Z_LOSS_BPB}


def zeros(step: int) -> dict[str, float]:
    grown = 0.1 * (1 - math.exp(-step / 100))
    shares = {
        "attn.qkv": 0.32 + grown / 2,
        "attn.proj": 0.33 + grown / 3,
        "mlp.fc": 0.31 + grown,
        "mlp.proj": 0.33 + 2 * grown,
    }
    return shares | {"all": sum(shares.values()) / 4}


def record_zeros(step: int) -> float:
    return 0.30 - 0.08 * (1 - math.exp(-step / 100))


def envelope(stage: str, record: str, seed: int, checkpoint: str | None, metrics: dict[str, Any]) -> dict[str, Any]:
    """A metrics file around ``metrics``, with provenance that says plainly that it is synthetic."""
    return {
        "schema": f"tritgolf/{stage}/1",
        "record": record,
        "seed": seed,
        "checkpoint": checkpoint,
        "step": STEPS[checkpoint or "final"],
        "metrics": metrics,
        "payload_digest": digest_json(metrics),
        "provenance": {
            "code": {"tritgolf": "0.0.0", "package_digest": digest_json("synthetic"), "commit": None, "dirty": None},
            "versions": {"python": "3.11.7", "torch": "0.0.0+synthetic"},
            "hardware": {"processor": "Synthetic processor", "cores": 2, "gpus": []},
            "configuration_digest": digest_json("synthetic"),
            "inputs": {},
        },
    }


def write_seed(folder: Path, record: str, seed: int) -> None:
    """All metrics files of one seed, below ``folder`` = ``results/<record>/seed<k>``."""
    write_json(folder / "train/train.json", envelope("train", record, seed, "final", train(seed)))
    write_text(folder / "train/metrics.jsonl", "".join(json.dumps(line) + "\n" for line in log(seed)))
    for checkpoint in STEPS:
        exported = envelope("export", record, seed, checkpoint, export(seed, checkpoint))
        write_json(folder / checkpoint / "export/export.json", exported)
        reloaded = envelope("roundtrip", record, seed, checkpoint, roundtrip(seed, checkpoint))
        write_json(folder / checkpoint / "roundtrip.json", reloaded)
        grid = laboratory(seed, checkpoint) | {"estimator": config(record).model.quantizer.estimator}
        measured = envelope("laboratory", record, seed, checkpoint, grid)
        write_json(folder / checkpoint / "laboratory.json", measured)
        evaluated = envelope("evaluate", record, seed, checkpoint, evaluate(seed, checkpoint))
        write_json(folder / checkpoint / "evaluate.json", evaluated)
    write_json(folder / "final/probes.json", envelope("probes", record, seed, "final", probes(seed)))


WRITTEN: dict[str, dict[Path, bytes]] = {}  # record → the files of its run, so that each is made once


def write_run(folder: Path, name: str = "demo") -> Path:
    """A whole run as the workflow leaves it: ``folder`` = ``results/<record>``. Returns ``folder``."""
    if name in WRITTEN:
        for path, content in WRITTEN[name].items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return folder
    write_json(folder / "record.json", config(name).model_dump(mode="json"))
    for seed in SEEDS:
        write_seed(folder / f"seed{seed}", name, seed)
    files = [path for path in folder.rglob("*") if path.is_file()]
    WRITTEN[name] = {path.relative_to(folder): path.read_bytes() for path in files}
    return folder
