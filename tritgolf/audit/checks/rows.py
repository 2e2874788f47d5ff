"""A README's rows by seed, each against the logs that it can be of."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import partial
from typing import NamedTuple

from tritgolf.audit.claimed import is_headline_table, is_quoted
from tritgolf.audit.column_titles import SCORES, STEP_TIMES, is_plain
from tritgolf.audit.completeness import unlogged_methods
from tritgolf.audit.intervals import Printed
from tritgolf.audit.packed_totals import with_packed_code, with_shipped_code
from tritgolf.audit.run_log import RunLog, of_seed
from tritgolf.audit.scores import stages, stages_of
from tritgolf.audit.seed_tables import Cell, SeedTable, candidates, matches, runs_of, scores_matched
from tritgolf.audit.submission import Submission
from tritgolf.audit.wholeness import has_every_score, is_whole, reaches_its_end

SURE_OF_A_RUN = 5  # digits of a score that two runs may have in common
QUOTED = 4  # figures of a log in one line of evidence


class Held(NamedTuple):
    """How many figures of rows are compared with logs, in which columns, which are wrong, and which are left open."""

    compared: int
    wrong: list[str]
    doubtful: list[str]
    titles: frozenset[str] = frozenset()

    @classmethod
    def of_all(cls, held: Sequence["Held"]) -> "Held":
        """The same of all of these rows together."""
        wrong, doubtful = ([text for texts in each for text in texts]
                           for each in ([one.wrong for one in held], [one.doubtful for one in held]))  # fmt: skip
        titles = frozenset(title for one in held for title in one.titles)
        return cls(sum(one.compared for one in held), wrong, doubtful, titles)


def held_table(submission: Submission, table: SeedTable) -> Held:
    """The rows of a table, each against the runs that it can be of."""
    logs = submission.readable_logs
    runs = {seed: runs_of(row, table.kinds, of_seed(logs, seed)) for seed, row in table.rows.items()}
    several = {seed: [runs_of(row, table.kinds, of_seed(logs, seed)) for row in rows]
               for seed, rows in table.repeated.items()}  # fmt: skip
    has_runs = any(runs.values())
    is_own = has_runs or any(map(any, several.values())) or is_headline_table(submission, table)
    alone = {seed: _held_alone(submission, table, seed, runs, is_own) for seed in table.rows}
    repeated = {seed: [_held(submission, table, seed, row, of_row) if of_row else None
                       for row, of_row in zip(rows, several[seed], strict=True)]
                for seed, rows in table.repeated.items()}  # fmt: skip
    every = [*alone.values(), *(_held_together(submission, seed, repeated[seed], several[seed], is_own)
                                for seed in table.repeated)]  # fmt: skip
    every += [Held(0, [], _told_alike(table, seed, several[seed])) for seed in table.repeated]
    every += [] if has_runs else [Held(0, [], _unlogged_table(submission, table))]
    compared = Held.of_all(every).titles
    of_runs: list[tuple[int, dict[str, Cell], Sequence[RunLog], Held | None]]
    of_runs = [(seed, row, runs[seed], alone[seed]) for seed, row in table.rows.items() if runs[seed]]
    of_runs += [(seed, *each) for seed, rows in table.repeated.items()
                for each in zip(rows, several[seed], repeated[seed], strict=True)]  # fmt: skip
    every += [Held(0, [], _unlogged_cells(table, seed, row, of_row, compared - held.titles))
              for seed, row, of_row, held in of_runs if held]  # fmt: skip
    return Held.of_all(every)


def _held_alone(
    submission: Submission, table: SeedTable, seed: int, runs: Mapping[int, Sequence[RunLog]], is_own: bool
) -> Held:
    """The one row of a seed, against its runs; of a table of the submission's own it is told where there are none."""
    if runs[seed]:
        columns = _columns_of_logs(table, {other: of for other, of in runs.items() if other != seed})
        return _held(submission, table, seed, table.rows[seed], runs[seed], columns)
    foreign = _foreign_row(submission, table, seed)
    return Held(0, foreign, [] if foreign or not is_own else _unlogged_row(submission, table, seed))


