"""What of the package a record's run can come to: entries of registries, and classes that it has none of."""

from typing import Any, NamedTuple

from tritgolf.artifact.kinds import tensor_specs
from tritgolf.artifact.payload import section_layouts
from tritgolf.bundle.record import BundledRecord
from tritgolf.config.calibration import SOURCES
from tritgolf.config.evaluate import ScoreFirstSettings, SlidingSettings, SlotSettings
from tritgolf.config.export import ExportConfig, RoleExport
from tritgolf.config.models import KINDS
from tritgolf.config.storage import FORMS, RoleStorage, TritsConfig
from tritgolf.model.specs import parameters_of
from tritgolf.quantize.plan import QUANTIZERS, grid_settings

SOFTCAP = {"unet": "polynomial", "transformer": "tanh"}  # of a kind of model


class Selection(NamedTuple):
    """``entries``: by registry (``module:NAME``, a mapping) the keys that a run uses. ``absent``: names of settings
    classes that none of its settings is of. ``known``: by name functions, and constants of
    kernels, that are True, or False, wherever a run asks.
    """

    entries: dict[str, frozenset[str]]
    absent: frozenset[str]
    known: dict[str, bool]


def selection_of(record: BundledRecord) -> Selection:
    """What the run of ``record`` uses. A registry that is added to one of these places belongs here."""
    model, export = record.model, record.export
    storage = export.by_role(export.own_storage, model)
    forms = [type(form) for form in storage.roles.values()]
    methods = record.evaluate.scoring.values()
    calibration = getattr(export, "calibration", None)
    sources = {calibration.source} if calibration else set()
    adapting = [each for method in methods if isinstance(method, SlidingSettings) for each in method.adapt]
    entries = _entries_of_numbers(record, storage) | {
        "tritgolf.config.models:KINDS": {model.kind},
        "tritgolf.model.specs:MODELS": {model.kind},
        "tritgolf.model.specs:FP8_NETWORKS": {model.kind} if record.train.products == "fp8" else set(),
        "tritgolf.train.trainer:STACKS": {record.train.products},
        "tritgolf.data.batches:ORDERS": {record.train.order},
        "tritgolf.train.muon:ROWS": {record.train.muon.rows},
        "tritgolf.model.loss:SOFTCAPS": {SOFTCAP[model.kind]},
        "tritgolf.model.fused_loss:SLOPES": {SOFTCAP[model.kind]},
        "tritgolf.model.attention:LOADERS": {record.train.attention, "math", "sdpa", "cudnn", "fa2", "fa3"},
        "tritgolf.evaluate.methods:METHODS": {method.kind for method in methods},
        "tritgolf.evaluate.methods:ADAPTATIONS": {each.kind for each in adapting},
        "tritgolf.evaluate.score_first:OPTIMIZERS": {getattr(each, "optimizer", "") for each in adapting},
        "tritgolf.config.export:EXPORTS": {model.kind},
        "tritgolf.config.calibration:SOURCES": sources,
        "tritgolf.artifact.calibration:TEXTS": sources,
    }
    absent: list[Any] = [kind for name, kind in KINDS.items() if name != model.kind]
    absent += [kind for kind in (ExportConfig, RoleExport) if not isinstance(export, kind)]
    absent += [text for source, text in SOURCES.items() if source not in sources]
    absent += [form for form in FORMS.values() if form not in (*forms, type(grid_settings(model)))]
    absent += [kind for kind in (ScoreFirstSettings, SlotSettings) if kind not in map(type, adapting)]
    chosen = {registry: frozenset(keys) for registry, keys in entries.items()}
    return Selection(chosen, frozenset(kind.__name__ for kind in absent), _known(record))


def _known(record: BundledRecord) -> dict[str, bool]:
    """Only fused forms, on GPUs alone, ask whether they have kernels; a script scores once, and compiles for it."""
    whole = record.model.compute == "bfloat16" and _in_whole_bytes(record)
    tanh = SOFTCAP[record.model.kind] == "tanh"
    return {"kernel_window_sums": False, "TANH": tanh, **({"has_kernels": True} if whole else {})}


def _in_whole_bytes(record: BundledRecord) -> bool:
    """Whether all sizes are what kernels' bulk copies want (``mlp.has_kernels``)."""
    matrices = [parameter for parameter in parameters_of(record.model).values() if parameter.is_quantized]
    return all(size % 8 == 0 for matrix in matrices for size in matrix.shape)


def _entries_of_numbers(record: BundledRecord, storage: RoleStorage) -> dict[str, set[Any]]:
    """Of grids, formats, layouts and codecs: those that the model is trained on and ``storage``, its own, writes."""
    specs = tensor_specs(parameters_of(record.model), storage)
    forms = [type(form) for form in storage.roles.values()]
    layouts = section_layouts(specs, record.export.code_layouts)
    trained_on = grid_settings(record.model)
    grids = {name for name, grid in QUANTIZERS.items() if grid.settings in (type(trained_on), *forms)}
    grids |= {"ternary"} if TritsConfig in forms else set()
    of_trits = [form.quantizer for form in storage.roles.values() if isinstance(form, TritsConfig)]
    return {
        "tritgolf.config.storage:FORMS": {grid for grid, form in FORMS.items() if form in forms},
        "tritgolf.artifact.codecs:CODECS": {*record.export.codecs, "none", "xz"},  # xz: of the header
        "tritgolf.artifact.layouts.registry:LAYOUTS": {layout for each in layouts.values() for layout in each},
        "tritgolf.quantize.plan:QUANTIZERS": grids,
        "tritgolf.quantize.ternary:BY_SCALES": {getattr(each, "scale_dtype", "") for each in (trained_on, *of_trits)},
        "tritgolf.quantize.shared_formats:SHARED": {spec.format for spec in specs.values()},
    }
