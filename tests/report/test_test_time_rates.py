"""Other rates of test-time training: how kept scores are read, compared and shown."""

import json
import shutil

import pandas as pd
import pytest

from tests.kept import MEASURED
from tritgolf.errors import InputError
from tritgolf.report.metrics import read_record
from tritgolf.report.test_time_rates import rates_caption, rates_in_words, rates_table, read_rates

KEPT = "test_time_rates_h200"


@pytest.fixture
def measured(tmp_path):
    shutil.copytree(MEASURED / KEPT, tmp_path / KEPT)
    return tmp_path


def edit(path, change):
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))


def kept(seed=42, **scores):
    """For each sort of weights its scores by rate, in so many times the record's."""
    return [
        (None, pd.DataFrame([{"weights": name, "seed": seed, "times": times, "bpb": bpb} for times, bpb in of.items()]))
        for name, of in scores.items()
    ]


def test_rates_are_those_of_the_records_and_scores_those_of_the_artifacts_that_were_trained():
    folders = sorted(path.parent for path in (MEASURED / KEPT).glob("*/record.json"))
    for folder, (run, frame) in zip(folders, read_rates(MEASURED), strict=True):
        name = run.facts.name.partition("@")[0]
        methods = read_record(folder / "record.json").evaluate.scoring
        [path] = folder.glob("seed*/final/evaluate.json")
        facts = json.loads(path.read_text())
        by_rate = {
            sum(part.lr for part in methods[method].adapt): scored["bpb_published_bytes"]
            for method, scored in facts["metrics"]["methods"].items()
        }
        assert dict(zip(frame["rate"], frame["bpb"], strict=True)) == by_rate and len(by_rate) >= 3
        assert frame["times"].tolist() == [round(rate / 0.005, 6) for rate in sorted(by_rate)]
        [trained] = MEASURED.glob(f"{name}*/{path.parent.parent.name}/final/evaluate.json")
        own = json.loads(trained.read_text())
        assert own["provenance"]["inputs"] == facts["provenance"]["inputs"]
        assert own["metrics"]["methods"]["ttt"] == facts["metrics"]["methods"]["ttt"]


def test_a_method_that_differs_in_more_than_the_rate_is_told(measured):
    record = measured / KEPT / "best_int4/record.json"
    edit(record, lambda facts: facts["evaluate"]["methods"]["ttt_half"]["adapt"][0].update(epochs=5))
    with pytest.raises(InputError, match=r"record\.json.*ttt_half differs from ttt in more than the rate"):
        read_rates(measured)


def test_the_best_rate_and_who_leads_at_all_are_told():
    trits, int4 = {0.0: 0.5, 1.0: 0.59, 2.0: 0.592}, {0.0: 0.61, 0.5: 0.5798, 1.0: 0.58, 2.0: 0.581}
    [said] = rates_in_words(kept(trits=trits, int4=int4))
    assert said == (
        "Other rates of test-time training gain at most 0.00020 BPB more (seeds: 1 of int4 and 1 of trits). Not tried "
        "with trits: 0.5 times the record's rate. At 1 and 2 times the record's rate int4 leads trits by "
        "0.0100 to 0.0110 BPB."
    )


@pytest.mark.parametrize(
    "scores",
    [
        {"trits": {0.0: 0.6, 1.0: 0.59, 2.0: 0.57}, "int4": {1.0: 0.58, 2.0: 0.581}},
        {"trits": {1.0: 0.59, 4.0: 0.6}, "int4": {1.0: 0.58, 2.0: 0.581}},
        {"trits": {0.0: 0.6, 1.0: 0.59, 2.0: 0.6}},
    ],
    ids=["not at all rates", "at one rate", "one sort"],
)
def test_nobody_leads_who_does_not_at_several_rates_and_at_all(scores):
    assert "leads" not in rates_in_words(kept(**scores))[0]


def test_what_other_rates_gain_is_counted_seed_by_seed():
    """A seed that scores better than the other at every rate must make no rate better where it alone was scored."""
    one, other = kept(42, trits={1.0: 0.58, 2.0: 0.581}), kept(7, trits={1.0: 0.59})
    [said] = rates_in_words([*one, *other])
    assert said.startswith("Other rates of test-time training gain no more (") and "seeds: 2 of trits" in said
    assert rates_in_words([]) == []


def test_the_table_has_a_column_a_rate_and_says_what_was_not_scored(measured):
    evaluated = measured / KEPT / "best_int4/seed1337/final/evaluate.json"
    edit(evaluated, lambda facts: facts["metrics"]["methods"].pop("ttt_double"))
    cells = rates_table(read_rates(measured)).cells.set_index("weights")
    assert list(cells) == ["seed", "none", "0.5 ×", "1 ×", "2 ×", "4 ×"]
    assert cells["seed"].to_list() == ["1337", "7", "1337"]
    assert cells.loc["int4", "2 ×"] == "—" and cells.loc["trits", "0.5 ×"].tolist() == ["0.64273", "—"]
    assert "the record's, 0.005. —" in rates_caption(read_rates(measured)) and read_rates(measured / KEPT) == []
