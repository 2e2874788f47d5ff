"""docs/isobyte.md and its tables: made of what is kept, and what is not measured is said to be so."""

import json
import math
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.report.test_lever_table import edit
from tests.report.test_lever_table import folder as levers  # noqa: F401  (a fixture)
from tests.small import RECORDS
from tritgolf.config.record import load_record
from tritgolf.report.entropy import read_entropies
from tritgolf.report.experiments import load_experiment
from tritgolf.report.isobyte_paper import isobyte_paper
from tritgolf.report.isobyte_parts import parts_in_words
from tritgolf.report.isobyte_table import isobyte_frame
from tritgolf.report.isobyte_tables import isobyte_tables
from tritgolf.report.lever_plot import lever_figure
from tritgolf.report.lever_table import lever_table
from tritgolf.report.lever_words import levers_in_words, together_in_words
from tritgolf.report.pages import Picture, Shown, as_markdown
from tritgolf.report.rendering import Table
from tritgolf.report.style import COLOURS

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
    assert text.count(NOT_MEASURED) == 5
    assert tables(made, made).count(NOT_MEASURED) == 6
    assert "scores best" not in text and "changes alone" not in text and "BPB ahead" not in text


def test_the_prose_states_no_result():
    """But for the sizes and settings of the systems it asks about."""
    prose = TEMPLATE + TABLES
    numbers = {number.strip(".,") for number in re.findall(r"\d[\d.,]*", prose)}
    assert numbers == {"16,000,000", "640", "920", "1716", "0", "1", "4", "6", "10"}
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


def levers_frame(rows, seeds=(42, 1337)):
    """``rows``: what, against, gain, gain over the base, its p, and the artifact's bytes; the first is the base."""
    return pd.DataFrame(
        [
            {
                "record": what,
                "what": what,
                "against": against,
                "seed": seed,
                "gain_bpb": gain,
                "gain_over_base_bpb": over_base,
                "gain_p_holm": p,
                "artifact_bytes": size,
                "is_base": what == rows[0][0],
                "apart": what.endswith("apart"),
                "least_told": 0.015,
                "gain_error": 0.002,
                "degrees": 10,
                "ms_per_step": math.nan,
                "base_ms_per_step": math.nan,
            }
            for what, against, gain, over_base, p, size in rows
            for seed in seeds
        ]
    )


def test_levers_in_words():
    changes = [("a", 0.02, 0.01, 118), ("b", 0.01, 0.9, 100), ("c", -0.03, 0.04, 80), ("d", -0.04, 0.02, 104)]
    rows = [("base", "base", 0, 0, float("nan"), 100), *((n, "base", g, g, p, size) for n, g, p, size in changes)]
    said = levers_in_words(levers_frame([*rows, ("left apart", "base", -1.0, -1.0, 0.001, 100)]))
    assert said == (
        "Of 4 changes alone, in 2 seeds, 1 gains significantly: **a** (+0.0200, at 18% more bytes); 2 lose "
        "significantly: **c** (−0.0300, at 20% fewer bytes) and **d** (−0.0400); 1 are not significant "
        "(Holm-adjusted p < 0.05; a difference of 0.0150 is "
        "significant)."
    )
    frame = levers_frame(rows)
    assert levers_in_words(frame, named=False) == (
        "Of 4 changes alone, in 2 seeds, 1 gains significantly; 2 lose significantly. A difference of 0.0150 BPB is "
        "significant."
    )
    assert ", none gains significantly; none loses significantly; 4 are not" in levers_in_words(
        frame.assign(gain_p_holm=0.5)
    )
    assert levers_in_words(frame.assign(gain_p_holm=float("nan"))) == (
        "The largest gain is of **a** (+0.0200, at 18% more bytes), the least of **d** (−0.0400). One seed gives no "
        "significance."
    )
    times = frame["what"].map({"base": 10.0, "a": 10.4, "b": 11.2, "c": 15.0, "d": 9.0})
    timed = frame.assign(ms_per_step=times, base_ms_per_step=10.0)
    assert levers_in_words(timed).endswith(
        "significant). Time a step differs by more than 5% with **c** (+50%), **b** (+12%) and **d** (−10%)."
    )
    assert levers_in_words(timed, named=False) == levers_in_words(frame, named=False)


