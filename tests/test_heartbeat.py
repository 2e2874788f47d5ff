"""Signs of life, without ranks: the files that they would write."""

import pytest
import torch

from tests.train.test_launch import wait_for
from tritgolf.heartbeat import LINE, LOOKS, Watch, _read, beating
from tritgolf.ranks import Ranks


def show(live, rank, entered, beats) -> None:
    (live / f"rank_{rank}.alive").write_text(LINE.format(entered, beats))


def look(watch, live, counts) -> list:
    """What each of many looks finds; ``counts``: of a look → (operations entered, beats) by rank."""
    found = []
    for number in range(LOOKS + 3):
        for rank, (entered, beats) in enumerate(counts(number)):
            show(live, rank, entered, beats)
        found.append(watch.hung())
    return found


@pytest.mark.parametrize(
    "counts",
    [
        lambda look: [(look, look), (look, look)],
        lambda look: [(7, look), (7, look)],  # all compute, for long
        lambda look: [(7, look), (6 + look // LOOKS, look)],  # slow, not hung
    ],
    ids=["running", "computing", "slow"],
)
def test_ranks_that_live_and_come_on_do_not_hang(tmp_path, counts):
    assert set(look(Watch(tmp_path, 600), tmp_path, counts)) == {None}


def test_a_rank_without_a_beat_hangs(tmp_path):
    found = look(Watch(tmp_path, 600), tmp_path, lambda look: [(7, look), (7, 4), (7, look)])
    assert found[LOOKS - 1] is None
    assert found[LOOKS] == "rank 1 hangs: no sign of life for 600 s"


def test_the_ranks_for_which_others_wait_hang(tmp_path):
    found = look(Watch(tmp_path, 600), tmp_path, lambda look: [(6, look), (7, look), (6, look)])
    assert found[LOOKS - 1] is None
    assert found[LOOKS] == "rank 0, 2 hangs: the other ranks have waited for 600 s"


def test_a_rank_that_has_ended_does_not_hang(tmp_path):
    watch = Watch(tmp_path, 600)
    look(watch, tmp_path, lambda look: [(9, look), (9, look)])
    (tmp_path / "rank_1.alive").unlink()
    assert set(look(watch, tmp_path, lambda look: [(9, look + 99)])) == {None}


@pytest.mark.parametrize("content", [b"", b"12", b"one two\n", b"\xff 1\n"])
def test_a_half_written_sign_is_none(tmp_path, content):
    (tmp_path / "rank_0.alive").write_bytes(content)
    assert _read(tmp_path) == {}
    assert Watch(tmp_path, 600).hung() is None


def test_signs_of_an_earlier_start_are_forgotten(tmp_path):
    show(tmp_path, 0, 1, 1)
    Watch(tmp_path, 600)
    assert _read(tmp_path) == {}


def test_a_rank_shows_how_far_it_is_and_that_it_lives(tmp_path):
    ranks = Ranks(1, 2, torch.device("cpu"))
    with beating(tmp_path, ranks, hang_seconds=0.2):
        ranks.entered = 41
        wait_for(lambda: _read(tmp_path).get(1, (0, 0))[0] == 41)
        _, before = _read(tmp_path)[1]
        wait_for(lambda: _read(tmp_path)[1][1] > before + 3)
    assert _read(tmp_path) == {}
