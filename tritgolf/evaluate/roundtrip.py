"""The roundtrip stage: what each storage choice does to the score of one checkpoint."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tritgolf.artifact.container import read_artifact
from tritgolf.artifact.statistics import difference, zero_fractions
from tritgolf.artifact.storage import forward_ternary
from tritgolf.config import ModelConfig
from tritgolf.evaluate.load import trained_network, used_ternary
from tritgolf.evaluate.score import WindowNats
from tritgolf.evaluate.text import validation_text
from tritgolf.files import digest_file, write_json
from tritgolf.model.build import build_network
from tritgolf.provenance import envelope
from tritgolf.train import checkpoint as checkpoints


@dataclass(frozen=True)
class Gap:
    """Reloaded minus trained, bits per byte of pure cross-entropy; ``standard_error`` is paired over windows."""

    bpb: float
    standard_error: float


def paired_gap(trained: WindowNats, reloaded: WindowNats, bytes_: int) -> Gap:
    """Compare two scorings of the same windows, which hold ``bytes_`` bytes of scored text."""
    return gap_of(reloaded.nats - trained.nats, bytes_)


def gap_of(differences: npt.NDArray[np.float64], bytes_: int) -> Gap:
    """The gap whose nats, window by window, are ``differences``; or any sum of such gaps, with its standard error.

    ``ValueError`` for fewer than two windows, of which no error can be told (``check_window`` refuses such a text).
    """
    to_bpb = 1 / (math.log(2) * bytes_)
    count = len(differences)
    if count < 2:
        raise ValueError(f"{count} windows have no standard error")
    spread = float(np.std(differences, ddof=1)) * math.sqrt(count)
    return Gap(float(differences.sum()) * to_bpb, spread * to_bpb)


def roundtrip_stage(
    *,
    record: str,
    seed: int,
    name: str,
    model: ModelConfig,
    own_storage: str,
    z_loss: float,
    attention: str,
    batch: int,
    checkpoint: Path,
    artifacts: dict[str, Path],
    shards: Path,
    tokenizer: Path,
    facts: Path,
) -> None:
    """Score the checkpoint and every artifact on the validation text in non-overlapping windows; write ``facts``.

    ``batch``: windows scored at a time; ``own_storage``: the artifact that the record ships.
    """
    text = validation_text(shards, tokenizer, model, batch, z_loss)
    source = checkpoints.load(checkpoint)
    ours = forward_ternary(source.tensors, model.quantizer)
    trained, trained_score = text.score(trained_network(model, source.tensors, attention), "trained")
    storages: dict[str, Any] = {}
    for storage, path in artifacts.items():
        artifact = read_artifact(path)
        loaded, restored = artifact.header.model, artifact.restore()
        network = build_network(loaded, restored.tensors, restored.ternary, attention=attention)
        found, reloaded_score = text.score(network, f"reloaded {storage}")
        gap = paired_gap(trained, found, trained_score.bytes)
        changed = difference(ours, used_ternary(restored, loaded))
        storages[storage] = {
            "bpb": reloaded_score.bpb,
            "nats": reloaded_score.nats,
            "bpb_published_bytes": reloaded_score.bpb_published_bytes,
            "record_bpb": reloaded_score.record_bpb,
            "gap_bpb": gap.bpb,
            "gap_se": gap.standard_error,
            "trits_changed": changed.trits_changed,
            "max_weight_error": changed.max_weight_error,
        }
    metrics = {
        "trained": trained_score.as_dict(),
        "storages": storages,
        "own_storage": own_storage,
        "zero_fraction": zero_fractions({n: t.q for n, t in ours.items()}),
    }
    written = envelope(
        "roundtrip",
        record=record,
        seed=seed,
        checkpoint=name,
        step=source.facts["step"],
        metrics=metrics,
        payload=metrics,
        configuration=[model.model_dump(mode="json"), z_loss],
        inputs={
            "checkpoint": source.facts["digest"],
            "tokenizer": digest_file(tokenizer),
            "validation": text.digest,
            **{storage: digest_file(path) for storage, path in artifacts.items()},
        },
    )
    write_json(facts, written)
