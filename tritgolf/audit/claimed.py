"""What a submission claims of its runs: seeds, tables by seed, and which runs its figures are of."""

import re
from collections.abc import Iterator
from functools import lru_cache, partial
from statistics import fmean

from tritgolf.audit.intervals import Printed
from tritgolf.audit.json_facts import printed_of, seed_results, stated_seeds
from tritgolf.audit.run_log import RunLog, of_seed
from tritgolf.audit.scores import agrees, same, same_score, stages, stages_of
from tritgolf.audit.seed_tables import SeedTable, run_of, runs_of, seed_tables
from tritgolf.audit.stated_text import stated_scores
from tritgolf.audit.submission import Submission

KEPT = 4  # submissions of which what was found out is kept: several checks ask for it, once a claim
NUMBER = re.compile(r"(?<![\d.])\d\.\d{3,8}(?!\d)", re.ASCII)


def tables_of(submission: Submission) -> tuple[SeedTable, ...]:
    """The README's tables by seed."""
    return seed_tables(submission.readme or "")


@lru_cache(maxsize=KEPT)
def own_tables(submission: Submission) -> tuple[SeedTable, ...]:
    """The tables by seed that are of this submission's runs: the headline's, and those with a score of a log of it.

    Others may be of the record before, of an ablation, or of an earlier version.
    """
    return tuple(
        table for table in tables_of(submission) if is_headline_table(submission, table) or _has_logs(submission, table)
    )


def _has_logs(submission: Submission, table: SeedTable) -> bool:
    logs = submission.readable_logs
    return any(run_of(row, table.kinds, of_seed(logs, seed)) for seed, row in table.rows.items())


@lru_cache(maxsize=KEPT)
def claimed_seeds(submission: Submission) -> tuple[int, ...]:
    """The seeds of the runs that the score is of: of submission.json, else of the README's own tables by seed."""
    stated = stated_seeds(submission.facts)
    return stated or tuple(dict.fromkeys(seed for table in own_tables(submission) for seed in table.rows))


@lru_cache(maxsize=KEPT)
def runs_of_rows(submission: Submission) -> dict[int, tuple[RunLog, ...]]:
    """Seed → its runs that have the score stated for it by submission.json, else by the table that the headline is of.

    A seed may have others: of an earlier version, of an ablation.
    """
    logs = submission.readable_logs
    found: dict[int, tuple[RunLog, ...]] = {}
    for table in filter(partial(is_headline_table, submission), tables_of(submission)):
        for seed, row in table.rows.items():
            found[seed] = tuple(runs_of(row, table.kinds, of_seed(logs, seed)))
    for seed, figures in seed_results(submission.facts).items():
        score = printed_of(figures.get("val_bpb"))
        its_runs = tuple(log for log in of_seed(logs, seed) if score and stages_of(log, score))
        found[seed] = its_runs or found.get(seed, ())
    return found


def is_quoted(submission: Submission, log: RunLog) -> bool:
    """Whether README.md or submission.json quotes a score of this run."""
    return any(same(figure, stage.bpb) for stage in stages(log).values() for figure in _figures(submission))


def claims_to_have(submission: Submission, score: Printed) -> bool:
    """Whether README.md has this score anywhere, be it with other digits."""
    return any(same_score(figure, score) for figure in _numbers(submission.readme or ""))


def _figures(submission: Submission) -> Iterator[Printed]:
    """Every score that README.md or submission.json has."""
    yield from _numbers(submission.readme or "")
    yield from _numbers(repr(submission.facts or ""))


@lru_cache(maxsize=4)
def _numbers(text: str) -> tuple[Printed, ...]:
    return tuple(Printed(figure) for figure in dict.fromkeys(NUMBER.findall(text)))


@lru_cache(maxsize=KEPT)
def counting(submission: Submission) -> tuple[RunLog, ...]:
    """The runs that a text quotes a score of; all of them, where it quotes none."""
    return tuple(log for log in submission.readable_logs if is_quoted(submission, log)) or submission.readable_logs


def is_headline_table(submission: Submission, table: SeedTable) -> bool:
    """Whether the score that the submission states first, or its JSON's, is this table's: a mean, of rows, or a row."""
    stated = [claim.printed for claim in stated_scores(submission.readme)[:1]]
    stated += [score] if (score := printed_of((submission.facts or {}).get("val_bpb"))) else []
    cells = [cell for row in (table.mean, *table.rows.values()) for title, cell in row.items()
             if table.kinds[title] == "bpb"]  # fmt: skip
    columns = [table.column(title) for title, kind in table.kinds.items() if kind == "bpb"]
    return any(same_score(cell.printed, claim) for claim in stated for cell in cells) or any(
        agrees(claim, fmean(score.value for score in column)) for claim in stated for column in columns if column
    )
