"""Whether an experiment's records can be compared, looked at before they are trained: their table would refuse them."""

from collections.abc import Sequence

from tritgolf.config.record import RecordConfig
from tritgolf.errors import InputError
from tritgolf.experiments.ready import Ready
from tritgolf.report.experiments import settings_of


def check_alike(experiment: Ready, records: Sequence[RecordConfig]) -> None:
    """``InputError`` unless all ``records``, as they will be run, have the first one's seeds, text and checkpoints."""
    seeds = settings_of(experiment.file).seeds
    wanted = _alike(records[0], seeds)
    for record in records:
        for what, found in _alike(record, seeds).items():
            if found != wanted[what]:
                problem = f"{record.name} has the {what} {found}, the baseline {records[0].name} {wanted[what]}"
                raise InputError(
                    experiment.source, problem, f"give both the same {what}: they are compared seed by seed"
                )


def _alike(record: RecordConfig, seeds: Sequence[int] | None) -> dict[str, str]:
    """What two records must have in common; of the seeds those that are compared, where the experiment names some."""
    compared = [seed for seed in record.seeds if seeds is None or seed in seeds]
    checkpoints = ", ".join(sorted(record.train.checkpoint_names))
    return {"seeds": ", ".join(map(str, compared)), "text": record.dataset, "checkpoints": checkpoints}
