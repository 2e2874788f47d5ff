"""The runs at full size: what is said of each of ``ternary_best``'s, by its score, its bytes and its gap."""

import json
import statistics

import pytest

from tests.kept import MEASURED
from tritgolf.report.full_size import each_seed, full_size_blocks, read_full_size
from tritgolf.report.generalization import generalization_in_words
from tritgolf.report.standing import best_in_words, standing, standing_table


def run(record, bpb, **facts):
    usual = {
        "run": f"{record}_docs_en",
        "text": "docs_en",
        "seed": 42,
        "hardware": "4 × H100",
        "gpu": "H100",
        "is_published": False,
        "averaged": False,
        "whole_bpb": bpb + 0.02,
        "training_seconds": 291.0,
        "gpu_seconds": 1164.0,
        "tokens_scored": 1_646_422,
        "gap_bpb": 0.0,
        "total_bytes": 15e6,
        "artifact_bytes": 15e6 - 50_000,
        "coded_bits": 3.33,
        "parameters": 34.9e6,
        "times_read": 11.0,
        "byte_limit": 16e6,
        "start": 0.0,
        "ttt_bpb": bpb - 0.005,
    }
    return {"record": record, "sliding_bpb": bpb, **usual, **facts}


REFERENCE = [run("ternary_v2", 0.753, gap_bpb=0.001), run("int6_recurrent", 0.691, text="docs_en_4")]


def stand(*own, others=REFERENCE):
    return standing([*own, *others])


def test_a_run_is_held_to_what_it_is_to_be():
    good = stand(run("ternary_best", 0.69, start=0.4))
    assert good.iloc[0]["missed"] == "" and good.iloc[0]["ternary_v2"] == pytest.approx(0.063)
    told = best_in_words(good)
    assert told.startswith("`ternary_best_docs_en` scores 0.6900 BPB in 291 s on 4 × H100. The aim, set before any run")
    assert "is met with 1,000,000 bytes to spare." in told


def test_the_best_run_is_ranked_among_the_others():
    rows = [run("ternary_best", 0.68, seed=seed, gap_bpb=gap) for seed, gap in ((1, 0.0), (2, 1e-3))]
    rows += [run("ternary_best", 0.6, run="worse", total_bytes=17e6), run("best_int6", 0.65), *REFERENCE]
    cells = standing_table(rows, ["ternary_best_docs_en"], []).cells
    names = ("best_int6", "ternary_best", "int6_recurrent", "ternary_v2")
    assert list(cells["run"]) == [f"`{name}_docs_en`" for name in names]
    assert list(cells["seeds"]) == ["1", "2", "1", "1"] and set(cells["epochs"]) == {"11.0"}
    assert list(cells["RT gap"])[1:3] == ["+0.00050", "0 exactly"]


def test_a_score_that_is_no_use_is_not_met():
    bad = stand(run("ternary_best", 0.73, gap_bpb=1e-6, total_bytes=17e6))
    assert bad.iloc[0]["missed"] == "score, bytes, gap" and best_in_words(bad).endswith("is missed.")
    assert stand(run("ternary_best", 0.69, total_bytes=17e6)).iloc[0]["missed"] == "bytes"
    assert stand(run("ternary_best", 0.69, gpu_seconds=1180.0)).iloc[0]["missed"] == "time"


def test_time_is_compared_on_the_same_gpus_where_it_is_known():
    twin = run("ternary_honest", 0.75, gpu="H200", gpu_seconds=1090.0)
    own = run("ternary_best", 0.69, gpu="H200", gpu_seconds=1095.0)
    [found] = stand(own, others=[*REFERENCE, twin]).to_dict("records")
    assert found["ternary_v2_seconds"] == 1090.0 and found["missed"] == ""
    assert stand({**own, "gpu_seconds": 1110.0}, others=[*REFERENCE, twin]).iloc[0]["missed"] == "time"
    assert stand({**own, "gpu_seconds": 1110.0}).iloc[0]["ternary_v2_seconds"] == 1164.0


def test_of_a_rival_the_best_run_counts_by_each_score():
    rivals = [run("best_int6", 0.70, run="long", ttt_bpb=0.64), run("best_int6", 0.68, run="half", ttt_bpb=0.66)]
    [found] = stand(run("ternary_best", 0.65, ttt_bpb=0.645), others=[*REFERENCE, *rivals]).to_dict("records")
    assert (found["best_int6"], found["best_int6_ttt"]) == pytest.approx((0.03, -0.005))


def test_published_code_is_shown_and_compared_with_nothing():
    published = run("#920, published", 0.5, run="published code of #920", is_published=True)
    rows = [run("ternary_best", 0.69), *REFERENCE, published]
    assert standing(rows).iloc[0]["ternary_v2"] == pytest.approx(0.063)
    assert standing_table(rows, ["ternary_best_docs_en"], []).cells["run"][0] == "published code of #920"
    rows = [row | {"training_nats": 1.0, "validation_nats": 1.5} for row in (published, run("a", 1, averaged=True))]
    assert generalization_in_words(rows) == []


