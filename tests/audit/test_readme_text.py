"""READMEs as editors of other lands and tools leave them: the same claims in another form, and what is no claim."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import JSON, TABLE, TITLE, contradicted
from tritgolf.audit.auditor import audit
from tritgolf.audit.readme_text import as_read
from tritgolf.audit.submission import read_submission
from tritgolf.audit.transcript import decode
from tritgolf.outcome import Verdict

README = TITLE + TABLE
OTHER = styles.table({42: (1.2, 17_123_456), 1: (1.3, 17_123_456)}, "1.2500", "0.0001")
CLAIM = "val_bpb: 1.2500 (3-seed mean, std 0.0001)\n\n"


def verdicts(path, readme, logs=None, facts=None):
    made = folder(path, logs or styles.three(), readme, JSON if facts is None else facts)
    return {finding.check: finding.verdict for finding in audit(made).findings}


def as_html(table, heading=""):
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if not line.startswith("|---")]
    cells = ("".join(f"<td>{cell.strip('*')}</td>" for cell in row) for row in rows)
    return f"{heading}<table>\n{''.join(f'<tr>{row}</tr>' for row in cells)}\n</table>\n"


@pytest.mark.parametrize("readme", [
    f"<!-- {CLAIM} -->\n{README}", f"{README}\n<!--\n{CLAIM}{OTHER}-->\n", f"{TITLE}<!-- a\n{OTHER}\n-->{TABLE}<!-- b",
], ids=["at the top", "at the end", "between"])  # fmt: skip
def test_what_a_comment_hides_is_no_claim(readme, tmp_path):
    """A template's row of a seed was said to have no log."""
    assert verdicts(tmp_path / "a", readme) == verdicts(tmp_path / "b", README)


def test_many_comments_without_an_end_stay():
    assert as_read("<!--" * 300_000) == "<!--" * 300_000


def test_decimals_with_a_comma_are_read_where_a_text_has_mostly_these(tmp_path):
    localized = README.replace("1.1", "1,1").replace("0.00", "0,00")
    assert verdicts(tmp_path / "a", localized) == verdicts(tmp_path / "b", README)
    assert "text.headline" in contradicted(folder(tmp_path / "c", styles.three(), localized.replace("1,1705", "1,1605"),
                                                  JSON | {"val_bpb": 1.1605}))  # fmt: skip
    assert as_read("1.1705 1.1706, seeds 7,2025") == "1.1705 1.1706, seeds 7,2025"


@pytest.mark.parametrize("mark", [".", " ", "_", "'", "’", "\u2009"])
def test_whatever_stands_between_thousands_is_read(mark, tmp_path):
    size = "15,700,000".replace(",", mark)
    assert verdicts(tmp_path, TITLE + TABLE.replace("15,700,000", size))["tables.rows"] is Verdict.HOLDS
    assert as_read(f"an artifact of {size} bytes") == "an artifact of 15,700,000 bytes"
    assert as_read("127.0.0.1, 2.123.456.7, 1.123 456") == "127.0.0.1, 2.123.456.7, 1.123 456"


def test_powers_of_ten_are_read(tmp_path):
    """The first std of a line that was read was another figure's."""
    of_two = "**val_bpb: 1.1705** (3-seed mean, std {}) | val_loss 1.9763 (std 0.00600)\n\n"
    for std, verdict in (("3.5e-3", Verdict.HOLDS), ("3.5E-03", Verdict.HOLDS), ("8.5e-3", Verdict.CONTRADICTED)):
        assert verdicts(tmp_path / std, f"# A record\n\n{of_two.format(std)}{TABLE}")["text.std"] is verdict


@pytest.mark.parametrize("unit", [" mBPB", "%", " m-bpb", "‰"])
def test_a_spread_of_another_unit_is_not_held_to_scores(unit, tmp_path):
    table = TABLE.replace("**1.1705**", f"1.1705 (±0.300{unit})")
    readme = f"# A record\n\n**val_bpb: 1.1705** (mean of three seeds, std 0.300{unit})\n\n{table}"
    assert contradicted(folder(tmp_path, styles.three(), readme, JSON)) == {}


def test_an_old_encoding_of_windows_is_read():
    for text in ("1.1705 ± 0.0035 – a “record”", "| 2025 | — | — |"):
        assert decode(text.encode("cp1252")) == text
        assert decode(text.encode()) == text
    assert decode(b"loss: \xff\xfe " + "π".encode()).endswith("π")


@pytest.mark.parametrize("cell", ["—", "?", "\ufffd", "TBD"])
def test_a_row_of_a_run_that_there_is_not_claims_none(cell, tmp_path):
    table = TABLE.replace("| **Mean**", f"| 2025 | {cell} | {cell} |\n| **Mean**")
    assert contradicted(folder(tmp_path, styles.three(), TITLE + table, JSON)) == {}


