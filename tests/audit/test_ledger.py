"""The ledger on the published data, against what the specification's list says of each row."""

import shutil

import pytest

from tests.audit.folders import PUBLISHED
from tests.small import REPOSITORY
from tritgolf.audit.claims import Published
from tritgolf.audit.ledger import BY_LOGS, BY_MEASUREMENT, ledger_page, read_ledger, rule
from tritgolf.audit.measurements import Measurements
from tritgolf.audit.outcome import Verdict

HOLDS, CONTRADICTED, OPEN = Verdict.HOLDS, Verdict.CONTRADICTED, Verdict.CANT_TELL

# What logs decide, and a figure of the specification that the evidence must give.
SPECIFIED = {
    "r01": (CONTRADICTED, "absmean → rms"),
    "r02": (OPEN, "t = 1.75"),
    "r03": (OPEN, "in 8 of 8 runs"),
    "r04": (CONTRADICTED, "9.0188 nats; ln 8192 = 9.0109"),
    "r05": (CONTRADICTED, "#640 0.369, 150k steps 0.394"),
    "r06": (CONTRADICTED, "13,989,910"),
    "r07": (CONTRADICTED, "16,216,336"),
    "r08": (CONTRADICTED, "600.666"),
    "r09": (CONTRADICTED, "2.9804 nats is 1.1540 BPB, printed 1.1542"),
    "r10": (CONTRADICTED, "6,291,456"),
    "r11": (OPEN, "from 1.585 (#640) to 1.649, 4% more"),
    "r12a": (CONTRADICTED, "bytes_total 15,953,260 is pr920/seed1337.log's"),
    "r12b": (CONTRADICTED, "564,224"),
    "r12c": (CONTRADICTED, "down to 1.1 ms"),
    "c01": (HOLDS, "1.1570"),
    "c02": (HOLDS, "599.652"),
    "c09": (HOLDS, "15952268"),
    "c17": (CONTRADICTED, "15.95 MB; logged total 16,216,336"),
    "c20": (HOLDS, "smear False → True"),
    "c21": (CONTRADICTED, "it is the total of pr920/seed1337.log"),
}


@pytest.fixture(scope="module")
def entries():
    return rule(Published(PUBLISHED), Measurements())


def by_logs(entries, claim):
    return next(e.ruling.outcome for e in entries if e.claim.id == claim and e.kind == "logs")


def test_every_claim_is_ruled_on(entries):
    claims = {claim.id for claim in Published(PUBLISHED).claims}
    assert {entry.claim.id for entry in entries} == claims
    assert set(BY_LOGS) == claims
    assert set(BY_MEASUREMENT) <= claims


@pytest.mark.parametrize("claim", SPECIFIED)
def test_logs_show_what_the_specification_says(claim, entries):
    verdict, evidence = by_logs(entries, claim)
    assert verdict is SPECIFIED[claim][0]
    assert SPECIFIED[claim][1] in evidence


def test_all_twelve_rows_are_in_it(entries):
    assert {entry.claim.where for entry in entries} >= {f"row {n}" for n in range(1, 13)}


def test_without_measurements_nothing_is_decided_by_them(entries):
    verdicts = {entry.ruling.outcome.verdict for entry in entries if entry.kind == "measurement"}
    assert verdicts == {OPEN}


def test_an_open_ruling_has_no_confidence_and_a_closed_one_has(entries):
    assert all((entry.ruling.outcome.verdict is OPEN) == (entry.ruling.confidence == "") for entry in entries)


def test_verdicts_follow_the_data(tmp_path):
    """With the contradicting figures mended in the logs, the same rulings hold: nothing is typed in."""
    folder = tmp_path / "published"
    shutil.copytree(PUBLISHED, folder)
    for seed in (42, 1337, 7):
        path = folder / f"pr920/seed{seed}.log"
        content = path.read_text()
        for old, new in (("stride=8", "stride=16"), ("1.1542", "1.1540"), ("train_time:600", "train_time:599")):
            content = content.replace(old, new)
        path.write_text(content)
    path = folder / "pr923/seed7.log"
    path.write_text(path.read_text().replace("val_loss:9.0188", "val_loss:9.0109"))
    mended = read_ledger(folder, tmp_path / "none")
    for claim in ("r04", "r08", "r09", "c13", "c14"):
        assert by_logs(mended, claim).verdict is HOLDS, by_logs(mended, claim)


def test_without_logs_nothing_is_decided_by_them(tmp_path):
    folder = tmp_path / "published"
    shutil.copytree(PUBLISHED, folder, ignore=shutil.ignore_patterns("*.log"))
    entries = read_ledger(folder, tmp_path)
    assert {entry.ruling.outcome.verdict for entry in entries} == {OPEN}


def test_the_page_has_every_claim_and_keeps_the_two_kinds_apart(entries):
    page = ledger_page(entries)
    logs, measured = page.split("## Decided by measurement")
    for entry in entries:
        assert f"| {entry.claim.id} |" in (logs if entry.kind == "logs" else measured)
    assert "can't tell yet" in measured


def test_the_page_is_the_same_every_time(entries):
    assert ledger_page(entries) == ledger_page(rule(Published(PUBLISHED), Measurements()))


def test_the_kept_page_is_what_the_rule_makes():
    """If this fails: ``snakemake --cores 1 claims``."""
    made = ledger_page(read_ledger(REPOSITORY / "published", REPOSITORY / "measured"))
    assert made == (REPOSITORY / "docs" / "claims.md").read_text(encoding="utf-8")
