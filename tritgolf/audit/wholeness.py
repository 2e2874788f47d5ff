"""Whether a log reaches its run's end: one that was cut, or tells of a part alone, contradicts nothing beyond it.

A killed run, a log of the training alone, one whose last lines were not copied: what such a log lacks is no
contradiction of a text that states it.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tritgolf.audit.log_lines import DIAGNOSTIC, DONE, RunLog
from tritgolf.audit.scores import WORDING, configuration, series, stages

# Word in the name of a setting that turns a method on, and of the stage that it then scores.
METHODS = ("ttt", "sliding")
NUMBERS = re.compile(r"\d+")
SWITCH = re.compile(r"enabled$|^eval_|_eval$|^ttt$")


def is_whole(log: RunLog, others: Sequence[RunLog]) -> bool:
    """Whether nothing says that a run's last scores are missing from its log.

    Something does: no score but diagnostics; a method that its settings turn on and no stage scores; a stage that
    another log of its series or configuration has and it hasn't.
    """
    scored = _final_stages(log)
    if not scored or any(_is_on(log, method) and not any(method in name for name in scored) for method in METHODS):
        return False
    alike = [other for other in others if _is_alike(log, other)]
    needed = ({name for name in _final_stages(other) if not name.endswith(DONE)} for other in alike)
    return not any(_is_lacking(scored, stages_of_other) for stages_of_other in needed)


def has_every_score(log: RunLog, others: Sequence[RunLog]) -> bool:
    """Whether a log is whole and lacks no score, diagnostics among them, that another one of its kind has."""
    alike = [other for other in others if _is_alike(log, other)]
    return is_whole(log, others) and not any(_is_lacking({*stages(log)}, {*stages(other)}) for other in alike)


def _is_lacking(scored: set[str], needed: set[str]) -> bool:
    """Whether a run lacks a stage that another has; one called by another number (ngram5, ngram7) is that stage."""
    missing, instead = (
        Counter(NUMBERS.sub("", name) for name in names) for names in (needed - scored, scored - needed)
    )
    return bool(missing - instead)


def reaches_its_end(log: RunLog) -> bool:
    """Whether a run's last validation is of its last step: no step is printed behind it."""
    last = max((line.step for line in log.steps), default=0)
    return log.final is not None and log.final.step >= last and log.stop_step in (None, log.final.step)


def _final_stages(log: RunLog) -> set[str]:
    """The stages that are scored after training, diagnostics apart, in words that versions of a script share."""
    scored = {name for name in stages(log) if any(score.stage == name for score in log.scores)} | set(log.failed)
    return {WORDING.sub("", name.lower()) for name in scored if not DIAGNOSTIC.match(name)}


def _is_on(log: RunLog, method: str) -> bool:
    switches = [name for name in log.hyperparameters if method in name.lower() and SWITCH.search(name.lower())]
    return any(log.setting_bool(name) for name in switches)


def _is_alike(log: RunLog, other: RunLog) -> bool:
    """Whether two logs are of one script's runs: the same names but for digits, or the same settings."""
    if other is log or log.dialect != other.dialect:
        return False
    same_file = Path(log.name.partition("#")[0]) == Path(other.name.partition("#")[0])
    return not same_file and (series(log) == series(other) or configuration(log) == configuration(other))
