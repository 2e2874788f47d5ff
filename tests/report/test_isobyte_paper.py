"""docs/isobyte.md and its tables: made of what is kept, and what is not measured is said to be so."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.report.test_lever_table import folder as levers  # noqa: F401  (a fixture)
from tritgolf.report.entropy import read_entropies
from tritgolf.report.isobyte_paper import isobyte_paper, levers_in_words, points_in_words
from tritgolf.report.isobyte_tables import isobyte_tables
from tritgolf.report.pages import Picture, Shown, as_markdown

ROOT = Path(__file__).parents[2]
TEMPLATE, TABLES = ((ROOT / "captions" / f"isobyte_{part}.md").read_text() for part in ("paper", "tables"))
NOT_MEASURED = "*Not measured yet: no run of it is kept.*"


def paper(measured, folder):
    return as_markdown(isobyte_paper(TEMPLATE, measured, folder / "docs/figures/isobyte"), folder / "docs")


def tables(measured, folder):
    return as_markdown(isobyte_tables(TABLES, measured), folder / "docs")


@pytest.fixture
def made(tmp_path):
    (tmp_path / "docs/figures/isobyte").mkdir(parents=True)
    return tmp_path


def test_the_pages_are_what_the_kept_runs_make_of_them(made):
    assert tables(ROOT / "measured", made) == (ROOT / "docs" / "isobyte_tables.md").read_text()
    assert paper(ROOT / "measured", made) == (ROOT / "docs" / "isobyte.md").read_text()
    figures = {path.name for path in (made / "docs/figures/isobyte").iterdir()}
    assert figures == {path.name for path in (ROOT / "docs/figures/isobyte").iterdir()}


def test_without_runs_every_part_says_that_it_is_not_measured(made):
    text = paper(made, made)
    assert text.count(NOT_MEASURED) == 6
    assert tables(made, made).count(NOT_MEASURED) == 5
    assert "scores best" not in text and "largest gain" not in text and "BPB ahead" not in text


def test_the_prose_states_no_result():
    """But for the sizes and settings of the systems it asks about."""
    prose = TEMPLATE + TABLES
    numbers = {number.strip(".,") for number in re.findall(r"\d[\d.,]*", prose)}
    assert numbers == {"16,000,000", "640", "920", "1716", "0", "1", "6"}
    assert "BPB" not in prose


def points(ternary, others, p=0.01):
    rows = [("t", 1.58, "1.58 bits, QAT", ternary), ("i", 4.0, "4 bits, QAT", others)]
    best = min(ternary, others)
    return pd.DataFrame(
        [
            {
                "series": "tokens",
                "record": r,
                "bits": b,
                "what": w,
                "artifact_bpb": s,
                "coded_bits": 7 / 8 * b,
                "over_best": s - best,
                "p": p,
            }
            for r, b, w, s in rows
        ]
    )


def test_it_says_plainly_whether_ternary_wins_or_loses():
    lost = points_in_words(points(1.25, 1.0))
    assert "**4 bits, QAT** scores best, 1.0000 BPB. Ternary weights lose by 0.2500, which is significant" in lost
    won = points_in_words(points(1.0, 1.25, 0.2))
    assert "It can't be told from 4 bits, QAT (p = 0.200)." in won
    assert "win by 0.2500, which is not significant (p = 0.2)" in won
    assert "which one seed can't tell from nothing" in points_in_words(points(1.25, 1.0, float("nan")))


def test_levers_in_words():
    rows = [("base", "it", 0.0, 1.0, True), ("a", "first", 0.02, 0.01, False), ("b", "second", -0.01, 0.4, False)]
    columns = ["record", "what", "gain_bpb", "gain_p", "is_base"]
    facts = {"seed": 42, "artifact_bytes": 100, "artifact_bytes_over_base": 0, "against": "base", "apart": False}
    frame = pd.DataFrame(rows, columns=columns).assign(**facts)
    frame["gain_p_holm"] = 2 * frame["gain_p"]
    alone = levers_in_words(frame.assign(gain_p=float("nan"), gain_p_holm=float("nan")))
    assert alone.endswith("One seed can tell no change from nothing.")
    said = levers_in_words(frame)
    assert said.startswith(
        "The largest gain is +0.0200 BPB (**first**, p = 0.020); the largest loss is −0.0100 BPB (**"
    )
    assert "at 20% fewer bytes" in levers_in_words(frame.assign(artifact_bytes_over_base=[0, -20, 0]))
    larger = frame.assign(artifact_bytes_over_base=[0, 20, 0])
    assert (
        "(**first**, p = 0.020), at 20% more bytes, −0.0100 BPB (**second**, p = 0.800) within 1%"
        in levers_in_words(larger)
    )
    assert "1 are significant at p < 0.05 where each is tested alone, 1 by Holm's p, which is given here." in said
    assert "the smallest gain is +0.0100 BPB (**second**, p = 0.800)" in levers_in_words(
        frame.assign(gain_bpb=frame["gain_bpb"].abs())
    )


def test_a_ladder_in_words():
    rungs = [("base", "base", (0.0, 0.0)), ("first", "base", (0.01, 0.03))]
    rungs += [("… and second", "first", (0.05, 0.07)), ("… and third", "… and second", (0.04, 0.04))]
    rungs += [("… and apart", "… and third", (1.0, 1.0))]
    frame = pd.DataFrame(
        [
            {
                "record": what,
                "what": what,
                "against": under,
                "gain_over_base_bpb": gain,
                "is_base": what == "base",
                "apart": what == "… and apart",
                "artifact_bytes": 1,
            }
            for what, under, of_seeds in rungs
            for gain in of_seeds
        ]
    )
    said = "The gain over the base is largest, +0.0600 ± 0.0141 BPB, after 2 of {} changes one on top of the other"
    assert levers_in_words(frame) == f"{said}, with **second**. All 3 together gain +0.0400 ± 0.0000 BPB.".format(3)
    assert levers_in_words(frame[:-4]) == f"{said}, with **second**.".format(2)


def test_kept_levers_are_shown_and_those_with_most_changes_drawn(levers, made):  # noqa: F811
    kept = made / "kept"
    kept.mkdir()
    (kept / "levers").symlink_to(levers)
    shutil.copytree(levers, kept / "fewer", ignore=shutil.ignore_patterns("kept", "docs"))
    experiment = yaml.safe_load((levers / "experiment.yaml").read_text())
    (kept / "fewer" / "experiment.yaml").write_text(yaml.safe_dump({**experiment, "rows": experiment["rows"][:2]}))
    assert sum(isinstance(block, Shown) for block in isobyte_tables("<!-- levers -->", kept)) == 2
    blocks = isobyte_paper("<!-- levers -->", kept, made / "docs/figures/isobyte")
    assert str(blocks[0]).count("The largest gain") == 2
    assert str(blocks[0]).count("after 2 of 2 changes one on top of the other, with **rms scales**") == 1
    assert [block.path.name for block in blocks if isinstance(block, Picture)] == ["levers.svg"]
    assert (made / "docs/figures/isobyte/levers.svg").is_file()


def test_the_verdict_on_bytes_is_of_the_kept_figures():
    kept = read_entropies(ROOT / "measured" / "entropy")
    assert len(kept) == len(list((ROOT / "measured" / "entropy").glob("*.json")))
    for found in kept:
        saved = found.verdict.saved_bytes
        for kind, best in found.verdict.best.items():
            assert saved[kind] == found.artifact.bytes_by_kind[kind] - round(found.code_bytes[kind][best])
            assert found.code_bytes[kind][best] == min(found.code_bytes[kind].values())
        assert found.verdict.worth_a_coder == (sum(saved.values()) / found.artifact.bytes >= 0.01)
