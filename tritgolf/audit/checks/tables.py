"""The README's tables: rows against the logs, means, standard deviations, deltas, significance."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.claimed import claimed_seeds, is_headline_table, is_quoted, tables_of
from tritgolf.audit.claimed_runs import untold
from tritgolf.audit.column_titles import SCORES, STEP_TIMES, is_plain
from tritgolf.audit.completeness import unlogged_methods
from tritgolf.audit.figures import Comparison, compare_mean, compare_std
from tritgolf.audit.intervals import Printed, rounds_to, std_interval
from tritgolf.audit.log_lines import RunLog
from tritgolf.audit.packed_totals import with_packed_code, with_shipped_code
from tritgolf.audit.scores import agrees, is_mean_of, is_other_spread, is_std_of_rows, stages, stds_of
from tritgolf.audit.seed_tables import Cell, SeedTable, candidates, matches, run_of, runs_of, scores_matched
from tritgolf.audit.significance import improvement
from tritgolf.audit.submission import Submission
from tritgolf.audit.wholeness import has_every_score, is_whole, reaches_its_end
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds, judge
from tritgolf.report.statistics import mean

SURE_OF_A_RUN = 5  # digits of a score that two runs may have in common
SHOWN = 4  # differences quoted in one line of evidence


@SUBMISSION_CHECKS("tables.rows", "the README's seed rows are the logs'")
def rows_are_the_logs(submission: Submission) -> Outcome:
    """Proves that each figure in a README row of a seed is one that this seed's log prints of that kind.

    A row is a run's if it has one of its scores; times are not compared, since a text may add them up as it likes. A
    row that has none of its seed's scores is only contradicted where its table is the one that the headline is of.
    A score that the log hasn't, where it may lack some, is left open; so is one in a column of unknown words, if the
    other rows have their logs' scores there, and a table of the headline of which no row has a score of its log. Open
    are, too, rows of the submission's own tables that no log is of, and figures that the logs of other rows have and
    this one's hasn't. Of several rows of one seed none is contradicted unless its logs are as many, and each row is
    another one's.
    """
    held = Held.of_all([_held_table(submission, table) for table in tables_of(submission)])
    if not held.compared and not held.wrong:
        return cant_tell(submission.not_in_readme("no README table by seed, or no log of those seeds"))
    if held.doubtful and not held.wrong:
        return cant_tell(f"{held.compared} figures compared; {_first_of(held.doubtful)}")
    return judge(not held.wrong, _first_of(held.wrong) or f"{held.compared} figures compared")


def _first_of(texts: Sequence[str]) -> str:
    """What evidence shows of several differences: the first, and how many more there are."""
    return "; ".join([*texts[:SHOWN], *([f"{len(texts) - SHOWN} more"] if len(texts) > SHOWN else [])])


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


def _held_table(submission: Submission, table: SeedTable) -> Held:
    """The rows of a table, each against the runs that it can be of."""
    runs = {seed: runs_of(row, table.kinds, _logs_of(submission, seed)) for seed, row in table.rows.items()}
    several = {seed: [runs_of(row, table.kinds, _logs_of(submission, seed)) for row in rows]
               for seed, rows in table.repeated.items()}  # fmt: skip
    is_logged = any(runs.values()) or any(of_row for of_rows in several.values() for of_row in of_rows)
    is_own = is_logged or is_headline_table(submission, table)
    held = {}
    for seed, row in table.rows.items():
        if runs[seed]:
            columns = _columns_of_logs(table, {other: of for other, of in runs.items() if other != seed})
            held[seed] = _held(submission, table, seed, row, runs[seed], columns)
        else:
            foreign = _foreign_row(submission, table, seed)
            held[seed] = Held(0, foreign, [] if foreign or not is_own else _unlogged_row(submission, table, seed))
    every = [*held.values(), *(_held_to_several(submission, table, seed, rows, several[seed], is_own)
                               for seed, rows in table.repeated.items())]  # fmt: skip
    every += [] if any(runs.values()) else [Held(0, [], _unlogged_table(submission, table))]
    compared = Held.of_all(every).titles
    every += [Held(0, [], _unlogged_cells(table, seed, table.rows[seed], runs[seed], compared - held[seed].titles))
              for seed in table.rows if runs[seed]]  # fmt: skip
    for seed, rows in table.repeated.items():
        for row, of_row in zip(rows, several[seed], strict=True):
            its_own = _held(submission, table, seed, row, of_row).titles if of_row else compared
            every.append(Held(0, [], _unlogged_cells(table, seed, row, of_row, compared - its_own)))
    return Held.of_all(every)


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


def _held_to_several(
    submission: Submission, table: SeedTable, seed: int, rows: Sequence[dict[str, Cell]],
    runs: Sequence[Sequence[RunLog]], is_own: bool
) -> Held:  # fmt: skip
    """The rows of a seed that has several: where its logs aren't as many, or two rows are of one, all may be of others.

    A row of the submission's own table without any score of them is told: it may be of a run without a log.
    """
    logs = _logs_of(submission, seed)
    held = [_held(submission, table, seed, row, of_row) for row, of_row in zip(rows, runs, strict=True) if of_row]
    compared, wrong, doubtful, titles = Held.of_all(held)
    if is_own and not all(runs):
        doubtful.append(f"a row of seed {seed} has no score of its logs")
    is_sure = len(rows) == len(logs) == len({log.name for of_row in runs for log in of_row if len(of_row) == 1})
    return Held(compared, wrong if is_sure else [], doubtful if is_sure else doubtful + wrong, titles)


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
        logged = ", ".join(list(dict.fromkeys(_told(value, cell) for value in found.values()))[:SHOWN])
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
    alone = len(scored) == 1 and not is_quoted(submission, scored[0])  # one that is quoted may be of another table
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
    if not _logs_of(submission, seed):
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


def _logs_of(submission: Submission, seed: int) -> list[RunLog]:
    """The logs that print this seed; where a log prints none, its file's name may tell it."""
    return [log for log in submission.readable_logs if log.named_seed == seed]


