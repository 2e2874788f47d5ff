"""Figures that were passed over while their check held, or taken for what they are not: each is read, or left open."""

import re

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tritgolf.audit.auditor import audit
from tritgolf.audit.measure_lists import lists_of_measures
from tritgolf.audit.stated_text import stated_scores
from tritgolf.outcome import Verdict

HOLDS, OPEN, WRONG = Verdict.HOLDS, Verdict.CANT_TELL, Verdict.CONTRADICTED
TITLE = "# A record\n\n**val_bpb: 1.1705** (mean of three seeds, std 0.0035)\n\n"


def verdict(path, check):
    return next(finding.verdict for finding in audit(path).findings if finding.check == check)


def columns(title, second="1.1889"):
    """A table whose first column is the headline's, and whose second has the scores before quantization."""
    cells = {seed: f"{bpb + 0.0178:.4f}" for seed, bpb in styles.SEEDS.items()} | {2: second}
    rows = "".join(f"| {seed} | {bpb:.4f} | {cells[seed]} |\n" for seed, bpb in styles.SEEDS.items())
    return f"| Seed | Sliding BPB | {title} |\n|---|---|---|\n{rows}"


@pytest.mark.parametrize(("title", "cell", "expected"), [
    ("Roundtrip BPB (log, buggy)", "1.1911", HOLDS),
    ("Roundtrip BPB (log, buggy)", "1.1811", OPEN),  # the other rows have their logs' scores there
    ("Roundtrip BPB", "1.1811", WRONG),
    ("Diagnostic roundtrip BPB", "1.1811", WRONG),
])  # fmt: skip
def test_a_score_in_a_column_of_unknown_words_is_open_if_other_rows_are_the_logs(title, cell, expected, tmp_path):
    table = columns(title, cell).replace("1.1845", "1.1867").replace("1.1915", "1.1937")
    made = folder(tmp_path, styles.three(), TITLE + table)
    assert verdict(made, "tables.rows") == expected


def test_a_column_of_which_no_row_is_the_logs_is_of_another_measure(tmp_path):
    table = columns("Rescored BPB", "1.2211").replace("1.1845", "1.2167").replace("1.1915", "1.2237")
    assert verdict(folder(tmp_path, styles.three(), TITLE + table), "tables.rows") == HOLDS


def test_a_table_of_the_headline_that_no_log_has_leaves_the_rows_open_beside_one_that_they_have(tmp_path):
    rescored = "".join(f"| {seed} | {bpb + 0.1:.4f} |\n" for seed, bpb in styles.SEEDS.items())
    readme = f"# val_bpb: 1.2705 (mean)\n\n| Seed | Corrected BPB |\n|---|---|\n{rescored}\n{columns('As logged')}"
    made = folder(tmp_path, styles.three(), readme, {"val_bpb": 1.2705})
    assert verdict(made, "tables.rows") == OPEN


@pytest.mark.parametrize(("size", "expected"), [(15_700_000, HOLDS), (15_690_000, WRONG)])
def test_sizes_by_seed_are_read_under_the_name_of_the_total(size, expected, tmp_path):
    scores = {str(seed): bpb for seed, bpb in styles.SEEDS.items()}
    sizes = {"1": 15_700_000, "2": size, "3": 15_700_000}
    facts = {"val_bpb": 1.1705, "bytes_total_max": 15_700_000, "val_bpb_by_seed": scores, "bytes_total_by_seed": sizes}
    assert verdict(folder(tmp_path, styles.three(), TITLE, facts), "json.bytes") == expected


@pytest.mark.parametrize(("field", "value", "expected"), [
    ("sliding_val_bpb", 1.1709, HOLDS),
    ("sliding_val_bpb", 1.1609, WRONG),
    ("pre_quant_val_bpb", 1.1887 - 0.007, HOLDS),  # the last validation of the training
    ("sliding_val_loss", 1.8771, WRONG),
    ("final_train_loss", 1.5432, HOLDS),  # no log of this style has it as a score
    ("final_loss", 1.5432, HOLDS),  # of training or of validation
    ("baseline_val_bpb", 1.2244, HOLDS),  # another system's
    ("best_case_bpb", 1.1609, HOLDS),
])  # fmt: skip
def test_the_submissions_scores_at_other_stages_are_held_to_its_run(field, value, expected, tmp_path):
    facts = {"val_bpb": 1.1909, field: round(value, 4)}
    made = folder(tmp_path, {"train": styles.int6(42, 1.1709)}, "# val_bpb: 1.1909\n", facts)
    assert verdict(made, "json.score") == expected


def test_they_may_be_means_of_runs_and_are_open_where_no_log_has_them(tmp_path):
    facts = {"val_bpb": 1.1705, "seeds": [1, 2, 3], "roundtrip_val_bpb": 1.1905}
    assert verdict(folder(tmp_path / "a", styles.three(), TITLE, facts), "json.score") == HOLDS
    assert (
        verdict(folder(tmp_path / "b", styles.three(), TITLE, facts | {"roundtrip_val_bpb": 1.1895}), "json.score")
        == OPEN
    )


