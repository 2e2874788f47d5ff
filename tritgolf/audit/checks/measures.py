"""The README's tables and lists of measures (a name and its value in each row): of the one run of a folder."""

import re
from collections.abc import Iterator
from dataclasses import replace

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.checks.rows import compared_cells, has_all_of_kind
from tritgolf.audit.claimed_runs import claimed_score, surely_claimed
from tritgolf.audit.column_titles import SCORES, kind_of, unit_of
from tritgolf.audit.completeness import the_only_run
from tritgolf.audit.listing import first_differences
from tritgolf.audit.markdown import Table, read_tables
from tritgolf.audit.measure_lists import lists_of_measures
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.seed_tables import OF_SOMETHING_ELSE, Cell, read_cell, scores_matched
from tritgolf.audit.stated_text import OF_OTHERS
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, cant_tell, judge

VALUES = re.compile(r"(?:our |final )?(?:value|result|score|figure)s?", re.IGNORECASE)  # the title of the figures
KINDS = ("bpb", "nats", "total_bytes", "code_bytes", "steps", "ms_per_step", "rt_gap")


@SUBMISSION_CHECKS("tables.measures", "the README's measures are the run's")
def measures_are_the_runs(submission: Submission) -> Outcome:
    """Proves that each figure of a table or list of measures is one that the folder's only run prints of that kind.

    Contradicted where every word of the measure's name is known, the log has all its figures of that kind, the
    submission's score is the run's, and the table has a score of it. A size or a step is left open beside a score that
    the run hasn't: the table may be of another export, too.
    """
    run = _only_run(submission)
    tables = [*_tables(submission.readme or ""), *lists_of_measures(submission.readme or "")]
    if run is None or not tables:
        return cant_tell(submission.not_in_readme("no README table or list of measures, or not one run that it is of"))
    figures = 0
    wrong: list[str] = []
    doubtful: list[str] = []
    for row in tables:
        kinds = {name: kind_of(name) if kind_of(name) in KINDS else "" for name in row}
        scores = sum(kinds[name] in SCORES for name in row)
        if not (matched := scores_matched(row, kinds, run)):
            continue
        for cell in compared_cells(submission, row, kinds, run):
            figures += 1
            is_its_own = cell.kind in SCORES or _is_of_it_alone(run, scores, matched)
            is_sure = cell.is_sure and is_its_own and has_all_of_kind(submission, run, cell.kind)
            (wrong if is_sure else doubtful).extend([cell.text] if cell.text else [])
    if not figures:
        return cant_tell("no table or list of measures has a score of the run")
    told = f"{figures} figures compared, of {run.name}"
    if doubtful and not wrong:
        return cant_tell(f"{told}; {first_differences(doubtful)}")
    return judge(not wrong, first_differences(wrong) or told)


def _only_run(submission: Submission) -> RunLog | None:
    """The folder's one run, where nothing tells of others and the submission's score is none of another."""
    run = the_only_run(submission)
    is_its_own = run is not None and (claimed_score(submission) is None or run.name in surely_claimed(submission))
    return run if is_its_own else None


def _is_of_it_alone(run: RunLog, scores: int, matched: int) -> bool:
    """Whether all scores of a table are the run's, and its log counts no parts under names of its own."""
    return scores == matched and not run.told_bytes


def _tables(readme: str) -> Iterator[dict[str, Cell]]:
    """Measure → its cell, of each table that names measures and has their values, and isn't of something else."""
    for table in read_tables(readme):
        if len(table.header) == 2 and VALUES.fullmatch(table.header[1]) and not OF_SOMETHING_ELSE.search(table.above):
            yield dict(_cells(table))


def _cells(table: Table) -> Iterator[tuple[str, Cell]]:
    for name, text in table.rows:
        cell = None if OF_OTHERS.search(name) else read_cell(text)
        if cell is not None:
            yield name, cell if cell.unit else replace(cell, unit=unit_of(name))
