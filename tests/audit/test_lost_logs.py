"""Logs that are lost, cut, or of fewer runs than a text states: what others say isn't said of theirs, and is left open.

Each case is sound, and holds, while its logs are there.
"""

import re
import shutil

import pytest

from tests.audit import styles
from tests.audit.folders import PUBLISHED, README_640, folder, text, three
from tests.audit.test_false_alarms import JSON, TABLE, TITLE, cut
from tests.small import REPOSITORY
from tritgolf.audit.checks import SUBMISSION_CHECKS
from tritgolf.audit.submission import read_logs, read_submission
from tritgolf.outcome import Verdict

LOST = "train_seed3"
NO_LOG = "seed 3, of which no log is read"
LINES_OF_SIZES = ("Serialized model", "Code size", "Total submission size")
MODEL, TOTAL = 15_652_358, 15_700_000


def outcome(check, path):
    run = next(each.run for each in SUBMISSION_CHECKS.checks if each.name == check)
    return run(read_submission(path, against=read_logs(PUBLISHED / "pr640") if check == "tables.record" else ()))


def without_lines(log, *starts):
    return "".join(line for line in log.splitlines(True) if not line.startswith(starts))


def lose(logs):
    return {name: log for name, log in logs.items() if not name.endswith(("seed3", "seed7"))}


def lose_total(logs):
    return logs | {LOST: without_lines(logs[LOST], "Total submission size int6")}


def lose_sizes(logs):
    return logs | {LOST: without_lines(logs[LOST], *LINES_OF_SIZES)}


def cut_off(logs):
    return logs | {LOST: cut(logs[LOST], "final_int6_roundtrip")}


def by_seed(**figures):
    """submission.json with the score of each seed, and of the last one these figures, too."""
    rows = {str(seed): {"val_bpb": bpb} for seed, bpb in styles.SEEDS.items()}
    return {"val_bpb": 1.1705, "seed_results": rows | {"3": rows["3"] | figures}}


def of_all(**figures):
    return {"val_bpb": 1.1705, "seeds": [1, 2, 3], **figures}


README = TITLE + TABLE
FASTER = ("val_loss:2.9", "val_loss:2.8")  # better than the record by far

# (check, how a log is lost, submission.json, what the evidence must say)
OF_THREE = {
    "no log of a row": ("tables.rows", lose, JSON, "the row of seed 3: no log that is read is of its seed"),
    "a row's log was cut": ("tables.rows", cut_off, JSON, "the row of seed 3 has no score of its log"),
    "no size in a row's log": ("tables.rows", lose_sizes, JSON, "seed 3 Artifact: table 15700000, nothing in its log"),
    "no log of a seed's total": ("json.bytes", lose, by_seed(bytes_total=TOTAL), "no log that is read has its total"),
    "no log of a seed's model": ("json.bytes", lose, by_seed(artifact_bytes=MODEL), "seed 3: stated 15,652,358"),
    "open behind what holds": (
        "json.bytes", lose, by_seed(bytes_total=TOTAL) | {"bytes_total": TOTAL}, "seed 3: stated 15,700,000; no log"),
    "a model without a total": ("json.bytes", lose_total, by_seed(artifact_bytes=TOTAL) | {"bytes_total": TOTAL},
                                "seed 3: stated 15,700,000, logged 15,652,358"),
    "no log of the largest": ("json.bytes", lose, of_all(bytes_total_max=TOTAL), NO_LOG),
    "no log of the smallest": ("json.bytes", lose, of_all(min_artifact_bytes=MODEL), NO_LOG),
    "no log of a mean": ("json.bytes", lose, of_all(artifact_bytes_mean=TOTAL), NO_LOG),
    "no total beside the largest": ("json.bytes", lose_total, of_all(bytes_total_max=TOTAL), f"nothing of {LOST}.log"),
    "no log of a loss": ("json.score", lose, by_seed(val_loss=round(styles.nats(1.1737), 8)) | {"val_bpb": 1.1711},
                         "seed 3: loss 1.98174317; no log"),
    "no log of a stage": ("json.score", lose, by_seed(roundtrip_val_bpb=1.1937) | {"val_bpb": 1.1711},
                          "seed 3: roundtrip_val_bpb 1.1937; no log"),
    "no size beside the mean": ("text.submission_json", lose_total, JSON, f"nothing of {LOST}.log"),
}  # fmt: skip


