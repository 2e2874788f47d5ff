"""Whether a folder has beyond doubt every run that a stated figure can be of."""

import re
from collections.abc import Sequence
from functools import lru_cache

from tritgolf.audit.claimed import KEPT, NUMBER, claimed_seeds, is_headline_table, tables_of
from tritgolf.audit.intervals import Printed
from tritgolf.audit.json_facts import printed_of, unread_seeds
from tritgolf.audit.markdown import Table, read_tables
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.scores import configuration, same, stages
from tritgolf.audit.seed_tables import run_of
from tritgolf.audit.stated_text import COUNT, MEAN, WORDS, stated_scores
from tritgolf.audit.submission import Submission
from tritgolf.audit.wholeness import is_whole, scores_twice

METHODS = ("ttt", "slot", "sliding")
WAY = re.compile(  # to a score whose name lacks it
    r"final_eval_mode:\s?\w+|ttt\w*:\s?(?:done|total)\b|\S.{0,60}\b(?:starting|running) sliding[ _]window"
    r"|final_\w{1,60} .{0,120}\beval_stride:\d",
    re.IGNORECASE,
)
DENIED = re.compile(r"\b(?:no|not|without|never)\b[^.|\n]*")  # what a text says that it doesn't use
PROSE_SEED = re.compile(r"\bseeds?\W{0,4}(\d{1,6})\b", re.IGNORECASE | re.ASCII)


@lru_cache(maxsize=KEPT)
def is_complete(submission: Submission, of_mean: bool = False, count: int | None = None) -> bool:
    """Whether the folder has beyond doubt every run that a stated figure can be of, and no other.

    Each claimed seed has one run, whole, and there are no more; each way to score that is spoken of has a stage. Where
    no seeds are claimed: one run, where no text speaks of others, or, for a mean (of ``count`` runs, if it says so),
    runs of different seeds. For a mean of more runs than seeds are claimed, as where the best alone has its row: just
    so many, of one configuration.
    """
    logs = submission.readable_logs
    unread = any(log.tells_of_training and not log.is_readable for log in submission.logs)
    if unread or submission.unread_logs or unread_seeds(submission.facts) or unlogged_methods(submission):
        return False
    if not all(is_whole(log, logs) for log in logs):
        return False
    printed, seeds = [log.seed for log in logs], claimed_seeds(submission)
    if of_mean and count == len(set(printed)) == len(logs) > len(seeds) > 0:
        return {*seeds} < {*printed} and None not in printed and _are_of_one_configuration(logs)
    if seeds:
        return sorted(seeds) == sorted(seed for seed in printed if seed is not None) and None not in printed
    if of_mean:
        return len(logs) >= 2 and len(set(printed)) == len(logs) and count in (None, len(logs))
    return len(logs) == 1 and not _speaks_of_other_runs(submission, logs[0])


def _are_of_one_configuration(logs: Sequence[RunLog]) -> bool:
    """Whether runs tell their settings, and the same."""
    return all(log.hyperparameters for log in logs) and len({*map(configuration, logs)}) == 1


def the_only_run(submission: Submission) -> RunLog | None:
    """The folder's one run, where no log is unread and no other seed is claimed."""
    logs = submission.readable_logs
    is_alone = len(logs) == 1 and not submission.unread_logs and len(claimed_seeds(submission)) <= 1
    return logs[0] if is_alone else None


def is_the_only_run(submission: Submission, logs: Sequence[RunLog], seed: int) -> bool:
    """Whether the ``logs`` of a seed are one whole run, which its row of the headline's table is, and none is unread.

    The runs of other seeds are no matter, unless a log of theirs may hold several, which would be of any seed.
    """
    if len(logs) != 1 or submission.unread_logs or submission.unread or unlogged_methods(submission):
        return False
    all_tell_theirs = all(log.seed is not None and not scores_twice(log) for log in submission.readable_logs)
    of_the_table = any(seed in table.rows and run_of(table.rows[seed], table.kinds, logs) is not None
                       for table in tables_of(submission) if is_headline_table(submission, table))  # fmt: skip
    return all_tell_theirs and of_the_table and is_whole(logs[0], submission.readable_logs)


@lru_cache(maxsize=KEPT)
def unlogged_methods(submission: Submission) -> tuple[str, ...]:
    """Ways to score that README.md or submission.json speak of and no log has a stage of: their logs are missing.

    A line of a log may name the way to a score whose stage doesn't.
    """
    texts = DENIED.sub("", f"{submission.readme or ''}\n{submission.facts or ''}".lower())
    named = [name for log in submission.readable_logs for name in stages(log)]
    ways = [match[0] for log in submission.readable_logs for match in map(WAY.match, log.lines) if match]
    named += [f"{way} sliding" if "eval_stride" in way else way for way in ways]
    scored = " ".join(named).lower()
    return tuple(method for method in METHODS if re.search(rf"\b{method}\b", texts) and method not in scored)


def _speaks_of_other_runs(submission: Submission, log: RunLog) -> bool:
    """Whether README.md names a seed that isn't this run's, several seeds or runs, a mean, or scores of other runs."""
    readme = submission.readme or ""
    seeds = {int(number) for number in PROSE_SEED.findall(readme)}
    counts = [WORDS.get(number.lower(), 0) or int(number) for number in COUNT.findall(readme)
              if number.lower() in WORDS or number.isdecimal()]  # fmt: skip
    if seeds - {log.seed} or max(counts, default=1) > 1 or MEAN.search(readme):
        return True
    claimed = [
        printed_of((submission.facts or {}).get("val_bpb")),
        *(claim.printed for claim in stated_scores(readme)[:1]),
    ]
    return any(_is_another_row(table, log, printed) for table in read_tables(readme) for printed in claimed if printed)


def _is_another_row(table: Table, log: RunLog, claimed: Printed) -> bool:
    """Whether a table has the claimed score in one row and a run's last score in another: it is of several runs."""
    last = list(stages(log).values())[-1:]
    figures = [[Printed(text) for text in NUMBER.findall(" ".join(row))] for row in table.rows]
    of_the_claim = {at for at, row in enumerate(figures) if any(same(figure, claimed) for figure in row)}
    of_the_log = {at for at, row in enumerate(figures) if any(same(figure, one.bpb) for figure in row for one in last)}
    return bool(of_the_claim and of_the_log) and not of_the_claim & of_the_log
