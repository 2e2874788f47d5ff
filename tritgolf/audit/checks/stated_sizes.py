"""The sizes that submission.json and the rows of the headline's table state, against those that the logs print."""

import re
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.claimed import is_headline_table, is_quoted, tables_of
from tritgolf.audit.claimed_runs import untold
from tritgolf.audit.column_titles import is_plain
from tritgolf.audit.completeness import is_complete
from tritgolf.audit.intervals import Printed, in_ten_thousands
from tritgolf.audit.json_facts import printed_of, repeated_results, seed_results, size_of
from tritgolf.audit.logged_sizes import has_all_totals, models_of, totals_of
from tritgolf.audit.packed_totals import with_packed_code, with_shipped_code
from tritgolf.audit.run_log import RunLog, of_seed
from tritgolf.audit.scores import stages_of
from tritgolf.audit.seed_tables import Cell, candidates, matches, run_of
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, all_of, cant_tell, contradicted, holds

SIZES_OF_SEEDS = ("artifact_bytes", "bytes_total")
TOTALS = re.compile(r"bytes_total|total_bytes|(?:total_)?(?:artifact|submission)(?:_size)?_bytes(?:_total)?")
OF_THE_WHOLE = re.compile(  # a column's title
    r"(?:total(?:[ _]submission)?|submission(?=[ _]))(?:[ _](?:size|bytes))*(?: ?\([^()]*\))?", re.IGNORECASE
)
OF_ALL_RUNS = re.compile(  # "artifact_bytes_max", "max_artifact_bytes"
    rf"(?:(?:max|mean|min)_)?(?:{TOTALS.pattern})(?:_(?:max|mean|min))?"
)


@SUBMISSION_CHECKS("json.bytes", "the sizes that are stated are the logs'")
def stated_sizes_are_logged(submission: Submission) -> Outcome:
    """Proves that bytes_total is the total of a run, their largest or mean, and each seed's size that of its run.

    A total that is a logged model and the script as shipped is derived and told; one in whole ten thousands is held
    to those. The size of an artifact may be the model's alone, a size by seed may count the script as it is packed.
    """
    facts = submission.facts or {}
    if not totals_of(submission) and not any(map(models_of, submission.readable_logs)):
        return cant_tell("no budget line in the logs")
    means = {key: printed_of(facts[key]) for key in facts if OF_ALL_RUNS.fullmatch(key) and "mean" in key}
    stated = [(key, size) for key in facts if OF_ALL_RUNS.fullmatch(key)
              and (size := size_of(facts[key]) or means.get(key)) is not None]  # fmt: skip
    outcomes = [_stated_total(key, size, submission) for key, size in stated if TOTALS.fullmatch(key)]
    outcomes += [_stated_of_all(key, size, submission) for key, size in stated if not TOTALS.fullmatch(key)]
    outcomes += _sizes_by_seed(submission)
    outcomes += [contradicted(row) for row in _rows_of_other_sizes(submission)]
    return all_of(outcomes, "no size stated that logs can decide")


def _sizes_by_seed(submission: Submission) -> Iterator[Outcome]:
    """Each size that submission.json has of a seed, those of several rows of one seed among them."""
    for seed, row in seed_results(submission.facts).items():
        logs = [log for log in of_seed(submission.readable_logs, seed) if log.total_bytes or models_of(log)]
        score = printed_of(row.get("val_bpb"))
        of_this_run = _is_one_with_a_total(logs, seed) and (score is None or bool(stages_of(logs[0], score)))
        for name in SIZES_OF_SEEDS:
            if size := size_of(row.get(name)):
                yield _stated_of_seed(seed, name, size, submission, logs, of_this_run)
    for seed, rows in repeated_results(submission.facts).items():
        logs = of_seed(submission.readable_logs, seed)
        for name, size in ((name, size_of(row.get(name))) for row in rows for name in SIZES_OF_SEEDS):
            if size:
                told = f"seed {seed}, one of {len(rows)}: stated {size.value:,.0f}"
                sizes = [of for log in logs for of in (log.total_bytes, *_may_be_models(name, log))]
                yield holds(told) if size.value in sizes else cant_tell(f"{told}; no log of the seed has it")


def _is_one_with_a_total(logs: Sequence[RunLog], seed: int) -> bool:
    """Whether a seed has one run, which prints both the seed and its total."""
    return len(logs) == 1 and logs[0].seed == seed and logs[0].total_bytes is not None


def _may_be_models(name: str, log: RunLog) -> list[float]:
    """The sizes of a run's models, where a field of this name may be one of them: a total is none."""
    return models_of(log) if name == "artifact_bytes" else []


