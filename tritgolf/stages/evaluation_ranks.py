"""Evaluation in several processes, one a GPU: what starts them, and what each of them runs.

Each is ``python -m tritgolf.stages.evaluation_ranks JOB.json`` under torchrun. Exit codes: 0 done; 2 bad input, told
by who started it; 3 a crash, with its traceback.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from tritgolf.config.evaluate import EvaluateConfig
from tritgolf.config.models import of_its_kind
from tritgolf.config.settings import Settings
from tritgolf.config.train import TrainConfig
from tritgolf.devices import hide_devices
from tritgolf.errors import InputError, file_error, full_disk, one_line_errors
from tritgolf.evaluate.no_network import no_network
from tritgolf.files import read_json, write_json
from tritgolf.heartbeat import Watch, beating
from tritgolf.processes import EXIT_PREEMPTED, die_with_parent, ranks_command, read_failure, run_ranks, write_failure
from tritgolf.processors import use_processors
from tritgolf.ranks import joined_ranks
from tritgolf.stages.evaluate import evaluate_stage

HANG_SECONDS = 1800.0  # shares of the work take about as long: so much longer than all others, none does
PATHS = ("artifact", "training", "shards", "tokenizer", "facts")


def evaluate_on(processes: int, device: str, threads: int, **arguments: Any) -> None:
    """``evaluate_stage`` with these ``arguments`` in this process, or by ``processes`` that share the work.

    ``device``: ``cuda``, a GPU for each of several processes, or ``cpu``. ``threads``: of all together. Raises what
    the stage does, ``InputError`` where a process fails, and ``SystemExit(75)`` when SIGTERM stopped it.
    """
    if processes == 1:
        use_processors(threads)
        evaluate_stage(**arguments)
        return
    with tempfile.TemporaryDirectory(prefix="tritgolf-evaluate-") as made:
        folder, job = Path(made), Path(made) / "job.json"
        plain = {name: _plain(value) for name, value in arguments.items()}
        write_json(job, {"device": device, "threads": max(1, threads // processes), "arguments": plain})
        command = ranks_command("tritgolf.stages.evaluation_ranks", job, processes)
        code, terminated = run_ranks(command, Watch(folder, HANG_SECONDS))
        failure = read_failure(folder)
    if terminated:
        raise SystemExit(EXIT_PREEMPTED)
    if failure:
        raise failure
    if code:
        where = f"evaluating {arguments['record']} seed {arguments['seed']}"
        fix = "read the messages above; the same command scores it again"
        raise InputError(where, f"one of its {processes} processes failed (exit code {code})", fix)


def _plain(value: Any) -> Any:
    if isinstance(value, Settings):
        return value.model_dump(mode="json")
    return str(value) if isinstance(value, Path) else value


def main(job_path: str) -> int:
    """Be one rank of the job; see the module's text for the exit codes."""
    die_with_parent()
    job, folder = read_json(job_path), Path(job_path).parent
    if job["device"] == "cpu":
        hide_devices()
    use_processors(job["threads"])
    try:
        with no_network(), joined_ranks(HANG_SECONDS, job["device"]) as ranks, beating(folder, ranks, HANG_SECONDS):
            evaluate_stage(**_parsed(job["arguments"]), ranks=ranks)
    except InputError as error:
        return write_failure(folder, error)
    except OSError as error:
        if not full_disk(error) and error.filename is None:
            raise
        return write_failure(folder, file_error(error, job["arguments"]["facts"]))
    return 0


def _parsed(plain: dict[str, Any]) -> dict[str, Any]:
    """The arguments of ``evaluate_stage`` from their plain values."""
    settings = {
        "model": of_its_kind(plain["model"]),
        "train": TrainConfig(**plain["train"]),
        "settings": EvaluateConfig(**plain["settings"]),
    }
    return {**plain, **settings, **{name: Path(plain[name]) for name in PATHS}}


if __name__ == "__main__":
    with one_line_errors():
        raise SystemExit(main(sys.argv[1]))
