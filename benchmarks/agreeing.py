"""What stages that are run one by one must agree in, so that none loses or belies what another one made.

A training is not replaced by another one unasked, as in the workflow (``train.earlier``). ``record.json`` tells of the
training that lies beside it, and a stage works with its settings: those that its outcome depends on.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tritgolf.config.differences import differences, shortened
from tritgolf.config.record import RecordConfig
from tritgolf.errors import InputError
from tritgolf.report.metrics import read_record
from tritgolf.train.earlier import (
    SETTINGS,
    Planned,
    check_nothing_is_lost,
    finished,
    text_of,
    trained_with,
    unpublished,
)

NAME_IT = "give the new one a name (--run NAME), or let it take this place (--replace)"
SAME = "give this stage the same settings, or run the stage record with these first"


def _of_training(record: RecordConfig) -> dict[str, Any]:
    return {"dataset": record.dataset.rpartition("/")[2].removesuffix(".yaml"), **_plain(record, *SETTINGS)}


def _of_export(record: RecordConfig) -> dict[str, Any]:
    """All that the script is made from, whose bytes an export counts; the text, where it calibrates on that."""
    text = {"dataset": _of_training(record)["dataset"]} if getattr(record.export, "calibration", None) else {}
    return {**text, **_plain(record, *SETTINGS, "export", "evaluate")}


def _of_scores(record: RecordConfig) -> dict[str, Any]:
    """Methods and batches are any that are asked for."""
    train, export = {"z_loss": record.train.z_loss}, {"own_storage": record.export.own_storage}
    return {**_of_training(record), "train": train, "export": export}


def _of_roundtrip(record: RecordConfig) -> dict[str, Any]:
    found = _of_scores(record)
    return {**found, "export": {**found["export"], "storages": list(record.export.storages)}}


def _plain(record: RecordConfig, *parts: str) -> dict[str, Any]:
    return record.model_dump(mode="json", include=set(parts))


DEPENDS: dict[str, Callable[[RecordConfig], dict[str, Any]]] = {
    "train": _of_training,
    "export": _of_export,
    "roundtrip": _of_roundtrip,
    "evaluate": _of_scores,
}


def check_agrees(stages: Sequence[str], record: RecordConfig, written: Path) -> None:
    """``InputError`` where one of ``stages`` was given other settings than ``written``, the ``record.json``, says.

    Only settings that the stage depends on count. Without the file, nothing is known; a stage ``record`` writes it.
    """
    if "record" in stages or not written.exists():
        return
    before = read_record(written)
    for stage in (stage for stage in stages if stage in DEPENDS):
        if told := differences(DEPENDS[stage](before), DEPENDS[stage](record)):
            raise InputError(written, f"has other settings than {stage} was given ({shortened(told, 6)})", SAME)


def check_tells_the_truth(record: RecordConfig, folder: Path, shards: Path) -> None:
    """``InputError`` where a seed in the record's ``folder`` is trained otherwise than its ``record.json`` would say.

    Of a stopped training too. ``shards``: the folder of the record's text.
    """
    for seed in sorted(path for path in folder.glob("seed*") if path.name.removeprefix("seed").isdecimal()):
        wanted = _wanted(record, int(seed.name.removeprefix("seed")), shards)
        before = finished(seed, wanted) or unpublished(seed)
        if before and (told := _otherwise(before, wanted | {"text": wanted["text"] or record.dataset})):
            what = f"is trained with other settings than record.json would say ({shortened(told, 6)})"
            raise InputError(seed, what, NAME_IT)


def check_training_stays(record: RecordConfig, folder: Path, seed: int, shards: Path) -> None:
    """``InputError`` where training ``seed`` would replace another training, done or stopped; ``folder``: its own."""
    check_nothing_is_lost([Planned(folder, _wanted(record, seed, shards), True, None)], NAME_IT)


def _wanted(record: RecordConfig, seed: int, shards: Path) -> dict[str, Any]:
    return trained_with({**_plain(record, *SETTINGS), "seed": seed}, *text_of(shards))


def _otherwise(before: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """How settings or text differ; the same text by another name is the same, newer code too."""
    known = [key for key in SETTINGS if key in before]
    if before.get("shards") != wanted["shards"] or "settings" in before:
        known += [key for key in ("settings", "text") if key in before]
    return differences({key: before[key] for key in known}, {key: wanted.get(key) for key in known})
