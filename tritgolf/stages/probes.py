"""The probes' stage: every mechanism of the roundtrip pushed by itself until it breaks."""

from pathlib import Path

from tritgolf import checkpoint as checkpoints
from tritgolf.config.model import UNetConfig
from tritgolf.evaluate.text import validation_text
from tritgolf.files import write_json
from tritgolf.laboratory.bench import Bench
from tritgolf.laboratory.grid import ProbeConfig
from tritgolf.laboratory.probes import probe_all
from tritgolf.provenance import envelope


def probe_stage(
    *,
    record: str,
    seed: int,
    name: str,
    model: UNetConfig,
    probes: ProbeConfig,
    z_loss: float,
    attention: str,
    batch: int,
    checkpoint: Path,
    shards: Path,
    tokenizer: Path,
    facts: Path,
) -> None:
    """Push every mechanism on the checkpoint ``name`` until it breaks (``probe_all``) and write ``facts``."""
    text = validation_text(shards, tokenizer, model, batch, z_loss)
    source = checkpoints.load(checkpoint)
    bench = Bench(model, source.tensors, text, attention)
    metrics = {
        "trained": bench.score.as_dict(),
        "estimator": model.quantizer.estimator,
        "break_bpb": probes.break_bpb,
        "mechanisms": probe_all(bench, probes),
    }
    written = envelope(
        "probes",
        record=record,
        seed=seed,
        checkpoint=name,
        step=source.facts["step"],
        metrics=metrics,
        payload=metrics,
        configuration=[model.model_dump(mode="json"), probes.model_dump(mode="json")],
        inputs={"checkpoint": source.facts["digest"], **text.inputs},
    )
    write_json(facts, written)