def _held(
    submission: Submission, table: SeedTable, seed: int, row: dict[str, Cell], runs: Sequence[RunLog],
    columns: Set[str] = frozenset()
) -> Held:  # fmt: skip
    """A row against whichever of its runs it is; ``columns``: those in which other rows have their logs' scores."""
    each = [list(compared_cells(submission, row, table.kinds, run, columns)) for run in runs]
    found = min(each, key=lambda cells: sum(bool(cell.text) for cell in cells))
    has_all = partial(has_all_of_kind, submission, runs[each.index(found)])
    odd = [cell for cell in found if cell.text]
    wrong = [f"seed {seed} {cell.text}" for cell in odd if cell.is_sure and has_all(cell.kind)]
    doubtful = [f"seed {seed} {cell.text}" for cell in odd
                if not cell.is_sure or (cell.kind in SCORES and not has_all(cell.kind))]  # fmt: skip
    return Held(len(found), wrong, doubtful, frozenset(cell.title for cell in found))


def _held_together(
    submission: Submission, seed: int, rows: Sequence[Held | None], runs: Sequence[Sequence[RunLog]], is_own: bool
) -> Held:
    """The rows of a seed that has several: where its logs aren't as many, or two rows are of one, all may be of others.

    A row of the submission's own table without any score of them (None) is told: it may be of a run without a log.
    """
    logs = of_seed(submission.readable_logs, seed)
    compared, wrong, doubtful, titles = Held.of_all([held for held in rows if held])
    if is_own and not all(rows):
        doubtful.append(f"a row of seed {seed} has no score of its logs")
    is_sure = len(rows) == len(logs) == len({log.name for of_row in runs for log in of_row if len(of_row) == 1})
    return Held(compared, wrong if is_sure else [], doubtful if is_sure else doubtful + wrong, titles)


def _told_alike(table: SeedTable, seed: int, runs: Sequence[Sequence[RunLog]]) -> list[str]:
    """Rows of a seed that have the same scores of the same logs, where these are fewer: some row is of none of them."""
    rows = zip(table.repeated[seed], runs, strict=True)
    alike = Counter(frozenset((log, title, *stages_of(log, cell.printed, table.kinds[title] == "nats"))
                              for log in of_row for title, cell in row.items() if table.kinds[title] in SCORES)
                    for row, of_row in rows if of_row)  # fmt: skip
    counts = [(count, len({log for log, *_ in scores})) for scores, count in alike.items()]
    return [f"{count} rows of seed {seed} have the same scores, of {logs} log{'s' * (logs != 1)}"
            for count, logs in counts if count > logs]  # fmt: skip


class Compared(NamedTuple):
    """A cell that a log can have: title, kind, and what the log has in its place, "" if it has this very figure.

    ``is_sure``: whether the cell can be nothing but one of the log's figures.
    """

    title: str
    kind: str
    text: str
    is_sure: bool = True


def compared_cells(
    submission: Submission, row: dict[str, Cell], kinds: dict[str, str], run: RunLog, columns: Set[str] = frozenset()
) -> Iterator[Compared]:
    """Each cell of a row that its log can have; ``columns``: those in which other rows have their logs' scores."""
    for title, cell in row.items():
        kind = kinds[title]
        found = candidates(run, kind)
        if not found or kind == "seconds" or cell.about:
            continue
        logged = ", ".join(list(dict.fromkeys(_told(value, cell) for value in found.values()))[:QUOTED])
        told = f"{title}: table {cell.printed}{cell.unit}, log {logged}"
        packed = with_packed_code(submission, run) if kind == "total_bytes" else ()
        shipped = with_shipped_code(submission, run) if kind == "total_bytes" else ()
        if matches(cell, found, kind) or any(map(cell.is_of, shipped)):
            yield Compared(title, kind, "")
        elif any(map(cell.is_of, packed)):
            yield Compared(title, kind, f"{told}; it counts a smaller script", is_sure=False)
        elif is_plain(title, run):
            yield Compared(title, kind, told)
        elif title in columns:
            yield Compared(title, kind, told, is_sure=False)


def _columns_of_logs(table: SeedTable, runs: Mapping[int, Sequence[RunLog]]) -> set[str]:
    """The columns of scores in which a row has one of its run's."""
    return {title for seed, of_seed in runs.items() for title, cell in table.rows[seed].items()
            if (kind := table.kinds[title]) in SCORES and not cell.about
            and any(matches(cell, candidates(run, kind), kind) for run in of_seed)}  # fmt: skip