@pytest.mark.parametrize(("score", "expected"), [(1.1711, HOLDS), (1.1611, OPEN)])
def test_a_seeds_score_of_an_unknown_name_is_open_if_another_seeds_is_of_its_log(score, expected, tmp_path):
    scores = styles.SEEDS | {2: score}
    facts = {"val_bpb": 1.1705, "seed_results": {str(seed): {"tweo_val_bpb": bpb} for seed, bpb in scores.items()}}
    assert verdict(folder(tmp_path, styles.three(), TITLE, facts), "json.score") == expected


def test_a_seeds_loss_that_may_be_of_training_is_no_score_of_its_log(tmp_path):
    rows = {str(seed): {"val_bpb": bpb, "final_loss": 1.5432} for seed, bpb in styles.SEEDS.items()}
    facts = {"val_bpb": 1.1705, "seed_results": rows}
    assert verdict(folder(tmp_path, styles.three(), TITLE, facts), "json.score") == HOLDS


@pytest.mark.parametrize(("loss", "expected"), [(2.0083, HOLDS), (2.0033, WRONG)])
def test_without_logs_nats_and_bits_of_the_submission_go_together_as_those_of_its_seeds(loss, expected, tmp_path):
    rows = {"1": {"val_loss": 2.00182, "val_bpb": 1.18567}, "2": {"val_loss": 2.01478, "val_bpb": 1.19335}}
    facts = {"val_bpb": 1.18951, "val_loss": loss, "seed_results": rows}
    assert verdict(folder(tmp_path / "a", {}, TITLE, facts), "json.loss") == expected
    assert verdict(folder(tmp_path / "b", {}, TITLE, facts | {"seed_results": {"1": rows["1"]}}), "json.loss") == OPEN


LOSS = styles.nats(1.1709)  # 1.97701549, as the log of this score prints it


@pytest.mark.parametrize(("loss", "expected"), [
    (1.97701549, HOLDS),
    (1.9770, HOLDS),
    (1.97701, HOLDS),  # cut off
    (1.97701552, WRONG),
    (1.9771, WRONG),  # the one that val_bpb's four digits would pass
    (2.4571, HOLDS),  # it doesn't go with val_bpb: json.loss tells
])  # fmt: skip
def test_a_loss_is_held_to_the_logs_to_the_digits_that_it_has(loss, expected, tmp_path):
    facts = {"val_bpb": 1.1709, "val_loss": loss}
    made = folder(tmp_path, {"train": styles.int6(42, 1.1709)}, "# val_bpb: 1.1709\n", facts)
    assert verdict(made, "json.score") == expected


def test_a_loss_worked_out_of_the_score_is_none_of_another_run(tmp_path):
    log = styles.int6(42, 1.1709).replace(f"{LOSS:.8f}", f"{LOSS + 4e-5:.8f}").replace("1.17090000", "1.17092368")
    for loss in (1.977015, 1.97701549, 1.9770154):
        facts = {"val_bpb": 1.1709, "val_loss": loss}
        assert verdict(folder(tmp_path, {"train": log}, "# val_bpb: 1.1709\n", facts), "json.score") == HOLDS


def test_of_several_runs_a_loss_in_other_late_digits_is_open(tmp_path):
    mean = styles.nats(1.1705)
    for loss, expected in ((round(mean, 6), HOLDS), (round(mean + 4e-5, 6), OPEN)):
        facts = {"val_bpb": 1.1705, "seeds": [1, 2, 3], "val_loss": loss}
        assert verdict(folder(tmp_path / str(loss), styles.three(), TITLE, facts), "json.score") == expected


def test_logs_in_bits_alone_contradict_no_loss(tmp_path):
    facts = {"val_bpb": 1.04, "val_loss": 2.6863, "quantized_val_loss": 2.6863}
    made = folder(tmp_path, {"train": styles.gdn(42, 1.04)}, "# val_bpb: 1.0400\n", facts)
    assert verdict(made, "json.score") == HOLDS


FENCED = "\n\n```text\n{}\n```\n\n"
BELOW = f"# A record\n\nWhat it does.\n\nThree-seed mean:{FENCED}Sample standard deviation:{FENCED}"


@pytest.mark.parametrize(("mean", "std", "expected"), [
    ("1.1705", "0.0035", [HOLDS, HOLDS]),
    ("1.1605", "0.0035", [WRONG, OPEN]),  # it stands at the top
    ("1.1705", "0.0012", [HOLDS, WRONG]),
])  # fmt: skip
def test_figures_alone_below_their_names_are_read(mean, std, expected, tmp_path):
    made = folder(tmp_path, styles.three(), BELOW.format(mean, std))
    assert [verdict(made, "text.mean"), verdict(made, "text.std")] == expected


