"""The evaluation stage: scores of a reloaded artifact by each method, temperature, and the unigram bound."""

from pathlib import Path
from typing import Any

from tritgolf.artifact.container import read_artifact
from tritgolf.config.evaluate import EvaluateConfig
from tritgolf.config.train import TrainConfig
from tritgolf.data.batches import batch_source
from tritgolf.evaluate.bytes import unigram_bpb
from tritgolf.evaluate.load import reloaded_network
from tritgolf.evaluate.methods import make_method
from tritgolf.evaluate.no_network import network_state
from tritgolf.evaluate.scores import byte_facts, score_by
from tritgolf.evaluate.temperature import Calibration, calibrate
from tritgolf.evaluate.text import ScoredText, validation_text
from tritgolf.files import digest_file, read_json, write_json
from tritgolf.model.network import Network
from tritgolf.provenance import ON_CPU, envelope, made_here
from tritgolf.ranks import Ranks, alone

TIMES = ("seconds", "window_tokens_per_second")


def evaluate_stage(
    *,
    record: str,
    seed: int,
    name: str,
    model: Any,
    train: TrainConfig,
    settings: EvaluateConfig,
    artifact: Path,
    training: Path,
    shards: Path,
    tokenizer: Path,
    facts: Path,
    ranks: Ranks | None = None,
) -> None:
    """Score ``artifact`` on the validation text of ``shards`` and write ``facts``.

    ``training`` is the run's ``train.json``: the temperature is calibrated on the training tokens that would have come
    next (new ones, unless the text is read several times). It is applied to the last method, the headline. ``ranks``
    share the work; all of them call this, and the first writes. Scores don't depend on how many there are: to the bit,
    or, where a method adapts, to rounding.
    """
    ranks = ranks or alone()
    text = validation_text(shards, tokenizer, model, settings.batch_sequences, train.z_loss)
    loaded = read_artifact(artifact)
    network = reloaded_network(loaded, train.attention)
    run = read_json(training)["metrics"]
    calibration = None
    if settings.temperatures:
        source = batch_source(shards, train, model.context, model.vocab_size)
        following = source.after(run["steps"], settings.calibration_tokens, run["world"])
        found = calibrate(network, following, settings.temperatures, settings.batch_sequences)
        calibration = ranks.of_first(found)
    metrics = {
        "storage": loaded.header.storage_name,
        **_scored(settings, calibration, network, text, ranks),
        "unigram_entropy_bpb": unigram_bpb(text.tokens, text.sizes),
        "validation_bytes": byte_facts(text.tokens, text.sizes),
    }
    devices = ranks.devices()
    if not ranks.is_main:
        return
    written = envelope(
        "evaluate",
        record=record,
        seed=seed,
        checkpoint=name,
        step=run["steps"] if loaded.header.step is None else loaded.header.step,
        metrics=metrics,
        payload=_payload(metrics),
        configuration=[model.model_dump(mode="json"), settings.model_dump(mode="json")],
        inputs={"artifact": digest_file(artifact), **text.inputs},
        made_by=_made_by(devices),
    )
    written["provenance"]["network"] = network_state()
    write_json(facts, written)


def _scored(
    settings: EvaluateConfig, calibration: Calibration | None, network: Network, text: ScoredText, ranks: Ranks
) -> dict[str, Any]:
    """Scores of ``text`` by each method, and of the temperature."""
    methods: dict[str, dict[str, Any]] = {}
    for called, chosen in settings.scoring.items():
        method = make_method(chosen, text.batch, _applied(settings, calibration, called), ranks)
        methods[called], tempered_bpb = score_by(
            called, chosen.kind, method, network, text.tokens, text.sizes, text.z_loss, ranks
        )
    return {"methods": methods, "temperature": calibration and _temperature(settings, calibration, tempered_bpb)}


def _made_by(devices: list[str]) -> dict[str, Any]:
    """What made the scores; ``devices``: of all ranks."""
    made_by = made_here()
    if len(devices) > 1:
        gpus = [device for device in devices if not device.startswith(ON_CPU)]
        made_by["hardware"] |= {"gpus": gpus, "ranks": len(devices)}
    return made_by


def _applied(settings: EvaluateConfig, calibration: Calibration | None, method: str) -> float:
    """The temperature that ``method`` scores at besides 1: the calibrated one, if it is applied, of the headline."""
    applies = calibration is not None and settings.apply_temperature and method == list(settings.scoring)[-1]
    return calibration.best if calibration and applies else 1.0


def _temperature(settings: EvaluateConfig, calibration: Calibration, tempered_bpb: float) -> dict[str, Any]:
    return {
        "grid": [{"temperature": t, "calibration_nats": nats} for t, nats in calibration.nats.items()],
        "best": calibration.best,
        "applied": settings.apply_temperature,
        "sliding_bpb_at_best": tempered_bpb if settings.apply_temperature else None,
        "calibration_tokens": settings.calibration_tokens,
    }


def _payload(metrics: dict[str, Any]) -> dict[str, Any]:
    """What is equal when the same run is made again: no times, and of causality the verdict."""
    methods = {
        name: {key: value for key, value in facts.items() if key not in TIMES}
        | {"causality": facts["causality"]["causal"]}
        for name, facts in metrics["methods"].items()
    }
    return {**metrics, "methods": methods}