def _stated_of_seed(
    seed: int, name: str, size: Printed, submission: Submission, logs: Sequence[RunLog], of_this_run: bool
) -> Outcome:
    if not logs:
        return cant_tell(f"seed {seed}: stated {size.value:,.0f}; no log that is read has its total")
    logged = ", ".join(f"{log.total_bytes or log.models[-1]:,}" for log in logs)
    evidence = f"seed {seed}: stated {size.value:,.0f}, logged {logged}"
    if any(size.value in (log.total_bytes, *_may_be_models(name, log)) for log in logs):
        return holds(evidence)
    if any(size.value in with_shipped_code(submission, log) for log in logs):
        return holds(f"{evidence}; it is a logged model and the script as shipped")
    sizes = [of for log in logs for of in (log.total_bytes, *_may_be_models(name, log)) if of]
    if any(in_ten_thousands(of, size.value) for of in sizes):
        return holds(f"{evidence}; stated in whole ten thousands")
    if any(size.value in with_packed_code(submission, log) for log in logs):
        return cant_tell(f"{evidence}; it counts a smaller script, as the sizes of other seeds do")
    return contradicted(evidence) if of_this_run else cant_tell(evidence)


def _stated_total(key: str, size: Printed, submission: Submission) -> Outcome:
    totals = totals_of(submission)
    evidence = f"{key} {size.value:,.0f}; logged {', '.join(f'{total:,.0f}' for total in totals) or 'no total'}"
    models = [model for log in submission.readable_logs for model in models_of(log)]
    scripts = [file.stat().st_size for file in submission.scripts]
    names = [log.told_bytes[int(size.value)] for log in submission.readable_logs if size.value in log.told_bytes]
    readings = {
        "": size.value in totals or (totals and size.value in (round(fmean(totals)), int(fmean(totals)))),
        f"; a log has it as {names[0] if names else ''}": names,
        "; it is a logged model and the script as shipped": size.value in [m + s for m in models for s in scripts],
        "; stated in whole ten thousands": any(in_ten_thousands(total, size.value) for total in totals),
        "; it is a logged model, without code": "artifact" in key and size.value in models,
    }
    for reading, fits in readings.items():
        if fits:
            return holds(evidence + reading)
    if run := _without_code(size, submission):
        return contradicted(f"{evidence}; it is the model of {run}, without code")
    if not (is_complete(submission) and has_all_totals(submission)):
        return cant_tell(evidence)
    of_models = "; it is the mean of the models, without code" if models and round(fmean(models)) == size.value else ""
    return contradicted(evidence + of_models)


def _without_code(size: Printed, submission: Submission) -> str:
    """The run whose model alone a stated total is, by a log that has it and the code make another; "" if there is none.

    To the byte no other run's total is by chance.
    """
    runs = (log.name for log in submission.readable_logs if log.total_bytes and size.value in models_of(log)
            and log.total_bytes - size.value in log.code_bytes)  # fmt: skip
    return next(runs, "")


def _stated_of_all(key: str, size: Printed, submission: Submission) -> Outcome:
    """The largest, smallest or mean size of all runs, with code or without."""
    of_all: Callable[[list[float]], float] = max if "max" in key else min if "min" in key else fmean
    totals = totals_of(submission)
    models = [model for log in submission.readable_logs for model in models_of(log)]
    evidence = f"{key} {size.value:,.0f}; logged {', '.join(f'{total:,.0f}' for total in totals)}"
    readings: list[tuple[list[float], Callable[[RunLog], object]]] = [
        (totals, lambda log: log.total_bytes), (models if "artifact" in key else [], models_of)
    ]  # fmt: skip
    silent = [untold(submission, tells) for sizes, tells in readings if sizes and abs(of_all(sizes) - size.value) < 1]
    if silent:
        return cant_tell(f"{evidence}; {silent[0]}") if all(silent) else holds(evidence)
    is_sure = is_complete(submission) and has_all_totals(submission)
    return contradicted(evidence) if is_sure else cant_tell(evidence)


def _rows_of_other_sizes(submission: Submission) -> list[str]:
    """Rows of the headline's table whose size is not that of the one run with their seed."""
    wrong = []
    for table in tables_of(submission):
        if not is_headline_table(submission, table):
            continue
        for seed, row in table.rows.items():
            logs = of_seed(submission.readable_logs, seed)
            its_own = _is_one_with_a_total(logs, seed)
            its_own = its_own and (run_of(row, table.kinds, logs) is not None or not is_quoted(submission, logs[0]))
            for title, cell in row.items():
                is_size = table.kinds[title] == "total_bytes" and all(is_plain(title, log) for log in logs)
                if not is_size or cell.about or not its_own:
                    continue
                packed = (total for log in logs for of in (with_shipped_code, with_packed_code)
                          for total in of(submission, log))  # fmt: skip
                if any(map(cell.is_of, packed)):
                    continue
                if not any(matches(cell, _sizes_for(title, cell, log), "total_bytes") for log in logs):
                    logged = ", ".join(f"{log.total_bytes:,}" for log in logs)
                    wrong.append(f"seed {seed}: the row has {cell.printed}{cell.unit}, logged {logged}")
    return wrong


def _sizes_for(title: str, cell: Cell, log: RunLog) -> dict[str, Printed]:
    """What a run prints that a cell can be: no model to the byte, where the title says that it is the submission's."""
    found = candidates(log, "total_bytes")
    is_to_the_byte = cell.printed.value in models_of(log)
    return {"total": found["total"]} if is_to_the_byte and OF_THE_WHOLE.fullmatch(title.strip()) else found