def _unlogged_table(submission: Submission, table: SeedTable) -> list[str]:
    """That no row of the headline's table has a score of its log, where the logs of its seeds have scores."""
    scored = any(table.kinds[title] in SCORES for row in table.rows.values() for title in row)
    logged = any(_whole_logs(submission, seed) for seed in table.rows)
    is_open = scored and logged and is_headline_table(submission, table)
    return ["no row of the headline's table has a score of its log"] if is_open else []


def has_all_of_kind(submission: Submission, run: RunLog, kind: str) -> bool:
    """Whether a run's log has all its figures of a kind: a cut one lacks its last scores, its last step, its total."""
    if kind in SCORES:
        return has_every_score(run, submission.readable_logs) and not unlogged_methods(submission)
    if kind == "total_bytes":
        return run.total_bytes is not None
    if kind == "step_average" and not any(line.average_ms for line in run.steps):
        return False
    return reaches_its_end(run) if kind in ("steps", *STEP_TIMES) else True


def _told(value: Printed, cell: Cell) -> str:
    """A logged figure with one digit more than the cell."""
    return value.text if not value.decimals else f"{value.value:.{cell.printed.decimals + 1}f}"


def _foreign_row(submission: Submission, table: SeedTable, seed: int) -> list[str]:
    """What is wrong with a row that has no score of its seed's runs, in the table that the headline is of."""
    scored = _whole_logs(submission, seed)
    if len(scored) == 1 and is_headline_table(submission, table) and (owner := _owner(submission, table, seed)):
        return [f"seed {seed}: the row has the scores of {owner.name}"]
    stated = [table.rows[seed][title] for title in table.rows[seed]
              if table.kinds[title] in SCORES and all(is_plain(title, log) for log in scored)]  # fmt: skip
    alone = len(scored) == len(of_seed(submission.readable_logs, seed)) == 1
    alone = alone and not is_quoted(submission, scored[0])  # one that is quoted may be of another table
    if unlogged_methods(submission) or not (alone and stated and is_headline_table(submission, table)):
        return []
    row_scores = ", ".join(cell.printed.text for cell in stated)
    logged = ", ".join(stage.bpb.text for stage in stages(scored[0]).values())
    return [f"seed {seed}: the row has {row_scores}; {scored[0].name} has {logged}"]


def _owner(submission: Submission, table: SeedTable, seed: int) -> RunLog | None:
    """The one run of another seed that has all scores of a row, in so many digits that no other run has them."""
    row = table.rows[seed]
    scores = [cell.printed for title, cell in row.items() if table.kinds[title] in SCORES and not cell.about]
    owners = [log for log in submission.readable_logs if log.named_seed not in (None, seed)
              and scores_matched(row, table.kinds, log) == len(scores)]  # fmt: skip
    is_exact = any(score.decimals > SURE_OF_A_RUN for score in scores)
    return owners[0] if scores and is_exact and len(owners) == 1 else None


def _unlogged_row(submission: Submission, table: SeedTable, seed: int) -> list[str]:
    """A row with figures of which no log that is read has a score: lost, cut, or of another run."""
    row = table.rows[seed]
    if not any(table.kinds[title] not in ("", "seconds") and not cell.about for title, cell in row.items()):
        return []
    if not of_seed(submission.readable_logs, seed):
        return [f"the row of seed {seed}: no log that is read is of its seed"]
    return [f"the row of seed {seed} has no score of its log"]


def _unlogged_cells(
    table: SeedTable, seed: int, row: Mapping[str, Cell], runs: Sequence[RunLog], columns: Set[str]
) -> list[str]:
    """The figures of a run's row in columns that are held to the logs of other rows, and that its own log hasn't.

    It has none of their kind, or another, which the column's title may not be of.
    """
    missing = {title: cell for title, cell in row.items() if title in columns and not cell.about}
    has_another = {title for title in missing if any(candidates(run, table.kinds[title]) for run in runs)}
    return [f"seed {seed} {title}: table {cell.printed}{cell.unit}, "
            f"{'not so' if title in has_another else 'nothing'} in its log"
            for title, cell in missing.items()]  # fmt: skip


def _whole_logs(submission: Submission, seed: int) -> list[RunLog]:
    return [log for log in submission.readable_logs if log.seed == seed and _is_whole(submission, log)]


def _is_whole(submission: Submission, log: RunLog) -> bool:
    return is_whole(log, submission.readable_logs)
