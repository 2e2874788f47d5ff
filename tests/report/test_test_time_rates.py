"""Other rates of test-time training: how kept scores are read, compared and shown."""

import json
import shutil

import pandas as pd
import pytest

from tests.kept import MEASURED
from tritgolf.report.test_time_rates import rates_caption, rates_in_words, rates_table, read_rates

KEPT = "test_time_rates_h200"


def kept(**scores):
    """For each sort of weights its scores by rate, in so many times the record's."""
    return [
        (None, pd.DataFrame([{"weights": name, "seed": 42, "times": times, "bpb": bpb} for times, bpb in of.items()]))
        for name, of in scores.items()
    ]


def test_rates_are_those_of_the_records_and_scores_those_of_the_runs():
    for run, frame in read_rates(MEASURED):
        folder = MEASURED / KEPT / run.facts.name.partition("@")[0]
        methods = json.loads((folder / "record.json").read_text())["evaluate"]["methods"]
        scored = json.loads((folder / "seed1337/final/evaluate.json").read_text())["metrics"]["methods"]
        by_rate = {
            sum(part["lr"] for part in methods[name]["adapt"]): facts["bpb_published_bytes"]
            for name, facts in scored.items()
        }
        assert dict(zip(frame["rate"], frame["bpb"], strict=True)) == by_rate and len(by_rate) >= 4
        assert frame["times"].tolist() == sorted(by_rate[0] and rate / 0.005 for rate in by_rate)


def test_the_best_rate_and_who_leads_at_all_are_told():
    [said] = rates_in_words(
        kept(trits={0.0: 0.6, 1.0: 0.59, 2.0: 0.592}, int4={0.0: 0.61, 0.5: 0.5798, 1.0: 0.58, 2.0: 0.581})
    )
    assert said.startswith(
        "Other rates of test-time training gain at most 0.00020 BPB more ([table](isobyte_tables.md#"
    )
    assert said.endswith(
        ", 1 seed of each). At 1 and 2 times the record's rate int4 leads trits by 0.0100 to 0.0110 BPB."
    )


@pytest.mark.parametrize(
    "scores",
    [
        {"trits": {0.0: 0.6, 1.0: 0.59, 2.0: 0.57}, "int4": {1.0: 0.58, 2.0: 0.581}},
        {"trits": {1.0: 0.59, 4.0: 0.6}, "int4": {1.0: 0.58, 2.0: 0.581}},
        {"trits": {0.0: 0.6, 1.0: 0.59}},
    ],
    ids=["not at all rates", "at one rate", "one sort"],
)
def test_nobody_leads_who_does_not_at_several_rates_and_at_all(scores):
    assert "leads" not in rates_in_words(kept(**scores))[0]


def test_where_the_records_rate_is_the_best_others_gain_no_more():
    assert rates_in_words(kept(trits={0.0: 0.6, 1.0: 0.59, 2.0: 0.595}))[0].startswith(
        "Other rates of test-time training gain no more ("
    )
    assert rates_in_words([]) == []


def test_the_table_has_a_column_a_rate_and_says_what_was_not_scored(tmp_path):
    shutil.copytree(MEASURED / KEPT, tmp_path / KEPT)
    file = tmp_path / KEPT / "best_int4/seed1337/final/evaluate.json"
    facts = json.loads(file.read_text())
    del facts["metrics"]["methods"]["ttt_double"]
    file.write_text(json.dumps(facts))
    cells = rates_table(read_rates(tmp_path)).cells
    assert list(cells) == ["weights", "seed", "none", "0.5 ×", "1 ×", "2 ×", "4 ×"]
    assert cells.set_index("weights").loc["trits", "0.5 ×"] == cells.set_index("weights").loc["int4", "2 ×"] == "—"
    assert "0.005" in rates_caption(read_rates(tmp_path)) and read_rates(tmp_path / KEPT) == []
