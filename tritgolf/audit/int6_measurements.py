"""What was measured of #1722's kind: the rules table, kept runs of its transformer, and its ternary variants' exports.

``measured/causality/causality.json`` is what ``snakemake causality`` wrote; kept experiments of transformers with trits
say what each storage of each of their runs loses. Scores are bits a published byte.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tritgolf.audit.recurrent_measurements import Probe, probe_of
from tritgolf.audit.results import Results, read_results
from tritgolf.config.export import RoleExport
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.settings import validate
from tritgolf.config.storage import NumbersConfig, RoleStorage, TritsConfig
from tritgolf.config.transformer import TransformerConfig
from tritgolf.errors import InputError
from tritgolf.model.transformer_parameters import transformer_parameters
from tritgolf.report.causality_table import RuleMetrics, read_rules
from tritgolf.report.experiments import FILE, read_experiment
from tritgolf.report.laboratory_schemas import LaboratoryRow

RULES = Path("causality") / "causality.json"
EXPERIMENTS = ("trinity_v1", "hybrid_start")  # of records/experiments; a kept one's name begins so


@dataclass(frozen=True)
class Int6Measurement:
    """One seed's last checkpoint of a faithful run of #1722's kind.

    ``storage``: its own, by role. ``probes``: by method. ``rows``: of the laboratory, by name.
    """

    run: str
    seed: int
    steps: int
    model: TransformerConfig
    storage: RoleStorage
    damping: float
    probes: Mapping[str, Probe] = field(default_factory=dict)
    rows: Mapping[str, LaboratoryRow] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``RUN (200 steps, seed 42)``."""
        return f"{self.run} ({self.steps:,} steps, seed {self.seed})"

    @property
    def in_codes(self) -> list[str]:
        """Matrices of the blocks that are stored as codes."""
        return self._of({role for role in ("attention", "mlp") if isinstance(self._form(role), IntegerConfig)})

    @property
    def trained_on_a_grid(self) -> dict[str, str]:
        """Matrix that late QAT reaches → the number format it is stored in, "codes" where in none."""
        roles = set(self.model.qat.roles) if self.model.qat else set()
        forms = {name: self._form(row.role) for name, row in self._table.items() if row.role in roles}
        return {name: form.format if isinstance(form, NumbersConfig) else "codes" for name, form in forms.items()}

    @property
    def _table(self) -> Mapping[str, Any]:
        return transformer_parameters(self.model)

    def _of(self, roles: set[str]) -> list[str]:
        return [name for name, row in self._table.items() if row.role in roles]

    def _form(self, role: str) -> Any:
        return self.storage.roles.get(role)


class Loss(NamedTuple):
    """What a storage of a kept experiment's transformer loses: BPB, its rise over the trained model's and that's error.

    ``what``: the experiment's words for the row; ``largest_error``: of a weight that is a code.
    """

    experiment: str
    what: str
    model: TransformerConfig
    storage: RoleStorage
    seed: int
    bpb: float
    gap: float
    error: float
    largest_error: float
    trits_changed: int

    @property
    def is_exact(self) -> bool:
        """Whether trits and scales of the forward pass are stored and reloaded as they are."""
        forms = [form for form in self.storage.roles.values() if isinstance(form, TritsConfig)]
        kept = all(form.rounding == "forward" and form.scales == "float32" for form in forms)
        return bool(forms) and kept and self.storage.reload_dtype == "float32"


@dataclass(frozen=True)
class Int6Measurements:
    """All of it. ``rules``: the kept rules table, None where there is none."""

    rules: RuleMetrics | None = None
    runs: tuple[Int6Measurement, ...] = ()
    losses: tuple[Loss, ...] = ()


def read_int6_measurements(folder: Path, kept: list[Results]) -> Int6Measurements:
    """From ``measured/``; ``kept``: its runs. Damaged files are ``InputError``s."""
    path = folder / RULES
    places = [file for name in EXPERIMENTS for file in sorted(folder.glob(f"{name}*/{FILE}"))]
    return Int6Measurements(
        read_rules(path) if path.is_file() else None,
        tuple(row for run in kept if _is_int6(run) for row in _runs(run)),
        tuple(row for file in places for row in _losses(file.parent)),
    )


def _is_int6(run: Results) -> bool:
    """Whether a kept run does what #1019's and #1722's code does, at any size: nothing else has such a rotary base."""
    return run.setting("model", "rotary_stretch") is not None and run.setting("mode") == "faithful"


def _runs(run: Results) -> Iterator[Int6Measurement]:
    model, export = _model(run), _export(run)
    if export.calibration is None:
        return
    for seed in run.run.seeds:
        evaluated = run.raw("evaluate", seed.seed)
        methods = evaluated["metrics"]["methods"] if evaluated else {}
        yield Int6Measurement(
            run=run.path.name,
            seed=seed.seed,
            steps=seed.steps_of["final"],
            model=model,
            storage=export.storage(export.own_storage),
            damping=export.calibration.damping,
            probes={name: probe_of(method) for name, method in methods.items() if method.get("causality")},
            rows=seed.laboratories["final"].rows if "final" in seed.laboratories else {},
        )


def _model(run: Results) -> TransformerConfig:
    return validate(TransformerConfig, run.setting("model"), run.path / "record.json: model")


def _export(run: Results) -> RoleExport:
    return validate(RoleExport, run.setting("export"), run.path / "record.json: export")


def _losses(folder: Path) -> Iterator[Loss]:
    """A row for every seed and row of an experiment on transformers."""
    experiment, places = read_experiment(folder)
    runs = {record: read_results(place) for record, place in places.items()}
    for row in experiment.rows:
        run = runs[row.record]
        model, storages = _model(run), _export(run).storages
        for seed in run.run.seeds:
            found = seed.roundtrips["final"].storages.get(row.storage)
            if found is None or row.storage not in storages:
                raise InputError(folder, f"{row.record} has no {row.storage}", "restore it from the repository")
            scale = seed.roundtrips["final"].trained.raw_per_published_byte
            yield Loss(
                folder.name, row.what, model, storages[row.storage], seed.seed, found.by_published_bytes,
                scale * found.gap_bpb, scale * found.gap_se, found.max_weight_error, found.trits_changed or 0,
            )  # fmt: skip
