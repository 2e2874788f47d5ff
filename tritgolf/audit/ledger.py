"""The claims ledger: every published claim, ruled on by logs or by measurements, as a page.

What decides a claim stands in two tables, claim id → ruling; a claim may be in both. The page is generated
(``docs/claims.md``), its figures come from ``published/`` and ``measured/`` alone.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tritgolf.audit.claims import Claim, Entry, Published, Ruling
from tritgolf.audit.markdown import write_table
from tritgolf.audit.measurements import Measurements, read_measurements
from tritgolf.audit.outcome import Verdict, cant_tell
from tritgolf.audit.rulings import measured, runs, systems

LogRuling = Callable[[Claim, Published], Ruling]
MeasuredRuling = Callable[[Claim, Published, Measurements], Ruling]

BY_LOGS: dict[str, LogRuling] = {
    "c01": runs.scores,
    "c02": runs.time_and_bytes,
    "c03": runs.base3_ships,
    "c04": runs.temperature,
    "c05": runs.gaps_are_zero,
    "c06": runs.fp_storage_halves,
    "c07": runs.sliding_gain,
    "c08": runs.parameter_count,
    "c09": runs.scores,
    "c10": systems.only_stated_changes,
    "c11": systems.gap_difference,
    "c12": systems.embedding_cost,
    "c13": runs.time_limit,
    "c14": runs.stride_sixteen,
    "c15": runs.parameter_count,
    "c16": runs.score_and_bytes,
    "c17": runs.scores_and_artifact,
    "c18": systems.zero_fraction,
    "c19": systems.long_gap,
    "c20": systems.only_length_and_smear,
    "c21": runs.bytes_total,
    "c22": systems.amplification_grows,
    "r01": systems.only_stated_changes,
    "r02": systems.gap_difference,
    "r03": runs.temperature,
    "r04": runs.score_is_pure,
    "r05": systems.zero_fraction,
    "r06": runs.base3_ships,
    "r07": runs.artifact_and_resume,
    "r08": runs.time_limit,
    "r09": runs.stride_sixteen,
    "r10": runs.parameter_count,
    "r11": systems.long_gap,
    "r12a": runs.score_and_bytes,
    "r12b": systems.embedding_cost,
    "r12c": runs.averages,
}

BY_MEASUREMENT: dict[str, MeasuredRuling] = {
    "c04": measured.temperature,
    "c05": measured.shrinkage,
    "c06": measured.e4m3_penalty,
    "c07": measured.sliding_gain,
    "c11": measured.scale_storage,
    "c18": measured.zeros_fall,
    "c19": measured.scale_storage_long,
    "c22": measured.amplification_grows,
    "r02": measured.scale_storage,
    "r03": measured.temperature,
    "r04": measured.z_loss,
    "r05": measured.zero_fraction_is_true,
    "r11": measured.scale_storage_long,
}

WORDS = {Verdict.HOLDS: "hold", Verdict.CONTRADICTED: "are contradicted", Verdict.CANT_TELL: "can't be told yet"}
WORD_OF = {verdict: "can't tell yet" if verdict is Verdict.CANT_TELL else verdict.value for verdict in Verdict}

INTRODUCTION = """# Claims ledger

Made by `snakemake --cores 1 claims` from `published/` and `measured/`; edit neither this page nor its figures.

Each claim of the published texts (`c…`) and each row of the specification's list "Where the record is not what it says"
(`r…`, the claim, not what the list says of it) stands with what decides it. A verdict says what the evidence shows, not
what anyone intended. **Confidence**: *high* follows by arithmetic from printed figures or from three seeds at full
size; *medium* rests on an assumption that the evidence names; *low* is indicative only.
"""

LOGS_TITLE = """## Decided by logs and files

Arithmetic on printed lines: anyone can repeat it with `tritgolf audit` on the same files.
"""

MEASUREMENT_TITLE = """## Decided by measurement

Logs can't decide these; they are read from the runs kept in `measured/`, and open until there are some.
"""


def rule(published: Published, measurements: Measurements) -> list[Entry]:
    """Every claim ruled on: once by logs, and by measurement where logs leave something open."""
    entries = []
    for claim in published.claims:
        by_logs, by_measurement = BY_LOGS.get(claim.id), BY_MEASUREMENT.get(claim.id)
        if by_logs is None and by_measurement is None:
            entries.append(Entry(claim, "logs", Ruling.of(cant_tell("nothing here decides this claim"))))
        if by_logs is not None:
            entries.append(Entry(claim, "logs", by_logs(claim, published)))
        if by_measurement is not None:
            entries.append(Entry(claim, "measurement", by_measurement(claim, published, measurements)))
    return entries


def read_ledger(published: str | Path, measurements: str | Path) -> list[Entry]:
    """``rule`` on two folders."""
    return rule(Published(Path(published)), read_measurements(measurements))


def ledger_page(entries: list[Entry]) -> str:
    """The ledger as Markdown: for each kind of evidence a count, a table of verdicts, and the evidence by claim."""
    parts = [INTRODUCTION]
    for kind, title in (("logs", LOGS_TITLE), ("measurement", MEASUREMENT_TITLE)):
        chosen = [entry for entry in entries if entry.kind == kind]
        counts = Counter(entry.ruling.outcome.verdict for entry in chosen)
        counted = ", ".join(f"{counts[verdict]} {WORDS[verdict]}" for verdict in Verdict)
        header = ("", "about", "claim", "verdict", "confidence")
        evidence = "".join(f"- **{entry.claim.id}**: {entry.ruling.outcome.evidence}.\n" for entry in chosen)
        of = ", by logs" if kind == "logs" else ", by measurement"
        table = write_table(header, [_row(entry) for entry in chosen])
        parts.append(f"{title}\n{len(chosen)} rulings: {counted}.\n\n{table}\n### Evidence{of}\n\n{evidence}")
    return "\n".join(parts)


def _row(entry: Entry) -> tuple[str, ...]:
    claim, word = entry.claim, WORD_OF[entry.ruling.outcome.verdict]
    return claim.id, f"{claim.system}, {claim.where}", claim.text, f"**{word}**", entry.ruling.confidence
