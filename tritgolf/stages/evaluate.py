"""The evaluation stage: chunked and sliding scores of a reloaded artifact, temperature, and the unigram bound."""

from pathlib import Path

import numpy as np

from tritgolf.artifact.container import read_artifact
from tritgolf.config.evaluate import EvaluateConfig
from tritgolf.config.model import UNetConfig
from tritgolf.config.train import TrainConfig
from tritgolf.data.loader import tokens_consumed, training_stream
from tritgolf.evaluate.load import reloaded_network
from tritgolf.evaluate.no_network import network_state
from tritgolf.evaluate.probe import probe_scoring
from tritgolf.evaluate.score import unigram_bpb
from tritgolf.evaluate.scores import byte_facts, score_chunked, score_sliding
from tritgolf.evaluate.temperature import calibrate
from tritgolf.evaluate.text import validation_text
from tritgolf.files import digest_file, read_json, write_json
from tritgolf.provenance import envelope

TIMES = ("seconds", "window_tokens_per_second")


def evaluate_stage(
    *,
    record: str,
    seed: int,
    name: str,
    model: UNetConfig,
    train: TrainConfig,
    settings: EvaluateConfig,
    artifact: Path,
    training: Path,
    shards: Path,
    tokenizer: Path,
    facts: Path,
) -> None:
    """Score ``artifact`` on the validation text of ``shards`` and write ``facts``.

    ``training`` is the run's ``train.json``: the temperature is calibrated on the training tokens that would have come
    next (new ones, unless the text is read several times).
    """
    context = model.context
    batch, z_loss = settings.batch_sequences, train.z_loss
    text = validation_text(shards, tokenizer, model, batch, z_loss)
    tokens, sizes = text.tokens, text.sizes
    loaded = read_artifact(artifact)
    network = reloaded_network(loaded, train.attention)

    chunked = score_chunked(network, tokens, sizes, batch, z_loss)
    run = read_json(training)["metrics"]
    after = tokens_consumed(run["steps"], batch_tokens=train.batch_tokens, context=context, world=run["world"])
    following = training_stream(shards, model.vocab_size).take(after, settings.calibration_tokens)
    calibration = calibrate(network, following, settings.temperatures, batch)
    applied = calibration.best if settings.apply_temperature else 1.0
    sliding, at_applied = score_sliding(
        network, tokens, sizes, batch, z_loss, settings.stride, settings.window_rule, applied
    )
    window = np.asarray(tokens[: context + 1], dtype=np.int64)
    metrics = {
        "storage": loaded.header.storage_name,
        "chunked": chunked,
        "sliding": sliding,
        "temperature": {
            "grid": [{"temperature": t, "calibration_nats": nats} for t, nats in calibration.nats.items()],
            "best": calibration.best,
            "applied": settings.apply_temperature,
            "sliding_bpb_at_best": at_applied if settings.apply_temperature else None,
            "calibration_tokens": len(following),
        },
        "unigram_entropy_bpb": unigram_bpb(tokens, sizes),
        "validation_bytes": byte_facts(tokens, sizes),
        "causality": probe_scoring(network, window).as_dict(),
    }
    written = envelope(
        "evaluate",
        record=record,
        seed=seed,
        checkpoint=name,
        step=run["steps"] if loaded.header.step is None else loaded.header.step,
        metrics=metrics,
        payload={**metrics, "sliding": {key: value for key, value in sliding.items() if key not in TIMES}},
        configuration=[model.model_dump(mode="json"), settings.model_dump(mode="json")],
        inputs={"artifact": digest_file(artifact), **text.inputs},
    )
    written["provenance"]["network"] = network_state()
    write_json(facts, written)
