"""What a storage by GPTQ needs: Hessians of a calibration text, and the rounding by them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tritgolf.artifact.rounding import Calibrated, by_hessians
from tritgolf.config.export import CalibrationConfig
from tritgolf.config.train import TrainConfig
from tritgolf.data.batches import batch_source
from tritgolf.model.build import build_network
from tritgolf.model.hessians import collect_hessians
from tritgolf.model.specs import parameters_of
from tritgolf.progress import progress
from tritgolf.quantize.plan import quantizers


class CalibrationText(NamedTuple):
    """The text of a training run: its shards, the order in which ``world`` ranks read them."""

    shards: Path
    train: TrainConfig
    world: int

    def batches(self, model: Any, settings: CalibrationConfig) -> Tensor:
        """The first tokens that rank 0 trains on, int64 (batches, sequences, context)."""
        count = settings.batches * settings.sequences * model.context
        source = batch_source(self.shards, self.train, model.context, model.vocab_size)
        tokens = torch.from_numpy(source.after(0, count, self.world).astype("int64"))
        return tokens.reshape(settings.batches, settings.sequences, model.context)


def calibrated_rounding(
    model: Any, weights: Mapping[str, Tensor], text: CalibrationText, settings: CalibrationConfig
) -> Calibrated:
    """Rounding by GPTQ, by Hessians of the network of ``weights`` (settings ``model``), on a GPU where there is one."""
    network = build_network(model, weights, quantizers(model, parameters_of(model)), attention=text.train.attention)
    batches = text.batches(model, settings)
    hessians = collect_hessians(network, progress(batches, what="calibration", unit="batches"))
    return by_hessians(hessians)
