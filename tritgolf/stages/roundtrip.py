"""The roundtrip stage: what each storage choice does to the score of one checkpoint."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from tritgolf import checkpoint as checkpoints
from tritgolf.artifact.container import read_artifact
from tritgolf.artifact.statistics import Difference, difference
from tritgolf.artifact.storage import Restored
from tritgolf.evaluate.load import trained_network
from tritgolf.evaluate.roundtrip import Gap, paired_gap
from tritgolf.evaluate.score import Score
from tritgolf.evaluate.text import validation_text
from tritgolf.files import digest_file, write_json
from tritgolf.model.build import build_network
from tritgolf.model.specs import parameters_of
from tritgolf.model.zeros import ternary_plan, zero_fractions
from tritgolf.provenance import envelope
from tritgolf.quantize.base import Quantized
from tritgolf.quantize.plan import quantize_all, quantizers


def roundtrip_stage(
    *,
    record: str,
    seed: int,
    name: str,
    model: Any,
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
    forward = quantize_all(source.tensors, quantizers(model, parameters_of(model)))
    trained, trained_score = text.score(trained_network(model, source.tensors, attention), "trained")
    trits = {name: forward[name].codes for name in ternary_plan(model)}
    storages: dict[str, Any] = {}
    for storage, path in artifacts.items():
        artifact = read_artifact(path)
        restored = artifact.restore()
        network = build_network(artifact.header.model, restored.weights(), attention=attention)
        reloaded, reloaded_score = text.score(network, f"reloaded {storage}")
        gap = paired_gap(trained, reloaded, trained_score.bytes)
        storages[storage] = _entry(reloaded_score, gap, _changes(source.tensors, forward, restored))
    metrics = {
        "trained": trained_score.as_dict(),
        "storages": storages,
        "own_storage": own_storage,
        **({"zero_fraction": zero_fractions(trits, parameters_of(model))} if trits else {}),
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
            **text.inputs,
            **{storage: digest_file(path) for storage, path in artifacts.items()},
        },
    )
    write_json(facts, written)


def _entry(reloaded: Score, gap: Gap, changed: Difference) -> dict[str, Any]:
    return {
        "bpb": reloaded.bpb,
        "nats": reloaded.nats,
        "bpb_published_bytes": reloaded.bpb_published_bytes,
        "record_bpb": reloaded.record_bpb,
        "gap_bpb": gap.bpb,
        "gap_se": gap.standard_error,
        "trits_changed": changed.trits_changed,
        "max_weight_error": changed.max_weight_error,
    }


def _changes(weights: Mapping[str, Tensor], forward: Mapping[str, Quantized], restored: Restored) -> Difference:
    """Of matrices on a grid: against the ``forward`` pass's, or the ``weights`` of one that was trained on none."""
    plain = {name: weights[name] for name in restored.quantized if name not in forward}
    return difference(forward, restored.quantized, plain, restored.weights() if plain else {})
