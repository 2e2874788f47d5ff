"""``tritgolf describe RECORD``: a record's configuration, sizes and cost, from its definition alone."""

from __future__ import annotations

import argparse
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tritgolf.commands.output import flatten, print_facts, print_json
from tritgolf.commands.published import add_records_option
from tritgolf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tritgolf.config.record import RecordConfig
    from tritgolf.config.storage import RoleStorage
    from tritgolf.parameters import Parameter

ESTIMATES = {  # of the file's bytes, by their key: what they go by
    "coded_bytes": "if weights are normal and codes ideally compressed",
    "trained_bytes": "as trained trits of such scales took",
}


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "describe",
        help="configuration, parameter counts and estimated bytes of a record",
        description="Print what a record is: its settings, what its mode decides, its parameters, and the bytes that "
        "each storage takes. Nothing is trained.",
    )
    parser.add_argument("record", help="a record's name, its file (./mine.yaml), or RECORD@RUN of results/")
    add_records_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the facts."""
    facts = describe(arguments.record, Path(arguments.records))
    if arguments.json:
        print_json(facts)
        return 0
    artifact = facts["artifact"]
    print_facts(
        [
            ("", f"{facts['record']}: {facts['configuration']['title']} ({facts['configuration']['mode']} mode)"),
            *((("", "laid over the record"),) if facts["laid_over"] else ()),
            *(tuple(change.split(": ", 1)) for change in facts["laid_over"]),
            ("", "parameters"),
            *_parameters(facts["parameters"]),
            ("", "training"),
            ("steps", f"{facts['steps']:,}" + (f", or {facts['seconds']:g} s if sooner" if facts["seconds"] else "")),
            ("tokens", ("at most " if facts["seconds"] else "") + f"{facts['tokens']:,}"),
            *_artifact(artifact),
            ("", "configuration"),
            *((key, _with_modes(key, value, facts)) for key, value in _settings(facts)),
        ]
    )
    return 0


def _parameters(counts: dict[str, int]) -> list[tuple[str, str]]:
    """A U-Net's parameters by what becomes of them; of another model how many are trained, by role."""
    if "ternary" in counts:
        return [
            ("published count", f"{counts['published']:,} (with an unused output matrix of {counts['unused']:,})"),
            ("trained", f"{counts['trained']:,}"),
            ("ternary", f"{counts['ternary']:,} in {counts['groups']:,} groups"),
            ("other stored", f"{counts['stored_fp']:,}"),
        ]
    roles = [(role, f"{count:,}") for role, count in counts.items() if role not in ("published", "trained")]
    return [("published count", f"{counts['published']:,}"), *roles]


def _artifact(artifact: dict[str, Any]) -> list[tuple[str, str]]:
    """Bytes by kind before compression, in their widths."""
    kinds = artifact["bytes_by_kind"]
    others = any(kind.startswith("codes") for kind in kinds)
    trits = ["trits in base 3"] if kinds.get("trits") else []
    codes = " and ".join([*trits, *(["codes in their bits"] if others else [])]) or "numbers"
    limit = f"the limit of {artifact['limit']:,} holds after it, with the code"
    return [
        ("", f"artifact before compression, storage {artifact['storage']!r}, {codes}"),
        *((kind, f"{size:,} bytes") for kind, size in artifact["bytes_by_kind"].items()),
        ("total", f"{artifact['bytes']:,} bytes before compression ({limit})"),
        *_coded(artifact),
    ]


def _coded(artifact: dict[str, Any]) -> list[tuple[str, str]]:
    """An estimate of the file, where there is one."""
    return [("estimate", f"{artifact[key]:,} bytes, {words}") for key, words in ESTIMATES.items() if key in artifact]


