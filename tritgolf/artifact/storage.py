"""From a model's state to what an artifact keeps of it, and back: the numbers, apart from any file format."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tritgolf.artifact.kinds import RoleRule, TensorSpec, form_of, formats_of, own_role, tensor_specs
from tritgolf.artifact.rounding import Calibrated, CodesConfig, round_to_grid, same_codes
from tritgolf.config.storage import NumbersConfig, RoleStorage
from tritgolf.config.types import Format
from tritgolf.errors import InputError
from tritgolf.files import canonical_json
from tritgolf.model.specs import parameters_of
from tritgolf.parameters import Parameter
from tritgolf.quantize.base import Quantized, dequantize
from tritgolf.quantize.formats import encode, round_to
from tritgolf.quantize.plan import quantize_all, quantizers
from tritgolf.quantize.ternary import Estimator, shrinkage_corrected

Rounded = dict[tuple[str, CodesConfig], Quantized]  # by name and form, whatever the scales' format; on the CPU


@dataclass(frozen=True)
class Stored:
    """What an artifact holds, on the CPU unless moved; each name of ``specs`` (state-dict order) is in one mapping.

    ``quantized``: codes and scales, the scales FP32 values that are exact in the spec's format; a vector is a matrix
    of one row. A matrix of a published file that filled rows up to whole groups has more columns than the spec's
    shape. ``tensors``: FP32 values exact in theirs.
    """

    specs: dict[str, TensorSpec]
    quantized: dict[str, Quantized]
    tensors: dict[str, Tensor]

    def to(self, device: torch.device) -> "Stored":
        """The same on another device."""
        tensors = {name: tensor.to(device) for name, tensor in self.tensors.items()}
        return Stored(self.specs, on(self.quantized, device), tensors)

    @property
    def payload_digest(self) -> str:
        """``sha256:…`` of names, formats, shapes, codes and numbers, whatever layout, codec or file keeps them."""
        hasher = hashlib.sha256()
        for part in self._canonical():
            hasher.update(part)
        return "sha256:" + hasher.hexdigest()

    def _canonical(self) -> Iterator[bytes]:
        for name, spec in self.specs.items():
            yield canonical_json([name, spec.format, list(spec.shape)])
            if name in self.quantized:
                codes, scale = self.quantized[name]
                yield codes.contiguous().view(torch.uint8).numpy().tobytes()
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
    model: Any,
    storage: RoleStorage,
    *,
    rule: RoleRule = own_role,
    rounded: Rounded | None = None,
    calibrated: Calibrated | None = None,
) -> Stored:
    """What ``storage`` keeps of a model's weights (FP32 or BF16, any device); ``model``: its settings.

    Matrices are rounded to their grids as ``round_to_grid`` says, numbers to their formats. ``rounded`` remembers codes
    of ``state`` for other storages of the same weights that round alike; ``calibrated`` rounds by GPTQ. Raises
    ``InputError`` for a tensor that the model does not have, or one that is not finite.
    """
    table = _table_of(state, model)
    specs = tensor_specs(table, storage, rule)
    quantized: dict[str, Quantized] = {}
    tensors: dict[str, Tensor] = {}
    known = {} if rounded is None else rounded
    for name, spec in specs.items():
        form = form_of(name, table[name], storage, rule)
        if isinstance(form, NumbersConfig):
            tensors[name] = round_to(_finite(name, state[name]), spec.format).cpu()
            continue
        key = same_codes(name, form)
        if key not in known:
            codes, scale = round_to_grid(name, _matrix(_finite(name, state[name])), form, calibrated)
            known[key] = Quantized(codes.cpu(), scale.cpu())
        quantized[name] = Quantized(known[key].codes, round_to(known[key].scale, spec.format))
    return Stored(specs, quantized, tensors)


def restate(stored: Stored, storage: RoleStorage) -> Stored:
    """The numbers of ``stored`` as another storage would keep them: rounded again, codes as they are.

    A tensor keeps its kind; its format is that of the role which has this kind.
    """
    formats = formats_of(storage)
    specs = {name: TensorSpec(spec.kind, formats[spec.kind], spec.shape) for name, spec in stored.specs.items()}
    quantized = {n: Quantized(q, round_to(scale, specs[n].format)) for n, (q, scale) in stored.quantized.items()}
    return Stored(specs, quantized, {n: round_to(tensor, specs[n].format) for n, tensor in stored.tensors.items()})


def restore(stored: Stored, model: Any, storage: RoleStorage) -> Restored:
    """What a network of ``model`` (its settings) computes with after it has loaded ``stored``.

    Everything is rounded to ``storage.reload_dtype``. With ``storage.shrinkage`` matrices come back as the published
    master weights (``reloaded_masters``), which the model's forward pass quantizes again; without, as the codes and
    scales themselves. Matrices of trained grids that were stored as numbers are master weights too.
    """
    reload_format: Format = storage.reload_dtype
    numbers = {name: round_to(tensor, reload_format) for name, tensor in stored.tensors.items()}
    if storage.shrinkage is not None:
        numbers |= reloaded_masters(stored, storage.shrinkage, reload_format)
    direct = {name: matrix for name, matrix in stored.quantized.items() if name not in numbers}
    quantized = {name: Quantized(codes, round_to(scale, reload_format)) for name, (codes, scale) in direct.items()}
    vectors = [name for name in quantized if len(stored.specs[name].shape) < 2]
    numbers |= {name: dequantize(quantized.pop(name)).reshape(stored.specs[name].shape) for name in vectors}
    plan = {name: grid for name, grid in quantizers(model, parameters_of(model)).items() if name in numbers}
    quantized |= quantize_all(numbers, plan)
    return Restored(
        {name: numbers[name] for name in stored.specs if name not in quantized},
        {name: quantized[name] for name in stored.specs if name in quantized},
    )


def reloaded_masters(stored: Stored, estimator: Estimator, reload_format: Format) -> dict[str, Tensor]:
    """The published reload of every matrix of trits, FP32: weights that a model is to quantize again.

    ``shrinkage_corrected``, rounded to ``reload_format``, without the columns that only filled up a group.
    """
    trits = {name: matrix for name, matrix in stored.quantized.items() if stored.specs[name].kind == "ternary"}
    masters = {name: shrinkage_corrected(matrix, estimator) for name, matrix in trits.items()}
    return {name: round_to(w, reload_format)[:, : stored.specs[name].shape[1]] for name, w in masters.items()}


def _table_of(state: Mapping[str, Tensor], model: Any) -> dict[str, Parameter]:
    """The parameters of ``state``, in its order, with its shapes."""
    table = parameters_of(model)
    for name in state:
        if name not in table:
            raise InputError(f"tensor {name!r}", "is not part of the model", "give the weights of such a model")
    return {name: table[name]._replace(shape=tuple(tensor.shape)) for name, tensor in state.items()}


def _finite(name: str, weight: Tensor) -> Tensor:
    weight = weight.detach()
    if not weight.isfinite().all():
        raise InputError(
            f"tensor {name!r}", "holds NaN or infinity", "export a checkpoint from before training diverged"
        )
    return weight


def _matrix(weight: Tensor) -> Tensor:
    return weight if weight.ndim == 2 else weight.reshape(1, -1)
