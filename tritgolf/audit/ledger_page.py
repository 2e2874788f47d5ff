"""The claims ledger as a page, ``docs/claims.md``: a line a claim with its verdict, the evidence folded below it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tritgolf.audit.claims import Entry, Kind
from tritgolf.audit.ledger import Verdicts, told, verdicts
from tritgolf.outcome import Verdict, counted

WORDS = {  # of one ruling, of several
    Verdict.HOLDS: ("holds", "hold"),
    Verdict.CONTRADICTED: ("is contradicted", "are contradicted"),
    Verdict.CANT_TELL: ("can't be told yet", "can't be told yet"),
    Verdict.DISPUTED: ("is disputed", "are disputed"),
}
INTRODUCTION = """# Claims ledger

Made by `snakemake --cores 1 claims` from `published/` and `measured/`; edit neither this page nor its figures.

Each claim stands with the verdict in one line; what decides it is folded below. A verdict says what the evidence shows,
not what anyone intended. **Confidence**: *high* follows by arithmetic from printed figures or from three seeds at full
size; *medium* rests on an assumption that the evidence names; *low* is indicative only.

Logs and measurement may decide different parts of a claim: *contradicted* where one of them contradicts it and the
other doesn't hold it up, *open in part* where one holds and the other can't tell yet, *disputed* where one holds and
the other contradicts. By logs alone a claim is *disputed* where some of their lines contradict it and others speak for
it. Somebody's *rerun* is evidence of another kind: it is told, and takes no side.
"""

COUNTS: dict[Kind, str] = {
    "logs": "**By logs and files**, arithmetic on printed lines that anyone can repeat",
    "measurement": "**By measurement**, what logs leave open or the source alone tells, read from what is kept in "
    "`measured/`: the causality probes, and runs that were trained in few seeds, some at a laptop's size, on other "
    "text than the published ones{as_written}, so what they rule on assumes that the mechanism is the same there; "
    "bits per byte are by published bytes, as those of the claims",
}
KINDS: dict[Kind, str] = {"logs": "by logs", "measurement": "by measurement"}
PARTS = (
    ("c", "## Claims of the published texts"),
    ("s", "## Claims of the texts of #1716, and of #1493, which it builds on"),
    ("t", "## Claims of the texts of #1722, of the sets and variants before it, and of #1019, which it builds on"),
    ("r", "## Claims that this project tests (`published/specification.csv`)"),
)


def ledger_page(entries: list[Entry], as_written: Sequence[str] = (), reruns: Sequence[Mapping[str, str]] = ()) -> str:
    """The ledger as Markdown: a line a claim with its verdict, all evidence folded below it.

    ``as_written``: names of the kept runs that trained with weights rounded to BF16 (``Measurements.as_written``).
    ``reruns``: rows of ``published/reruns.csv``.
    """
    by_claim: dict[str, list[Entry]] = {}
    for entry in entries:
        by_claim.setdefault(entry.claim.id, []).append(entry)
    lines = {
        of.claim.id: _claim(of, by_claim[of.claim.id], [row for row in reruns if row["claim"] == of.claim.id])
        for of in verdicts(entries)
    }
    parts = [INTRODUCTION, *_counts(entries, as_written)]
    for prefix, title in PARTS:
        if chosen := [line for claim, line in lines.items() if claim.startswith(prefix)]:
            parts.append(f"{title}\n\n" + "\n".join(chosen) + "\n")
    return "\n".join(parts)


def _counts(entries: Sequence[Entry], as_written: Sequence[str]) -> Iterator[str]:
    """How many rulings of each kind there are, by verdict."""
    rounding = f", and some as the source is written, weights rounded to BF16 ({', '.join(as_written)})"
    for kind, title in COUNTS.items():
        chosen = [entry for entry in entries if entry.kind == kind]
        counts = Counter(entry.ruling.outcome.verdict for entry in chosen)
        shown = [verdict for verdict in Verdict if verdict is not Verdict.DISPUTED or counts[verdict]]
        summary = ", ".join(counted(counts[verdict], WORDS[verdict]) for verdict in shown)
        introduction = title.format(as_written=rounding if as_written else "")
        yield f"{introduction}; {counted(len(chosen), ('ruling', 'rulings'))}: {summary}.\n"


def _claim(of: Verdicts, entries: Sequence[Entry], reruns: Sequence[Mapping[str, str]]) -> str:
    """A claim's line with its verdict, and the evidence folded."""
    where = of.claim.where.replace("readme", "README.md")
    about = of.claim.system if where == "specification.csv" else f"{of.claim.system}, {where}"
    evidence = [f"{KINDS[entry.kind]} ({told(entry.ruling)}): {entry.ruling.outcome.evidence}." for entry in entries]
    evidence += [
        f"rerun ({row['by']}; {row['source']}, {row['date']}): "
        f"{row['reproduced']} against {row['claimed']}; {row['facts']}."
        for row in reruns
    ]
    folded = f"<details><summary>evidence</summary>{'<br>'.join(evidence)}</details>"
    return f"- **{of.claim.id}** ({about}) {of.claim.text}: **{of.together}** {folded}"