def _settings(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The configuration; then what the mode decides and a dump leaves out: settings added later, at their defaults.

    A form of storage is told in words. What no other setting makes use of is left out.
    """
    configuration = facts["configuration"]
    export, inert = configuration["export"], _inert(configuration)
    storages = {name: _in_words(storage) for name, storage in export["storages"].items()}
    pairs = flatten(configuration | {"export": export | {"storages": storages}})
    shown = {key for key, _ in pairs}
    later = [(key, value) for key, value in facts["decided_by_mode"].items() if key not in shown]
    return [pair for pair in pairs + flatten(dict(later)) if pair[0] not in inert]


def _in_words(storage: dict[str, Any]) -> dict[str, Any]:
    """A storage by role with each form in words; another as it is."""
    from tritgolf.config.storage import form_in_words  # noqa: PLC0415

    if "roles" not in storage:
        return storage
    return storage | {"roles": {role: form_in_words(form) for role, form in storage["roles"].items()}}


def _inert(configuration: dict[str, Any]) -> set[str]:
    """Settings that this record's others leave without effect."""
    evaluate, keys = configuration["evaluate"], set()
    if methods := evaluate.get("methods"):
        keys |= {"stride", "window_rule"}
        keys |= {f"methods.{name}.adapt" for name, method in methods.items() if not method.get("adapt")}
    if not evaluate["temperatures"]:
        keys |= {"temperatures", "calibration_tokens", "apply_temperature"}
    if not configuration["train"]["z_loss"]:
        keys |= {"headline_z_loss"}
    return {f"evaluate.{key}" for key in keys}


def _with_modes(key: str, value: str, facts: dict[str, Any]) -> str:
    """A setting's value; with what either mode has, where the mode decides it unless the record does."""
    from tritgolf.config.evaluate import in_todays_words  # noqa: PLC0415
    from tritgolf.config.modes import modes_for  # noqa: PLC0415

    value = in_todays_words(value) if key == "evaluate.window_rule" else value
    by_mode = modes_for(facts["configuration"])
    modes = [f"{mode}: {settings[key]}" for mode, settings in by_mode.items() if key in settings]
    return f"{value}  ({', '.join(modes)})" if modes else value


def describe(name: str, folder: Path) -> dict[str, Any]:
    """The facts of a record: configuration, parameter counts, steps and tokens, uncompressed artifact bytes by kind."""
    from tritgolf.artifact.kinds import stored_bytes, tensor_specs  # noqa: PLC0415  (torch: slow to import)
    from tritgolf.artifact.possible import check_storages  # noqa: PLC0415
    from tritgolf.config.record import RUN_MARK, load_record  # noqa: PLC0415
    from tritgolf.model.counts import described_counts  # noqa: PLC0415
    from tritgolf.model.specs import parameters_of  # noqa: PLC0415

    record, laid_over = _run_of_a_record(name) if RUN_MARK in name else (load_record(name, folder), [])
    model: Any = record.model
    check_storages(record.name, record.export, model)
    storage = record.export.by_role(record.export.own_storage, model)
    specs = tensor_specs(parameters_of(model), storage)
    by_kind = stored_bytes(specs, storage.group_size)
    return {
        "record": record.name,
        "parameters": described_counts(model),
        "steps": record.train.steps,
        "seconds": record.train.seconds,
        "tokens": record.train.steps * record.train.batch_tokens,
        "artifact": {
            "storage": record.export.own_storage,
            "bytes_by_kind": by_kind,
            "bytes": sum(by_kind.values()),
            "limit": record.export.byte_limit,
            **_estimate(record.export.code_layouts, parameters_of(model), storage),
        },
        "configuration": record.model_dump(mode="json"),
        "decided_by_mode": _decided_by_mode(record),
        "laid_over": laid_over,
    }


def _estimate(layouts: Sequence[str], table: Mapping[str, Parameter], storage: RoleStorage) -> dict[str, int]:
    """Bytes of the file by the estimate that knows its codes, under the key of ``ESTIMATES``; {} if none does."""
    from tritgolf.artifact.estimate import coded_bytes  # noqa: PLC0415
    from tritgolf.artifact.trit_estimate import ternary_bytes  # noqa: PLC0415

    if "columns" in layouts and "ternary" in {getattr(form, "grid", "") for form in storage.roles.values()}:
        return {"trained_bytes": ternary_bytes(table, storage)}
    coded = coded_bytes(table, storage)
    return {} if coded is None else {"coded_bytes": coded}


def _decided_by_mode(record: RecordConfig) -> dict[str, Any]:
    """The record's own value of each setting that its mode decides where the record doesn't."""
    from tritgolf.config.modes import modes_for  # noqa: PLC0415

    decided = modes_for(record.model_dump(mode="json"))[record.mode]
    return {key: reduce(getattr, key.split("."), record) for key in decided}


def _run_of_a_record(name: str) -> tuple[RecordConfig, list[str]]:
    """The settings of ``results/RECORD@RUN``, and which of them are not the record's own."""
    from tritgolf.config.record import named_again  # noqa: PLC0415
    from tritgolf.report.metrics import read_record, read_resolved  # noqa: PLC0415

    path = Path("results") / name / "record.json"
    if not path.is_file():
        raise InputError(path, "is missing", f"make that run: snakemake … --config {named_again(name)}")
    return read_record(path), read_resolved(path).get("laid_over", [])