@pytest.mark.parametrize(("check", "loss", "facts", "told"), OF_THREE.values(), ids=OF_THREE)
def test_what_a_lost_log_would_decide_is_open(check, loss, facts, told, tmp_path):
    assert outcome(check, folder(tmp_path / "sound", styles.three(), README, facts)).verdict is Verdict.HOLDS
    verdict, evidence = outcome(check, folder(tmp_path / "lost", loss(styles.three()), README, facts))
    assert verdict is Verdict.CANT_TELL
    assert told in evidence


@pytest.mark.parametrize("check", ["text.layout", "budget.identical", "tables.record"])
def test_what_two_ternary_logs_say_is_not_said_of_a_third(check, tmp_path):
    logs = three("pr640", *([FASTER] if check == "tables.record" else []))
    assert outcome(check, folder(tmp_path / "sound", logs, README_640)).verdict is Verdict.HOLDS
    verdict, evidence = outcome(check, folder(tmp_path / "lost", lose(logs), README_640))
    assert verdict is Verdict.CANT_TELL
    assert "nothing of seed 7, of which no log is read" in evidence


def test_invented_scores_of_seeds_without_a_log_hold_nothing(tmp_path):
    made = tmp_path / "int6"
    shutil.copytree(REPOSITORY / "tests/fixtures/submissions/int6", made)
    readme = (made / "README.md").read_text()
    (made / "README.md").write_text(re.sub(r"\| ([12]) \| 1\.1\d+", r"| \1 | 0.9999", readme))
    for seed in (1, 2):
        (made / f"train_seed{seed}.log").unlink()
    verdict, evidence = outcome("tables.rows", made)
    assert verdict is Verdict.CANT_TELL
    assert "the row of seed 1: no log" in evidence
    assert "the row of seed 2: no log" in evidence


ROWS = {1: "1.1667", 4: "1.1901", 5: "1.1902", 6: "1.1903", 7: "1.1904", 8: "1.1905", 9: "1.1906"}


def table(*rows):
    """A README with (seed, score, size) rows."""
    body = "".join(f"| {seed} | {bpb} | {size} |\n" for seed, bpb, size in rows)
    return f"# val_bpb: 1.1667\n\n| Seed | Sliding BPB | Artifact |\n|---|---|---|\n{body}"


def test_what_evidence_does_not_show_is_counted(tmp_path):
    readme = table(*((seed, bpb, "15,700,000") for seed, bpb in ROWS.items()))
    verdict, evidence = outcome("tables.rows", folder(tmp_path, {"train_seed1": styles.int6(1, 1.1667)}, readme))
    assert verdict is Verdict.CANT_TELL
    assert evidence.count("no log that is read") == 4
    assert evidence.endswith("; 2 more")


def test_wrong_figures_that_evidence_does_not_show_are_counted(tmp_path):
    logs = {f"train_seed{seed}": styles.int6(seed, float(bpb)) for seed, bpb in ROWS.items()}
    readme = table(*((seed, bpb, "15,600,000") for seed, bpb in ROWS.items()))
    verdict, evidence = outcome("tables.rows", folder(tmp_path, logs, readme))
    assert verdict is Verdict.CONTRADICTED
    assert evidence.endswith("; 3 more")


# What there is of a seed's second run, and what the evidence must say of its row.
TWICE = {
    "no log": ({}, "a row of seed 1 has no score of its logs"),
    "no size": ({"second": without_lines(styles.int6(1, 1.1711), *LINES_OF_SIZES)},
                "seed 1 Artifact: table 15700000, nothing in its log"),
}  # fmt: skip


@pytest.mark.parametrize(("second", "told"), TWICE.values(), ids=TWICE)
def test_a_further_row_of_a_seed_is_held_to_a_log_of_its_own(second, told, tmp_path):
    logs = {"first": styles.int6(1, 1.1667)}
    readme = table((1, "1.1667", "15,700,000"), (1, "1.1711", "15,700,000"))
    sound = folder(tmp_path / "sound", logs | {"second": styles.int6(1, 1.1711)}, readme)
    assert outcome("tables.rows", sound).verdict is Verdict.HOLDS
    verdict, evidence = outcome("tables.rows", folder(tmp_path / "lost", logs | second, readme))
    assert verdict is Verdict.CANT_TELL
    assert told in evidence


def test_a_figure_beside_a_log_that_has_another_is_not_said_to_have_none(tmp_path):
    logs = styles.three()
    logs[LOST] = logs[LOST].replace("int6+zstd", "int6+lzma").replace(f"{TOTAL}", "15712345")
    readme = TITLE + TABLE.replace("Artifact", "Artifact (zstd)")
    verdict, evidence = outcome("tables.rows", folder(tmp_path, logs, readme))
    assert verdict is Verdict.CANT_TELL
    assert evidence.endswith("seed 3 Artifact (zstd): table 15700000, not so in its log")


