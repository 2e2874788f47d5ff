"""No training that is done gives way to another one unasked: what is planned is compared with what was trained."""

from tritgolf.train.alike import trained_alike
from tritgolf.train.earlier import Planned, check_nothing_is_lost, is_trained, text_of, trained_with

known_text = functools.cache(text_of)
REPLACE = load_pipeline(config).replace  # a job's params must not have it: they would change with it


def shards_of(record: str) -> Path:
    """The folder of the shards that a record trains on."""
    return Path(f"results/data/{record_config(record).dataset}/shards")


def wanted(record: str, seed: int) -> dict:
    """What a seed of a record is to be trained with."""
    settings = record_config(record)
    parts = {"model": plain(settings.model), "train": plain(settings.train), "seed": seed}
    return trained_with(parts, *known_text(shards_of(record)))


def shards_trained_on(record: str, seed: int):
    """A training's input. It is no news where it was trained on just that: a copy has another time, not another text."""
    shards = str(shards_of(record))
    if (
        REPLACE
        or not workflow.is_main_process
        or not is_trained(Path(f"results/{record}/seed{seed}"), wanted(record, seed))
    ):
        return shards
    return ancient(shards)


TRAINING_FIRST = 1  # what waits for one runs beside the next; the last one alone would leave cores idle


def nothing_is_lost(wildcards) -> int:
    """The priority of a job, which Snakemake asks for when its plan is made, a dry run's too, and nothing deleted."""
    if workflow.is_main_process and not workflow.touch and not REPLACE:
        _check_the_plan()
    return TRAINING_FIRST


@functools.cache
def _check_the_plan() -> None:
    """End with one line where the plan would cost a training that is done, or was stopped; tell of one too many."""
    plan = list(map(_planned, filter(is_training, workflow.dag.jobs)))
    with bad_input_in_one_line():
        check_nothing_is_lost(plan)
        for told in trained_alike(plan):
            warn(told)


def _planned(job) -> Planned:
    """A training in Snakemake's plan. What it depends on makes its shards."""
    record, seed = job.params.record, int(job.wildcards.seed)
    made_again = any(map(workflow.dag.needrun, workflow.dag.job_dependencies(job)))
    return Planned(
        Path(f"results/{record}/seed{seed}"),
        wanted(record, seed),
        workflow.dag.needrun(job),
        shards_of(record) if made_again else None,
        tuple(map(Path, job.output)),
    )