def _whole_logs(submission: Submission, seed: int) -> list[RunLog]:
    return [log for log in submission.readable_logs if log.seed == seed and _is_whole(submission, log)]


def _is_whole(submission: Submission, log: RunLog) -> bool:
    return is_whole(log, submission.readable_logs)


@SUBMISSION_CHECKS("tables.means", "printed means are the means of the rows")
def means_are_means(submission: Submission) -> Outcome:
    """Proves that each mean in a table by seed is that of its rows, as printed or as the logs have them.

    Of sizes the largest may stand there, and is told.
    """
    return _summary(submission, "mean")


@SUBMISSION_CHECKS("tables.stds", "printed stds are standard deviations of the rows")
def stds_are_stds(submission: Submission) -> Outcome:
    """Proves that each std is the sample (n − 1) or population one of the logged values, where logs have the rows.

    Else of the rows up to their rounding. The evidence counts the population ones.
    """
    return _summary(submission, "std")


def _summary(submission: Submission, row: str) -> Outcome:
    found: list[tuple[str, Comparison]] = []
    doubtful: list[tuple[str, Comparison]] = []
    for table in tables_of(submission):
        has_all = not _missing_rows(submission, table)
        cells = table.mean if row == "mean" else table.std
        for title, cell in cells.items():
            rows = table.column(title)
            if len(rows) < 2 or cell.about or not (cell.is_beside or table.has_units_of(title, cell)):
                continue
            compare = _mean if row == "mean" else _std
            read = [compare(cell.printed, rows, exact) for exact in logged_columns(submission, table, title) or [[]]]
            best = min(read, key=lambda comparison: comparison.status == "differs")
            if best.status == "differs" and cell.is_beside and is_other_spread(cell.printed, rows):
                best = replace(best, status="of another spread")
            if best.status == "differs" and row == "mean" and _is_largest_size(table, title, cell.printed):
                best = replace(best, status="the largest, no mean")
            (found if has_all or best.status != "differs" else doubtful).append((title, best))
    if not found and not doubtful:
        return cant_tell(submission.not_in_readme(f"no README table by seed with a {row} row"))
    wrong = [f"{title}: {comparison.text}" for title, comparison in found if comparison.status == "differs"]
    if doubtful and not wrong:  # it may be of runs that the table has no row of
        return cant_tell("; ".join(f"{title}: {comparison.text}" for title, comparison in doubtful[:SHOWN]))
    notes = Counter(comparison.status for _, comparison in found if comparison.status not in ("agrees", "differs"))
    fine = ", ".join([f"{len(found)} compared", *(f"{count} {note}" for note, count in notes.items())])
    return judge(not wrong, "; ".join(wrong[:SHOWN]) or fine)