def test_seeds_of_several_rows_without_a_log_are_told(tmp_path):
    readme = table((1, "1.1667", "15,700,000"), (9, "1.1711", "15,700,000"), (9, "1.1737", "15,700,000"))
    verdict, evidence = outcome("runs.seeds", folder(tmp_path, {"train": styles.int6(1, 1.1667)}, readme))
    assert verdict is Verdict.CANT_TELL
    assert "no log prints 9, of several rows" in evidence


@pytest.mark.parametrize(("field", "size", "verdict"), [
    ("bytes_total", TOTAL, Verdict.HOLDS), ("artifact_bytes", MODEL, Verdict.HOLDS),
    ("bytes_total", MODEL, Verdict.CANT_TELL), ("bytes_total", 15_123_456, Verdict.CANT_TELL),
])  # fmt: skip
def test_sizes_of_several_rows_of_a_seed_are_held_to_its_logs(field, size, verdict, tmp_path):
    rows = [{"seed": 1, "val_bpb": 1.1667, field: size}, {"seed": 1, "val_bpb": 1.1711}]
    made = folder(tmp_path, {"train": styles.int6(1, 1.1667)}, facts={"val_bpb": 1.1667, "seed_results": rows})
    found = outcome("json.bytes", made)
    assert found.verdict is verdict
    assert f"seed 1, one of 2: stated {size:,}" in found.evidence


def test_a_seeds_total_is_held_to_its_log_beside_its_model(tmp_path):
    facts = by_seed(artifact_bytes=MODEL, bytes_total=15_123_456)
    verdict, evidence = outcome("json.bytes", folder(tmp_path, styles.three(), README, facts))
    assert verdict is Verdict.CONTRADICTED
    assert evidence == "seed 3: stated 15,123,456, logged 15,700,000"


@pytest.mark.parametrize("check", ["text.headline", "text.mean"])
def test_a_mean_of_fewer_runs_than_stated_is_open(check, tmp_path):
    logs = lose(styles.three())
    title = "# A record\n\n**val_bpb: 1.1689** (mean of {} seeds)\n"
    assert outcome(check, folder(tmp_path / "sound", logs, title.format(2))).verdict is Verdict.HOLDS
    verdict, evidence = outcome(check, folder(tmp_path / "lost", logs, title.format(3)))
    assert verdict is Verdict.CANT_TELL
    assert "over 2 runs" in evidence
    assert evidence.endswith(", of 3")


BASE3 = ("ternary:64880640(14239486B)", "ternary:64880640(13989910B)")


@pytest.mark.parametrize(("logs", "readme"), [
    (three("pr640") | {"seed42": text("pr640/seed42", BASE3)}, README_640),
    (three("pr640"), README_640.replace("as a bitmask", "in base-3 instead of a bitmask")),
], ids=["written", "named"])  # fmt: skip
def test_one_of_several_layouts_is_not_all_of_them(logs, readme, tmp_path):
    verdict, evidence = outcome("text.layout", folder(tmp_path, logs, readme))
    assert verdict is Verdict.CANT_TELL
    assert "base-3" in evidence
    assert "bitmask" in evidence


@pytest.mark.parametrize("lost", ["train_seed9.log", "train_seed2.log"])
def test_gpus_of_a_log_that_is_not_there_or_prints_none_are_open(lost, tmp_path):
    readme = f"`train_seed1.log` is on 8xH100.\n\n`{lost}` is on 8xH100.\n"
    logs = {name: styles.int6(seed) for seed, name in ((1, "train_seed1"), (2, "train_seed2"))}
    logs["train_seed2"] = logs["train_seed2"].replace("world_size:8 ", "")
    verdict, evidence = outcome("runs.gpus", folder(tmp_path, logs, readme))
    assert verdict is Verdict.CANT_TELL
    assert evidence == f"README {lost}: 8, and no log that is read tells"


@pytest.mark.parametrize("check", ["text.headline", "text.mean"])
def test_a_mean_of_fewer_runs_than_seeds_are_claimed_is_open(check, tmp_path):
    title = "# A record\n\n**Mean val_bpb: 1.1689**\n"
    logs = lose(styles.three())
    assert outcome(check, folder(tmp_path / "sound", logs, title, {"seeds": [1, 2]})).verdict is Verdict.HOLDS
    verdict, evidence = outcome(check, folder(tmp_path / "lost", logs, title, {"seeds": [1, 2, 3]}))
    assert verdict is Verdict.CANT_TELL
    assert NO_LOG in evidence