def test_a_ladder_in_words():
    rungs = [("base", "base", 0, 0, float("nan"), 100), ("first", "base", 0.02, 0.02, 0.01, 120)]
    rungs += [("… and second", "first", 0.04, 0.06, 0.02, 120), ("… and third", "… and second", -0.02, 0.04, 0.01, 120)]
    frame = levers_frame([*rungs, ("… and apart", "… and third", 1.0, 1.0, 0.01, 120)])
    peak = (
        "gain most: +0.0600 ± 0.0000 BPB (standard deviation over seeds), at 20% more bytes. The steps of **first** "
        "(p = 0.010) and **second** (p = 0.020) are significant."
    )
    last = " All 3 together gain +0.0400 ± 0.0000 BPB."
    assert levers_in_words(frame) == f"One on top of the other, the first 2 of 3 changes {peak}{last}"
    assert levers_in_words(frame[:-4]) == f"One on top of the other, all 2 changes {peak}"
    assert "significant" not in levers_in_words(frame.assign(gain_p_holm=0.5))
    assert levers_in_words(frame, named=False) == (
        "One on top of the other, the first 2 of 3 changes gain +0.0600 ± 0.0000 BPB, at 20% more bytes and at equal "
        "tokens."
    )
    sizes = frame["artifact_bytes"].where(frame["record"] != "first", 99)
    assert " The first 1, which take no more bytes, gain +0.0200 ± 0.0000 BPB." in levers_in_words(
        frame.assign(artifact_bytes=sizes)
    )


def test_what_changes_gain_together_stands_beside_their_sum_alone():
    base = ("base", "base", 0, 0, float("nan"), 100)
    alone = levers_frame([base, *((what, "base", 0.01, 0.01, 0.5, 100) for what in "abc")])
    rungs = [("a", "base", 0.01), ("… and b", "a", 0.02), ("… and c", "… and b", -0.01)]
    over_base = (0.01, 0.03, 0.02)
    ladder = levers_frame([base, *((*rung, over, 0.5, 100) for rung, over in zip(rungs, over_base, strict=True))])
    error = 0.003 * math.sqrt((2**2 + 2) / 2)
    said = together_in_words(alone.assign(gain_error=0.003), ladder)
    assert said.startswith(
        f"Alone the first 2 changes of the ladder add up to +0.0200 BPB, with a standard error of {error:.4f}, as all "
        "are compared with the same base. Whether they help each other is not known (p = 0.1"
    )
    assert "They help each other (p = 0.0" in together_in_words(alone, ladder)
    less = alone.assign(gain_bpb=0.5)
    assert "They stand in each other's way (p = <0.001)" in together_in_words(less, ladder)
    timed = alone.assign(base_ms_per_step=10.0, ms_per_step=alone["what"].map({"base": 10.0, "a": 12.0, "b": 13.0}))
    assert together_in_words(timed, ladder).endswith(
        "By the times that they take alone, added up, the 2 take 50% more time a step."
    )
    assert together_in_words(alone[alone["what"] != "b"], ladder) == ""


def test_kept_levers_are_shown_and_those_with_most_changes_drawn(levers, made):  # noqa: F811
    kept = made / "kept"
    kept.mkdir()
    (kept / "levers").symlink_to(levers)
    shutil.copytree(levers, kept / "fewer", ignore=shutil.ignore_patterns("kept", "docs"))
    experiment = yaml.safe_load((levers / "experiment.yaml").read_text())
    (kept / "fewer" / "experiment.yaml").write_text(yaml.safe_dump({**experiment, "rows": experiment["rows"][:2]}))
    told, *others = isobyte_tables("<!-- levers -->", kept)
    assert sum(isinstance(block, Shown) for block in others) == 2
    assert str(told).count("changes alone, in 3 seeds") == 1
    assert str(told).count("One on top of the other, all 2 changes gain most: +0.6000") == 1
    blocks = isobyte_paper("<!-- levers -->", kept, made / "docs/figures/isobyte")
    assert [block.path.name for block in blocks if isinstance(block, Picture)] == ["levers.svg"]
    assert (made / "docs/figures/isobyte/levers.svg").is_file()


def test_of_ladders_that_of_the_largest_model_is_told(levers, made):  # noqa: F811
    kept = made / "kept"
    for name, title in (("smaller", "Of a small model"), ("larger", "Of a large model")):
        shutil.copytree(levers, kept / name, ignore=shutil.ignore_patterns("kept", "docs"))
        experiment = yaml.safe_load((levers / "experiment.yaml").read_text())
        rungs = [row for row in experiment["rows"] if row["record"] in ("first", "rung1", "rung2")]
        (kept / name / "experiment.yaml").write_text(yaml.safe_dump({**experiment, "title": title, "rows": rungs}))
    for path in (kept / "larger").rglob("export.json"):
        metrics = json.loads(path.read_text())["metrics"]
        edit(path, **{f"metrics__storages__{name}__bytes": 10_000_000 for name in metrics["storages"]})
    shutil.copytree(levers, kept / "levers", ignore=shutil.ignore_patterns("kept", "docs"))  # with more changes
    (kept / "levers/experiment.yaml").write_text(yaml.safe_dump({**experiment, "rows": experiment["rows"][:4]}))
    told = str(isobyte_tables("<!-- levers -->", kept)[0])
    assert "*Two levers.*" in told and "*Of a large model.*" in told and "*Of a small model.*" not in told


