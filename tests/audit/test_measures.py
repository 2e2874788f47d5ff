"""Tables of measures and figures of submission.json at other stages: of the one run of a folder."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import contradicted
from tests.audit.test_which_runs import finding
from tritgolf.outcome import Verdict

TITLE = "# A record\n\n**val_bpb: 1.1650** (8xH100)\n\n"
FACTS = {"val_bpb": 1.1650, "bytes_total": 15_700_000}
LOG = styles.int6(1, 1.1709, adapted=1.1650)
ROWS = {
    "Pre-quant val_bpb": "1.1817",
    "Int6 roundtrip BPB": "1.1909",
    "**Sliding val_bpb (stride 64)**": "**1.1709**",
    "Legal TTT val_bpb": "1.1650",
    "Post-quant sliding val_loss": f"{styles.nats(1.1709):.4f}",
    "Training steps": "2,000",
    "Total bytes": "15,700,000",
    "Model bytes": "15,652,358",
    "Code bytes": "47,642",
    "Artifact size": "15.70 MB (max)",
    "Quant gap": "0.0092",
    "Model params": "26,993,756",
    "Peak memory": "13,879 MiB",
    "Tokens seen": "~3.7B",
    "Sliding score of PR #549": "1.1194",
    "Prefix bytes": "4,240,256",
    "Stopped at": "2000 / 20000",
}
WRONG = {
    "Pre-quant val_bpb": "1.1717",
    "**Sliding val_bpb (stride 64)**": "**1.1509**",
    "Legal TTT val_bpb": "1.1550",
    "Post-quant sliding val_loss": "1.9500",
    "Training steps": "3,000",
    "Total bytes": "15,600,000",
    "Code bytes": "40,000",
}


def table(rows, header=("Metric", "Value"), above="## Results"):
    body = "".join(f"| {name} | {value} |\n" for name, value in rows.items())
    return f"{above}\n\n| {header[0]} | {header[1]} |\n|---|---|\n{body}"


def of(path, rows, log=LOG, **form):
    return folder(path, {"train": log}, TITLE + table(rows, **form), FACTS)


def test_a_table_of_measures_is_the_runs(tmp_path):
    found = finding(of(tmp_path, ROWS), "tables.measures")
    assert found.verdict is Verdict.HOLDS
    assert found.evidence.startswith("10 figures compared")
    assert contradicted(tmp_path) == {}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_figure_in_it_is_told(name, tmp_path):
    found = finding(of(tmp_path, ROWS | {name: WRONG[name]}), "tables.measures")
    assert found.verdict is Verdict.CONTRADICTED
    assert WRONG[name].strip("*").replace(",", "") in found.evidence


@pytest.mark.parametrize(("log", "form"), [
    (LOG, {"above": "## The previous record"}),
    (LOG, {"above": "## Ablation without EMA"}),
    (LOG, {"header": ("Metric", "Baseline")}),
    (styles.int6(1, 1.1709).partition("final_int6_sliding")[0], {}),  # a log that was cut
    (LOG.replace("seed:1\n", "seed:1\n", 1) + styles.int6(2, 1.1711, adapted=1.1660), {}),  # another run
])  # fmt: skip
def test_a_table_that_may_be_of_another_run_accuses_nobody(log, form, tmp_path):
    rows = {name: value for name, value in (ROWS | WRONG).items() if "bytes" not in name and "steps" not in name}
    assert "tables.measures" not in contradicted(of(tmp_path, rows, log, **form))


@pytest.mark.parametrize("name", ["Total bytes", "Training steps"])
def test_a_size_beside_a_score_that_the_run_has_not_is_left_open(name, tmp_path):
    """A later export of the same run: its score and its size are in no log."""
    rows = ROWS | {"Sliding val_bpb (mixed int8/int7)": "1.1777", name: WRONG[name]}
    assert finding(of(tmp_path, rows), "tables.measures").verdict is Verdict.CANT_TELL


def test_a_run_that_has_not_the_claimed_score_is_not_the_tables(tmp_path):
    made = folder(
        tmp_path, {"train": LOG}, TITLE.replace("1.1650", "1.1501") + table(ROWS | WRONG), {"val_bpb": 1.1501}
    )
    assert finding(made, "tables.measures").verdict is Verdict.CANT_TELL


def test_parts_that_a_log_counts_under_its_own_names_are_no_contradiction(tmp_path):
    told = "artifact_with_table: 15,779,959 bytes (15.05 MB)\ntotal_submission_with_table: 15,886,378 bytes\n"
    rows = ROWS | {"Total artifact": "15,779,959 bytes", "Code size": "106,419", "Total bytes": "15,886,378"}
    assert "tables.measures" not in contradicted(of(tmp_path, rows, LOG + told))


@pytest.mark.parametrize("name", ["Final loss", "Loss", "Final train loss"])
def test_a_loss_that_may_be_of_training_is_no_false_one(name, tmp_path):
    assert contradicted(of(tmp_path, ROWS | {name: "1.5432"})) == {}


def test_a_table_without_any_score_of_the_run_is_of_something_else(tmp_path):
    rows = {"Pre-quant val_bpb": "1.2817", "Sliding val_bpb": "1.2709", "Training steps": "7,000"}
    assert contradicted(of(tmp_path, rows)) == {}


STAGES = {"pre_quant_val_bpb": 1.1817, "val_bpb_pre_quant": 1.1817, "int6_roundtrip_val_bpb": 1.1909,
          "pre_quant_val_loss": round(styles.nats(1.1817), 4), "legal_ttt_val_bpb": 1.165, "best_val_bpb": 1.0,
          "baseline_val_bpb": 1.2244, "delta_val_bpb": -0.0594}  # fmt: skip


@pytest.mark.parametrize(("name", "wrong", "accused"), [
    ("val_bpb", 1.1650, False), ("pre_quant_val_bpb", 1.1707, True), ("val_bpb_pre_quant", 1.1707, True),
    ("int6_roundtrip_val_bpb", 1.1809, True), ("pre_quant_val_loss", 1.9111, True), ("best_val_bpb", 1.1, False),
])  # fmt: skip
def test_the_jsons_scores_at_other_stages_are_the_runs(name, wrong, accused, tmp_path):
    made = folder(tmp_path, {"train": LOG}, TITLE, FACTS | STAGES | {name: wrong})
    found = finding(made, "json.score")
    assert found.verdict is (Verdict.CONTRADICTED if accused else Verdict.HOLDS)
    assert not accused or str(wrong) in found.evidence


@pytest.mark.parametrize(("exact", "verdict"), [("1.1650", Verdict.HOLDS), ("1.1550", Verdict.CANT_TELL)])
def test_the_headline_is_no_score_from_before_quantization(exact, verdict, tmp_path):
    readme = (
        "# A record\n\nWhat it is.\n\nMore of it.\n\nAnd more.\n\nMetrics:\n\n"
        f"- Pre-quant eval at stop: `val_loss:1.9`, `val_bpb:1.1817`\n- Post-quant: `val_bpb:{exact}`\n"
    )
    made = folder(tmp_path, {"train": LOG}, readme)
    found = finding(made, "text.headline")
    assert (found.verdict, exact in found.evidence) == (verdict, True)


@pytest.mark.parametrize(("told", "accused"), [
    ("**Artifact: 15.70 MB**", False), ("artifact: 15.7MB", False), ("**Artifact:** 14.97 MiB", False),
    ("**Artifact: ~15.4 MB**", False), ("**Artifact: 15.40 MB**", True), ("**Artifact: 15.70 MiB**", True),
    ("**Artifact: under 16.00 MB**", False), ("**Artifact: 16.00 MB** limit", False),
    ("artifact: 0.52MB over 16MB", False), ("Artifact 0.52 MB", False), ("**Artifact: 1.40 MB under the cap**", False),
])  # fmt: skip
def test_an_artifacts_size_in_megabytes_may_stand_behind_its_name(told, accused, tmp_path):
    made = folder(tmp_path, {"train": LOG}, f"# A record\n\n**val_bpb: 1.1650** | {told}\n", FACTS)
    assert contradicted(made).keys() == ({"text.artifact"} if accused else set())


LIST = {
    "- Pre-quant eval at stop: `val_loss:{a:.4f}`, `val_bpb:1.1817`\n": ("1.1817", "1.1717"),
    "- **Post-quant sliding window eval: `val_bpb:1.1709`**\n": ("1.1709", "1.1509"),
    "- Exact printed metric: `legal_ttt_exact val_bpb:1.16500000`\n": ("1.16500000", "1.16510000"),
    "- Code size: `47642 bytes`\n": ("47642", "47742"),
    "- Total submission size int6+zstd: `15700000 bytes`\n": ("15700000", "15790000"),
    "- **Training steps**: 2,000\n": ("2,000", "3,000"),
    "- Quantization gap: +0.0110 bpb\n": ("", ""),
    "- Rerun without EMA: `val_bpb:1.2001`\n": ("", ""),
    "- Peak memory: `10184 MiB`\n": ("", ""),
}


def listed(path, *edit):
    items = "".join(LIST).format(a=styles.nats(1.1817)).replace(*edit)
    return folder(path, {"train": LOG}, f"{TITLE}## Key metrics\n\n{items}", FACTS)


@pytest.mark.parametrize(("right", "wrong"), [("", ""), *(pair for pair in LIST.values() if pair[0])])
def test_a_list_of_measures_is_read_like_a_table(right, wrong, tmp_path):
    found = finding(listed(tmp_path, right, wrong), "tables.measures")
    assert found.verdict is (Verdict.CONTRADICTED if wrong else Verdict.HOLDS)
    assert wrong.replace(",", "") in found.evidence


def test_another_variant_in_a_list_accuses_nobody(tmp_path):
    items = "- LoopFormer variant: `val_bpb:1.2265`\n- Legal TTT: `val_bpb:1.1650`\n- Code size: `40000 bytes`\n"
    made = folder(tmp_path, {"train": LOG}, f"{TITLE}## Key metrics\n\n{items}", FACTS)
    assert finding(made, "tables.measures").verdict is Verdict.CANT_TELL
    other = folder(tmp_path, {"train": LOG}, f"{TITLE}## The previous baseline\n\n{''.join(LIST)}".format(a=1.9), FACTS)
    assert finding(other, "tables.measures").verdict is Verdict.CANT_TELL


@pytest.mark.parametrize("way", ["eval_stride:256", "starting sliding window eval"])
def test_a_line_may_tell_that_the_windows_slid(way, tmp_path):
    log = styles.baseline(1)
    log = log.replace(" eval_time:1401ms", f" eval_time:1401ms {way}") if ":" in way else log + f"Done, {way}...\n"
    made = folder(tmp_path, {"train": log}, "# val_bpb: 1.2244\n\nA sliding evaluation.\n", {"val_bpb": 1.2211})
    assert finding(made, "json.score").verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize("other", [{}, {"SLOT val_bpb": "0.9000"}], ids=["wrong", "doubtful"])
def test_figures_that_evidence_does_not_show_are_counted(other, tmp_path):
    """Sizes beside a score that the run has not are doubtful."""
    rows = {"Legal TTT val_bpb": "1.1650"} | other
    rows |= {f"{word} bytes": "15,123,456" for word in ("Total", "Model", "File", "Final", "Compressed", "Artifact")}
    found = finding(of(tmp_path, rows), "tables.measures")
    assert found.verdict is (Verdict.CANT_TELL if other else Verdict.CONTRADICTED)
    assert found.evidence.endswith("; 2 more")


def test_means_and_deltas_that_evidence_does_not_show_are_counted(tmp_path):
    scores = ("Sliding BPB", "Roundtrip BPB", "TTT BPB", "Final BPB", "Pre-quant BPB")
    rows = [("Seed", *scores), ("---",) * 6, ("1", *["1.1000"] * 5), ("2", *["1.2000"] * 5), ("Mean", *["1.1700"] * 5)]
    deltas = [
        ("Name", "Before", "After", "Delta"),
        ("---",) * 4,
        *(("a", "1.1000", "1.2000", f"+0.130{at}") for at in range(6)),
    ]
    readme = "\n\n".join("\n".join(f"| {' | '.join(row)} |" for row in rows_of) for rows_of in (rows, deltas))
    made = folder(tmp_path, {"train": LOG}, f"{TITLE}{readme}\n", FACTS)
    for check, more in (("tables.means", "; 1 more"), ("tables.deltas", "; 2 more")):
        assert finding(made, check).evidence.endswith(more)
