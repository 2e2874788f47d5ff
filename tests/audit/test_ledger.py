"""The ledger on the published data, against what the specification's list says of each row."""

import re
import shutil
from dataclasses import replace

import pytest

from tests.audit.folders import PUBLISHED, published_as_logs
from tests.small import REPOSITORY
from tritgolf.audit.claims import HIGH, LOW, MEDIUM, Entry, Published, Ruling
from tritgolf.audit.ledger import BY_LOGS, BY_MEASUREMENT, read_ledger, rule, together, told, verdicts
from tritgolf.audit.ledger_page import ledger_page
from tritgolf.audit.measurements import Measurements
from tritgolf.audit.measurements_reader import read_measurements
from tritgolf.outcome import Outcome, Verdict

HOLDS, CONTRADICTED, OPEN, DISPUTED = Verdict.HOLDS, Verdict.CONTRADICTED, Verdict.CANT_TELL, Verdict.DISPUTED

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
    "r09": (DISPUTED, "2.9804 nats is 1.1540 BPB, printed 1.1542"),
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
    listed = {entry.claim.id.rstrip("abc") for entry in entries if entry.claim.where == "specification.csv"}
    assert listed == {f"r{n:02}" for n in range(1, 13)}


def test_without_measurements_nothing_is_decided_by_them(entries):
    verdicts = {entry.ruling.outcome.verdict for entry in entries if entry.kind == "measurement"}
    assert verdicts == {OPEN}


def test_only_a_ruling_that_takes_a_side_has_a_confidence(entries):
    assert all(
        (entry.ruling.outcome.verdict in (OPEN, DISPUTED)) == (entry.ruling.confidence == "") for entry in entries
    )


def edited_pr920(tmp_path, edit):
    """The ledger's rulings by logs with #920's logs edited: ``edit(seed, text)`` returns the new text."""
    folder = published_as_logs(tmp_path / "published")
    for seed in (42, 1337, 7):
        path = folder / f"pr920/seed{seed}.log"
        path.write_text(edit(seed, path.read_text()))
    return read_ledger(folder, tmp_path / "none")


@pytest.mark.parametrize("claim", ["c14", "r09"])
def test_a_printed_stride_against_settings_and_run_times_is_disputed(claim, entries):
    """Two result lines say 8; all settings say 16, and all took the time of the run whose line says 16."""
    verdict, evidence = by_logs(entries, claim)
    assert verdict is DISPUTED
    against, _, support = evidence.partition("; for it: ")
    assert against == "against it: pr920/seed1337 and seed42: the result line says stride=8"
    assert support.startswith(
        "all 3 are configured for 16 and took the same time, 436 to 437 s, pr920/seed7 among them"
    )
    assert "429 s (pr640: other embed_dim, sliding_batch_size)" in support
    assert {of.claim.id: of.together for of in verdicts(entries)}[claim] == "disputed"


def without_doubt(seed, text):
    """Half the stride takes twice as long: the printed 8 is then what ran."""
    return text if seed == 7 else re.sub(r"eval_time:43(\d{4})ms", r"eval_time:87\1ms", text)


def all_eight(seed, text):
    """No line is left that says 16."""
    return text.replace("(stride=16", "(stride=8")


def configured_eight(seed, text):
    """The settings say 8 too."""
    return text.replace("sliding_eval_stride=16", "sliding_eval_stride=8")


@pytest.mark.parametrize("edit", [without_doubt, all_eight, configured_eight])
def test_a_printed_stride_with_nothing_against_it_contradicts(edit, tmp_path):
    assert by_logs(edited_pr920(tmp_path, edit), "c14").verdict is CONTRADICTED


def test_a_stride_is_held_to_the_claim_not_to_the_settings(tmp_path):
    """Printed and configured alike, but not the stride that is claimed."""
    made = edited_pr920(tmp_path, lambda seed, text: configured_eight(seed, all_eight(seed, text)))
    assert by_logs(made, "c14").verdict is CONTRADICTED


def test_without_settings_or_times_the_printed_stride_contradicts(tmp_path):
    made = edited_pr920(tmp_path, lambda seed, text: re.sub(r" eval_time:43\d{4}ms", "", text))
    assert by_logs(made, "c14").verdict is CONTRADICTED


def test_verdicts_follow_the_data(tmp_path):
    """With the contradicting figures mended in the logs, the same rulings hold: nothing is typed in."""
    folder = published_as_logs(tmp_path / "published")
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
    shutil.copytree(PUBLISHED, folder, ignore=shutil.ignore_patterns("facts.json"))
    entries = read_ledger(folder, tmp_path)
    assert {entry.ruling.outcome.verdict for entry in entries} == {OPEN}


