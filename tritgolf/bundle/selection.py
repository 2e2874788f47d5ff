"""What of the package a record's run can come to: entries of registries, and classes that it has none of."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from tritgolf.artifact.container_header import VERSION
from tritgolf.artifact.kinds import tensor_specs
from tritgolf.artifact.payload import section_layouts
from tritgolf.bundle.record import BundledRecord
from tritgolf.config.calibration import SOURCES
from tritgolf.config.evaluate import ScoreFirstSettings, SlidingSettings, SlotSettings
from tritgolf.config.export import ExportConfig, RoleExport
from tritgolf.config.models import KINDS
from tritgolf.config.settings import Settings
from tritgolf.config.storage import FORMS, RoleStorage, TritsConfig
from tritgolf.model.specs import parameters_of
from tritgolf.quantize.plan import QUANTIZERS, grid_settings


class Selection(NamedTuple):
    """``entries``: by registry (``module:NAME``, a mapping) the keys that a run uses. ``absent``: names of settings
    classes that none of its settings is of. ``constants``: settings that are null, true or false, by the name that all
    of their kind go by. ``known``: by name functions, and constants of kernels, that are True, or False, wherever a run
    asks.
    """

    entries: dict[str, frozenset[Any]]
    absent: frozenset[str]
    constants: dict[str, dict[str, bool | None]]
    known: dict[str, bool] = {}  # noqa: RUF012  (never written)


def selection_of(record: BundledRecord) -> Selection:
    """What the run of ``record`` uses. A registry that is added to one of these places belongs here."""
    model, export = record.model, record.export
    storage = export.by_role(export.own_storage, model)
    forms = [type(form) for form in storage.roles.values()]
    methods = record.evaluate.scoring.values()
    sources = {export.calibration.source} if getattr(export, "calibration", None) else set()
    adapting = [each for method in methods if isinstance(method, SlidingSettings) for each in method.adapt]
    normed = getattr(model, "inner_norms", False)
    entries: dict[str, Any] = _entries_of_numbers(record, storage) | {
        "tritgolf.streams:PLAIN": {"▁"},  # a script says no other sign
        "tritgolf.config.models:KINDS": {model.kind},
        "tritgolf.model.specs:MODELS": {model.kind},
        "tritgolf.model.specs:FP8_NETWORKS": {model.kind} if record.train.products == "fp8" else set(),
        "tritgolf.train.trainer:STACKS": {record.train.products},
        "tritgolf.data.batches:ORDERS": {record.train.order},
        "tritgolf.train.groups:OPTIMIZERS": {record.train.adam.kind},
        "tritgolf.train.muon:ROWS": {record.train.muon.rows},
        "tritgolf.model.transformer_block:MLP_FORMS": {(normed, False), (normed, True)},
        "tritgolf.model.transformer_block:OF_RESIDUAL": {normed and model.mlp_slope == 0},
        "tritgolf.train.average:AVERAGES": {record.train.average.kind} if record.train.average else set(),
        "tritgolf.artifact.container_header:HEADERS": {VERSION},
        "tritgolf.model.loss:SOFTCAPS": {softcap_of(model)},
        "tritgolf.model.fused_loss:SLOPES": {softcap_of(model)},
        "tritgolf.model.attention:LOADERS": {record.train.attention, "math", "sdpa", "cudnn", "fa2", "fa3"},
        "tritgolf.evaluate.methods:METHODS": {method.kind for method in methods},
        "tritgolf.evaluate.methods:ADAPTATIONS": {each.kind for each in adapting},
        "tritgolf.evaluate.score_first:OPTIMIZERS": {getattr(each, "optimizer", "") for each in adapting},
        "tritgolf.config.export:EXPORTS": {model.kind},
        "tritgolf.config.calibration:SOURCES": sources,
        "tritgolf.artifact.calibration:TEXTS": sources,
    }
    return Selection(
        {registry: frozenset(keys) for registry, keys in entries.items()},
        frozenset(kind.__name__ for kind in _absent(record, [*forms, type(grid_settings(model))], adapting)),
        {"train": _constants(record.train), "model": _constants(model)},
        _known(record),
    )


def softcap_of(model: Any) -> str:
    """How the head of a ``model`` is capped: a transformer says it, a U-Net knows one way."""
    return str(getattr(model, "softcap_kind", "polynomial"))


def _known(record: BundledRecord) -> dict[str, bool]:
    """Only fused forms, on GPUs alone, ask whether they have kernels; a script scores once, and compiles for it."""
    whole = record.model.compute == "bfloat16" and _in_whole_bytes(record)
    tanh = softcap_of(record.model) == "tanh"
    return {"kernel_window_sums": False, "TANH": tanh, **({"has_kernels": True} if whole else {})}


def _in_whole_bytes(record: BundledRecord) -> bool:
    """Whether all sizes are what kernels' bulk copies want (``mlp.has_kernels``)."""
    matrices = [parameter for parameter in parameters_of(record.model).values() if parameter.is_quantized]
    return all(size % 8 == 0 for matrix in matrices for size in matrix.shape)