def test_what_is_not_kept_is_neither_met_nor_missed():
    nan = float("nan")
    assert (
        stand(run("ternary_best", 0.69, gap_bpb=nan, total_bytes=nan)).iloc[0]["missed"] == "bytes unknown, gap unknown"
    )
    for others in ([], [run("ternary_v2", 0.753, text="docstrings", tokens_scored=100)]):
        assert stand(run("ternary_best", 0.7), others=others).iloc[0]["missed"] == "score unknown, time unknown"


def test_runs_of_one_record_are_told_apart_and_the_best_that_is_valid_is_told():
    runs = [
        run("ternary_best", bpb, run=name, total_bytes=size) for name, bpb, size in (("a", 0.7, 1), ("b", 0.65, 17e6))
    ]
    both = stand(*runs)
    assert list(both["run"]) == ["b", "a"] and best_in_words(both).startswith("`a` scores 0.7000")
    assert best_in_words(stand(runs[1])).startswith("`b` scores 0.6500")


def test_a_run_that_fits_its_training_text_better_is_named():
    losses = [("best_int6", 1.07, 1.378), ("ternary_best", 1.383, 1.341), ("int6_recurrent", 1.293, float("nan"))]
    rows = [run(name, 0.7, training_nats=train, validation_nats=val) for name, train, val in losses]
    [told] = generalization_in_words(rows)
    assert told == (
        "1 run fits training text better than validation text. Its nats a token, at the end of training and of "
        "validation text before anything is stored, are 1.070 and 1.378 (`best_int6_docs_en`). In the other runs "
        "without averaged weights training text has 0.042 nats more, as far as both are known."
    )
    assert "the other runs" not in generalization_in_words(rows[::2])[0] and generalization_in_words(rows[1:]) == []
    assert generalization_in_words(rows[:2])[0].endswith("without averaged weights training text has 0.042 nats more.")
    two = generalization_in_words([rows[0], rows[0] | {"run": "another"}])[0]
    assert two.startswith("2 runs fit training text better than validation text. Their nats a token, at the end")
    [seeds] = generalization_in_words([rows[0], rows[0] | {"seed": 1, "training_nats": 1.09}])
    assert "1.080 and 1.378 (`best_int6_docs_en`)." in seeds and seeds.startswith("1 run fits")


def test_every_kept_run_is_in_the_table():
    found = read_full_size(MEASURED)
    standings, said, compared = full_size_blocks(found)
    table, formats, fits_better = each_seed(found)
    folders = {path.name for path in MEASURED.glob("ternary_best_*")}
    every, shown = set(table.table.frame["run"]), set(standings.table.frame["run"])
    best = {"ternary_best_fits_docs_en_h200", "ternary_best_time1716_docs_en_h200"}
    assert folders < every and every - shown == folders - best
    assert shown - every == {"published code of #1716"}
    read = table.table.frame.groupby("run")["times_read"].first()
    assert (read["ternary_best_fits_docs_en_h200"], read["int6_recurrent_800_docs_en_2xh200"]) == pytest.approx(
        (1560 * 524_288 / 90_426_156, 800 * 786_432 / 90_426_156)
    )
    assert formats.startswith("- Training on the grid begins at 40% (trits)")
    assert said.startswith("`ternary_best_fits_docs_en_h200` scores")
    assert compared.table.cells["seeds"].tolist() == ["3 and 3", "3 and 1", "3 and 1"] * 2
    for overfitted in ("best_int4_docs_en_h200", "best_int6_docs_en_h200", "best_int6_half_docs_en_h200"):
        assert f"(`{overfitted}`)" in fits_better
    assert "`int6_recurrent" not in fits_better and "`ternary" not in fits_better
    gaps = table.table.frame.set_index("run")["gap_bpb"]  # of one without a roundtrip, by scores of each alone
    assert gaps["int6_recurrent_800_docs_en_2xh200"] == pytest.approx(0.72461613 - 0.71656502)


def test_the_notebook_tells_how_far_apart_the_losses_of_both_starts_ended():
    """By this the record's start of trits was chosen."""

    def losses(run):
        lines = map(json.loads, (MEASURED / run / "seed42/train/metrics.jsonl").read_text().splitlines())
        return {line["step"]: line["loss"] for line in lines if line["step"] > 1470}

    early, late = losses("ternary_best_early_docs_en_h200"), losses("ternary_best_docs_en_h200")
    apart = [late[step] - early[step] for step in late]
    means = [statistics.mean(of[step] for step in late) for of in (early, late)]
    error = statistics.stdev(apart) / len(apart) ** 0.5
    told = " ".join((MEASURED / "ternary_best_early_docs_en_h200" / "notebook.md").read_text().split())
    assert len(apart) == 9 and "{:.3f} against {:.3f} nats (nine logged steps".format(*means) in told
    assert f"{statistics.mean(apart):.3f} ± {error:.3f} apart" in told