@pytest.mark.parametrize(
    "heading", ["## Base reference results (source record)\n\n", "<h3>Earlier runs</h3>\n", "Ablations:\n"]
)
@pytest.mark.parametrize("form", [lambda table, heading: heading + table, as_html], ids=["pipes", "html"])
def test_a_table_under_a_heading_of_others_is_theirs(form, heading, tmp_path):
    """One of HTML was read without its heading."""
    other = styles.table({1: (1.2, 17_123_456), 5: (1.1705, 17_123_456)}, "1.2500")
    made = folder(tmp_path, styles.three(), f"{README}\n{form(other, heading)}", JSON)
    assert contradicted(made) == {}


@pytest.mark.parametrize("above", [
    "## Changelog\n\n### v2\n\nThis one.\n\n### v1\n\n", "## Superseded\n\n",
    "<details>\n<summary>Superseded seeds</summary>\n\nOf the first version.\n\n",
])  # fmt: skip
def test_what_an_earlier_version_scored_is_no_claim(above, tmp_path):
    """The headline's check took its score for the submission's, where no other is stated but in submission.json."""
    rows = styles.table({seed: (bpb + 0.03, 15_123_456) for seed, bpb in styles.SEEDS.items()}, "1.2005")
    readme = f"# A record\n\n{above}First version, val_bpb 1.2005 (mean of three seeds, std 0.0035).\n\n{rows}"
    made = folder(tmp_path, styles.three(), readme, JSON)
    assert contradicted(made) == {}
    assert "1.2005" not in str([finding.evidence for finding in audit(made).findings])


def test_a_section_behind_what_folds_away_is_the_submissions(tmp_path):
    readme = f"# A record\n\n<details><summary>Superseded</summary>\n\nx\n\n</details>\n\n{TITLE[12:]}{TABLE}"
    assert verdicts(tmp_path, readme)["tables.rows"] is Verdict.HOLDS


@pytest.mark.parametrize(
    "sentence", ["The current record is 1.0100 BPB (3-seed mean).", "The existing SP8192 record has val_bpb: 1.0100"]
)
def test_the_record_to_beat_is_no_headline(sentence, tmp_path):
    made = folder(tmp_path, styles.three(), f"# A record\n\n{sentence}\n\n## Method\n\nMuon.\n", {"seeds": [1, 2, 3]})
    assert contradicted(made) == {}


@pytest.mark.parametrize("name", ["README", "README.txt", "Readme.rst", "readme.markdown"])
def test_a_readme_of_another_suffix_is_read(name, tmp_path):
    made = folder(tmp_path, styles.three(), README, JSON)
    (made / "README.md").rename(made / name)
    submission = read_submission(made)
    assert submission.readme is not None
    assert submission.unread == ()


@pytest.mark.parametrize(("score", "readme", "verdict"), [
    (1.1582, README, Verdict.CONTRADICTED),
    (1.1582, f"{README}\nAnother evaluation has 1.15820.\n", Verdict.CANT_TELL),
    (1.1705, README, Verdict.HOLDS),
    (1.1582, "# A record\n\nval_bpb: 1.1999\n", Verdict.CANT_TELL),
], ids=["nowhere", "told", "its own", "whose README is of others"])  # fmt: skip
def test_a_score_of_submission_json_that_neither_logs_nor_readme_have(score, readme, verdict, tmp_path):
    """Where the README's headline is logged, another one in submission.json is of nothing that is there."""
    logs = styles.three() | {"ablation": styles.int6(1, 1.19)}
    assert verdicts(tmp_path, readme, logs, JSON | {"val_bpb": score})["json.score"] is verdict


def test_a_score_of_submission_json_may_be_of_a_log_that_is_lost_or_cut(tmp_path):
    facts = JSON | {"val_bpb": 1.1582}
    assert (
        verdicts(tmp_path / "a", README, styles.three(), facts | {"seeds": [1, 2, 3, 4]})["json.score"]
        is Verdict.CANT_TELL
    )
    cut = styles.three() | {"more": styles.int6(4, 1.15).partition("final_int6_sliding")[0]}
    assert verdicts(tmp_path / "b", README, cut, facts)["json.score"] is Verdict.CANT_TELL
    rows = README.replace("| **Mean** | **1.1705** | |\n", "").replace("1.1705", "1.1667")
    assert verdicts(tmp_path / "c", rows, styles.three(), JSON)["json.score"] is Verdict.HOLDS


def test_a_row_of_html_is_read_as_one_line_however_it_is_written(tmp_path):
    in_lines = (
        as_html(TABLE).replace("<td>", "\n  <td>\n    ").replace("</td>", "\n  </td>").replace("</tr>", "\n</tr>\n")
    )
    assert verdicts(tmp_path / "a", TITLE + in_lines) == verdicts(tmp_path / "b", README)
    assert "<tr> <td> Seed </td>" in as_read(in_lines)


@pytest.mark.parametrize("text", [
    "<table>\n<tr><td>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n</td></tr>\n</table>", "<table>\n<tr><td>\n1\n",
], ids=["of Markdown", "without an end"])  # fmt: skip
def test_what_is_no_row_of_html_alone_stays(text):
    assert as_read(text) == text
