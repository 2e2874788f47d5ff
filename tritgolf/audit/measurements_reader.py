"""Reads the kept runs and laboratories of ``measured/`` into ``Measurements``.

``measured/lab/*.json`` adds ``Gap`` rows of exports that no record has:

    {"schema": "tritgolf/lab/1", "run": NAME, "estimator": "absmean" | "rms", "ternary_weights": N,
     "rows": [{"seed", "step", "storage", "factors": {FACTOR: SETTING, …}, "gap_bpb", "gap_se"}, …]}

with the factors of ``FACTORS``, named as in a record's ``export`` section.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tritgolf.audit.int6_measurements import read_int6_measurements
from tritgolf.audit.measurements import Evaluation, Gap, Measurements, Zeros
from tritgolf.audit.recurrent_measurements import is_recurrent, measurements_of
from tritgolf.audit.results import Results, read_results
from tritgolf.config.export import FACTORS as STORAGE_FACTORS
from tritgolf.errors import InputError
from tritgolf.files import read_json
from tritgolf.report.metrics import SeedRun
from tritgolf.report.schemas import TrainingLogLine

FOLDER = Path("measured")
LAB_SCHEMA = "tritgolf/lab/1"
FULL_SIZE = 64_880_640  # ternary weights of the records (record-spec, "Numbers to match")
AS_PUBLISHED = {  # settings of a model that isn't trained in what is stored
    ("head_table",): "bfloat16",
    ("mixes",): "float32",
    ("vectors",): "float32",
    ("quantizer", "scale_dtype"): "float32",
}
FACTORS = tuple(factor for factor in STORAGE_FACTORS if factor != "estimator")  # a record has but its own


def read_measurements(folder: str | Path = FOLDER) -> Measurements:
    """Kept runs of ternary weights, trained as published, recurrent ones, and lab tables below ``folder``.

    An absent folder is empty. Damaged files are ``InputError``s.
    """
    folder = Path(folder)
    kept = [read_results(path.parent) for path in sorted(folder.glob("*/record.json"))]
    runs = [run for run in kept if run.run.facts.has_trits and _trained_as_published(run)]
    lab = [row for path in sorted((folder / "lab").glob("*.json")) for row in _lab_rows(path)]
    return Measurements(
        gaps=(*(row for run in runs for row in _gaps(run)), *lab),
        evaluations=tuple(row for run in runs for row in _evaluations(run)),
        zeros=tuple(row for run in runs for row in _zeros(run)),
        recurrent=tuple(row for run in kept if is_recurrent(run) for row in measurements_of(run)),
        int6=read_int6_measurements(folder, kept),
        modes={run.path.name: run.run.facts.label for run in runs},
    )


def _trained_as_published(run: Results) -> bool:
    """Whether the forward pass rounds tensors as the published one does; older runs, without the settings, did."""
    return all(run.setting("model", *keys) in (None, published) for keys, published in AS_PUBLISHED.items())


def _is_full_size(run: Results) -> bool:
    trained = [seed.trained.parameters.get("ternary") for seed in run.run.seeds if seed.trained]
    measured = [found.ternary_weights for seed in run.run.seeds for found in seed.laboratories.values()]
    return FULL_SIZE in trained + measured


def _estimator(run: Results) -> str:
    return str(run.setting("model", "quantizer", "estimator"))


def _gaps(run: Results) -> Iterator[Gap]:
    """What the laboratory measured of each checkpoint, and of the roundtrip's storages those that it did not."""
    measured = set()
    for gap in _laboratory_gaps(run):
        measured.add((gap.seed, gap.step, tuple(sorted(gap.factors.items()))))
        yield gap
    for gap in _roundtrip_gaps(run):
        if (gap.seed, gap.step, tuple(sorted(gap.factors.items()))) not in measured:
            yield gap


