"""The grid on an artifact alone, no checkpoint: its numbers restored in other formats and ways, and what moves.

The codes are what the file holds: nothing here decides those of the same grid again. A narrower format or grid rounds
what was rounded once already, a wider one adds nothing. What everything is compared with is the file's own reload.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from tritgolf.artifact.header import Artifact
from tritgolf.artifact.kinds import form_of, spec_of, stored_bytes
from tritgolf.artifact.rounding import round_to_grid
from tritgolf.artifact.statistics import difference
from tritgolf.artifact.storage import Restored, Stored, restate, restore
from tritgolf.config.export import StorageConfig
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.storage import FormConfig, NumbersConfig, RoleStorage, TritsConfig
from tritgolf.evaluate.roundtrip import paired_gap
from tritgolf.evaluate.score import Score, WindowNats
from tritgolf.evaluate.text import ScoredText
from tritgolf.laboratory.grid import LOSSLESS, GridConfig, grid_storages, merge_equal
from tritgolf.laboratory.probes import relative_error
from tritgolf.laboratory.role_grid import RoleGridConfig, lossless_of, role_variants
from tritgolf.laboratory.variant import Variant
from tritgolf.model.build import build_network, default_device
from tritgolf.model.specs import parameters_of
from tritgolf.quantize.base import Quantized, dequantize
from tritgolf.quantize.formats import round_to
from tritgolf.quantize.plan import quantizers


def restorations(
    artifact: Artifact, grid: Any, text: ScoredText | None = None, attention: str = "auto"
) -> dict[str, Any]:
    """What each storage of ``grid`` makes of ``artifact``, ours or a published one; scored if ``text`` is given.

    A row: how many trits the model uses otherwise than with the file's own reload, largest and relative
    (‖difference‖ / ‖own‖) error of the effective quantized weights, largest of all other numbers, uncompressed bytes.
    """
    device, model = default_device(), artifact.header.model
    stored = artifact.stored.to(device)
    kind = RESTORED[type(artifact.header.storage)]
    variants = kind.variants(artifact, grid)
    names = merge_equal(variants)
    own: Restored | None = None
    own_nats: WindowNats | None = None
    network = None
    rows: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(names.values()):
        variant = variants[name]
        roles = variant.storage.by_role(model)
        restated = kind.restated(stored, roles, artifact)
        restored = restore(restated, model, roles)
        own = own or restored
        rows[name] = _moved(own, restored) | {
            "factors": variant.factors,
            "payload_bytes": sum(stored_bytes(restated.specs, artifact.header.group_size).values()),
        }
        if text is not None:
            if network is None:
                network = build_network(model, restored.weights(), attention=attention)
            network.load_state_dict(restored.weights())
            nats, score = text.score(network, name)
            own_nats = own_nats or nats
            rows[name] |= _scored(own_nats, nats, score)
    return {"names": names, "rows": rows}


def _without_decisions(artifact: Artifact, grid: GridConfig) -> dict[str, Variant]:
    """The rows of the grid that need no master weights, the file's own first; no row rounds them again.

    Without them another estimator tells itself by its shrinkage correction alone: a row without one is left out.
    """
    own: Any = artifact.header.storage
    storages = grid_storages(grid, own, artifact.header.model.quantizer.estimator)
    told = {
        name: storage
        for name, storage in storages.items()
        if storage.decide in (own.decide, LOSSLESS.decide) and (storage.shrinkage or storage.estimator == own.estimator)
    }
    return {name: Variant(storage.model_copy(update={"decide": own.decide})) for name, storage in told.items()}


def _without_roundings(artifact: Artifact, grid: RoleGridConfig) -> dict[str, Variant]:
    """The rows of the grid that don't decide codes of the same grid otherwise: that needs the weights.

    Codes of another grid are rounded from the file's numbers, each alone. Lossless is every number as the file has it,
    so a role alone is exact too: its rows are left out.
    """
    own: Any = artifact.header.storage
    model = artifact.header.model
    of_roles = {f"{way}_{role}" for way in ("only", "without") for role in own.roles}
    all_rows = role_variants(grid, own, _as_in_the_file(own, model), model.context)
    rows = {name: one.storage for name, one in all_rows.items() if name not in of_roles}
    variants = {name: _each_alone(storage, own) for name, storage in rows.items()}
    return {name: Variant(one) for name, one in variants.items() if not _decides_otherwise(one.roles, own.roles)}


def _as_in_the_file(own: RoleStorage, model: Any) -> RoleStorage:
    """Every number of the file in FP32; codes of grids that the model computes on stay codes.

    The model would take numbers for master weights and round them to those grids again.
    """
    lossless = lossless_of(own, model.model_copy(update={"compute": "float32"}))
    table = parameters_of(model)
    trained = {table[name].role for name in quantizers(model, table)}
    kept = {role: form for role, form in own.roles.items() if role in trained}
    return lossless.model_copy(update={"roles": {**lossless.roles, **kept}})


def _each_alone(storage: RoleStorage, own: RoleStorage) -> RoleStorage:
    """``storage`` with nearest rounding to the grids that are not the file's."""
    other = {
        role: form.model_copy(update={"rounding": "nearest"})
        for role, form in storage.roles.items()
        if isinstance(form, IntegerConfig) and not _same_grid(form, own.roles.get(role))
    }
    return storage.model_copy(update={"roles": {**storage.roles, **other}})