def test_the_figure_has_the_best_change_first_and_none_that_is_apart():
    changes = [("a", 0.1), ("b", 0.2), ("apart", 9)]
    rows = [("base", "base", 0, 0, 1.0, 100), *((name, "base", gain, gain, 0.1, 100) for name, gain in changes)]
    table = Table("", levers_frame(rows).assign(least_told=0.05), pd.DataFrame(), ())
    axes = lever_figure(table).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a"]
    assert max(axes.get_xlim()) < 1
    rungs = [rows[0], ("b", "base", 0.3, 0.3, 0.1, 100), ("… and a", "b", 0.4, 0.7, 0.01, 100)]
    with_ladder = lever_figure(table, Table("", levers_frame(rungs), pd.DataFrame(), ())).axes[0]
    assert [label.get_text() for label in with_ladder.get_yticklabels()] == ["b", "a"]
    markers = [line for line in with_ladder.lines if line.get_marker() == "D" and len(line.get_xdata())]
    assert {round(line.get_ydata()[0]): line.get_xdata()[0] for line in markers} == pytest.approx({1: 0.4, 0: 0.3})
    assert [line.get_markerfacecolor() for line in markers] == ["white", COLOURS[2]]
    on_top = levers_frame([*rows, ("c", "a", 0.9, 1.0, 0.1, 100)]).assign(least_told=float("nan"))
    axes = lever_figure(Table("", on_top, pd.DataFrame(), ())).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]


def test_the_verdict_on_bytes_is_of_the_kept_figures():
    kept = read_entropies(ROOT / "measured" / "entropy")
    assert len(kept) == len(list((ROOT / "measured" / "entropy").glob("*.json")))
    for found in kept:
        saved = found.verdict.saved_bytes
        for kind, best in found.verdict.best.items():
            assert saved[kind] == found.artifact.bytes_by_kind[kind] - round(found.code_bytes[kind][best])
            assert found.code_bytes[kind][best] == min(found.code_bytes[kind].values())
        assert found.verdict.worth_a_coder == (sum(saved.values()) / found.artifact.bytes >= 0.01)


def test_hybrids_lie_between_their_parts_as_the_page_says():
    frame = isobyte_frame(*load_experiment(ROOT / "measured" / "isobyte_hybrids_demo"))
    score = frame.groupby("record")["artifact_bpb"].mean()
    trits, four, six = (score[f"isobyte_{point}_tokens"] for point in ("1_58_qat", "4_gptq", "6_gptq"))
    assert four < score["isobyte_attention_trits"] < score["isobyte_mlp_trits"] < trits
    assert four < score["isobyte_mlp_4_attention_6"] < six


def test_without_recurrence_the_ladder_keeps_nearly_all_of_its_gain_in_equal_time_as_the_page_says():
    tokens, time = (
        lever_table(*load_experiment(ROOT / "measured" / name)).frame.groupby("record")["gain_over_base_bpb"].mean()
        for name in ("levers_ladder_demo", "levers_equal_time_demo")
    )
    ten, with_recurrence = "demo_levers_rung10_xsa", "demo_levers_rung11_recurrence"
    assert time[f"{ten}@equal_time"] > 0.95 * tokens[ten]
    assert time[f"{with_recurrence}@equal_time"] < time[f"{ten}@equal_time"] / 2
    assert tokens[with_recurrence] > tokens[ten]


def test_the_best_record_has_the_changes_that_the_page_says():
    model, train = load_record("ternary_best", RECORDS).model, load_record("ternary_best", RECORDS).train
    assert (
        model.gates.attention and model.gates.skips and model.gates.smear and model.xsa_layers and model.parallel_from
    )
    assert (model.mlp_slope, model.qat.quantizer.estimator, train.warmdown_fraction) == (0.5, "absmean", 0.72)
    assert train.muon.weight_decay and model.factored.width == 336
    assert (model.rotary_dims, model.recurrence, model.layer_scale) == (model.width // model.heads, None, False)


def test_what_width_gains_and_grids_cost_add_up_to_the_distance():
    rows = [(1.58, "qat", 1.07, 1.08), (1.58, "gptq", 0.98, 1.27), (4.0, "gptq", 1.02, 1.03)]
    frame = pd.DataFrame(rows, columns=["bits", "method", "trained_bpb", "artifact_bpb"])
    assert parts_in_words(frame) == (
        "Before rounding, a network as wide as trits allow scores 0.9800, one as wide as 4 bits allow 1.0200: width "
        "gains 0.0400 BPB. GPTQ to 4 bits costs 0.0100. Trits trained on their grid score 0.1000 worse than that wider "
        "network, whose width and optimizers are others."
    )  # 0.10 − 0.04 − 0.01 is what trits lose
    assert parts_in_words(frame[frame["method"] == "gptq"]) == ""
    assert parts_in_words(frame.assign(method=["gptq", "gptq", "qat"])) == ""
