"""Figures in the forms in which real submissions state them: each is held to the logs, and no other system's is."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tritgolf.audit.auditor import audit
from tritgolf.outcome import Verdict

TITLE = "# A record\n\n**val_bpb: 1.1705** (mean of three seeds, std 0.0035)\n\n"


def verdicts(path, *checks):
    findings = {finding.check: finding for finding in audit(path).findings}
    return [findings[check].verdict for check in checks]


def evidence(path, check):
    return next(finding.evidence for finding in audit(path).findings if finding.check == check)


def contradicted(path):
    return {finding.check for finding in audit(path).findings if finding.verdict is Verdict.CONTRADICTED}


@pytest.mark.parametrize("heading", ["Reference results", "Base Reference Results (source record)"])
def test_a_table_of_the_record_that_a_run_starts_from_claims_nothing_of_it(heading, tmp_path):
    rows = "| Seed | Sliding BPB | Artifact |\n|---|---|---|\n| 1 | 1.1228 | 15.56 MB |\n| 9 | 1.1238 | 15.54 MB |\n"
    readme = f"# A change\n\n**Base reference:** `1.1233 val_bpb` (3-seed mean)\n\n### {heading}\n\n{rows}"
    made = folder(tmp_path, {"train_seed1": styles.int6(1, 1.2785)}, readme, {"val_bpb": None})
    assert contradicted(made) == set()
    assert verdicts(made, "runs.seeds") == [Verdict.HOLDS]


@pytest.mark.parametrize(("size", "verdict"), [
    ("15,700,009", Verdict.HOLDS),  # the largest, which the limit is for
    ("15,700,003", Verdict.HOLDS),  # the mean
    ("15,700,007", Verdict.CONTRADICTED),
])  # fmt: skip
def test_the_size_in_a_row_of_means_may_be_the_largest(size, verdict, tmp_path):
    rows = {1: (1.1667, 15_700_000), 2: (1.1711, 15_700_000), 3: (1.1737, 15_700_009)}
    table = styles.table(rows, "1.1705").replace("**1.1705** | |", f"**1.1705** | {size} |")
    made = folder(tmp_path, styles.three(), TITLE + table)
    assert verdicts(made, "tables.means") == [verdict]
    assert ("1 the largest" in evidence(made, "tables.means")) == (size == "15,700,009")
