import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tritgolf.evaluate.windows import Windows, chunked_windows, repeating_windows, sliding_groups, sliding_windows


@st.composite
def settings(draw):
    """(tokens, window, stride ≤ window)"""
    window = draw(st.integers(1, 40))
    return draw(st.integers(2, 250)), window, draw(st.integers(1, window))


def scored_targets(windows: Windows) -> list[int]:
    return [
        target
        for start, first in zip(windows.starts.tolist(), windows.firsts.tolist(), strict=True)
        for target in range(first, start + windows.length)
    ]


@given(settings())
def test_every_token_after_the_first_is_scored_exactly_once(case):
    tokens, window, stride = case
    windows = sliding_windows(tokens, window, stride, "every_token")
    assert scored_targets(windows) == list(range(tokens - 1))
    assert (windows.scored, windows.left_out) == (tokens - 1, 0)


@given(settings())
def test_windows_of_every_token_lie_in_the_text_and_keep_their_context(case):
    tokens, window, stride = case
    windows = sliding_windows(tokens, window, stride, "every_token")
    assert windows.length == min(window, tokens - 1)
    assert windows.starts[0] == 0
    assert (windows.starts + windows.length <= tokens - 1).all()
    assert (windows.firsts >= windows.starts).all()
    steps = np.diff(windows.starts)
    assert (steps[:-1] == stride).all()
    assert (steps <= stride).all()
    context = windows.firsts[1:] - windows.starts[1:]  # tokens read before the first that is scored
    assert (context >= windows.length - stride).all()


@given(settings())
def test_drop_tail_as_the_specification_states_it(case):
    tokens, window, stride = case
    usable = (tokens - 1) // window * window
    starts = list(range(0, max(usable - window, 0), stride))
    windows = sliding_windows(tokens, window, stride, "drop_tail")
    assert windows.starts.tolist() == starts
    per_window = [
        list(range(0, window)) if start == 0 else list(range(start + window - stride, start + window))
        for start in starts
    ]
    assert scored_targets(windows) == [target for targets in per_window for target in targets]
    assert windows.scored + windows.left_out == tokens - 1


@given(settings())
def test_drop_tail_never_scores_the_last_stride_tokens(case):
    tokens, window, stride = case
    usable = (tokens - 1) // window * window
    assume(usable > window)
    scored = scored_targets(sliding_windows(tokens, window, stride, "drop_tail"))
    assert len(scored) == len(set(scored))
    left = set(range(usable)) - set(scored)
    if window % stride == 0:  # as in all published runs
        assert left == set(range(usable - stride, usable))
    else:
        assert left == set(range(max(scored) + 1, usable))
        assert 0 < len(left) <= stride


def test_the_published_numbers_of_a_small_text():
    """2 × 1024 + 5 targets, stride 16: 64 windows from 0 to 1008; 1024 + 63 · 16 = 2032 targets."""
    windows = sliding_windows(2 * 1024 + 6, 1024, 16, "drop_tail")
    assert (len(windows.starts), windows.starts[-1]) == (64, 1008)
    assert (windows.scored, windows.left_out) == (2032, 16 + 5)
    chunks = chunked_windows(2 * 1024 + 6, 1024)
    assert (chunks.starts.tolist(), chunks.scored, chunks.left_out) == ([0, 1024], 2048, 5)


def test_one_window_is_too_little_for_drop_tail():
    windows = sliding_windows(1025, 1024, 16, "drop_tail")
    assert (len(windows.starts), windows.scored, windows.left_out) == (0, 0, 1024)


@given(settings())
def test_chunks_are_side_by_side(case):
    tokens, window, _ = case
    windows = chunked_windows(tokens, window)
    count = (tokens - 1) // window
    assert scored_targets(windows) == list(range(count * window))
    assert windows.starts.tolist() == windows.firsts.tolist()
    assert windows.left_out == tokens - 1 - count * window < window


@pytest.mark.parametrize("rule", ["drop_tail", "every_token"])
def test_a_stride_of_a_window_is_the_chunks_where_they_fit(rule):
    chunks, windows = chunked_windows(41, 8), sliding_windows(41, 8, 8, rule)
    kept = 4 if rule == "drop_tail" else 5  # drop_tail gives up the last window
    assert windows.starts.tolist() == chunks.starts[:kept].tolist()
    assert windows.firsts.tolist() == chunks.firsts[:kept].tolist()


LISTS = json.loads((Path(__file__).parents[1] / "parity" / "scoring" / "window_lists.json").read_text())


def spans(groups: tuple[Windows, ...]) -> list[list[int]]:
    """[start, first scored position, end] of each window."""
    return [
        [int(start), int(first), int(start) + windows.length]
        for windows in groups
        for start, first in zip(windows.starts, windows.firsts, strict=True)
    ]


@pytest.mark.parametrize("targets", LISTS["lists"])
def test_windows_of_the_published_codes(targets):
    """#1716 shortens its last window; ours keeps its context. A multiple of the window has no such one."""
    published, count = LISTS["lists"][targets], int(targets)
    window, stride = LISTS["window"], LISTS["stride"]
    assert spans(repeating_windows(count, window, stride)) == published["rule_1019"]
    ours = spans(sliding_groups(count + 1, window, stride, "every_token"))
    assert [span[1:] for span in ours] == [span[1:] for span in published["rule_1716"]]
    assert (ours == published["rule_1716"]) == (count % stride == 0)


@given(settings())
def test_repeat_tail_scores_whole_windows_of_targets_and_the_last_again(case):
    tokens, window, stride = case
    usable = (tokens - 1) // window * window
    groups = sliding_groups(tokens, window, stride, "repeat_tail")
    assert [span[0] for span in spans(groups)] == list(range(0, usable, stride))
    assert all(start <= first < end <= usable for start, first, end in spans(groups))
    scored = [target for windows in groups for target in scored_targets(windows)]
    assert sum(windows.left_out for windows in groups) == (tokens - 1 - usable if usable else 0)
    assert len(scored) == sum(windows.scored for windows in groups)
    if window % stride == 0:  # as in all published runs
        assert sorted(set(scored)) == list(range(usable))


def test_the_published_numbers_of_1019_and_1722():
    """#1722's 62,021,632 targets: 31 windows too near the end score the same last 64 again, 1,984 scores in all."""
    groups = sliding_groups(62_021_632 + 7, 2048, 64, "repeat_tail")
    assert sum(len(windows.starts) for windows in groups) == 969_088
    assert (len(groups), len(groups[0].starts)) == (32, 969_057)
    assert sum(windows.scored for windows in groups) == 62_023_616
    assert sum(windows.left_out for windows in groups) == 6
    again = {(int(windows.firsts[0]), windows.starts[0] + windows.length) for windows in groups[1:]}
    assert again == {(62_021_632 - 64, 62_021_632)}
