"""From a model's state to what an artifact keeps of it, and back: the numbers, apart from any file format."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from tritgolf.artifact.kinds import Kind, Shape, TensorSpec, format_for, kind_of, tensor_specs
from tritgolf.config.export import StorageConfig
from tritgolf.config.model import TernaryConfig
from tritgolf.config.types import Decide, Format
from tritgolf.errors import InputError
from tritgolf.files import canonical_json
from tritgolf.model.specs import parameters_of
from tritgolf.quantize.base import Quantized, dequantize, quantize
from tritgolf.quantize.formats import DTYPES, encode, round_to
from tritgolf.quantize.plan import quantize_all, quantizers
from tritgolf.quantize.ternary import (
    Arithmetic,
    Estimator,
    TernaryQuantizer,
    shrinkage_corrected,
    ternarize_step_by_step,
)

Decided = dict[tuple[str, Decide | None, str], Quantized]  # by name, decide and estimator; on the CPU


@dataclass(frozen=True)
class Stored:
    """What an artifact holds, on the CPU unless moved; each name of ``specs`` (state-dict order) is in one mapping.

    ``ternary``: trits and scales, the scales FP32 values that are exact in the spec's format. A matrix of a published
    file that filled rows up to whole groups has more columns than the spec's shape. ``tensors``: FP32 values exact in
    theirs.
    """

    specs: dict[str, TensorSpec]
    ternary: dict[str, Quantized]
    tensors: dict[str, Tensor]

    def to(self, device: torch.device) -> "Stored":
        """The same on another device."""
        tensors = {name: tensor.to(device) for name, tensor in self.tensors.items()}
        return Stored(self.specs, on(self.ternary, device), tensors)

    @property
    def payload_digest(self) -> str:
        """``sha256:…`` of names, formats, shapes, trits and numbers, whatever layout, codec or file keeps them."""
        hasher = hashlib.sha256()
        for part in self._canonical():
            hasher.update(part)
        return "sha256:" + hasher.hexdigest()

    def _canonical(self) -> Iterator[bytes]:
        for name, spec in self.specs.items():
            yield canonical_json([name, spec.format, list(spec.shape)])
            if name in self.ternary:
                q, scale = self.ternary[name]
                yield q.contiguous().view(torch.uint8).numpy().tobytes()
                yield encode(scale, spec.format)
            else:
                yield encode(self.tensors[name], spec.format)


@dataclass(frozen=True)
class Restored:
    """What a reloaded model computes with, on one device.

    ``quantized``: its matrices that are on a grid. With the shrinkage correction they are not the stored ones, but
    what the model's own quantizer makes of the corrected weights. ``tensors``: FP32, everything else.
    """

    tensors: dict[str, Tensor]
    quantized: dict[str, Quantized]

    def to(self, device: torch.device) -> "Restored":
        """The same on another device."""
        return Restored({name: tensor.to(device) for name, tensor in self.tensors.items()}, on(self.quantized, device))

    def weights(self) -> dict[str, Tensor]:
        """All of them by name, FP32: what a plain network loads."""
        return self.tensors | {name: dequantize(matrix) for name, matrix in self.quantized.items()}


def on(quantized: Mapping[str, Quantized], device: torch.device) -> dict[str, Quantized]:
    """The same matrices on another device."""
    return {name: Quantized(codes.to(device), scale.to(device)) for name, (codes, scale) in quantized.items()}


def store(
    state: Mapping[str, Tensor],
    quantizer: TernaryConfig,
    storage: StorageConfig,
    decide_scale: Format = "float32",
    rule: Callable[[str, Shape], Kind] = kind_of,
    decided: Decided | None = None,
) -> Stored:
    """What ``storage`` (all fields filled in) keeps of a model's master weights (FP32 or BF16, any device).

    ``decide="forward"`` takes trits and scales exactly as the training forward pass has them. ``decide="master"``, the
    published way, decides trits from the FP32 weights in FP32 arithmetic, with the scale rounded to ``decide_scale``;
    what is stored is the unrounded scale in the format of ``storage.scales``. ``"master_float64"`` does the same with
    the mean accumulated in FP64, ``"master_bfloat16"`` does everything in BF16 step by step.
    ``decided`` remembers what was decided of ``state``, for other storages of the same weights that decide alike.
    Raises ``InputError`` for a tensor that the model does not have, or one that is not finite.
    """
    specs = tensor_specs({name: tuple(tensor.shape) for name, tensor in state.items()}, storage, rule)
    ternary: dict[str, Quantized] = {}
    tensors: dict[str, Tensor] = {}
    known = {} if decided is None else decided
    for name, spec in specs.items():
        weight, key = state[name].detach(), (name, storage.decide, storage.estimator)
        if key not in known and not weight.isfinite().all():
            raise InputError(
                f"tensor {name!r}", "holds NaN or infinity", "export a checkpoint from before training diverged"
            )
        if spec.kind == "ternary":
            if key not in known:
                q, scale = decide_ternary(weight, exporting(quantizer, storage), storage, decide_scale)
                known[key] = Quantized(q.cpu(), scale.cpu())
            ternary[name] = Quantized(known[key].codes, round_to(known[key].scale, spec.format))
        else:
            tensors[name] = round_to(weight, spec.format).cpu()
    return Stored(specs, ternary, tensors)


def restate(stored: Stored, storage: StorageConfig) -> Stored:
    """The numbers of ``stored`` as another storage would keep them: rounded again, trits as they are."""
    specs = {
        name: TensorSpec(spec.kind, format_for(spec.kind, storage), spec.shape) for name, spec in stored.specs.items()
    }
    ternary = {n: Quantized(q, round_to(scale, specs[n].format)) for n, (q, scale) in stored.ternary.items()}
    return Stored(specs, ternary, {n: round_to(tensor, specs[n].format) for n, tensor in stored.tensors.items()})


def restore(stored: Stored, model: Any, storage: StorageConfig) -> Restored:
    """What a network of ``model`` (its settings) computes with after it has loaded ``stored``.

    Everything is rounded to ``storage.reload_dtype``. With ``storage.shrinkage`` matrices come back as the published
    master weights (``reloaded_masters``), which the model's forward pass quantizes again; without, as the codes and
    scales themselves. Matrices that were stored as numbers are master weights too.
    """
    if storage.shrinkage is None or storage.reload_dtype is None:
        raise ValueError("the storage choice leaves its reload open; ExportConfig.storage fills it in")
    reload_format: Format = storage.reload_dtype
    numbers = {name: round_to(tensor, reload_format) for name, tensor in stored.tensors.items()}
    if storage.shrinkage:
        estimator = exporting(model.quantizer, storage).estimator
        numbers |= reloaded_masters(stored, estimator, reload_format)
        direct: dict[str, Quantized] = {}
    else:
        direct = {n: Quantized(codes, round_to(scale, reload_format)) for n, (codes, scale) in stored.ternary.items()}
    plan = {name: grid for name, grid in quantizers(model, parameters_of(model)).items() if name in numbers}
    quantized = direct | quantize_all(numbers, plan)
    return Restored(
        {name: numbers[name] for name in stored.specs if name not in quantized},
        {name: quantized[name] for name in stored.specs if name in quantized},
    )


def reloaded_masters(stored: Stored, estimator: Estimator, reload_format: Format) -> dict[str, Tensor]:
    """The published reload of every quantized matrix, FP32: weights that a model is to quantize again.

    ``shrinkage_corrected``, rounded to ``reload_format``, without the columns that only filled up a group.
    """
    masters = {name: shrinkage_corrected(matrix, estimator) for name, matrix in stored.ternary.items()}
    return {name: round_to(w, reload_format)[:, : stored.specs[name].shape[1]] for name, w in masters.items()}


def exporting(quantizer: TernaryConfig, storage: StorageConfig) -> TernaryConfig:
    """The quantizer that export uses: the model's, but for another estimator where ``storage`` names one."""
    return quantizer if storage.estimator == "own" else quantizer.model_copy(update={"estimator": storage.estimator})


def decide_ternary(
    weight: Tensor, settings: TernaryConfig, storage: StorageConfig, decide_scale: Format = "float32"
) -> Quantized:
    """Trits of one matrix and the scales to store before they are rounded, as ``storage`` decides them (``store``)."""
    quantizer = TernaryQuantizer.of(settings)
    if storage.decide is None or storage.decide == "forward":
        return quantize(weight, quantizer)
    if storage.decide == "master_bfloat16":
        return ternarize_step_by_step(weight, quantizer.group_size, quantizer.estimator, torch.bfloat16)
    scale_dtype = torch.float16
    if storage.decide != "forward_float16":
        arithmetic: Arithmetic = "float64" if storage.decide == "master_float64" else "float32"
        quantizer = replace(quantizer, arithmetic=arithmetic, scale_dtype=torch.float32)
        scale_dtype = DTYPES[decide_scale]
    codes = quantize(weight, replace(quantizer, scale_dtype=scale_dtype)).codes
    return Quantized(codes, quantizer.grid_scale(weight))
