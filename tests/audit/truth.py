"""What the audit says of real submission folders, held against what is true of them: counts, precision, recall."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tritgolf.audit.auditor import audit
from tritgolf.files import digest_bytes
from tritgolf.outcome import Finding, Verdict

# Column "check" of truth.csv → our checks of the same thing. "other" is a figure of its own.
OURS = {
    "headline": ("text.headline",),
    "mean": ("text.mean", "tables.means"),
    "std": ("text.std", "tables.stds"),
    "bytes_limit": ("budget.limit",),
    "bytes_sum": ("budget.sum", "json.sum"),
    "code_bytes": ("budget.script",),
    "json_bytes": ("json.bytes", "text.artifact"),
    "train_time": ("timing.limit",),
    "eval_time": ("timing.evaluation",),
    "seeds": ("runs.seeds",),
    "json_score": ("json.score",),
    "delta": ("tables.deltas",),
    "nats_bpb": ("evaluation.bytes_per_token", "json.loss"),
    "val_tokens": ("evaluation.tokens",),
    "duplicate_log": ("runs.copies",),
    "other": ("tables.rows", "runs.gpus"),
}
SLACK = "slack"  # in the evidence of what is contradicted by the letter alone


def with_scripts(source: Path, target: Path) -> Path:
    """A copy of a folder of the data, in which a file of N bytes stands for each ``NAME.py.size``."""
    for file in sorted(source.rglob("*")):
        copy = target / file.relative_to(source)
        if file.is_dir():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        if file.name.endswith(".py.size"):
            copy.with_suffix("").write_bytes(b"#" * int(file.read_text().split()[0]))
        else:
            copy.write_bytes(file.read_bytes())
    return target


def rows_of(truth: Path) -> dict[tuple[str, str], list[dict[str, str]]]:
    """(folder, check) → rows."""
    rows: dict[tuple[str, str], list[dict[str, str]]] = {}
    with truth.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault((row["folder"], row["check"]), []).append(row)
    return rows


def verdict_of(findings: list[Finding], check: str) -> Verdict:
    """Our verdict on a check of theirs: contradicted if any finding is, else holds if any does."""
    found = {finding.verdict for finding in findings if finding.check in OURS[check]}
    order = (Verdict.CONTRADICTED, Verdict.HOLDS)
    return next((verdict for verdict in order if verdict in found), Verdict.CANT_TELL)


def score(folders: Path, copies: Path) -> dict[str, Any]:
    """All folders audited and counted; ``wrong``: each verdict *contradicted* where no row says so."""
    truth = rows_of(folders / "truth.csv")
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for folder in sorted(path for path in folders.iterdir() if path.is_dir()):
        findings = list(audit(with_scripts(folder, copies / folder.name)).findings)
        for check in OURS:
            verdict = verdict_of(findings, check)
            rows = truth.get((folder.name, check), [])
            if verdict is Verdict.CONTRADICTED:
                is_right = any(row["verdict"] == "contradicted" for row in rows)
                counts["contradicted, right" if is_right else "contradicted, wrong"] += 1
                wrong += [] if is_right else [f"{folder.name}: {check}"]
            counts.update(_counted(row, check, verdict) for row in rows)
    return _summary(counts, wrong, digest_bytes((folders / "truth.csv").read_bytes()))


def _counted(row: dict[str, str], check: str, verdict: Verdict) -> str:
    """What a row of the truth adds to."""
    if row["verdict"] == "undecidable":
        return "undecidable" if verdict is Verdict.CANT_TELL else "undecidable, decided"
    if row["verdict"] == "holds":
        return {Verdict.CANT_TELL: "holds, can't tell"}.get(verdict, "holds")
    kind = "other" if check == "other" else "slack" if SLACK in row["evidence"] else "defect"
    found = {Verdict.CONTRADICTED: "found", Verdict.CANT_TELL: "can't tell"}.get(verdict, "missed")
    return f"{kind}, {found}"


def _summary(counts: Counter[str], wrong: list[str], digest: str) -> dict[str, Any]:
    defects = _all(counts, "defect")
    decided = defects + _all(counts, "other") + _all(counts, "slack") + counts["holds"] + counts["holds, can't tell"]
    unsaid = sum(count for name, count in counts.items() if name.endswith(", can't tell"))
    right, all_accused = counts["contradicted, right"], counts["contradicted, right"] + counts["contradicted, wrong"]
    return {
        "truth_sha256": digest,
        "rows_decided": decided,
        "cant_tell": unsaid,
        "cant_tell_share": round(unsaid / decided, 4),
        "contradicted": all_accused,
        "precision": round(right / all_accused, 4),
        "defects": defects,
        "defects_found": counts["defect, found"],
        "recall": round(counts["defect, found"] / defects, 4),
        "others": _all(counts, "other"),
        "others_found": counts["other, found"],
        "wrong": wrong,
    }


def _all(counts: Counter[str], kind: str) -> int:
    return sum(count for name, count in counts.items() if name.startswith(f"{kind}, "))


def folders_there(candidates: Iterator[Path]) -> Path | None:
    """The first candidate that has the data."""
    return next((path for path in candidates if (path / "truth.csv").is_file()), None)
