"""What of the package a record's run can come to: entries of registries, and classes that it has none of."""

from itertools import chain
from typing import Any, NamedTuple

from tritgolf.artifact.kinds import tensor_specs
from tritgolf.artifact.payload import section_layouts
from tritgolf.bundle.record import BundledRecord
from tritgolf.config.calibration import SOURCES
from tritgolf.config.evaluate import ScoreFirstSettings, SlidingSettings, SlotSettings
from tritgolf.config.export import ExportConfig, RoleExport
from tritgolf.config.models import KINDS
from tritgolf.config.storage import FORMS, TritsConfig
from tritgolf.model.specs import parameters_of
from tritgolf.quantize.plan import QUANTIZERS


class Selection(NamedTuple):
    """``entries``: by registry (``module:NAME``, a mapping) the keys that a run uses. ``absent``: names of settings
    classes that none of its settings is of.
    """

    entries: dict[str, frozenset[str]]
    absent: frozenset[str]


def selection_of(record: BundledRecord) -> Selection:
    """What the run of ``record`` uses. A registry that is added to one of these places belongs here."""
    model, export = record.model, record.export
    storage = export.by_role(export.own_storage, model)
    forms = [type(form) for form in storage.roles.values()]
    layouts = section_layouts(tensor_specs(parameters_of(model), storage), export.code_layouts).values()
    qat, normed = getattr(model, "qat", None), getattr(model, "inner_norms", False)
    trained_on = type(getattr(model, "quantizer", None) if qat is None else qat.quantizer)
    grids = {name for name, grid in QUANTIZERS.items() if grid.settings in (trained_on, *forms)}
    grids |= {"ternary"} if TritsConfig in forms else set()
    methods = record.evaluate.scoring.values()
    sources = {export.calibration.source} if getattr(export, "calibration", None) else set()
    adapting = [each for method in methods if isinstance(method, SlidingSettings) for each in method.adapt]
    entries: dict[str, Any] = {
        "tritgolf.config.models:KINDS": {model.kind},
        "tritgolf.model.specs:MODELS": {model.kind},
        "tritgolf.config.storage:FORMS": {grid for grid, form in FORMS.items() if form in forms},
        "tritgolf.data.batches:ORDERS": {record.train.order},
        "tritgolf.train.muon:ROWS": {record.train.muon.rows},
        "tritgolf.evaluate.methods:METHODS": {method.kind for method in methods},
        "tritgolf.evaluate.methods:ADAPTATIONS": {each.kind for each in adapting},
        "tritgolf.evaluate.score_first:OPTIMIZERS": {getattr(each, "optimizer", "") for each in adapting},
        "tritgolf.config.export:EXPORTS": {model.kind},
        "tritgolf.config.calibration:SOURCES": sources,
        "tritgolf.artifact.calibration:TEXTS": sources,
        "tritgolf.artifact.codecs:CODECS": {*export.codecs, "none", "xz"},  # xz: of the header
        "tritgolf.artifact.layouts.registry:LAYOUTS": {*chain(*layouts)},
        "tritgolf.artifact.layouts.registry:OF_MATRICES": {*chain(*layouts)},
        "tritgolf.model.transformer_block:MLP_FORMS": {(normed, False), (normed, True)},
        "tritgolf.model.transformer_block:OF_RESIDUAL": {normed and model.mlp_slope == 0},
        "tritgolf.quantize.plan:QUANTIZERS": grids,
    }
    absent: list[Any] = [kind for name, kind in KINDS.items() if name != model.kind]
    absent += [kind for kind in (ExportConfig, RoleExport) if not isinstance(export, kind)]
    absent += [text for source, text in SOURCES.items() if source not in sources]
    absent += [form for form in FORMS.values() if form not in (*forms, trained_on)]
    absent += [kind for kind in (ScoreFirstSettings, SlotSettings) if kind not in map(type, adapting)]
    return Selection(
        {registry: frozenset(keys) for registry, keys in entries.items()}, frozenset(kind.__name__ for kind in absent)
    )
