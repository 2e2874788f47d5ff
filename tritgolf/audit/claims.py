"""Claims and what becomes of them: an entry of the ledger is a claim with verdict, evidence and confidence."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from tritgolf.audit.int6_facts import Int6Runs, read_int6
from tritgolf.audit.intervals import Printed
from tritgolf.audit.published import FOLDER, read_csv
from tritgolf.audit.recurrent_facts import RecurrentRuns, read_recurrent
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.submission import read_logs
from tritgolf.outcome import Outcome, Verdict
from tritgolf.report.published import SEEDS
from tritgolf.report.statistics import mean

Kind = Literal["logs", "measurement"]

HIGH = "high"  # follows by arithmetic from printed figures, or from full-size measurements of three seeds
MEDIUM = "medium"  # rests on an assumption that the evidence names, or on fewer seeds
LOW = "low"  # indicative: another size of model, or a correlation


@dataclass(frozen=True)
class Claim:
    """A published claim: ``where`` is the text it stands in, ``system`` the run it is about."""

    id: str
    system: str
    where: str
    text: str

    def number(self, pattern: str) -> Printed | None:
        """The number a pattern finds in the claim's text (its first group), as printed; None if it finds none."""
        match = re.search(pattern, self.text)
        return Printed(match[1].replace(",", "")) if match else None


@dataclass(frozen=True)
class Ruling:
    """What decides a claim says of it: an outcome and how sure it is ("" where it takes no side)."""

    outcome: Outcome
    confidence: str

    @classmethod
    def of(cls, outcome: Outcome, confidence: str = HIGH) -> "Ruling":
        """A ruling; one that can't tell, or finds the claim disputed, has no confidence."""
        takes_side = outcome.verdict in (Verdict.HOLDS, Verdict.CONTRADICTED)
        return cls(outcome, confidence if takes_side else "")


@dataclass(frozen=True)
class Entry:
    """A claim, decided by one kind of evidence."""

    claim: Claim
    kind: Kind
    ruling: Ruling


@dataclass(frozen=True)
class Published:
    """The published folder, as the ledger's rulings use it."""

    folder: Path = FOLDER

    @cached_property
    def logs(self) -> tuple[RunLog, ...]:
        """All logs, named ``system/seed<k>.log``."""
        return read_logs(self.folder)

    def of(self, system: str) -> tuple[RunLog, ...]:
        """The logs of a system ("all": every log)."""
        return tuple(log for log in self.logs if system == "all" or log.name.startswith(f"{system}/"))

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """The claims of the published texts, then the specification's list."""
        rows = [*read_csv(self.folder / "claims.csv"), *read_csv(self.folder / "specification.csv")]
        return tuple(Claim(row["id"], row["system"], row["where"], row["claim"]) for row in rows)

    def recurrent(self, system: str) -> RecurrentRuns:
        """The runs of a recurrent transformer ("pr1716"), which are no ``logs``; none where there are no facts."""
        return read_recurrent(self.folder / system)

    def int6(self, system: str) -> Int6Runs:
        """The runs of an int6 transformer ("pr1722"), which are no ``logs``; none where there are no facts."""
        return read_int6(self.folder / system)

    @cached_property
    def reruns(self) -> list[dict[str, str]]:
        """Others' reruns of the published runs, by the claim they are about."""
        return read_csv(self.folder / "reruns.csv")

    @cached_property
    def estimators(self) -> dict[str, str]:
        """System → the scale estimator its code computes, as published."""
        return {row["run"]: row["estimator_in_the_code"] for row in read_csv(self.folder / "rt_gap_by_length.csv")}

    def mean_gap(self, system: str) -> float:
        """Mean roundtrip gap of a system's seeds, bits a byte, as published."""
        return mean(float(row["rt_gap"]) for row in read_csv(self.folder / system / SEEDS))