@pytest.mark.parametrize(("bpb", "verdict"), [(1.1667, Verdict.HOLDS), (1.1711, Verdict.CANT_TELL)])
def test_losses_of_several_rows_of_a_seed_are_held_to_its_logs(bpb, verdict, tmp_path):
    loss = round(styles.nats(bpb), 8)
    facts = {"val_bpb": 1.1667, "seed_results": [{"seed": 1, "val_bpb": 1.1667, "val_loss": loss}] * 2}
    found = outcome("json.score", folder(tmp_path, {"train": styles.int6(1, 1.1667)}, facts=facts))
    assert found.verdict is verdict
    assert f"seed 1, one of 2: {loss}" in found.evidence


def test_a_seeds_size_may_be_in_whole_ten_thousands(tmp_path):
    """As the submission's own may be; one further off is none of its log's."""
    for name, near, far in (("bytes_total", TOTAL, 15_720_000), ("artifact_bytes", 15_650_000, 15_640_000)):
        for size, expected in ((near, Verdict.HOLDS), (far, Verdict.CONTRADICTED)):
            made = folder(tmp_path / f"{name}{size}", styles.three(), README, by_seed(**{name: size}))
            assert outcome("json.bytes", made).verdict is expected


@pytest.mark.parametrize(("prints", "verdict"), [
    ("seed:3", Verdict.HOLDS), ("", Verdict.HOLDS), ("seed:2", Verdict.CANT_TELL),
], ids=["its seed", "no seed", "another seed"])  # fmt: skip
def test_a_logs_name_tells_its_seed_only_where_it_prints_none(prints, verdict, tmp_path):
    logs = styles.three()
    logs[LOST] = logs[LOST].replace("seed:3\n", f"{prints}\n")
    found = outcome("budget.limit", folder(tmp_path, logs, README, JSON | {"seeds": [1, 2, 3]}))
    assert found.verdict is verdict
    assert (NO_LOG in found.evidence) == (verdict is Verdict.CANT_TELL)


def test_the_number_of_a_run_in_a_log_is_no_seed(tmp_path):
    """``train.log#2`` is the second run in it."""
    logs = {"train": styles.int6(1).replace("seed:1\n", "") + styles.int6(3).replace("seed:3\n", "")}
    verdict, evidence = outcome("budget.limit", folder(tmp_path, logs, facts={"val_bpb": 1.1709, "seeds": [2]}))
    assert verdict is Verdict.CANT_TELL
    assert "nothing of seed 2, of which no log is read" in evidence


SAME = (1, "1.1667", "15,700,000")


@pytest.mark.parametrize(("logs", "rows", "verdict"), [
    ({"first": styles.int6(1, 1.1667)}, (SAME, SAME), Verdict.CANT_TELL),
    ({"first": styles.int6(1, 1.1667), "second": styles.int6(1, 1.1711)}, (SAME, SAME), Verdict.CANT_TELL),
    ({"first": styles.int6(1, 1.1667), "copy": styles.int6(1, 1.1667)}, (SAME, SAME), Verdict.CANT_TELL),
    ({"first": styles.int6(1, 1.16671), "second": styles.int6(1, 1.16672)}, (SAME, SAME), Verdict.HOLDS),
    ({"first": styles.int6(1, 1.16671), "second": styles.int6(1, 1.16672)}, (SAME,) * 3, Verdict.CANT_TELL),
    ({"first": styles.int6(1, 1.1667, 1.1650)}, (SAME, (1, "1.1650", "15,700,000")), Verdict.HOLDS),
], ids=["one log", "one with another score", "one twice", "two logs", "fewer logs", "two stages of one"])  # fmt: skip
def test_rows_of_a_seed_that_are_told_alike_need_as_many_logs(logs, rows, verdict, tmp_path):
    found = outcome("tables.rows", folder(tmp_path, logs, table(*rows)))
    assert found.verdict is verdict
    assert ("rows of seed 1 have the same scores" in found.evidence) == (verdict is Verdict.CANT_TELL)


def test_a_run_may_be_told_in_two_tables(tmp_path):
    readme = table(SAME) + "\n## Details\n\n" + table(SAME).partition("\n\n")[2]
    assert outcome("tables.rows", folder(tmp_path, {"first": styles.int6(1, 1.1667)}, readme)).verdict is Verdict.HOLDS
