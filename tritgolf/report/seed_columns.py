"""The columns of ``seed_frame``: the figures of one seed, from its metrics files.

A system with other figures adds its columns here, and says by ``applies`` which runs have them; evaluation methods
bring theirs along. The tables of seeds and records and the comparison with published figures show what applies.
"""

import math
from collections.abc import Callable, Sequence

from tritgolf.report.columns import (
    BPB_DECIMALS,
    WINDOWS,
    Column,
    adapts,
    always,
    counting_of_weights,
    has_temperature,
    is_ternary,
    methods_of,
    pure_counting,
    shown_windows,
    slides,
)
from tritgolf.report.record_facts import RecordFacts
from tritgolf.report.runs import Run, SeedRun
from tritgolf.report.schemas import ExportedStorage, ExportMetrics, RoundtripMetrics
from tritgolf.report.scores import PureScore, StorageScore


def columns_of(run: Run) -> list[Column]:
    """The columns that a run has, in the order of its CSV."""
    of_methods = [column for name in methods_of(run) for column in method_columns(name)]
    verdicts = [column for name in WINDOWS for column in verdicts_on(name)]
    every = (*TRAINING, *OF_WINDOWS, *verdicts, *of_methods, *WEIGHTS, *EVALUATION, *ARTIFACT, *PROVENANCE)
    return [column for column in every if column.applies(run)]


def shown_columns(run: Run) -> list[Column]:
    """Those of ``columns_of`` that tables show."""
    return [column for column in columns_of(run) if column.heading and column.shown(run)]


def counted(
    stem: str,
    heading: str,
    sources: dict[str, Callable[[SeedRun], float]],
    chosen: Callable[[RecordFacts], str],
    signed: bool = False,
    mark: str = "",
    applies: Callable[[Run], bool] = always,
) -> list[Column]:
    """One figure in several countings (the end of a column's name → its value); a table shows the ``chosen`` one."""

    def column(counting: str, value: Callable[[SeedRun], float]) -> Column:
        return Column(
            name=f"{stem}_{counting}",
            source=lambda _, seed: value(seed),
            heading=heading,
            decimals=BPB_DECIMALS,
            signed=signed,
            shown=lambda run: chosen(run.facts) == counting,
            mark=mark,
            applies=applies,
        )

    return [column(counting, value) for counting, value in sources.items()]


def method_columns(name: str) -> list[Column]:
    """The columns of an evaluation method: its score in both countings, its seconds, the probe's verdict on it."""
    scores = _pure(name, f"{name} BPB", lambda seed: seed.method(name))
    seconds = Column(f"{name}_seconds", lambda _, seed: getattr(seed.method(name), "seconds", None))
    return [*scores, seconds, *verdicts_on(name)]


def verdicts_on(method: str) -> list[Column]:
    """Whether a method is causal: where it isn't, or where others adapt; and its score's mark, if it has one."""
    causal = Column(
        name=f"{method}_causal",
        source=lambda _, seed: seed.causal(method),
        applies=lambda run: adapts(run) or any(seed.causal(method) is False for seed in run.seeds),
    )
    mark = Column(
        name=f"{method}_mark",
        source=lambda _, seed: seed.mark(method),
        applies=lambda run: any(seed.mark(method) for seed in run.seeds),
    )
    return [causal, mark]


def _of_windows(name: str) -> list[Column]:
    """The score by windows of this name, where tables show those."""
    return _pure(
        name, f"{name} BPB", lambda seed: getattr(seed.evaluate, name), applies=lambda run: shown_windows(run) == name
    )


def _pure(
    method: str, heading: str, score: Callable[[SeedRun], PureScore | None], applies: Callable[[Run], bool] = always
) -> list[Column]:
    sources: dict[str, Callable[[SeedRun], float]] = {
        "bpb": lambda seed: getattr(score(seed), "bpb", math.nan),
        "bpb_published_bytes": lambda seed: getattr(score(seed), "by_published_bytes", math.nan),
    }
    return counted(method, heading, sources, pure_counting, mark=f"{method}_mark", applies=applies)


def _roundtrip(seed: SeedRun) -> RoundtripMetrics:
    return seed.roundtrip("final")


def _export(seed: SeedRun) -> ExportMetrics:
    return seed.export("final")


def _own(seed: SeedRun) -> StorageScore:
    """The score of the final artifact in the record's own storage."""
    return seed.reloaded("final", _roundtrip(seed).own_storage)


def _file(seed: SeedRun) -> ExportedStorage:
    """That artifact's file."""
    return seed.exported("final", _roundtrip(seed).own_storage)


def _total_bytes(seed: SeedRun) -> int:
    return _file(seed).bytes + _export(seed).code_bytes