def _laboratory_gaps(run: Results) -> Iterator[Gap]:
    for seed in run.run.seeds:
        for checkpoint, found in seed.laboratories.items():
            scale = found.trained.raw_per_published_byte
            for name, row in found.rows.items():
                if row.factors.get("estimator", "own") == "own":  # else not a storage of this record's system
                    factors = {factor: _word(row.factors[factor]) for factor in FACTORS}
                    yield Gap(
                        run.path.name, found.estimator or "", found.ternary_weights == FULL_SIZE, seed.seed,
                        seed.steps_of[checkpoint], name, factors, scale * row.gap_bpb, scale * row.gap_se,
                        scale * row.over_own_se, name == "own",
                    )  # fmt: skip


def _roundtrip_gaps(run: Results) -> Iterator[Gap]:
    for seed in run.run.seeds:
        for checkpoint, roundtrip in seed.roundtrips.items():
            scale = roundtrip.trained.raw_per_published_byte
            for name, score in roundtrip.storages.items():
                step, factors = seed.steps_of[checkpoint], _factors(run, name)
                yield Gap(
                    run.path.name, _estimator(run), _is_full_size(run), seed.seed, step, name, factors,
                    scale * score.gap_bpb, scale * score.gap_se, own=name == roundtrip.own_storage,
                )  # fmt: skip


def _factors(run: Results, storage: str) -> dict[str, str]:
    """A storage's settings: its own, and the record's where it has none."""
    own = run.setting("export", "storages", storage) or {}
    settings = {factor: own.get(factor) for factor in FACTORS}
    return {
        factor: _word(run.setting("export", factor) if value is None else value) for factor, value in settings.items()
    }


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _evaluations(run: Results) -> Iterator[Evaluation]:
    for seed in run.run.seeds:
        if (found := seed.evaluated) is not None and found.chunked is not None and found.sliding is not None:
            grid = {point.temperature: point.calibration_nats for point in found.temperature.grid}
            yield Evaluation(
                run.path.name, str(run.setting("dataset")), _is_full_size(run), seed.seed,
                found.chunked.by_published_bytes, found.chunked.bpb_with_z_loss, found.sliding.by_published_bytes,
                found.sliding.stride, grid,
            )  # fmt: skip


def _zeros(run: Results) -> Iterator[Zeros]:
    """Of every checkpoint, from its export, the laboratory, or the training log where no more of it was kept."""
    made = (run.path.name, _estimator(run), _is_full_size(run))
    for seed in run.run.seeds:
        found = {line.step: line for line in _lines_of_checkpoints(run, seed)} | {
            step: metrics
            for checkpoint, step in seed.steps_of.items()
            if (metrics := seed.exports.get(checkpoint) or seed.laboratories.get(checkpoint))
        }
        for step, row in sorted(found.items()):
            if row.zero_fraction and "all" in row.zero_fraction and row.published_zero_fraction is not None:
                yield Zeros(*made, seed.seed, step, row.zero_fraction["all"], row.published_zero_fraction)


def _lines_of_checkpoints(run: Results, seed: SeedRun) -> list[TrainingLogLine]:
    """The lines of a training log at the steps whose weights were kept; the last one is of the final weights."""
    kept = set(run.setting("train", "checkpoints") or ())
    return [line for line in seed.log if line.step in kept or line is seed.log[-1]]


class _LabRow(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    seed: int
    step: int = Field(ge=0)
    storage: str
    factors: dict[str, str | bool]
    gap_bpb: float
    gap_se: float = Field(ge=0)


class _Lab(BaseModel):
    model_config = ConfigDict(extra="ignore")

    run: str
    estimator: str
    ternary_weights: int
    rows: list[_LabRow]


def _lab_rows(path: Path) -> list[Gap]:
    raw = read_json(path)
    if not isinstance(raw, dict) or raw.get("schema") != LAB_SCHEMA:
        return []
    try:
        lab = _Lab.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(path, f"{where}: {first['msg']}", f"write it as {LAB_SCHEMA}") from None
    full_size = lab.ternary_weights == FULL_SIZE
    return [
        Gap(
            lab.run, lab.estimator, full_size, row.seed, row.step, row.storage,
            {factor: _word(row.factors[factor]) for factor in FACTORS if factor in row.factors},
            row.gap_bpb, row.gap_se,
        )
        for row in lab.rows
    ]  # fmt: skip