def test_the_page_has_a_line_a_claim_and_all_evidence_folded_below(entries):
    page = ledger_page(entries, reruns=Published(PUBLISHED).reruns)
    for of in verdicts(entries):
        assert len(re.findall(rf"^- \*\*{of.claim.id}\*\* .*: \*\*{of.together}\*\* <details>", page, re.M)) == 1
    for entry in entries:
        kind = "logs" if entry.kind == "logs" else "measurement"
        assert f"by {kind} ({told(entry.ruling)}): {entry.ruling.outcome.evidence}." in page
    assert page.count("<details>") == page.count("</details>") == len(verdicts(entries))
    assert len(page.splitlines()) < 150


def test_a_rerun_is_told_and_takes_no_side(entries):
    page = ledger_page(entries, reruns=Published(PUBLISHED).reruns)
    line, _, evidence = page[page.index("- **c01**") :].splitlines()[0].partition(" <details>")
    assert line.endswith("**holds, high**")
    assert "rerun (a maintainer, as the author of #640 quotes it;" in evidence and "1.2280 against 1.1570" in evidence


@pytest.mark.parametrize(
    ("rulings", "expected"),
    [
        ([(HOLDS, LOW)], "holds, low"),
        ([(OPEN, "")], "can't tell yet"),
        ([(OPEN, ""), (OPEN, "")], "can't tell yet"),
        ([(CONTRADICTED, MEDIUM), (CONTRADICTED, HIGH)], "contradicted, high"),
        ([(OPEN, ""), (CONTRADICTED, LOW)], "contradicted, low"),
        ([(HOLDS, HIGH), (OPEN, "")], "open in part"),
        ([(CONTRADICTED, MEDIUM), (HOLDS, LOW)], "disputed"),
        ([(DISPUTED, "")], "disputed"),
        ([(DISPUTED, ""), (OPEN, "")], "disputed"),
        ([(DISPUTED, ""), (CONTRADICTED, HIGH)], "disputed"),
    ],
)
def test_a_claim_has_one_verdict_in_the_end(rulings, expected):
    made = [Ruling(Outcome(verdict, "seen"), confidence) for verdict, confidence in rulings]
    assert together(made) == together(made[::-1]) == expected


def test_a_claim_stands_once_with_both_verdicts(entries):
    found = {of.claim.id: of for of in verdicts(entries)}
    assert len(found) == len({entry.claim.id for entry in entries}) == len(verdicts(entries))
    assert (found["c22"].by_logs, found["c22"].by_measurement) == ("contradicted, medium", "can't tell yet")
    assert found["c22"].together == "contradicted, medium"
    assert (found["c01"].by_measurement, found["c01"].together) == ("—", found["c01"].by_logs)


@pytest.mark.parametrize("claim", ["c12", "r12b"])
def test_the_printed_rate_times_the_printed_bytes_is_the_printed_result(claim, entries):
    found = re.search(r"grow by ([\d,]+); at ([\d.]+) .* that is ([\d,]+) KB", by_logs(entries, claim).evidence)
    size, rate, cost = (float(number.replace(",", "")) for number in found.groups())
    assert round(size * rate / 1000) == cost


def test_every_kept_pair_of_storages_has_a_name():
    page = ledger_page(read_ledger(REPOSITORY / "published", REPOSITORY / "measured"))
    assert "all else lossless: step 1,900" in page
    assert "else as in" not in page


def test_minus_signs_are_minus_signs():
    page = ledger_page(read_ledger(REPOSITORY / "published", REPOSITORY / "measured"))
    assert re.findall(r"(?<=[\s(])-\.?\d.*", page) == []
    assert "−0.0" in page


def test_one_ruling_holds_and_two_hold(entries):
    claims = [Entry(entry.claim, "logs", Ruling(Outcome(HOLDS, "seen"), HIGH)) for entry in entries[:2]]
    assert "1 ruling: 1 holds, 0 are contradicted, 0 can't be told yet." in ledger_page(claims[:1])
    assert "2 rulings: 2 hold," in ledger_page(claims)
    claims = [replace(claim, ruling=Ruling.of(Outcome(DISPUTED, "seen"))) for claim in claims]
    assert "0 can't be told yet, 2 are disputed." in ledger_page(claims)


def test_the_page_is_the_same_every_time(entries):
    assert ledger_page(entries) == ledger_page(rule(Published(PUBLISHED), Measurements()))


def test_the_kept_page_is_what_the_rule_makes():
    """If this fails: ``snakemake --cores 1 claims``."""
    measured = REPOSITORY / "measured"
    published = REPOSITORY / "published"
    as_written, reruns = read_measurements(measured).as_written, Published(published).reruns
    made = ledger_page(read_ledger(published, measured), as_written, reruns)
    assert made == (REPOSITORY / "docs" / "claims.md").read_text(encoding="utf-8")
