"""What a storage by GPTQ needs: Hessians of a calibration text, and the rounding by them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tritgolf.artifact.rounding import Calibrated
from tritgolf.config.export import CalibrationConfig
from tritgolf.config.train import TrainConfig
from tritgolf.data.batches import batch_source
from tritgolf.errors import InputError
from tritgolf.model.build import build_network, default_device
from tritgolf.model.hessians import collect_hessians
from tritgolf.model.specs import parameters_of
from tritgolf.progress import progress
from tritgolf.quantize.base import Quantized, Quantizer
from tritgolf.quantize.gptq import gptq
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

    def by_its_hessian(name: str, weight: Tensor, quantizer: Quantizer) -> Quantized:
        if name not in hessians:
            known = "only matrices of layers and the tied table have one"
            raise InputError(f"tensor {name!r}", "has no Hessian to be rounded by", f"round it to the nearest: {known}")
        grid = getattr(quantizer, "settings", None)
        how = {"damping": grid.damping, "block": grid.block} if grid is not None else {}
        return gptq(weight.to(default_device()), hessians[name], quantizer, names=name, **how)

    return by_its_hessian
