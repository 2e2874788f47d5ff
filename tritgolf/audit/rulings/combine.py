"""One outcome out of several: a check over several logs, several checks over one."""

from collections.abc import Callable, Sequence

from tritgolf.audit.run_log import RunLog
from tritgolf.outcome import Outcome, Verdict, cant_tell, holds


def over(check: Callable[[RunLog], Outcome], logs: Sequence[RunLog]) -> Outcome:
    """A log check on several logs: contradicted if any is, else can't tell if any can't, else holds."""
    outcomes = [(log.name.removesuffix(".log"), check(log)) for log in logs]
    for verdict in (Verdict.CONTRADICTED, Verdict.CANT_TELL, Verdict.HOLDS):
        who: dict[str, list[str]] = {}
        for name, outcome in outcomes:
            if outcome.verdict is verdict:
                who.setdefault(outcome.evidence, []).append(name)
        if who:
            return Outcome(verdict, "; ".join(f"{_together(names)}: {evidence}" for evidence, names in who.items()))
    return cant_tell("no log")


def _together(names: Sequence[str]) -> str:
    """Names of logs in short: pr920/seed42, pr920/seed7 → pr920/seed42 and seed7."""
    short = [
        name if i == 0 or folder != names[i - 1].partition("/")[0] else seed
        for i, name in enumerate(names)
        for folder, _, seed in [name.partition("/")]
    ]
    return ", ".join(short[:-1]) + f" and {short[-1]}" if len(short) > 1 else short[0]


def all_of(*outcomes: Outcome) -> Outcome:
    """Several outcomes as one: contradicted if any is (its evidence told), else can't tell if any can't, else holds."""
    for verdict in (Verdict.CONTRADICTED, Verdict.CANT_TELL):
        found = [outcome.evidence for outcome in outcomes if outcome.verdict is verdict]
        if found:
            return Outcome(verdict, "; ".join(found))
    return holds("; ".join(outcome.evidence for outcome in outcomes))
