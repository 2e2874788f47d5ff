"""How trits, int4 and int6 compare at full size, in as much time."""

from tests.report.test_full_size import REFERENCE, run
from tritgolf.report.full_size_formats import formats_answer, formats_compared, formats_in_words


def best(bpb=0.65, **facts):
    return run("ternary_best", bpb, start=0.4, coded_bits=1.59, **facts)


INT4 = run("best_int4", 0.66, ttt_bpb=0.62, start=0.65, whole_bpb=0.69, coded_bits=3.5)
INT6 = run("best_int6", 0.70, ttt_bpb=0.647, whole_bpb=0.68)
ROWS = [best(), INT4, INT6, *REFERENCE]


def test_the_answer_says_which_are_best_their_scores_and_what_storing_costs():
    seeds = [run("ternary_honest", bpb, seed=seed, ttt_bpb=float("nan")) for seed, bpb in ((1, 0.75), (2, 0.752))]
    stored = [*ROWS[:2], INT6 | {"gap_bpb": 0.03, "ttt_bpb": 0.648}, *ROWS[3:]]
    assert formats_answer([*stored, *seeds]) == (
        "**Of int4, trits and int6 at 16 MB, with test-time training the best are int4; without test-time training the "
        "best are trits** ([seeds and tests](#trits-int4-and-int6-at-full-size)). In equal GPU time (1,164 s) int4, "
        "trits and int6 score 0.6200, 0.6450 and 0.6480 with test-time training and 0.6600, 0.6500 and 0.7000 without "
        "test-time training. Storing costs int6 0.0300 of the 0.0400 BPB that it is behind trits in non-overlapping "
        "windows."
    )
    assert "Storing costs" not in formats_answer([*ROWS, *seeds])
    [compared] = formats_compared([*stored, *seeds])
    assert compared.table.cells["BPB ahead"].tolist() == ["0.0250", "0.0280", "0.0030", "0.0100", "0.0500", "0.0400"]
    assert compared.caption.endswith("by more than any two seeds of one run are apart, 0.0020 BPB.")


def test_seeds_of_runs_on_another_text_tell_nothing():
    elsewhere = [
        run("ternary_honest", bpb, seed=seed, text="other", tokens_scored=7) for seed, bpb in ((1, 0.7), (2, 0.8))
    ]
    [compared] = formats_compared([*ROWS, *elsewhere])
    assert compared.caption.endswith("no run has two, so none does.")


def test_of_several_runs_in_as_much_time_the_best_that_fits_is_compared():
    over = INT4 | {"run": "over", "ttt_bpb": 0.5, "sliding_bpb": 0.5, "total_bytes": 17e6}
    worse = INT4 | {"run": "worse", "ttt_bpb": 0.7, "sliding_bpb": 0.7}
    assert formats_answer([*ROWS, over, worse]) == formats_answer(ROWS)


def test_runs_of_other_times_are_not_compared():
    half = INT6 | {"run": "half", "gpu_seconds": 548.0, "sliding_bpb": 0.6}
    missing = "`ternary_best`'s training with other weights has not been run at full size."
    assert formats_answer([best(), half, *REFERENCE]) == missing and formats_in_words([best(), half, *REFERENCE]) == []
    assert formats_answer(REFERENCE) == "" and formats_compared(REFERENCE) == []
    [told] = formats_in_words([*ROWS, half])
    assert "- int6 scores best without test-time training after 548 GPU seconds: 0.6000." in told


def test_what_else_is_known_of_them():
    late = best(0.67, run="late", ttt_bpb=0.66, total_bytes=17e6) | {"start": 0.65}
    [told] = formats_in_words([*ROWS, late])
    assert told.splitlines() == [
        "- Training on the grid begins at 40% (trits) and 65% (int4) of the time. With int4's start "
        "`ternary_best` scores 0.6700, 0.6600 with test-time training, and is over the limit (`late`).",
        "- Coded bits a weight of their matrices: trits 1.59, int6 3.33 and int4 3.50.",
        "- Before anything is stored they score, in non-overlapping windows, trits 0.6700, int6 0.6800 and int4 "
        "0.6900.",
        "- BPB that test-time training gains: int6 0.0530, int4 0.0400 and trits 0.0050.",
    ]
    assert "With int4's start" not in formats_in_words(ROWS)[0]


def test_that_int6_is_ahead_in_less_time_is_told():
    half = INT6 | {"run": "half", "gpu_seconds": 548.0, "ttt_bpb": 0.66}
    short = best(0.67, run="short", ttt_bpb=0.665, gpu_seconds=755.0)
    theirs, ours = "0.6600 after 548 GPU seconds", "`ternary_best` 0.6650 after 755 GPU seconds."
    said = f"- With test-time training int6 scores {theirs}, {ours}"
    assert said in formats_in_words([*ROWS, short, half])[0]
    for other in ({"ttt_bpb": 0.668}, {"gpu_seconds": 800.0}):
        assert "after 755" not in formats_in_words([*ROWS, short, half | other])[0]
