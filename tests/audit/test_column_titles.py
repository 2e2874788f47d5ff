"""Tables by seed in other words than the usual ones: a figure whose title or unit isn't understood accuses nobody."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tritgolf.audit.auditor import audit
from tritgolf.outcome import Verdict

TITLE = "# Record: a model\n\n**val_bpb: 1.1705** (mean of three seeds, std 0.0035)\n\n"


def table(titles, cells, *rows):
    """A table by seed: the right score, then a column with one cell for every seed; ``rows`` behind them."""
    body = [f"| {seed} | {bpb:.4f} | {cells} |" for seed, bpb in styles.SEEDS.items()]
    return "\n".join([f"| Seed | BPB | {titles} |", "|---|---|---|", *body, *rows]) + "\n"


def verdicts(path, readme):
    findings = audit(folder(path, styles.three(), readme, {"val_bpb": 1.1705, "seeds": [1, 2, 3]})).findings
    return {finding.check: finding.verdict for finding in findings}


def accused(path, readme):
    return {check for check, verdict in verdicts(path, readme).items() if verdict is Verdict.CONTRADICTED}


SOUND = {
    "Size (MB)": "15.70",
    "Size [MiB]": "14.97",
    "Total kB": "15700",
    "Artifact": "15,332 KiB",
    "Bytes": "1.57 × 10^7",
    "Total": "15’700’000",
    "Size (% of the limit)": "98.1%",
    "Total tokens (B)": "1.05",
    "Batch size": "524288",
    "% better BPB": "4.4%",
    "BPB rank": "2",
    "BPB std over documents": "0.0401",
    "val bpb (bf16)": "1.1602",
    "EMA BPB": "1.1800",
    "int4 roundtrip BPB": "1.2301",
    "Sliding BPB (stride 128)": "1.1720",
    "BPB without skips": "1.3000",
    "no EMA BPB": "1.3000",
    "val loss (bits/token)": "2.8420",
    "ms/step": "0.300 s",
    "Step avg (s)": "0.300",
    "Code (compressed)": "12,345",
    "Artifact + code": "15,700,000",
    "zlib size": "16,652,358",
    "Val": "1.9899",
}


@pytest.mark.parametrize(("title", "cell"), SOUND.items(), ids=SOUND)
def test_a_column_in_other_units_or_of_another_figure_is_not_contradicted(title, cell, tmp_path):
    assert accused(tmp_path, TITLE + table(title, cell)) == set()


WRONG = {
    "Size (MB)": "15.10",
    "Artifact": "15,100 kB",
    "Sliding BPB (stride 64)": "1.1605",
    "Post-quant val_bpb": "1.1605",
    "val_loss (nats)": "1.9000",
    "Training steps": "2500",
    "ms/step": "84.5",
    "Code bytes": "12,345",
    "int6+zstd size": "15,100,000",
}


@pytest.mark.parametrize(("title", "cell"), WRONG.items(), ids=WRONG)
def test_a_column_that_is_understood_is_held_to_the_log(title, cell, tmp_path):
    assert accused(tmp_path, TITLE + table(title, cell)) >= {"tables.rows"}


SUMMARIES = {
    "| Mean | 1.1705 | |\n| Baseline mean | 1.2244 | |": set(),
    "| Mean | 1.1705 | |\n| Mean improvement | 0.0123 | |": set(),
    "| Mean of seeds 1 and 2 | 1.1689 | |": set(),
    "| Mean | 1.1705 | |\n| Std error | 0.0020 | |": set(),
    "| Mean ± SEM | 1.1705 ± 0.0020 | |": set(),
    "| Mean | 1.1705 ± 0.0020 | |": set(),
    "| Mean | 1.1705 ± 0.0088 | |": set(),
    "| Mean +/- std | 1.1705 +/- 0.0035 | |": set(),
    "| Mean (of 3 seeds) | 1.1689 | |": {"tables.means"},
    "| Mean +/- std | 1.1705 +/- 0.0005 | |": {"tables.stds"},
    "| Mean (std) | 1.1705 (0.0005) | |": {"tables.stds"},
    "| Mean | 1.1705, σ=0.0005 | |": {"tables.stds"},
    "| Mean | 1.1705 | |\n| Standard deviation | 0.0005 | |": {"tables.stds"},
}


@pytest.mark.parametrize(("rows", "expected"), SUMMARIES.items(), ids=SUMMARIES)
def test_a_row_is_a_mean_or_a_std_where_all_its_words_say_so(rows, expected, tmp_path):
    assert accused(tmp_path, TITLE + table("Note", "", *rows.splitlines())) == expected


def test_a_mean_in_another_unit_than_its_rows_is_not_compared(tmp_path):
    assert accused(tmp_path, TITLE + table("Artifact", "15.70 MB", "| Mean | 1.1705 | 15,700,000 |")) == set()


def test_a_table_with_two_rows_of_a_seed_has_no_mean_that_can_be_wrong(tmp_path):
    rows = [f"| {seed} | {bpb + 0.01:.4f} | another |" for seed, bpb in styles.SEEDS.items()]
    assert accused(tmp_path, TITLE + table("Note", "ours", *rows, "| Mean | 1.1705 | |")) == set()


PROSE = {
    "**val_bpb: 1.1705** ± 0.0020 (s.e.m., mean of three)": set(),
    "**val_bpb: 1.1705** (mean of three, 95% CI ± 0.0088)": set(),
    "**val_bpb: 1.1705 ± 0.0020** (mean of three)": set(),
    "BPB = 1.1705 (mean), 1.1711 (median)": set(),
    "**val_bpb: 1.1667** (seed 1), mean of 3 seeds is 1.1705": set(),
    "**val_bpb: 1.1705 ± 0.0005** (mean of three)": {"text.std"},
    "**val_bpb: 1.1705** (mean of three, std 0.0020)": {"text.std"},
}


@pytest.mark.parametrize(("line", "expected"), PROSE.items(), ids=PROSE)
def test_a_spread_or_a_mean_in_prose_is_what_its_line_says(line, expected, tmp_path):
    assert accused(tmp_path, f"# Record: a model\n\n{line}\n") == expected


ABOVE = {
    "## Results": {"tables.rows"},
    "## Ablation: one layer less": set(),
    "## Results\n\nThe previous version, for comparison:": set(),
    "## Previous records\n\nThree seeds each.": set(),
}


@pytest.mark.parametrize(("above", "expected"), ABOVE.items(), ids=ABOVE)
def test_a_table_under_a_heading_of_something_else_is_not_held_to_these_logs(above, expected, tmp_path):
    found = accused(tmp_path, f"{TITLE}\n{above}\n\n{table('Artifact', '15,100,000')}")
    assert found - {"json.bytes"} == expected


def test_an_artifact_of_another_size_in_the_middle_of_the_readme_is_no_claim(tmp_path):
    other = "The int8 variant is a 16.4 MB artifact.\n"
    assert accused(tmp_path / "below", TITLE + table("Note", "ours") + "\n" + other) == set()
    assert accused(tmp_path / "top", TITLE + "A 15.1 MB artifact.\n\n" + table("Note", "ours")) == {"text.artifact"}


DELTAS = {
    "| BPB | 1.2244 | 1.1705 | -0.0639 |": {"tables.deltas"},
    "| in percent | 1.2244 | 1.1705 | -4.40 |": set(),
    "| in nats | 1.2244 | 1.1705 | -0.0910 |": set(),
    "| in thousandths | 1.2244 | 1.1705 | -53.9 |": set(),
}


@pytest.mark.parametrize(("row", "expected"), DELTAS.items(), ids=DELTAS)
def test_a_delta_that_is_far_from_the_difference_may_be_in_another_unit(row, expected, tmp_path):
    deltas = f"| Metric | Before | After | Delta |\n|---|---|---|---|\n{row}\n| Steps | 1800 | 2000 | +200.0 |\n"
    assert accused(tmp_path, TITLE + deltas) == expected


def test_a_script_with_crlf_has_the_bytes_that_were_counted_without(tmp_path):
    code = "a = 1\n" * 7940 + "bb"
    readme = TITLE + table("Note", "ours")
    for name, text, expected in (("crlf", code.replace("\n", "\r\n"), set()), ("other", code + "b", {"budget.script"})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train_gpt.py").write_bytes(text.encode())
        assert accused(tmp_path / name, readme) == expected
