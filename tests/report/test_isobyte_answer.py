"""What the paper answers: who wins at a small size and at full size, and whether that decides it."""

from types import SimpleNamespace

import pandas as pd

from tests.report.test_full_size import REFERENCE, run
from tests.report.test_isobyte_paper import points
from tritgolf.report.isobyte_answer import answer_in_words
from tritgolf.report.isobyte_compared import compared_points, compared_table

LOST, WON = points(1.25, 1.0), points(1.0, 1.25)


def compared(*frames, size=250_000):
    """Frames as kept comparisons of different records, the last of which is called "read often"."""
    names = [*"ab"[: len(frames) - 1], "read often"]
    own = [frame.assign(record=f"{name} {size} " + frame["record"]) for name, frame in zip(names, frames, strict=True)]
    return [(SimpleNamespace(bytes=size, title=name), frame) for name, frame in zip(names, own, strict=True)]


def best(bpb=0.65, **facts):
    return run("ternary_best", bpb, **facts)


def test_losses_at_a_small_size_are_told_plainly_and_wins_by_name():
    of_both = [*compared(LOST), *compared(points(1.1, 1.0), size=4_000_000)]
    lost = "At equal bytes and equal tokens small ternary models lose to 4 bits, the most that were tried there, by"
    assert answer_in_words(of_both, []) == f"{lost} 0.2500 BPB at 0.25 MB and 0.1000 at 4 MB."
    assert f"{lost} 0.1000 to 0.2500 BPB at 0.25 MB." in answer_in_words(compared(LOST, points(1.1, 1.0)), [])
    mixed = answer_in_words(compared(LOST, WON), [])
    assert mixed == f"{lost} 0.2500 BPB at 0.25 MB. They win in *read often* by 0.2500 BPB."
    assert answer_in_words([], []) == ""
    assert answer_in_words(compared(WON[WON["bits"] == 1.58]), []) == ""  # nothing but ternary points


def test_equal_seconds_are_told_apart_from_equal_tokens():
    said = answer_in_words(compared(LOST.assign(series="seconds"), points(1.1, 1.0)), [])
    assert said.startswith(
        "At equal bytes and equal tokens small ternary models lose to 4 bits, the most that were tried there, by 0.1000"
    )
    seconds = "At equal bytes and equal seconds they lose to 4 bits"
    assert said.endswith(f"{seconds}, the most that were tried there, by 0.2500 BPB at 0.25 MB.")
    wider = LOST.assign(bits=[4.0, 4.0]).assign(record="wider", bits=8.0, over_best=0.3, artifact_bpb=1.3)
    [(one, frame)] = compared(pd.concat([LOST.assign(series="seconds"), wider.iloc[:1].assign(series="seconds")]))
    assert answer_in_words([(one, frame)], []).endswith("lose to 4 bits by 0.2500 BPB at 0.25 MB.")


def test_a_comparison_that_another_one_surpasses_counts_there():
    """The other one has its two points, and one that is better than both: then it is no loss of its own."""
    [(one, small)], [(other, large)] = compared(WON), compared(LOST)
    large = pd.concat(
        [large.assign(over_best=[0.5, 0.25]), large.iloc[:1].assign(record="better", bits=2.0, over_best=0.0)]
    )
    exception = "The exception is *read often*, where they win by 0.2500 BPB."
    assert answer_in_words([(one, small), (other, large)], []).endswith(f" 0.5000 BPB at 0.25 MB. {exception}")
    win = "Small ternary models win in *read often*, by 0.2500 BPB."
    better = "both score better there than in *read often*"
    said = f"They tie in *read often* (0.5000 BPB apart, within noise); {better}."
    assert answer_in_words([(one, small), (other, large.assign(p=0.4))], []) == f"{win} {said}"
    loss = LOST.assign(record=small["record"])
    assert "0.2500" not in answer_in_words([(one, loss), (other, large)], [])


def test_of_two_comparisons_with_the_same_two_points_the_first_is_told():
    [(one, small)], [(other, _)] = compared(WON), compared(LOST, size=1_000)
    more = pd.concat([small, small.iloc[:1].assign(record="worse", bits=2.0, over_best=0.3)])
    assert answer_in_words([(one, small), (one, more)], []).count("win") == 1
    table = compared_table(compared_points([(one, more), (other, small)]))
    assert list(table.cells["MB"]) == ["0.25"]
    elsewhere = small.assign(artifact_bpb=small["artifact_bpb"] + 1)  # points of the same names, but other ones
    assert list(compared_table(compared_points([(one, small), (other, elsewhere)])).cells["MB"]) == ["0.25", "0.001"]


def test_what_is_within_noise_is_neither_lost_nor_won_and_one_seed_tells_nothing():
    close = points(1.0, 1.01, p=0.4)
    said = answer_in_words(compared(LOST, close), [])
    assert said.endswith("They tie in *read often* (0.0100 BPB apart, within noise).")
    assert "win" not in said and "lose" not in answer_in_words(compared(points(1.01, 1.0, p=0.4)), [])
    assert answer_in_words(compared(points(1.25, 1.0, p=float("nan"))), []) == ""


def test_one_row_a_comparison_with_the_sign_of_ternary_s_distance():
    table = compared_table(compared_points(compared(LOST, WON)))
    assert list(table.cells["Δ ternary"]) == ["+0.2500", "−0.2500"] and list(table.cells["MB"]) == ["0.25", "0.25"]
    assert list(table.cells["best"]) == ["4 bits, QAT", "1.58 bits, QAT"] and set(table.cells["p"]) == {"0.010"}


def test_the_leads_of_trits_and_of_other_weights_over_920_stand_side_by_side():
    rival = run("best_int4", 0.66, ttt_bpb=0.64)
    said = answer_in_words(compared(LOST), [best(), rival, *REFERENCE])
    assert said.startswith(
        "**Of int4 and trits at 16 MB, with test-time training int4 and trits are too near to tell; "
    )
    assert (
        "`ternary_best`, which is ternary, leads #920 by 0.1030 BPB, in its GPU time and within the limit. With int4 "
        "nearly the same training leads by 0.0930 BPB, so most of that is not the format's." in said
    )
    assert (
        "In #1716's GPU time `ternary_best` leads #1716 by 0.0410 BPB (0.0410 with test-time training of both), in "
        "1,164 GPU seconds against 1,164." in said
    )
    assert "With int4" not in answer_in_words([], [best(), rival | {"sliding_bpb": 0.73}, *REFERENCE])


def test_what_averaging_costs_the_rival_stands_beside_a_lead_of_which_it_is_most():
    published = run("#1716, published", 0.69, is_published=True, cost_of_averaging=0.05, stored_bpb=0.73)
    said = answer_in_words([], [best(), *REFERENCE, published])
    assert (
        "Averaging of weights may explain most of that: in non-overlapping windows the lead over #1716's published "
        "code is 0.0600 BPB, and averaging costs that code 0.0500 BPB after so few steps, before anything is stored "
        "([scores](runs.md))." in said
    )
    for less in (0.01, float("nan")):
        assert "veraging" not in answer_in_words([], [best(), *REFERENCE, published | {"cost_of_averaging": less}])


def test_a_lead_over_other_limits_is_not_said_to_be_within_them():
    said = answer_in_words(compared(LOST), [best(total_bytes=17e6), *REFERENCE])
    assert "leads #920 by 0.1030 BPB. It leads #1716" in said
    assert said.startswith("`ternary_best`'s training with other weights has not been run at full size.")
