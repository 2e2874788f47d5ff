"""A record: all settings of one system, loaded from YAML.

A record is a YAML file in ``records/``, an experiment one in ``records/variants/``. It may ``inherit`` from another and
then states only what differs. A ``mode`` ("faithful" or "honest") fills in the settings of ``MODES`` that the record
leaves open, so a loaded record is fully explicit: nothing is decided later. Every error is one line that names file,
key, value and what is allowed.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ValidationInfo, model_validator

from tritgolf.config.evaluate import EvaluateConfig, check_context
from tritgolf.config.export import ExportConfig, RoleExport, export_of
from tritgolf.config.kinds import lay_over
from tritgolf.config.layers import load_over_ancestors, with_ancestors
from tritgolf.config.lossless import lossy_settings
from tritgolf.config.model import UNetConfig
from tritgolf.config.models import ModelConfig
from tritgolf.config.modes import MODES, modes_for
from tritgolf.config.named import RESULTS_NAME, check_own_name, unknown, with_own_file
from tritgolf.config.settings import Settings, validate_yaml
from tritgolf.config.train import TrainConfig
from tritgolf.config.types import ByteCounting, Mode, Seed, check, check_names
from tritgolf.errors import InputError

VARIANTS = "variants"  # the folder of experiments, in that of records
RUN_MARK = "@"  # between a record's name and a run's: RECORD@RUN


def named_again(name: str) -> str:
    """The configuration that makes the results ``name``, RECORD or RECORD@RUN, as a command line has it."""
    base, _, run = name.partition(RUN_MARK)
    return f"records='[{base}]' run={run}, with that run's overrides" if run else f"records='[{base}]'"


class ReportConfig(Settings):
    """What tables show where the record and the truth differ.

    ``bytes``: what headline BPB divide by, the published code's count of them or the text's own, where it is known.
    """

    zero_fraction: Literal["record", "true"]
    bytes: ByteCounting


def _of_the_model(raw: Any, info: ValidationInfo) -> Any:
    """``raw`` as the export of a U-Net or by role, as the model asks, so that a complaint names those keys alone."""
    if isinstance(raw, Settings) or "model" not in info.data:
        return raw
    return export_of(info.data["model"], raw)


class RecordConfig(Settings):
    """One system, complete: what ``tritgolf describe`` prints and every output records."""

    name: str
    title: str
    source: str
    mode: Mode
    dataset: str
    seeds: tuple[Seed, ...] = (42, 1337, 7)
    model: ModelConfig
    train: TrainConfig
    export: Annotated[ExportConfig | RoleExport, BeforeValidator(_of_the_model)]
    evaluate: EvaluateConfig
    report: ReportConfig

    @model_validator(mode="after")
    def _parts_agree(self) -> "RecordConfig":
        context, sequences = self.model.context, self.train.batch_tokens // self.model.context
        check(
            self.train.batch_tokens == sequences * context and sequences > 0,
            "train.batch_tokens",
            self.train.batch_tokens,
            f"a multiple of model.context = {context}",
        )
        check(
            sequences % self.train.micro_batch_sequences == 0,
            "train.micro_batch_sequences",
            self.train.micro_batch_sequences,
            f"a divisor of the {sequences} sequences of a step",
        )
        check_context(self.evaluate, context)
        if isinstance(self.export, RoleExport) and self.export.calibration:
            self.export.calibration.check_context(context)
        start, on_grids = self.train.start, isinstance(self.model, UNetConfig) or self.model.qat is not None
        late = start.qat or start.qat_lr_below
        check(not late or on_grids, "train.start.qat", late, "left out: the model has no qat, so no grid is trained on")
        self._check_products()
        check_names("seeds", self.seeds, "seed")
        odd = next((name for name in self.export.storages if not re.fullmatch(RESULTS_NAME, name)), None)
        check(
            odd is None, "export.storages", repr(odd), "named in letters, digits, '_', '-' and '.': files are called so"
        )
        if (
            isinstance(self.export, ExportConfig)
            and "lossless" in self.export.storages
            and isinstance(self.model, UNetConfig)
        ):
            for key, (value, allowed) in lossy_settings(self.model, self.export.storage("lossless")).items():
                check(False, f"export.storages.lossless.{key}", value, f"{allowed}: else this model loses something")
        return self

    def _check_products(self) -> None:
        if self.train.products == "fp8":
            exact = isinstance(self.model, UNetConfig) and self.model.quantizer.scale_dtype == "e4m3"
            wants = "compute: fp8 is for a ternary U-Net with model.quantizer.scale_dtype: e4m3, whose weights it holds"
            check(exact, "train.products", "fp8", wants)
            start = self.train.start
            late = start.qat or start.qat_lr_below
            check(
                not late, "train.start.qat", late, "left out where train.products is fp8, which holds no other weights"
            )


def known_records(folder: str | Path) -> list[str]:
    """Names of the records in ``folder``, its experiments in ``variants/`` among them; sorted."""
    return sorted(_files_of(folder))


def load_record(name: str, folder: str | Path = "records", overrides: dict[str, Any] | None = None) -> RecordConfig:
    """Load ``folder/name.yaml`` with its ancestors, apply ``overrides`` (nested), fill in its mode, validate.

    ``name`` may be the path of a record outside, ``./mine.yaml``, which inherits from those of ``folder`` by name.

    Raises ``InputError`` with one line that names the file, the key, the value and what is allowed.
    """
    name, known = with_own_file(name, _files_of(folder))
    if name not in known:
        main = sorted(record for record, path in known.items() if path.parent.name != VARIANTS)
        more = f", and {len(known) - len(main)} in {VARIANTS}/" if len(known) > len(main) else ""
        raise unknown("record", name, known, f"{', '.join(main) or 'none'}{more}")
    return load_over_ancestors(_loaded, known[name], known, overrides)


def _loaded(path: Path, known: Mapping[str, Path], overrides: dict[str, Any]) -> RecordConfig:
    """The record at ``path``, which inherits from ``known`` ones, with ``overrides``."""
    name = path.stem
    raw = _without_absent(lay_over(with_ancestors(path, known, lay_over), overrides))
    check_own_name(raw, name, path)
    _check_steps(raw, path)
    mode = raw.get("mode", "honest")
    if not isinstance(mode, str) or mode not in MODES:
        raise InputError(path, f"mode: {mode!r} is unknown", f"allowed: {', '.join(MODES)}")
    for dotted, value in modes_for(raw)[mode].items():
        _set_default(raw, dotted.split("."), value)
    return validate_yaml(RecordConfig, {**raw, "name": name, "mode": mode}, path)


def _check_steps(raw: dict[str, Any], path: Path) -> None:
    """A training by seconds has steps, too: the most that it makes."""
    train = raw.get("train")
    if isinstance(train, dict) and train.get("steps", 0) is None:
        fix = "give the most that it may make, as 100000; seconds, where they are given, end it before"
        raise InputError(path, "train.steps: null is no number of steps", fix)


def _without_absent(raw: dict[str, Any]) -> dict[str, Any]:
    """``raw`` less the evaluation methods and storages that are null: so a record leaves out one that it inherits."""
    for part, key in (("evaluate", "methods"), ("export", "storages")):
        settings = raw.get(part)
        named = settings.get(key) if isinstance(settings, dict) else None
        if isinstance(named, dict):
            raw[part][key] = {name: of for name, of in named.items() if of is not None}
    return raw


def _files_of(folder: str | Path) -> dict[str, Path]:
    """Name → file of every record in ``folder`` and its ``variants/``.

    ``InputError`` if it is no folder, or if two have one name.
    """
    if not Path(folder).is_dir():
        raise InputError(folder, "is no folder of records", "give the one that holds the records' YAML files")
    files: dict[str, Path] = {}
    for path in sorted([*Path(folder).glob("*.yaml"), *Path(folder).glob(f"{VARIANTS}/*.yaml")]):
        if path.stem in files:
            raise InputError(path, f"has the name of {files[path.stem]}", "give one of them another name")
        files[path.stem] = path
    return files


def _set_default(raw: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        raw = raw.setdefault(key, {})
        if not isinstance(raw, dict):
            return  # validation names the wrong type
    raw.setdefault(keys[-1], value)
