"""Start the ranks of a run, watch them, start them again where that helps, and publish what they made.

Snakemake's retries don't look at exit codes, so the launcher decides: a killed or preempted run continues at its last
state as long as it makes progress; bad input, a loss that is not finite and a full disk are final.
"""

from pathlib import Path
from typing import Any, NoReturn

from tritgolf import checkpoint
from tritgolf.errors import InputError
from tritgolf.files import read_json, write_json
from tritgolf.heartbeat import Watch
from tritgolf.processes import EXIT_PREEMPTED, FAILURE, ranks_command, read_failure, run_ranks
from tritgolf.progress import ends_in_one_line
from tritgolf.streams import say
from tritgolf.train import slurm
from tritgolf.train.live import CURVE, FINISHED, PLAN

RESTARTS_WITHOUT_PROGRESS = 2
STOPPED = "stopped.json"  # written by ranks that SIGTERM stopped; on other nodes it does not come to the launcher


def train(plan: dict[str, Any], processes: int, nodes: int = 1) -> dict[str, Any]:
    """Run ``plan`` (see ``tritgolf.train.__main__``) on ``processes`` ranks of this machine; returns the run's facts.

    With ``nodes`` > 1, on so many ranks of each node of the SLURM job in which this runs. The caller holds the lock of
    the live folder (``locked``). Raises ``InputError`` where trying again cannot help, and ``SystemExit(75)`` when
    SIGTERM stopped it.
    """
    live = Path(plan["live"])
    plan_path = live / PLAN
    write_json(plan_path, plan)
    (live / FINISHED).unlink(missing_ok=True)
    first_step = checkpoint.newest_step(live)
    _tell_begin(plan, live, first_step)
    failures, last_step = 0, first_step
    while True:
        for ending in (FAILURE, STOPPED):
            (live / ending).unlink(missing_ok=True)
        watch = Watch(live, plan["hang_seconds"])
        if nodes == 1:
            code, terminated = run_ranks(_command(plan_path, processes), watch)
        else:
            code, terminated = run_ranks(slurm.on_every_node(plan_path, processes, nodes), watch, slurm.signal_steps)
        # A Snakemake that SIGTERM stops calls even a finished job failed: the next turn publishes what is done.
        if code == 0 and not terminated and (live / FINISHED).exists():
            return dict(read_json(live / FINISHED))
        if terminated or (live / STOPPED).exists():
            _stop(plan["label"], progressed=checkpoint.newest_step(live) != first_step)
        if failure := read_failure(live):
            raise failure
        step = checkpoint.newest_step(live)
        failures = 1 if step != last_step else failures + 1
        if failures > RESTARTS_WITHOUT_PROGRESS:
            raise InputError(
                f"training {plan['label']}",
                f"its processes ended {failures} times without a new state (last exit code {code})",
                "read the messages above; the last good state is kept and the same command continues there",
            )
        last_step = step
        say(f"{plan['label']}: a rank ended with exit code {code}; continuing at the last state", "stderr")


def _tell_begin(plan: dict[str, Any], live: Path, first_step: int | None) -> None:
    """Say what a training takes: ``240 steps of 2,048 tokens``, or ``600 seconds, at most 6,530 steps of …``."""
    begin = "begins" if first_step is None else f"goes on after step {first_step:,}"
    train = plan["train"]
    extent = f"{train['steps']:,} steps of {train['batch_tokens']:,} tokens"
    if train["seconds"] is not None:
        extent = f"{train['seconds']:,.0f} seconds, at most {extent}"
    say(f"{plan['label']}: {begin}, {extent}; its losses: {live / CURVE}", "stderr")


def _stop(label: str, *, progressed: bool) -> NoReturn:
    """End as SIGTERM asks; SLURM queues it again where it may and this start ``progressed``, else it never ends."""
    again = progressed and slurm.may_requeue()
    how = "SLURM is asked to run this job again" if again else "the same command continues"
    if again or not ends_in_one_line():
        say(f"{label}: stopped; {how}", "stderr")
    if again:
        slurm.requeue()
    raise SystemExit(EXIT_PREEMPTED)


def publish(live: Path, outputs: dict[str, Path]) -> dict[str, str]:
    """Copy each named checkpoint of ``live`` (``step_000100`` … ``final``) to its output; returns their digests.

    What is copied is read back and verified first, so a damaged file never becomes an output.
    """
    digests = {}
    for name, output in outputs.items():
        try:
            found = checkpoint.load(live / f"{name}.safetensors")
        except InputError as error:  # the states beside it say that training is done: only a new run makes it again
            raise InputError(error.where, error.what, f"delete {live} and run again") from None
        digests[name] = checkpoint.save(output, found.tensors, {**found.facts, "checkpoint": name})
    return digests


def _command(plan_path: Path, processes: int) -> list[str]:
    return ranks_command("tritgolf.train", plan_path, processes)