def _decides_otherwise(roles: Mapping[str, FormConfig], own: Mapping[str, FormConfig]) -> bool:
    """Whether codes of a grid that the file has would be others: all but their scales' format says what they are."""
    same: list[tuple[Any, Any]]
    same = [(form, own[role]) for role, form in roles.items() if role in own and _same_grid(form, own[role])]
    return any(_but_for_scales(form) != _but_for_scales(before) for form, before in same)


def _but_for_scales(form: TritsConfig | IntegerConfig) -> dict[str, Any]:
    return form.model_dump(exclude={"scales", "scale_dtype"})


def _same_grid(form: Any, other: Any) -> bool:
    """Whether both are trits, or codes of as many bits, scaled alike."""
    if isinstance(form, TritsConfig) or isinstance(other, TritsConfig):
        return type(form) is type(other)
    both = isinstance(form, IntegerConfig) and isinstance(other, IntegerConfig)
    return both and (form.bits, form.scale) == (other.bits, other.scale)


def _restated_by_role(stored: Stored, roles: RoleStorage, artifact: Artifact) -> Stored:
    """``stored`` in the forms of ``roles``: as it is where the codes are the same, else rounded from its numbers."""
    table, own = parameters_of(artifact.header.model), artifact.header.roles
    numbers = {name: _numbers(stored, name) for name in stored.specs}
    specs, quantized, tensors = dict(stored.specs), dict(stored.quantized), dict(stored.tensors)
    for name, spec in stored.specs.items():
        form, before = (form_of(name, table[name], storage) for storage in (roles, own))
        if form == before:
            continue
        specs[name] = spec_of(table[name], form)
        if isinstance(form, NumbersConfig):
            quantized.pop(name, None)
            tensors[name] = round_to(numbers[name], form.format)
            continue
        tensors.pop(name, None)
        if specs[name].kind == spec.kind:
            quantized[name] = Quantized(
                stored.quantized[name].codes, round_to(stored.quantized[name].scale, specs[name].format)
            )
        else:
            matrix = numbers[name].reshape(specs[name].matrix_shape)
            quantized[name] = round_to_grid(name, matrix, form.model_copy(update={"rounding": "nearest"}))
    return Stored(specs, quantized, tensors)


def _numbers(stored: Stored, name: str) -> Tensor:
    """The FP32 numbers that a file's tensor stands for."""
    if name in stored.tensors:
        return stored.tensors[name]
    return dequantize(stored.quantized[name]).reshape(stored.specs[name].shape)


class Restoration(NamedTuple):
    """How artifacts of a kind of storage are restored otherwise: which rows, and what each makes of the file."""

    variants: Callable[[Artifact, Any], dict[str, Variant]]
    restated: Callable[[Stored, RoleStorage, Artifact], Stored]


RESTORED: dict[type[Any], Restoration] = {
    StorageConfig: Restoration(_without_decisions, lambda stored, roles, _: restate(stored, roles)),
    RoleStorage: Restoration(_without_roundings, _restated_by_role),
}


def _moved(own: Restored, other: Restored) -> dict[str, Any]:
    """How far ``other`` is from ``own``: of matrices that either keeps on a grid, and of all other numbers."""
    both = {name: matrix for name, matrix in own.quantized.items() if name in other.quantized}
    matrices = own.quantized.keys() | other.quantized.keys()
    before, after = own.weights(), other.weights()
    plain = {name: before[name] for name in before if name in matrices and name not in both}
    weights = difference(both, other.quantized, plain, after)
    rest = {name: tensor for name, tensor in before.items() if name not in matrices}
    return {
        "trits_changed": weights.trits_changed,
        "max_weight_error": weights.max_weight_error,
        "relative_error": relative_error(*([weights[name] for name in own.quantized] for weights in (before, after))),
        "max_tensor_error": difference({}, {}, rest, after).max_weight_error,
    }


def _scored(own: WindowNats, nats: WindowNats, score: Score) -> dict[str, float]:
    over = paired_gap(own, nats, score.bytes)
    return {"bpb": score.bpb, "over_own_bpb": over.bpb, "over_own_se": over.standard_error}
