"""The README's tables: rows against the logs, means, standard deviations, deltas, significance."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.checks.rows import Held, held_table
from tritgolf.audit.claimed import claimed_seeds, tables_of
from tritgolf.audit.claimed_runs import untold
from tritgolf.audit.figures import Comparison, compare_mean, compare_std
from tritgolf.audit.intervals import Printed, rounds_to, std_interval
from tritgolf.audit.listing import first_differences
from tritgolf.audit.run_log import of_seed
from tritgolf.audit.scores import agrees, is_mean_of, is_other_spread, is_std_of_rows, stds_of
from tritgolf.audit.seed_tables import UNITS, SeedTable, candidates, matches, run_of
from tritgolf.audit.significance import improvement
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds, judge
from tritgolf.report.statistics import mean


@SUBMISSION_CHECKS("tables.rows", "the README's seed rows are the logs'")
def rows_are_the_logs(submission: Submission) -> Outcome:
    """Proves that each figure in a README row of a seed is one that this seed's log prints of that kind.

    A row is a run's if it has one of its scores; times are not compared, since a text may add them up as it likes. A
    row that has none of its seed's scores is only contradicted where its table is the one that the headline is of.
    A score that the log hasn't, where it may lack some, is left open; so is one in a column of unknown words, if the
    other rows have their logs' scores there, and a table of the headline of which no row has a score of its log. Open
    are, too, rows of the submission's own tables that no log is of, and figures that the logs of other rows have and
    this one's hasn't. Of several rows of one seed none is contradicted unless its logs are as many, and each row is
    another one's. Where they have the same scores, and fewer logs have these, they are open.
    """
    held = Held.of_all([held_table(submission, table) for table in tables_of(submission)])
    if not held.compared and not held.wrong:
        return cant_tell(submission.not_in_readme("no README table by seed, or no log of those seeds"))
    if held.doubtful and not held.wrong:
        return cant_tell(f"{held.compared} figures compared; {first_differences(held.doubtful)}")
    return judge(not held.wrong, first_differences(held.wrong) or f"{held.compared} figures compared")


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
            columns = logged_columns(submission, table, title) or [[]]
            read = [compare(cell.printed, rows, exact) for each in columns for exact in _in_units(table, title, each)]
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
        return cant_tell(first_differences([f"{title}: {comparison.text}" for title, comparison in doubtful]))
    notes = Counter(comparison.status for _, comparison in found if comparison.status not in ("agrees", "differs"))
    fine = ", ".join([f"{len(found)} compared", *(f"{count} {note}" for note, count in notes.items())])
    return judge(not wrong, first_differences(wrong) or fine)


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
        run = run_of(row, table.kinds, of_seed(submission.readable_logs, seed))
        values = candidates(run, kind) if run else {}
        found.append({name: values[name] for name in matches(row[title], values, kind)})
    shared = [name for name in found[0] if all(name in values for values in found)]
    return [[values[name] for values in found] for name in shared]


def _in_units(table: SeedTable, title: str, exact: Sequence[Printed]) -> list[list[Printed]]:
    """Logged sizes and times as a column in another unit has them, in each that this may be: MB may be 2²⁰ bytes."""
    unit = next((row[title].unit for row in table.rows.values() if title in row), "")
    scales = UNITS.get(unit, (1.0,)) if table.kinds[title] in ("total_bytes", "code_bytes", "seconds") else (1.0,)
    return [[Printed(f"{value.value / scale:.9f}") if scale != 1 else value for value in exact] for scale in scales]


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