def _is_largest_size(table: SeedTable, title: str, printed: Printed) -> bool:
    """Whether a size in the row of means is the column's largest, the one that the limit is for."""
    return table.kinds[title] == "total_bytes" and printed.value == max(value.value for value in table.column(title))


def _missing_rows(submission: Submission, table: SeedTable) -> set[int]:
    """Seeds of the submission, claimed or logged, that a table has no row of: its summary may be of all of them."""
    logged = {log.seed for log in submission.readable_logs if log.scores and log.seed is not None}
    return {*claimed_seeds(submission), *logged} - set(table.rows)


def logged_columns(submission: Submission, table: SeedTable, title: str) -> list[list[Printed]]:
    """The logged values that a column's rows can be, each of one name for all rows; empty where some row has none."""
    kind = table.kinds[title]
    found: list[dict[str, Printed]] = []
    for seed, row in table.rows.items():
        run = run_of(row, table.kinds, _logs_of(submission, seed))
        values = candidates(run, kind) if run else {}
        found.append({name: values[name] for name in matches(row[title], values, kind)})
    shared = [name for name in found[0] if all(name in values for values in found)]
    return [[values[name] for values in found] for name in shared]


def _mean(printed: Printed, rows: Sequence[Printed], exact: Sequence[Printed]) -> Comparison:
    """A mean is that of the rows as printed, of the logged values, or of values that round to either."""
    recomputed = mean(value.value for value in exact or rows)
    if any(agrees(printed, mean(value.value for value in values)) for values in (rows, exact) if values):
        return Comparison(printed, recomputed, "agrees")
    if is_mean_of(printed, exact):
        return Comparison(printed, recomputed, "within rounding")
    return compare_mean(printed, rows) if not exact else Comparison(printed, recomputed, "differs")


def _std(printed: Printed, rows: Sequence[Printed], exact: Sequence[Printed]) -> Comparison:
    """A std is that of the logged values, of values that they round, or, nearly the same, of the rows as printed."""
    values = [value.value for value in exact or rows]
    sample, population = stds_of(values)
    if rounds_to(sample, printed):
        return Comparison(printed, sample, "agrees")
    if rounds_to(population, printed):
        return Comparison(printed, sample, "population")
    if any(_in_whole_tens(printed, value) for value in (sample, population)):
        return Comparison(printed, sample, "within rounding")
    if is_std_of_rows(printed, [row.value for row in rows], values):
        return Comparison(printed, sample, "of the rounded rows")
    if std_interval([value.interval for value in exact or rows], ddof=0).meets(printed.rounded):
        return Comparison(printed, sample, "within rounding")
    return compare_std(printed, rows) if not exact else Comparison(printed, sample, "differs")


def _in_whole_tens(printed: Printed, value: float) -> bool:
    """Whether a whole number that ends in zeros, as 4,030 bytes, is a value rounded to tens, hundreds, thousands."""
    zeros = 0 if printed.decimals else len(printed.text) - len(printed.text.rstrip("0"))
    return zeros > 0 and abs(value - printed.value) <= 10**zeros / 2


@SUBMISSION_CHECKS("tables.record", "better than the record to beat by 0.005 nats at p < 0.01")
def beats_the_record(submission: Submission) -> Outcome:
    """Proves that the sliding scores beat those of the logs given with ``--against``, by the leaderboard's rule.

    A one-sided Welch t-test on nats a token by seed. The evidence says how many seeds these means and spreads need.
    """
    new, old = ([log.sliding.nats.value for log in logs if log.sliding and log.sliding.nats]
                for logs in (submission.readable_logs, submission.against))  # fmt: skip
    if not submission.against:
        return cant_tell("no record to beat was given (--against FOLDER)")
    if min(len(new), len(old)) < 2:
        return cant_tell(f"{len(new)} and {len(old)} sliding scores; a test needs two on each side")
    test = improvement(new, old)
    silent = untold(submission, lambda log: log.sliding and log.sliding.nats)
    if silent:
        return cant_tell(f"{test}; {silent}")
    return holds(str(test)) if test.passes else contradicted(str(test))