def _evaluation_seconds(seed: SeedRun) -> float:
    """What all evaluation methods took together."""
    return sum(getattr(score, "seconds", None) or 0.0 for score in seed.methods.values())


def _sources(seed: SeedRun) -> str:
    return " ".join(source.path for source in seed.sources if source.checkpoint in (None, "final"))


TRAINING: Sequence[Column] = (
    Column("record", lambda run, _: run.facts.name),
    Column("seed", lambda _, seed: seed.seed, "seed"),
    Column("steps", lambda _, seed: seed.train.steps, "steps", 0),
    Column("ms_per_step", lambda _, seed: seed.train.step_ms.mean, "ms/step", 1),
    Column("median_ms_per_step", lambda _, seed: seed.train.step_ms.median),
    Column("training_seconds", lambda _, seed: seed.train.training_seconds, "training s", 1, shown=adapts),
)
OF_WINDOWS: Sequence[Column] = (
    *_of_windows("sliding"),
    Column("stride", lambda _, seed: seed.evaluate.plain.stride, applies=slides),
    *_of_windows("chunked"),
)
WEIGHTS: Sequence[Column] = (
    *counted(
        "val",
        "val BPB",
        {
            "bpb": lambda seed: _roundtrip(seed).trained.bpb,
            "bpb_published_bytes": lambda seed: _roundtrip(seed).trained.by_published_bytes,
            "record_bpb": lambda seed: _roundtrip(seed).trained.bpb_with_z_loss,
        },
        counting_of_weights,
    ),
    *counted(
        "rt",
        "RT BPB",
        {
            "bpb": lambda seed: _own(seed).bpb,
            "bpb_published_bytes": lambda seed: _own(seed).by_published_bytes,
            "record_bpb": lambda seed: _own(seed).bpb_with_z_loss,
        },
        counting_of_weights,
    ),
    *counted(
        "rt_gap",
        "RT gap",
        {
            "bpb": lambda seed: _own(seed).gap_bpb,
            "bpb_published_bytes": lambda seed: (
                _own(seed).by_published_bytes - _roundtrip(seed).trained.by_published_bytes
            ),
            "record_bpb": lambda seed: _own(seed).bpb_with_z_loss - _roundtrip(seed).trained.bpb_with_z_loss,
        },
        counting_of_weights,
        signed=True,
    ),
    Column("rt_gap_se_bpb", lambda _, seed: _own(seed).gap_se),
)
EVALUATION: Sequence[Column] = (
    Column("best_temperature", lambda _, seed: seed.best_temperature, applies=has_temperature),
    Column(
        "sliding_bpb_at_best_temperature",
        lambda _, seed: getattr(seed.evaluate.temperature, "sliding_bpb_at_best", None),
        applies=has_temperature,
    ),
    Column("unigram_entropy_bpb", lambda _, seed: seed.evaluate.unigram_entropy_bpb),
    Column("byte_counting", lambda _, seed: seed.evaluate.plain.byte_counting),
    Column("raw_per_published_byte", lambda _, seed: seed.evaluate.plain.raw_per_published_byte),
    Column("evaluation_seconds", lambda _, seed: _evaluation_seconds(seed), "evaluation s", 1, applies=adapts),
)
ARTIFACT: Sequence[Column] = (
    Column("storage", lambda _, seed: _roundtrip(seed).own_storage),
    Column("layout", lambda _, seed: _file(seed).layout),
    Column("artifact_bytes", lambda _, seed: _file(seed).bytes, "artifact bytes", 0),
    Column("code_bytes", lambda _, seed: _export(seed).code_bytes, "code bytes", 0, shown=adapts),
    Column("total_bytes", lambda _, seed: _total_bytes(seed), "total bytes", 0, shown=adapts),
    Column("byte_limit", lambda _, seed: _export(seed).byte_limit),
    Column("fits_limit", lambda _, seed: _total_bytes(seed) <= _export(seed).byte_limit, "fits"),
    Column("zero_fraction", lambda _, seed: _export(seed).zeros, applies=is_ternary),
    Column("record_zero_fraction", lambda _, seed: _export(seed).counted_as_published, applies=is_ternary),
)
PROVENANCE: Sequence[Column] = (
    Column("mode", lambda run, _: run.facts.label),
    Column("dataset", lambda run, _: run.facts.dataset),
    Column("hardware", lambda _, seed: seed.made_by.machine),
    Column("torch", lambda _, seed: seed.made_by.versions.get("torch")),
    Column("package_digest", lambda _, seed: seed.made_by.code.get("package_digest")),
    Column("commit", lambda _, seed: seed.made_by.code.get("commit")),
    Column("sources", lambda _, seed: _sources(seed)),
)
