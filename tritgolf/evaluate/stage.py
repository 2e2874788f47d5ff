"""The evaluation stage: chunked and sliding scores of a reloaded artifact, temperature, and the unigram bound."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from tritgolf.artifact.container import read_artifact
from tritgolf.audit.network import network_state
from tritgolf.audit.scoring import probe_scoring
from tritgolf.config import EvaluateConfig, ModelConfig, TrainConfig
from tritgolf.data.loader import tokens_consumed, training_stream
from tritgolf.data.shards import Tokens
from tritgolf.errors import InputError
from tritgolf.evaluate.bytes import TextBytes
from tritgolf.evaluate.load import reloaded_network
from tritgolf.evaluate.score import score_temperatures, score_windows, summarize, unigram_bpb
from tritgolf.evaluate.temperature import calibrate
from tritgolf.evaluate.text import validation_text
from tritgolf.evaluate.windows import Rule, chunked_windows, sliding_windows
from tritgolf.files import digest_file, read_json, write_json
from tritgolf.model.unet import TernaryUNet
from tritgolf.provenance import envelope

TIMES = ("seconds", "window_tokens_per_second")


def evaluate_stage(
    *,
    record: str,
    seed: int,
    name: str,
    model: ModelConfig,
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
        inputs={
            "artifact": digest_file(artifact),
            "tokenizer": digest_file(tokenizer),
            "validation": text.digest,
        },
    )
    written["provenance"]["network"] = network_state()
    write_json(facts, written)


def byte_facts(tokens: Tokens, sizes: TextBytes) -> dict[str, Any]:
    """Bytes of all tokens but the first by both countings, for JSON, with their ratio where there is one."""
    found = sizes.of(tokens, np.arange(len(tokens) - 1))
    ratio = None if found.raw is None or not found.published else found.raw / found.published
    return {
        "raw": found.raw,
        "published": found.published,
        "raw_per_published": ratio,
        "bpb_divides_by": found.counting,
    }


def score_chunked(network: TernaryUNet, tokens: Tokens, sizes: TextBytes, batch: int, z_loss: float) -> dict[str, Any]:
    """Non-overlapping windows of the network's context: the facts for JSON."""
    windows = chunked_windows(len(tokens), network.model.context)
    found = score_windows(network, tokens, windows, batch, what="chunked")
    return summarize(found, tokens, windows, sizes, z_loss).as_dict()


def score_sliding(
    network: TernaryUNet,
    tokens: Tokens,
    sizes: TextBytes,
    batch: int,
    z_loss: float,
    stride: int,
    rule: Rule,
    temperature: float = 1.0,
) -> tuple[dict[str, Any], float]:
    """Windows ``stride`` apart: the facts for JSON, with the time they took, and bits per byte at ``temperature``.

    The facts are those without any temperature. ``InputError`` if nothing is scored.
    """
    windows = sliding_windows(len(tokens), network.model.context, stride, rule)
    if not windows.scored:
        raise InputError(
            "validation text",
            f"its {len(tokens)} tokens are too short for the record's rule, which leaves the last window out",
            "use more text, or the rule every_token",
        )
    began = time.perf_counter()
    temperatures = (1.0,) if temperature == 1 else (1.0, temperature)
    found = score_temperatures(network, tokens, windows, batch, temperatures, what=f"sliding, stride {stride}")
    seconds = time.perf_counter() - began
    scores = [summarize(nats, tokens, windows, sizes, z_loss) for nats in found]
    facts = {
        **scores[0].as_dict(),
        "stride": stride,
        "window": windows.length,
        "rule": rule,
        "seconds": seconds,
        "window_tokens_per_second": len(windows.starts) * windows.length / seconds,
    }
    return facts, scores[-1].bpb