def _entries_of_numbers(record: BundledRecord, storage: RoleStorage) -> dict[str, set[Any]]:
    """Of grids, formats, layouts and codecs: those that the model is trained on and ``storage``, its own, writes."""
    specs = tensor_specs(parameters_of(record.model), storage)
    forms = [type(form) for form in storage.roles.values()]
    of_forms = {grid for grid, form in FORMS.items() if form in forms}
    layouts = section_layouts(specs, record.export.code_layouts)
    trained_on = grid_settings(record.model)
    grids = {name for name, grid in QUANTIZERS.items() if grid.settings in (type(trained_on), *forms)}
    grids |= {"ternary"} if TritsConfig in forms else set()
    of_trits = [form.quantizer for form in storage.roles.values() if isinstance(form, TritsConfig)]
    return {
        "tritgolf.config.storage:FORMS": of_forms,
        "tritgolf.artifact.kinds:KINDS": of_forms,
        "tritgolf.artifact.rounding:BY_GRID": of_forms,
        "tritgolf.artifact.codecs:CODECS": {*record.export.codecs, "none", "xz"},  # xz: of the header
        "tritgolf.artifact.layouts.registry:LAYOUTS": {layout for each in layouts.values() for layout in each},
        "tritgolf.artifact.layouts.registry:OF_MATRICES": {layout for each in layouts.values() for layout in each},
        "tritgolf.artifact.rounding:ROUNDINGS": {getattr(form, "rounding", "") for form in storage.roles.values()},
        "tritgolf.quantize.plan:QUANTIZERS": grids,
        "tritgolf.quantize.ternary:BY_SCALES": {getattr(each, "scale_dtype", "") for each in (trained_on, *of_trits)},
        "tritgolf.quantize.shared_formats:SHARED": {spec.format for spec in specs.values()},
    }


def _absent(record: BundledRecord, forms: Sequence[Any], adapting: Sequence[Any]) -> list[Any]:
    export, calibration = record.export, getattr(record.export, "calibration", None)
    absent: list[Any] = [kind for name, kind in KINDS.items() if name != record.model.kind]
    absent += [kind for kind in (ExportConfig, RoleExport) if not isinstance(export, kind)]
    absent += [text for source, text in SOURCES.items() if not calibration or source != calibration.source]
    absent += [form for form in FORMS.values() if form not in forms]
    absent += [kind for kind in (ScoreFirstSettings, SlotSettings) if kind not in map(type, adapting)]
    return absent


def _constants(settings: Settings) -> dict[str, bool | None]:
    """But for what an argument of the script sets."""
    return {key: value for key, value in settings if (value is None or isinstance(value, bool)) and key != "seconds"}
