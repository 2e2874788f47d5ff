"""The grid on an artifact alone, no checkpoint: its numbers restored in other formats and ways, and what moves.

The trits are what the file holds, so nothing here decides them; a narrower format rounds what was rounded once already,
a wider one adds nothing. What everything is compared with is the file's own way to be reloaded.
"""

from typing import Any

from tritgolf.artifact.header import Artifact
from tritgolf.artifact.kinds import stored_bytes
from tritgolf.artifact.statistics import difference
from tritgolf.artifact.storage import Restored, restate, restore
from tritgolf.config.export import StorageConfig
from tritgolf.errors import InputError
from tritgolf.evaluate.roundtrip import paired_gap
from tritgolf.evaluate.score import Score, WindowNats
from tritgolf.evaluate.text import ScoredText
from tritgolf.laboratory.grid import LOSSLESS, GridConfig, grid_storages, merge_equal
from tritgolf.laboratory.probes import relative_error
from tritgolf.model.build import build_network, default_device
from tritgolf.quantize.base import dequantize


def restorations(
    artifact: Artifact, grid: GridConfig, text: ScoredText | None = None, attention: str = "auto"
) -> dict[str, Any]:
    """What each storage of ``grid`` makes of ``artifact``, ours or a published one; scored if ``text`` is given.

    A row: how many trits the model uses otherwise than with the file's own reload, largest and relative
    (‖difference‖ / ‖own‖) error of the effective ternary weights, largest of all other numbers, uncompressed bytes.
    """
    device, model = default_device(), artifact.header.model
    stored = artifact.stored.to(device)
    if not isinstance(artifact.header.storage, StorageConfig):
        raise InputError(artifact.path, "is stored by role: a grid's rows change a U-Net's storage", "give one")
    storages = _without_decisions(artifact.header.storage, grid, model.quantizer.estimator)
    names = merge_equal(storages)
    own: Restored | None = None
    own_nats: WindowNats | None = None
    network = None
    rows: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(names.values()):
        storage = storages[name]
        roles = storage.by_role(model)
        restated = restate(stored, roles)
        restored = restore(restated, model, roles)
        own = own or restored
        rows[name] = _moved(own, restored) | {
            "factors": storage.model_dump(mode="json"),
            "payload_bytes": sum(stored_bytes(restated.specs, model.quantizer.group_size).values()),
        }
        if text is not None:
            if network is None:
                network = build_network(model, restored.weights(), attention=attention)
            network.load_state_dict(restored.weights())
            nats, score = text.score(network, name)
            own_nats = own_nats or nats
            rows[name] |= _scored(own_nats, nats, score)
    return {"names": names, "rows": rows}


def _without_decisions(own: StorageConfig, grid: GridConfig, estimator: Any) -> dict[str, StorageConfig]:
    """The rows of the grid that need no master weights, the file's own first; no row rounds them again."""
    storages = grid_storages(grid, own, estimator)
    kept = {name: storage for name, storage in storages.items() if storage.decide in (own.decide, LOSSLESS.decide)}
    return {name: storage.model_copy(update={"decide": own.decide}) for name, storage in kept.items()}


def _moved(own: Restored, other: Restored) -> dict[str, Any]:
    weights = difference(own.quantized, other.quantized)
    matrices, others = (map(dequantize, restored.quantized.values()) for restored in (own, other))
    return {
        "trits_changed": weights.trits_changed,
        "max_weight_error": weights.max_weight_error,
        "relative_error": relative_error(matrices, others),
        "max_tensor_error": difference({}, {}, own.tensors, other.tensors).max_weight_error,
    }


def _scored(own: WindowNats, nats: WindowNats, score: Score) -> dict[str, float]:
    over = paired_gap(own, nats, score.bytes)
    return {"bpb": score.bpb, "over_own_bpb": over.bpb, "over_own_se": over.standard_error}
