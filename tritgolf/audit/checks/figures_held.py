"""Figures of submission.json of one kind, each held to the logs of its run that tell of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from tritgolf.audit.json_figures import JsonFigure
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, all_of, cant_tell


class Stated(Protocol):
    """A figure of submission.json, with what its field's name says of it."""

    @property
    def figure(self) -> JsonFigure:
        """The number, and of which run it is."""


S = TypeVar("S", bound=Stated)


@dataclass(frozen=True)
class Kind(Generic[S]):
    """How figures of one kind are held to logs.

    ``name``: what submission.json lacks without any. ``stated``: reads them. ``logged``: what a log has that such a
    figure can be, nothing if it doesn't tell; ``what`` that is called. ``held``: the outcome of one figure against the
    logs that tell, with the words that its evidence begins with.
    """

    name: str
    stated: Callable[[dict[str, Any]], Iterable[S]]
    logged: Callable[[RunLog, S], object]
    what: Callable[[S], str]
    held: Callable[[Submission, S, Sequence[RunLog], str], Outcome]


def hold_all(submission: Submission, kind: Kind[S]) -> Outcome:
    """All figures of a kind together; one of which no log tells is left open."""
    if submission.facts is None:
        return cant_tell(submission.facts_problem)
    return all_of(list(_each(submission, kind, kind.stated(submission.facts))), f"submission.json has no {kind.name}")


def _each(submission: Submission, kind: Kind[S], figures: Iterable[S]) -> Iterator[Outcome]:
    for stated in figures:
        told, seed = f"submission.json {stated.figure}", stated.figure.seed
        logs = [log for log in submission.readable_logs if seed in (None, log.named_seed) and kind.logged(log, stated)]
        yield (
            kind.held(submission, stated, logs, told) if logs else cant_tell(f"{told}; no log has {kind.what(stated)}")
        )
