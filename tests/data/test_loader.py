import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tritgolf.data.loader import (
    Plan,
    TokenStream,
    allowed_world_sizes,
    check_window,
    plan_step,
    step_batch,
    tokens_consumed,
    training_files,
    validation_tokens,
)
from tritgolf.data.manifest import Manifest, shard_facts, write_manifest
from tritgolf.data.shards import ShardWriter
from tritgolf.errors import InputError

# Sixteen sequences of two tokens a step. On a stream that counts 0, 1, 2 … the first input of a span is its position,
# so a span of four targets that starts at s has the inputs (s, s+1), (s+2, s+3) and the targets (s+1, s+2), (s+3, s+4).
BATCH, CONTEXT = 32, 2


def stream(folder, sizes):
    """Shards that count 0, 1, 2 … through, of these sizes, given to the stream in another order than their names'."""
    first = 0
    for index, size in enumerate(sizes):
        with ShardWriter(folder, f"part{index}", size) as writer:
            writer.add(np.arange(first, first + size))
        first += size
    return TokenStream(sorted(folder.glob("*.bin"), reverse=True))


def starts(tokens, step, rank, world):
    """Where the spans of a rank's micro-steps start, read off a counting stream, after checking inputs and targets."""
    inputs, targets = step_batch(tokens, step, batch_tokens=BATCH, context=CONTEXT, rank=rank, world=world)
    plan = plan_step(BATCH, CONTEXT, world)
    assert inputs.dtype == targets.dtype == np.int64
    assert inputs.shape == targets.shape == (BATCH // CONTEXT // world, CONTEXT)
    spans = inputs.reshape(plan.micro_steps, plan.local_tokens)
    assert np.array_equal(targets.reshape(spans.shape), (spans + 1) % len(tokens))
    assert np.array_equal(spans, (spans[:, :1] + np.arange(plan.local_tokens)) % len(tokens))
    return spans[:, 0].tolist()


@pytest.mark.parametrize(
    ("world", "plan", "first_step"),
    [
        (1, Plan(1, 8, 4), [[0, 5, 10, 15, 20, 25, 30, 35]]),
        (2, Plan(2, 4, 4), [[0, 10, 20, 30], [5, 15, 25, 35]]),
        (4, Plan(4, 2, 4), [[0, 20], [5, 25], [10, 30], [15, 35]]),
        (8, Plan(8, 1, 4), [[0], [5], [10], [15], [20], [25], [30], [35]]),
        (16, Plan(16, 1, 2), [[3 * rank] for rank in range(16)]),
    ],
)
def test_the_data_order_worked_by_hand(tmp_path, world, plan, first_step):
    tokens = stream(tmp_path, [1000])
    assert plan_step(BATCH, CONTEXT, world) == plan
    assert [starts(tokens, 0, rank, world) for rank in range(world)] == first_step
    per_step = 48 if world == 16 else 40
    assert tokens_consumed(3, batch_tokens=BATCH, context=CONTEXT, world=world) == 3 * per_step
    later = [[start + 3 * per_step for start in spans] for spans in first_step]
    assert [starts(tokens, 3, rank, world) for rank in range(world)] == later


def test_the_stream_wraps_and_crosses_shards(tmp_path):
    tokens = stream(tmp_path, [7, 1, 30, 5])
    assert len(tokens) == 43
    assert starts(tokens, 0, 0, 1) == [0, 5, 10, 15, 20, 25, 30, 35]
    assert starts(tokens, 1, 0, 1) == [40, 2, 7, 12, 17, 22, 27, 32]  # 40, 45 − 43, 50 − 43, …
    assert starts(tokens, 1, 1, 2) == [2, 12, 22, 32]


@settings(deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 200), st.integers(0, 200))
def test_taking_is_indexing_an_endless_repetition(tmp_path_factory, sizes, start, count):
    tokens = stream(tmp_path_factory.mktemp("stream"), sizes)
    total = sum(sizes)
    assert tokens.take(start, count).tolist() == [position % total for position in range(start, start + count)]


def test_the_published_batch():
    assert plan_step(524_288, 1024, 8) == Plan(8, 1, 65_536)
    assert plan_step(524_288, 1024, 4) == Plan(4, 2, 65_536)
    assert plan_step(524_288, 1024, 1) == Plan(1, 8, 65_536)
    assert tokens_consumed(1900, batch_tokens=524_288, context=1024, world=8) == 1900 * 8 * 65_537


def test_a_small_batch_takes_the_most_micro_steps_that_divide_it():
    assert plan_step(batch_tokens=12, context=2, world=1) == Plan(1, 6, 2)  # 6 sequences: 8 and 7 do not divide them
    assert plan_step(batch_tokens=12, context=2, world=2) == Plan(2, 3, 2)
    assert plan_step(batch_tokens=2, context=2, world=1) == Plan(1, 1, 2)


@pytest.mark.parametrize("world", [0, 3, 5, 32])
def test_a_world_that_does_not_divide_the_sequences_names_those_that_do(world):
    assert allowed_world_sizes(BATCH, CONTEXT) == [1, 2, 4, 8, 16]
    with pytest.raises(InputError, match=rf"world size {world}: does not divide the 16 sequences.*1, 2, 4, 8, 16$"):
        plan_step(BATCH, CONTEXT, world)


def test_shards_are_read_in_name_order_by_split(tmp_path):
    with ShardWriter(tmp_path, "train", 3) as train, ShardWriter(tmp_path, "val", 2) as held_out:
        train.add(np.arange(6))
        held_out.add(np.arange(50, 55))
    facts = [
        shard_facts(path, split, vocab_size=60, bos_id=1)
        for split, paths in (("validation", held_out.paths[::-1]), ("train", train.paths[::-1]))
        for path in paths
    ]
    manifest = Manifest(dataset="x", tokenizer_digest="", vocab_size=60, bos_id=1, origin={}, shards=tuple(facts))
    write_manifest(tmp_path, manifest)
    assert TokenStream(training_files(tmp_path)).take(0, 6).tolist() == list(range(6))
    assert validation_tokens(tmp_path, context=2).tolist() == [50, 51, 52, 53, 54]
    with pytest.raises(InputError, match="has 5 validation tokens, too few for two windows of 3"):
        validation_tokens(tmp_path, context=3)
    with pytest.raises(InputError, match="outside the vocabulary of 54"):
        validation_tokens(tmp_path, context=2, vocab_size=54)
    with pytest.raises(InputError, match="outside the vocabulary of 5"):
        TokenStream(training_files(tmp_path), vocab_size=5)
    write_manifest(tmp_path, manifest.model_copy(update={"shards": manifest.shards[:3]}))
    with pytest.raises(InputError, match="has no train shards"):
        TokenStream(training_files(tmp_path))


def test_two_windows_need_a_target_for_their_last_input():
    check_window(np.zeros(17, np.uint16), 8, "x")
    with pytest.raises(InputError, match="x: has 16 validation tokens"):
        check_window(np.zeros(16, np.uint16), 8, "x")


def test_no_shards_is_an_error():
    with pytest.raises(InputError, match="has no shards"):
        TokenStream([])
