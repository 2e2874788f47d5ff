"""What a storage by GPTQ needs: Hessians of a calibration text, and the rounding by them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tritgolf.artifact.rounding import Calibrated, by_hessians
from tritgolf.config.calibration import CalibrationConfig, GeneratedText, TrainingText
from tritgolf.config.train import TrainConfig
from tritgolf.data.batches import batch_source
from tritgolf.model.build import build_network
from tritgolf.model.hessians import collect_hessians
from tritgolf.model.network import Network
from tritgolf.model.own_text import own_text
from tritgolf.model.specs import parameters_of
from tritgolf.progress import progress
from tritgolf.quantize.gptq import damped
from tritgolf.quantize.plan import quantizers

LEAST_DIAGONAL = 1e-6  # of what a Hessian is damped by when it is collected (#1019)


class TrainingRun(NamedTuple):
    """What a calibration may take of a training: its seed and settings, how many ranks trained, its shards.

    ``shards``: None where no text of the training is there to be read.
    """

    seed: int
    train: TrainConfig
    world: int
    shards: Path | None


def training_batches(network: Network, settings: TrainingText, run: TrainingRun) -> Tensor:
    """The first tokens that rank 0 trains on, int64 (batches, sequences, context)."""
    if run.shards is None:
        raise ValueError("a calibration on training tokens needs their shards")
    model = network.model
    count = settings.batches * settings.sequences * model.context
    source = batch_source(run.shards, run.train, model.context, model.vocab_size)
    tokens = torch.from_numpy(source.after(0, count, run.world).astype("int64"))
    return tokens.reshape(settings.batches, settings.sequences, model.context)


def generated_batches(network: Network, settings: GeneratedText, run: TrainingRun) -> Tensor:
    """What ``network`` writes with the run's seed, int64 (sequences, 1, tokens − 1): inputs, so without the last token.

    However many ranks trained, one process writes it, so the text is the same.
    """
    text = own_text(
        network, settings.sequences, settings.tokens, settings.temperature, run.seed, at_a_time=settings.at_a_time
    )
    return text[:, None, :-1]


TEXTS: dict[str, Callable[[Network, Any, TrainingRun], Tensor]] = {
    "training_tokens": training_batches,
    "generated": generated_batches,
}


def calibrated_rounding(
    model: Any, weights: Mapping[str, Tensor], run: TrainingRun, settings: CalibrationConfig
) -> Calibrated:
    """Rounding by GPTQ, by Hessians of the network of ``weights`` (settings ``model``), on a GPU where there is one."""
    network = build_network(model, weights, quantizers(model, parameters_of(model)), attention=run.train.attention)
    batches = TEXTS[settings.source](network, settings, run)
    hessians = collect_hessians(network, progress(batches, what="calibration", unit="batches"))
    if settings.damping:
        hessians = {name: damped(hessian, settings.damping, LEAST_DIAGONAL) for name, hessian in hessians.items()}
    return by_hessians(hessians)
