"""What a check says, and the register of all checks.

A check is a small function: it takes one subject (a log, a submission, a results folder), proves one thing that its
docstring names, and returns an ``Outcome``: a verdict with the evidence it rests on. "Can't tell" is an honest answer
and the only one allowed when a needed line is absent or unreadable.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar


class Verdict(StrEnum):
    """What the evidence says of a claim.

    A check gives one of the first three; ``DISPUTED``, part of the evidence for a claim and part against it, is the
    ledger's alone.
    """

    HOLDS = "holds"
    CONTRADICTED = "contradicted"
    CANT_TELL = "can't tell"
    DISPUTED = "disputed"


def counted(count: int, words: tuple[str, str]) -> str:
    """``1 holds``, ``2 hold``: a count with its verb, ``words`` for one and for any other number."""
    return f"{count} {words[count != 1]}"


class Outcome(NamedTuple):
    """A verdict and one line of evidence."""

    verdict: Verdict
    evidence: str


def holds(evidence: str) -> Outcome:
    """The evidence agrees with the claim."""
    return Outcome(Verdict.HOLDS, evidence)


def contradicted(evidence: str) -> Outcome:
    """The evidence can't be true together with the claim."""
    return Outcome(Verdict.CONTRADICTED, evidence)


def cant_tell(evidence: str) -> Outcome:
    """What would decide is absent."""
    return Outcome(Verdict.CANT_TELL, evidence)


def disputed(evidence: str) -> Outcome:
    """Part of the evidence agrees with the claim and part contradicts it."""
    return Outcome(Verdict.DISPUTED, evidence)


def all_of(outcomes: Sequence[Outcome], nothing: str) -> Outcome:
    """Several outcomes as one that holds only if all do: contradicted if any is, else can't tell if any can't."""
    order = (Verdict.CONTRADICTED, Verdict.CANT_TELL, Verdict.HOLDS)
    found = next(([o for o in outcomes if o.verdict is verdict] for verdict in order
                  if any(o.verdict is verdict for o in outcomes)), [])  # fmt: skip
    evidence = "; ".join(dict.fromkeys(outcome.evidence for outcome in found))
    return Outcome(found[0].verdict, evidence) if found else cant_tell(nothing)


def judge(agrees: bool, evidence: str) -> Outcome:
    """``holds`` if ``agrees``, else ``contradicted``."""
    return holds(evidence) if agrees else contradicted(evidence)


NOT_CAUSAL, TWICE = "not causal", "targets twice"  # what is said beside scores that are no valid ones


def mark_of(score: Mapping[str, Any]) -> str:
    """What is said beside a method's score wherever it is shown; "" where it is valid.

    ``score``: its block of ``evaluate.json``. The method itself may have a ``mark``; the causality probe tells others.
    """
    causality = score.get("causality") or {}
    not_causal = score.get("mark") == NOT_CAUSAL or causality.get("causal") is False
    breaks = ((not_causal, NOT_CAUSAL), (causality.get("scored_again"), TWICE))
    return ", ".join(mark for applies, mark in breaks if applies)


S = TypeVar("S")


@dataclass(frozen=True)
class Check(Generic[S]):
    """A check: its ``name`` ("theme.what"), the ``claim`` it tests in a few words, and the function."""

    name: str
    claim: str
    run: Callable[[S], Outcome]


@dataclass(frozen=True)
class Finding:
    """One check's outcome on one subject (``subject``: a file name, or the folder's)."""

    check: str
    claim: str
    subject: str
    verdict: Verdict
    evidence: str


class Register(Generic[S]):
    """The checks of one kind of subject, in the order they are defined."""

    def __init__(self) -> None:
        self.checks: list[Check[S]] = []

    def __call__(self, name: str, claim: str) -> Callable[[Callable[[S], Outcome]], Callable[[S], Outcome]]:
        """Decorator: enter the function under ``name``."""

        def enter(function: Callable[[S], Outcome]) -> Callable[[S], Outcome]:
            self.checks.append(Check(name, claim, function))
            return function

        return enter

    def apply(self, subject: S, subject_name: str, without: frozenset[str] = frozenset()) -> list[Finding]:
        """Every check's finding on ``subject``, but of those named in ``without``."""
        findings = []
        for check in self.checks:
            if check.name in without:
                continue
            outcome = check.run(subject)
            findings.append(Finding(check.name, check.claim, subject_name, outcome.verdict, outcome.evidence))
        return findings
