"""The shuffled order against the published loader's (parity/loader.json), and what else is asked of a data order."""

import json
import re

import numpy as np
import pytest

from tests.small import REPOSITORY, small_training
from tritgolf.data.batches import ContiguousTokens, batch_source, check_ranks
from tritgolf.data.loader import TokenStream, step_batch
from tritgolf.data.shards import ShardWriter
from tritgolf.data.shuffled import Draws, ShuffledSequences, shuffled_world_sizes
from tritgolf.errors import InputError

PARITY = REPOSITORY / "tests" / "parity"
PUBLISHED = json.loads((PARITY / "loader.json").read_text())
CONTEXT, A_STEP = PUBLISHED["sequence_length"], 8
SHARDS = {"all five": 5, "first two": 2}


def source(shards=5, sequences=A_STEP) -> ShuffledSequences:
    paths = sorted((PARITY / "loader").glob("*.bin"))[:shards]
    return ShuffledSequences(paths[::-1], batch_tokens=sequences * CONTEXT, context=CONTEXT)


def places(batches) -> list[list[int]]:
    """[shard, start] of every sequence, read off tokens that count 2048·shard + position."""
    inputs, targets = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    assert inputs.dtype == np.int64
    assert np.array_equal(inputs, inputs[:, :1] + np.arange(CONTEXT))
    assert np.array_equal(targets, inputs + 1)
    return [list(divmod(int(first), 2048)) for first in inputs[:, 0]]


@pytest.mark.parametrize(
    "published", PUBLISHED["runs"], ids=lambda r: f"{r['shards']} {r['rank']} of {r['world_size']}"
)
def test_every_rank_reads_the_published_sequences(published):
    rank, world = published["rank"], published["world_size"]
    shuffled = source(SHARDS[published["shards"]], A_STEP * world)  # eight sequences a rank and step
    first = published["sequences_in_a_pass"] - 8
    ends = published["from_8_before_the_first_wrap"]
    steps = range(-(-max(40, first + len(ends)) // A_STEP))
    found = places([shuffled.batch(step, rank, world) for step in steps])
    assert found[:40] == published["first_40"]
    assert found[first : first + len(ends)] == ends


def test_a_step_is_found_again_whatever_was_asked_before():
    straight = source()
    wanted = [straight.batch(step, 1, 2) for step in range(30)]
    asked = source()
    for step, rank, world in ((29, 1, 2), (3, 0, 1), (3, 1, 2), (4, 1, 2), (0, 1, 2)):
        found = asked.batch(step, rank, world)
        if (rank, world) == (1, 2):
            assert np.array_equal(found, wanted[step])


def test_what_comes_after_is_what_rank_0_would_read_next():
    following = np.concatenate([source().batch(step, 0, 2)[0].ravel() for step in (3, 4)])
    assert np.array_equal(source().after(3, 100, world=2), following[:100])


def test_the_first_shard_of_the_record():
    """10⁸ tokens, context 2048: phase and number of sequences as published."""
    (starts,) = Draws([10**8], 0, 2048)._starts
    assert (len(starts), min(starts)) == (48_827, 1_742)


def test_shards_without_a_whole_sequence_give_none_or_are_told(tmp_path):
    with ShardWriter(tmp_path, "short", 16) as writer:
        writer.add(np.arange(16))
    short = tmp_path / "short_000000.bin"
    rest = sorted((PARITY / "loader").glob("*.bin"))[:1]
    mixed = ShuffledSequences([short, *rest], batch_tokens=A_STEP * CONTEXT, context=CONTEXT)
    assert len(mixed.batch(0, 0, 1)[0]) == A_STEP
    with pytest.raises(
        InputError, match="shards of rank 0: hold at most 16 tokens each, too few for 16 and a last target"
    ):
        ShuffledSequences([short], batch_tokens=A_STEP * CONTEXT, context=CONTEXT).batch(0, 0, 1)


def test_a_rank_without_a_shard_is_told_before_and_while_reading():
    train = small_training(order="shuffled", batch_tokens=8 * CONTEXT)
    message = "world size 4: leaves ranks without a shard.* the 2 training shards; use at most 2 ranks"
    with pytest.raises(InputError, match=message):
        check_ranks(train, CONTEXT, 4, shards=2)
    with pytest.raises(InputError, match=message):
        source(2).batch(0, 0, 4)
    check_ranks(train, CONTEXT, 4, shards=4)
    check_ranks(train, CONTEXT, 4)  # before there are any


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ("shuffled", "world size 3: does not divide the 8 micro-batches of a step; use one of 1, 2, 4, 8"),
        ("stream", "world size 3: does not divide the 16 sequences of a step (batch_tokens 256); use one of 1, 2, 4, "),
    ],
)
def test_ranks_that_cannot_share_a_step_are_told(order, message):
    with pytest.raises(InputError, match=re.escape(message)):
        check_ranks(small_training(order=order, batch_tokens=256), 16, 3, shards=5)


def test_small_steps_have_fewer_world_sizes():
    assert shuffled_world_sizes(786_432, 2048) == [1, 2, 4, 8]
    assert shuffled_world_sizes(4 * 16, 16) == [1, 2, 4]


def test_the_order_of_a_record_chooses_its_source(dataset):
    chosen = {
        order: batch_source(dataset / "shards", small_training(order=order), 16) for order in ("stream", "shuffled")
    }
    assert isinstance(chosen["shuffled"], ShuffledSequences)
    assert isinstance(chosen["stream"], ContiguousTokens)


def test_the_contiguous_source_is_the_stream():
    paths = sorted((PARITY / "loader").glob("*.bin"))
    whole, settings = TokenStream(paths), {"batch_tokens": 8 * CONTEXT, "context": CONTEXT}
    contiguous = ContiguousTokens(paths, **settings)
    assert np.array_equal(contiguous.batch(5, 1, 2), step_batch(whole, 5, **settings, rank=1, world=2))
    assert np.array_equal(contiguous.after(2, 50, world=2), whole.take(2 * 4 * 2 * 17, 50))


@pytest.mark.parametrize("published", PUBLISHED["stream_1019"], ids=lambda r: f"{r['rank']} of {r['world_size']}")
def test_the_contiguous_source_reads_the_published_stream(published):
    """#1019's loader, which all but #1716 have: twenty micro-batches of four sequences."""
    stream = ContiguousTokens((PARITY / "loader").glob("*.bin"), batch_tokens=32 * CONTEXT, context=CONTEXT)
    rank, world = published["rank"], published["world_size"]
    wanted = np.array(published["first_token_of_each_sequence_by_batch"]).reshape(-1, 2)
    inputs = np.concatenate([stream.batch(step, rank, world)[0] for step in range(20)])
    assert [list(divmod(int(first), 2048)) for first in inputs[: len(wanted), 0]] == wanted.tolist()
