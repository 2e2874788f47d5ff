"""The README's tables: rows against the logs, means, standard deviations, deltas, significance."""

from collections.abc import Callable, Sequence

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.figures import Comparison, compare_mean, compare_std, figure_named, figures_of
from tritgolf.audit.intervals import Interval, Printed, rounds_to
from tritgolf.audit.markdown import Table, figure, read_tables
from tritgolf.audit.significance import improvement
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds, judge
from tritgolf.report.statistics import format_value

SHOWN = 4  # differences quoted in one line of evidence


def seed_rows(table: Table) -> dict[int, dict[str, Printed]]:
    """The rows of a table whose first column is "Seed": seed → figure → printed value; empty for other tables."""
    if not table.header or table.header[0].strip().lower() != "seed":
        return {}
    rows = {}
    for row in table.rows:
        seed = figure(row[0])
        if seed is not None and not seed.decimals and row[0].strip(" .").isdigit():
            rows[int(seed.value)] = _figures(table, row)
    return rows


def summary_row(table: Table, name: str) -> dict[str, Printed]:
    """The figures of the row called ``name`` ("mean", "std")."""
    row = next((row for row in table.rows if row[0].strip().lower().startswith(name)), None)
    return _figures(table, row) if row else {}


def _figures(table: Table, row: Sequence[str]) -> dict[str, Printed]:
    named = ((figure_named(title), figure(cell)) for title, cell in zip(table.header, row, strict=True))
    return {name: value for name, value in named if name and value}


def _seed_tables(submission: Submission) -> list[Table]:
    return [table for table in read_tables(submission.readme or "") if len(seed_rows(table)) >= 1]


@SUBMISSION_CHECKS("tables.rows", "the README's seed rows are the logs'")
def rows_are_the_logs(submission: Submission) -> Outcome:
    """Proves that each figure in a README row of a seed is the one in that seed's log, at the printed precision."""
    logs = {log.seed: figures_of(log) for log in submission.readable_logs}
    compared, wrong = 0, []
    for table in _seed_tables(submission):
        for seed, row in seed_rows(table).items():
            for name, printed in row.items():
                logged = logs.get(seed, {}).get(name)
                if logged is None or (name == "total_bytes" and printed.value < 1e6):
                    continue
                compared += 1
                if not rounds_to(logged, printed):
                    wrong.append(f"seed {seed} {name}: table {printed}, log {logged:.{printed.decimals + 1}f}")
    if not compared:
        return cant_tell(submission.not_in_readme("no README table by seed, or no log of those seeds"))
    return judge(not wrong, "; ".join(wrong[:SHOWN]) or f"{compared} figures compared")


@SUBMISSION_CHECKS("tables.means", "printed means are the means of the rows")
def means_are_means(submission: Submission) -> Outcome:
    """Proves that each mean in a table by seed is that of the table's own rows, up to the rows' rounding."""
    return _summary(submission, "mean", compare_mean)


@SUBMISSION_CHECKS("tables.stds", "printed stds are the sample standard deviations of the rows")
def stds_are_sample_stds(submission: Submission) -> Outcome:
    """Proves that each std is the sample standard deviation (n − 1) of the table's rows, up to the rows' rounding."""
    return _summary(submission, "std", compare_std)


def _summary(submission: Submission, row: str, compare: Callable[[Printed, Sequence[Printed]], Comparison]) -> Outcome:
    found = [
        (name, compare(printed, values))
        for table in _seed_tables(submission)
        for name, printed in summary_row(table, row).items()
        if len(values := [r[name] for r in seed_rows(table).values() if name in r]) >= 2
    ]
    if not found:
        return cant_tell(submission.not_in_readme(f"no README table by seed with a {row} row"))
    wrong = [f"{name}: {comparison.text}" for name, comparison in found if comparison.status == "differs"]
    close = sum(comparison.status == "within rounding" for _, comparison in found)
    fine = f"{len(found)} compared" + (f", {close} only within the rows' rounding" if close else "")
    return judge(not wrong, "; ".join(wrong[:SHOWN]) or fine)


@SUBMISSION_CHECKS("tables.deltas", "printed deltas are the differences of their columns")
def deltas_are_differences(submission: Submission) -> Outcome:
    """Proves that a "Delta" column is the difference of the two columns before it, up to their rounding."""
    compared, wrong = 0, []
    for table in read_tables(submission.readme or ""):
        column = next((i for i, title in enumerate(table.header) if title.lower() in ("delta", "δ", "diff")), 0)
        if column < 2:
            continue
        for row in table.rows:
            before, after, delta = (figure(cell) for cell in row[column - 2 : column + 1])
            if before and after and delta and row[column].strip(" +-−.0123456789") == "":
                compared += 1
                possible = Interval(
                    after.interval.low - before.interval.high, after.interval.high - before.interval.low
                )
                if not possible.meets(delta.rounded):
                    recomputed = format_value(after.value - before.value, 4, signed=True)
                    wrong.append(f"{row[0]}: printed {delta}, {after} − {before} = {recomputed}")
    if not compared:
        return cant_tell(submission.not_in_readme("no README table with a delta column"))
    return judge(not wrong, "; ".join(wrong[:SHOWN]) or f"{compared} deltas compared")


@SUBMISSION_CHECKS("tables.record", "better than the record to beat by 0.005 nats at p < 0.01")
def beats_the_record(submission: Submission) -> Outcome:
    """Proves that the sliding scores beat those of the logs given with ``--against``, by the leaderboard's rule.

    A one-sided Welch t-test on nats a token by seed. The evidence says how many seeds these means and spreads need.
    """
    new = [log.sliding.nats.value for log in submission.readable_logs if log.sliding]
    old = [log.sliding.nats.value for log in submission.against if log.sliding]
    if not submission.against:
        return cant_tell("no record to beat was given (--against FOLDER)")
    if min(len(new), len(old)) < 2:
        return cant_tell(f"{len(new)} and {len(old)} sliding scores; a test needs two on each side")
    test = improvement(new, old)
    return holds(str(test)) if test.passes else contradicted(str(test))