@pytest.mark.parametrize("line", [
    "That is a `0.37096 bpb` regression for the best setup.", "It is 0.3712 BPB worse.", "a 0.4210 BPB gap",
])  # fmt: skip
def test_a_difference_is_no_score(line):
    assert stated_scores(f"# A failed idea\n\n{line}\n") == ()
    assert [claim.printed.text for claim in stated_scores("# It\n\n1.1705 BPB, better than all\n")] == ["1.1705"]


@pytest.mark.parametrize("note", ["", "Runs used capped validation (`EVAL_MAX_TOKENS=524288`).\n"])
def test_a_part_of_the_text_is_told_whatever_follows_its_count_and_no_fault_where_the_readme_says_so(note, tmp_path):
    log = re.sub(r"tokens:\d+", "tokens:524288 eval_max_tokens:524288", styles.baseline())
    made = folder(tmp_path, {"train": log}, f"# val_bpb: 1.2244\n\n{note}TRAIN_BATCH_TOKENS=524288\n")
    assert verdict(made, "evaluation.tokens") == (OPEN if note else WRONG)


@pytest.mark.parametrize(("piece", "times", "scores"), [
    (":", 120_000, []), (":\n", 30_000, []), (": " + " " * 40 + "\n", 3000, []), ("*", 120_000, []),
    ("1.1705 BPB " + "`" * 40, 2000, ["1.1705"]), ("`", 120_000, []), ("code ", 24_000, []), ("#123 ", 120_000, []),
])  # fmt: skip
def test_hostile_lines_are_read_to_their_end(piece, times, scores):
    """In a time that grows with the square of their length none would end."""
    assert [claim.printed.text for claim in stated_scores(f"Mean:\n{piece * times}")] == scores


def test_a_hostile_line_before_a_score_is_read_to_its_end():
    before = "prior " + ":" * 40
    assert [claim.printed.text for claim in stated_scores(f"{before * 6000}x\n1.1705 BPB\n")] == ["1.1705"]
    assert stated_scores(f"{before * 6000} **\n1.1705 BPB\n") == ()


ABLATION = """# It

| Run | alpha | BPB | Δ BPB (run − baseline) | Eval |
|---|---|---|---|---|
| Baseline | 0.0 | 1.17218477 | 0 | 455.9 |
| 1a | 0.3 | {} | +0.01658 | 462.8 |
| 1b | 0.3 | 1.18891256 | +0.01673 | 472.4 |
| 1c | 0.1 | 1.17430360 | +0.00212 | 465.8 |
| Total | | | +0.1234 | |
"""


@pytest.mark.parametrize(("score", "expected"), [("1.18876294", HOLDS), ("1.17876294", OPEN)])
def test_a_delta_is_no_difference_of_settings_and_open_if_it_is_none_of_scores(score, expected, tmp_path):
    made = folder(tmp_path, {}, ABLATION.format(score))
    assert verdict(made, "tables.deltas") == expected


ONE_WRONG = "| Seed | Sliding BPB |\n|---|---|\n| 1 | 1.1667 |\n| 2 | 1.1611 |\n| 3 | 1.1737 |\n"
MEASURES = "- Sliding val_bpb: `1.1611`\n- Code size: `47642 bytes`\n- Compressed size: `15700000 bytes`\n"
AS_HTML = (
    f"<table>{''.join(f'<tr><td>{row[2:-2]}</td></tr>' for row in ONE_WRONG.splitlines() if row[1] != '-')}</table>\n"
)


@pytest.mark.parametrize(
    "above", ["# Better than the baseline\n\n", "# The baseline without bias\n\n**val_bpb: 1.1667**\n\n"]
)
@pytest.mark.parametrize("table", [ONE_WRONG, AS_HTML.replace(" | ", "</td><td>")], ids=["pipes", "html"])
def test_what_a_title_names_is_no_reason_to_pass_over_the_table_under_it(above, table, tmp_path):
    """A seed's wrong score was not seen where the title spoke of a baseline."""
    made = folder(tmp_path / "a", styles.three(), above + table, {"val_bpb": 1.1667})
    assert verdict(made, "tables.rows") is WRONG
    for name, before in (("b", "# A record\n\n#"), ("c", "A record.\n\n")):
        made = folder(tmp_path / name, styles.three(), f"{before}{above}{table}", {"val_bpb": 1.1667})
        assert verdict(made, "tables.rows") is OPEN


@pytest.mark.parametrize(("heading", "count"), [("# Over the baseline", 1), ("# A\n## The baseline", 0)])
def test_a_list_of_measures_under_a_title_is_read_whatever_it_names(heading, count):
    assert len([*lists_of_measures(f"{heading}\n{MEASURES}")]) == count
