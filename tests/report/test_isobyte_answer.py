"""What the paper answers: who wins at a small size and at full size, and whether that decides it."""

from tests.report.test_full_size import REFERENCE, run
from tests.report.test_isobyte_paper import points
from tritgolf.report.isobyte_answer import answer_in_words

LOST, WON = points(1.25, 1.0), points(1.0, 1.25)


def best(bpb=0.65, **facts):
    return run("ternary_best", bpb, **facts)


def test_losses_at_a_small_size_are_told_plainly_and_wins_by_name():
    said = answer_in_words({"a": LOST, "b": points(1.1, 1.0)}, [])
    assert said == (
        "At small sizes ternary weights lose to 4 bits at equal bytes in 2 of 2 comparisons, by 0.1000 to 0.2500 BPB."
    )
    mixed = answer_in_words({"a": LOST, "read often": WON}, [])
    assert "in 1 of 2 comparisons, by 0.2500 BPB. They win by 0.2500 in one of them: *read often*." in mixed
    assert answer_in_words({}, []) == ""


def test_one_seed_at_full_size_leaves_the_question_open():
    said = answer_in_words({"a": LOST}, [best(), run("best_int6", 0.7, ttt_bpb=0.64), *REFERENCE])
    assert "At full size `ternary_best`, which is ternary, leads #920 by 0.1030 BPB, in its GPU time and within" in said
    assert (
        "It leads int6 by 0.0500 BPB in the same training; with test-time training of both the difference is −0.0050."
        in said
    )
    assert "Coded, int6 takes 3.33 bits a weight; those that win at small sizes take 3.50." in said
    assert said.endswith("is open: fewer than 3 seeds of each decide nothing.")


def test_a_lead_over_other_limits_is_not_said_to_be_within_them():
    said = answer_in_words({"a": LOST}, [best(total_bytes=17e6), *REFERENCE])
    assert "leads #920 by 0.1030 BPB. Its own training with other weights has not been run there." in said


def test_three_seeds_of_each_are_not_called_undecided():
    rows = [best(seed=seed) for seed in (1, 2, 3)] + [run("best_int6", 0.6, seed=seed) for seed in (1, 2, 3)]
    said = answer_in_words({}, [*rows, *REFERENCE])
    assert "It is behind int6 by 0.0500 BPB" in said and "open" not in said
