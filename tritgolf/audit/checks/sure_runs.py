"""Of which runs a figure of submission.json can be, of which it surely is, and whether their logs have it anywhere."""

import re
from collections.abc import Iterator, Sequence

from tritgolf.audit.checks.rows import SURE_OF_A_RUN
from tritgolf.audit.claimed import claimed_seeds
from tritgolf.audit.claimed_runs import claimed_score, surely_claimed
from tritgolf.audit.completeness import is_complete
from tritgolf.audit.intervals import Printed
from tritgolf.audit.json_figures import JsonFigure
from tritgolf.audit.run_log import RunLog, of_seed
from tritgolf.audit.scores import stages_of
from tritgolf.audit.submission import Submission

NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,12})?", re.ASCII)
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))", re.ASCII)


def groups(submission: Submission, logs: Sequence[RunLog]) -> Iterator[Sequence[RunLog]]:
    """The runs that a mean of the submission can be of: all of these, the claimed seeds', those of its score."""
    seeds, names = claimed_seeds(submission), surely_claimed(submission)
    yield logs
    yield [log for log in logs if log.named_seed in seeds]
    yield [log for log in logs if log.name in names]


def sure_runs(submission: Submission, figure: JsonFigure) -> Sequence[RunLog]:
    """The runs that a figure is surely of: of its seed the only one, which has the seed's score, or all of the folder.

    None where the score has so few digits that a run and its repetition may have it both, unless one of nearly as many
    stands beside the run's very size.
    """
    logs = submission.readable_logs
    if figure.seed is None:
        is_sure = is_complete(submission, of_mean=len(logs) > 1) and _is_exact(claimed_score(submission))
        return logs if is_sure and surely_claimed(submission) == {log.name for log in logs} else ()
    its_runs = of_seed(logs, figure.seed)
    is_alone = len(its_runs) == 1 and not submission.unread and not submission.unread_logs
    return its_runs if is_alone and _is_its_own(its_runs[0], figure) else ()


def _is_its_own(log: RunLog, figure: JsonFigure) -> bool:
    """Whether the score that is stated beside a figure is a run's and no repetition's."""
    if not figure.score or not stages_of(log, figure.score):
        return False
    has_size = bool(figure.sizes & {*log.models, log.total_bytes})
    return _is_exact(figure.score) or (figure.score.decimals == SURE_OF_A_RUN and has_size)


def _is_exact(score: Printed | None) -> bool:
    """Whether a score has more digits than a run and its repetition have in common."""
    return score is not None and score.decimals > SURE_OF_A_RUN


def numbers_of(log: RunLog) -> set[float]:
    """Every number in a log's text, with and without commas between thousands."""
    texts = (text for line in log.lines for text in (line, THOUSANDS.sub("", line)))
    return {float(number) for text in texts for number in NUMBER.findall(text)}
