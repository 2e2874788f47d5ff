"""Whether a log reaches its run's end: one that was cut, or tells of a part alone, contradicts nothing beyond it.

A killed run, a log of the training alone, one whose last lines were not copied: what such a log lacks is no
contradiction of a text that states it.
"""

import re
from collections import Counter
from collections.abc import Sequence, Set
from functools import lru_cache
from pathlib import Path

from tritgolf.audit.intervals import Printed
from tritgolf.audit.run_log import DIAGNOSTIC, DONE, RunLog
from tritgolf.audit.scores import WORDING, configuration, same, series, stages

# Word in the name of a setting that turns a method on, and of the stage that it then scores.
METHODS = ("ttt", "sliding")
EXACT = "_exact"
NUMBERS = re.compile(r"\d+")
SWITCH = re.compile(r"enabled$|^eval_|_eval$|^ttt$")


def is_whole(log: RunLog, others: Sequence[RunLog]) -> bool:
    """Whether nothing says that a run's last scores are missing from its log.

    Something does: no score but diagnostics; a method that its settings turn on and no stage scores; a stage that
    another log of its series or configuration has and it hasn't; no line of a run's beginning; a stage that is scored
    twice, as where two runs in a file aren't told apart.
    """
    if not _has_its_beginning(log) or scores_twice(log):
        return False
    scored = _final_stages(log)
    if not scored or any(_is_on(log, method) and not any(method in name for name in scored) for method in METHODS):
        return False
    needed = {frozenset(name for name in final if not name.endswith(DONE)) for final, _ in _of_its_kind(log, others)}
    return not any(_is_lacking(scored, stages_of_other) for stages_of_other in needed)


def _has_its_beginning(log: RunLog) -> bool:
    """Whether a log isn't the end of one alone: what it was scored as before that end, such a log doesn't say."""
    return bool(log.steps or log.validations or log.parameters) or log.seed is not None


def scores_twice(log: RunLog) -> bool:
    """Whether a stage has two scores that can't be one, so that the log may be of two runs."""
    found: dict[str, list[Printed]] = {}
    for score in log.scores:
        found.setdefault(score.stage, []).append(score.bpb)
    return any(not same(each, scores[0]) and not same(scores[0], each) for scores in found.values() for each in scores)


def has_every_score(log: RunLog, others: Sequence[RunLog]) -> bool:
    """Whether a log is whole and lacks no score, diagnostics among them, that another one of its kind has.

    That of an evaluation alone lacks those of its training.
    """
    if not (log.steps or log.validations):
        return False
    alike = {every for _, every in _of_its_kind(log, others)}
    return is_whole(log, others) and not any(_is_lacking({*stages(log)}, needed) for needed in alike)


def _is_lacking(scored: Set[str], needed: Set[str]) -> bool:
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
    """The stages that are scored after training, diagnostics apart, in words that versions of a script share.

    A line that repeats a score with more digits is one of its own: where it is cut off, a log has fewer digits.
    """
    named = {score.name for score in log.scores}
    scored = {name for name in stages(log) if any(score.stage == name for score in log.scores)} | set(log.failed)
    scored |= {name for name in named if name.endswith(EXACT) and name.removesuffix(EXACT) in named}
    return {WORDING.sub("", name.lower()) for name in scored if not DIAGNOSTIC.match(name)}


def _is_on(log: RunLog, method: str) -> bool:
    switches = [name for name in log.hyperparameters if method in name.lower() and SWITCH.search(name.lower())]
    return any(log.setting_bool(name) for name in switches)


Stages = tuple[frozenset[str], frozenset[str]]  # of a run: those after training as _final_stages has them, and all


def _of_its_kind(log: RunLog, others: Sequence[RunLog]) -> set[Stages]:
    """What the other files' logs of one script's runs have: those of its series, or of its configuration."""
    kinds = _kinds(tuple(others))
    file = _file(log)
    return {of_run for key in _keys(log) for of_run, files in kinds.get(key, {}).items()
            if len(files) > 1 or file not in files}  # fmt: skip


@lru_cache(maxsize=2)
def _kinds(logs: tuple[RunLog, ...]) -> dict[tuple[str, str], dict[Stages, set[Path]]]:
    """Series or configuration → the stages that its runs have → the files of those runs, of each log once."""
    found: dict[tuple[str, str], dict[Stages, set[Path]]] = {}
    for log in logs:
        of_run = (frozenset(_final_stages(log)), frozenset(stages(log)))
        for key in _keys(log):
            found.setdefault(key, {}).setdefault(of_run, set()).add(_file(log))
    return found


def _keys(log: RunLog) -> tuple[tuple[str, str], tuple[str, str]]:
    """What logs of one script's runs share: the dialect, with the same names but for digits or the same settings."""
    return (f"{log.dialect} series", series(log)), (f"{log.dialect} settings", configuration(log))


def _file(log: RunLog) -> Path:
    return Path(log.name.partition("#")[0])
