"""The runs at full size: what is said of each of ``ternary_best``'s, by its score, its bytes and its gap."""

import json
import statistics

from tests.kept import MEASURED
from tritgolf.report.full_size import best_in_words, full_size_blocks


def run(record, bpb, **facts):
    usual = {
        "run": f"{record}_docs_en",
        "text": "docs_en",
        "seed": 42,
        "hardware": "4 × H100",
        "training_seconds": 291.0,
        "tokens_scored": 1_646_422,
        "gap_bpb": 0.0,
        "total_bytes": 15e6,
        "byte_limit": 16e6,
        "start": 0.0,
    }
    return {"record": record, "sliding_bpb": bpb, **usual, **facts}


REFERENCE = [run("ternary_v2", 0.753, gap_bpb=0.001), run("int6_recurrent", 0.691, text="docs_en_4")]


def test_a_run_is_held_to_what_it_is_to_be():
    good = best_in_words([run("ternary_best", 0.69, start=0.4), *REFERENCE])
    assert "on trits from 40% of its training on: 0.6900 BPB in 291 s on 4 × H100." in good
    assert "It is 0.0630 ahead of #920, trained for 291 s on 4 × H100. The aim, 0.040 ahead within the limit" in good
    assert "without a gap, is met. It is 0.0010 ahead of #1716, trained for" in good
    assert good.endswith("With its script it is within the limit. Its gap is zero.")


def test_a_score_that_is_no_use_is_not_met():
    bad = best_in_words([run("ternary_best", 0.73, gap_bpb=1e-6, total_bytes=17e6), *REFERENCE])
    assert "on trits from its start" in bad and "It is 0.0390 behind #1716" in bad
    assert "is missed, by its score and its bytes and its gap." in bad
    assert bad.endswith("With its script it is **1,000,000 bytes over** the limit. **Its gap is not zero.**")
    assert "is missed, by its bytes." in best_in_words([run("ternary_best", 0.69, total_bytes=17e6), *REFERENCE])


def test_what_is_not_kept_is_neither_met_nor_missed_in_words():
    nan = float("nan")
    told = best_in_words([run("ternary_best", 0.69, gap_bpb=nan, total_bytes=nan), *REFERENCE])
    assert told.endswith("Its bytes are not kept. Its gap is not kept.") and "is met" not in told


def test_a_run_without_anything_on_its_text_says_so():
    other = run("ternary_v2", 0.753, text="docstrings", tokens_scored=100)
    for rows in ([], [other]):
        assert "No run of `ternary_v2` on its text" in best_in_words([run("ternary_best", 0.7), *rows])


def test_runs_of_one_record_are_told_apart_and_the_best_comes_first():
    points = best_in_words([run("ternary_best", 0.7, run="first"), run("ternary_best", 0.65, run="second"), *REFERENCE])
    assert [line.split(",")[0] for line in points.splitlines()] == ["- `second`", "- `first`"]


def test_every_kept_run_is_in_the_table():
    said, table = full_size_blocks(MEASURED)
    folders = {path.name for path in MEASURED.glob("ternary_best_*")}
    assert len(folders) == len(said.splitlines()) and all(f"- `{folder}`" in said for folder in folders)
    assert folders < set(table.table.frame["run"])


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
