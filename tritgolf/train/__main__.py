"""One rank of a training run: ``python -m tritgolf.train PLAN.json`` (the launcher starts it, alone or under torchrun).

Exit codes: 0 finished; 75 stopped by SIGTERM with the state saved; 2 a final failure, one that trying again would only
repeat, told in ``failure.json`` in the live folder, and as a line where no launcher reads that; 3 a crash, with its
traceback (torchrun makes all but 0 a 1).
"""

import sys
from pathlib import Path

from tritgolf.config.settings import validate
from tritgolf.errors import InputError, file_error, full_disk, one_line_errors
from tritgolf.files import read_json, write_json
from tritgolf.heartbeat import beating
from tritgolf.processes import EXIT_PREEMPTED, die_with_parent, write_failure
from tritgolf.processors import use_processors
from tritgolf.provenance import made_here
from tritgolf.ranks import joined_ranks
from tritgolf.train.launch import STOPPED
from tritgolf.train.live import finish
from tritgolf.train.loop import Preempted, run
from tritgolf.train.plan import Plan, PlanSettings
from tritgolf.train.telling import Telling, telling


def main(plan_path: str) -> int:
    """Train as the plan says; see the module's text for the exit codes."""
    die_with_parent()
    raw = read_json(plan_path)
    live = Path(raw["live"])
    try:
        settings = validate(PlanSettings, {key: raw[key] for key in ("model", "train")}, plan_path)
        plan = Plan(
            label=raw["label"],
            model=settings.model,
            train=settings.train,
            seed=raw["seed"],
            shards=Path(raw["shards"]),
            live=live,
            hang_seconds=raw["hang_seconds"],
            device=raw.get("device"),
        )
        use_processors(plan.train.cpu_threads)
        with joined_ranks(plan.hang_seconds, plan.device) as ranks, beating(live, ranks, plan.hang_seconds):
            made_by = made_here() if ranks.is_main else {}  # before: the package's files may change while this trains
            log = Path(raw["log"]) if raw.get("log") else None
            with telling(Telling(plan.label, plan.train, raw.get("bpb_of_a_nat"), log), ranks.is_main) as told:
                facts = run(plan, ranks, told.hear)
            if ranks.is_main:
                finish(live, facts, made_by)
    except Preempted:  # which has been told
        write_json(live / STOPPED, {})
        return EXIT_PREEMPTED
    except InputError as error:
        return write_failure(live, error)
    except OSError as error:
        if not full_disk(error):
            raise
        return write_failure(live, file_error(error, live))
    return 0


if __name__ == "__main__":
    with one_line_errors():
        raise SystemExit(main(sys.argv[1]))
