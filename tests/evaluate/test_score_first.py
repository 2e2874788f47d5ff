"""Score-first test-time training at toy size: against a plain loop, its causality, and any number of ranks."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.evaluate.test_probe import Bigram
from tests.evaluate.test_score import compiled_by
from tests.evaluate.threads import on_threads
from tests.small import random_transformer, small_transformer
from tritgolf.config.evaluate import ScoreFirstSettings, SlidingSettings
from tritgolf.evaluate import probe
from tritgolf.evaluate.methods import make_method
from tritgolf.evaluate.score_first import ScoreFirst, chunks_of, learning_rate, trained_parameters
from tritgolf.evaluate.windowed import Scorer
from tritgolf.evaluate.windows import sliding_groups
from tritgolf.model.specs import parameters_of

TOKENS = np.random.default_rng(0).integers(12, size=46).astype(np.uint16)
SETTINGS = SlidingSettings(
    kind="sliding",
    stride=3,
    rule="every_token",
    adapt=({"kind": "score_first", "chunk_tokens": 8, "epochs": 2, "lr": 0.5},),
)


def method(adaptation=ScoreFirst, ranks=None, **settings):
    """Windows of 4 tokens, chunks of 8; scored by ``adaptation``, with ``settings`` of its own."""
    made = make_method(SETTINGS, 2, ranks=ranks)
    (score_first,) = made.adapt
    return replace(made, adapt=(adaptation(score_first.settings.model_copy(update=settings)),))


def plain_loop(tokens):
    """The definition, a token and a weight at a time."""
    network, nats = Bigram(), np.full(len(tokens) - 1, np.nan)
    moments = {name: torch.zeros_like(parameter) for name, parameter in network.named_parameters()}
    windows = [(start, first, start + 4) for start, first in spans(len(tokens))]
    chunks = 1 + max(first // 8 for _, first, _ in windows)
    for chunk in range(chunks):
        for start, first, end in windows:
            if first // 8 == chunk:
                with torch.no_grad():
                    nats[first:end] = losses(network, tokens[start : end + 1])[first - start :]
        if chunk == chunks - 1:
            break
        for _ in range(2):
            sequences = [tokens[8 * chunk + shift : 8 * chunk + shift + 5] for shift in (0, 4)]
            network.zero_grad()
            sum(losses(network, sequence).mean() for sequence in sequences).div(2).backward()
            norm = torch.cat([parameter.grad.flatten() for parameter in network.parameters()]).norm()
            for name, parameter in network.named_parameters():
                moments[name] = 0.9 * moments[name] + parameter.grad * min(1.0, 1 / (norm.item() + 1e-6))
                parameter.data -= 0.25 * (1 + np.cos(np.pi * chunk / (chunks - 1))) * moments[name]
    return nats


def spans(tokens):
    (windows,) = sliding_groups(tokens, 4, 3, "every_token")
    return zip(windows.starts.tolist(), windows.firsts.tolist(), strict=True)


def losses(network, tokens):
    ids = torch.from_numpy(tokens.astype(np.int64))
    logits = network.head().logits(network(ids[None, :-1])[0])
    return torch.nn.functional.cross_entropy(logits, ids[1:], reduction="none")


def test_it_scores_as_the_definition_does_and_leaves_the_network_alone():
    network = Bigram()
    before = copy.deepcopy(network.state_dict())
    found = method().score(network, TOKENS, "test").token_nats(len(TOKENS))
    assert found == pytest.approx(plain_loop(TOKENS), abs=2e-5)
    plain = make_method(SETTINGS.model_copy(update={"adapt": ()}), 2).score(Bigram(), TOKENS, "test")
    moved = np.abs(found - plain.token_nats(len(TOKENS)))
    assert (moved[:10] < 1e-5).all()  # what windows of the first chunk score: nothing was trained on yet
    assert moved[10:].mean() > 0.1
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in before.items())
    assert all(parameter.grad is None for parameter in network.parameters())


def probed(chosen):
    return probe.probe(chosen, Bigram(), TOKENS, chosen.score(Bigram(), TOKENS, "test"))


class TrainFirst(ScoreFirst):
    """The same two steps the other way round."""

    def _one_chunk(self, learner, tokens, place, chunk, scorer, parts):
        if place[0] < place[1] - 1:
            self.train(learner, tokens, place, scorer.ranks)
        super()._one_chunk(learner, tokens, (0, 1), chunk, scorer, parts)


def test_the_probe_passes_it_and_flags_training_before_scoring():
    found = probed(method())
    assert found.causal, found.reason
    assert [own.total for own in found.own_token] == pytest.approx([1, 1], abs=1e-5)
    flagged = probed(method(TrainFirst))
    assert flagged.causal is False
    assert "moved the score" in flagged.reason


@pytest.mark.parametrize("world", [2, 3])
def test_ranks_share_windows_and_sequences_and_find_what_one_finds(world):
    """Three ranks for two sequences: one of them has none."""
    alone = method().score(Bigram(), TOKENS, "test")
    for found in on_threads(world, lambda ranks: method(ranks=ranks).score(Bigram(), TOKENS, "test")):
        assert found.targets.tolist() == alone.targets.tolist()
        assert found.nats == pytest.approx(alone.nats, abs=2e-5)
        assert found.sums.nats == pytest.approx(alone.sums.nats, abs=1e-4)
        assert (found.nats[:10] == alone.nats[:10]).all()  # of the first chunk: batches are those of one process


def test_a_compiled_scorer_sees_weights_that_training_changed(monkeypatch):
    """One compilation, which holds no weight, serves the network before, between and after all updates."""
    eager = method().score(Bigram(), TOKENS, "test")
    counter = compiled_by(monkeypatch, "aot_eager")
    compiled = method().score(Bigram(), TOKENS, "test")
    assert counter.frame_count == 1
    assert compiled.nats == pytest.approx(eager.nats, abs=1e-5)


def test_windows_belong_to_the_chunk_of_the_first_target_that_they_score():
    """The published numbers: 481 windows in the first chunk, 512 in others, 128 in the last."""
    targets = 40_542_208
    chunks = chunks_of(sliding_groups(targets + 1, 2048, 64, "every_token"), 32_768)
    counts = [sum(len(windows.starts) for windows in chunk) for chunk in chunks]
    assert (len(counts), counts[0], set(counts[1:-1]), counts[-1]) == (1238, 481, {512}, 128)
    repeating = chunks_of(sliding_groups(24_577 + 2048 * 16, 2048, 64, "repeat_tail"), 32_768)
    assert [sum(windows.scored for windows in chunk) for chunk in repeating] == [32_768, 24_576 + 31 * 64]


def test_the_published_learning_rates():
    rates = {0: 0.005, 1: 0.004999991938, 618: 0.002503174608, 619: 0.002496825392, 1236: 8.0625e-9}
    assert {chunk: learning_rate(0.005, chunk, 1238) for chunk in rates} == pytest.approx(rates, rel=1e-6)
    assert learning_rate(0.005, 0, 1) == 0.005  # one chunk is never trained on


def test_its_settings_are_the_records():
    assert ScoreFirstSettings(kind="score_first").model_dump(exclude={"kind"}) == {
        "chunk_tokens": 32_768,
        "epochs": 3,
        "lr": 0.005,
    }


def test_the_published_learning_rates_of_1722():
    rates = {0: 0.001, 473: 0.00085355, 946: 0.0005, 1419: 0.00014645, 1892: 0}
    assert {chunk: learning_rate(0.001, chunk, 1893) for chunk in rates} == pytest.approx(rates, abs=5e-9)


@pytest.mark.parametrize("freezes", ["all", "vectors"])
def test_of_frozen_blocks_all_is_frozen_or_as_1722_does_what_is_named_after_them_alone(freezes):
    """Its matrices lie in banks, which are named after no block, so that freezing by name leaves them trained."""
    network = random_transformer(small_transformer(compute="bfloat16"))
    settings = ScoreFirstSettings(kind="score_first", frozen_blocks=3, freezes=freezes, matrix_dtype="bfloat16")
    trained = trained_parameters(network, settings)
    table = parameters_of(network.model)
    wanted = {
        name
        for name, parameter in table.items()
        if parameter.trained
        and (not name.startswith(("blocks.0.", "blocks.1.", "blocks.2.")) or (freezes == "vectors" and parameter.layer))
    }
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    assert {names[id(parameter)] for parameter in trained} == wanted
    matrices = {name for name, parameter in table.items() if parameter.layer}
    for name, parameter in network.named_parameters():
        assert parameter.requires_grad == (name in wanted)
        assert (parameter.dtype == torch.bfloat16) or name not in matrices
    assert network.get_parameter("skip_weights").dtype == torch.float32


def test_adamw_moves_each_number_by_the_rate_in_its_first_step():
    adapt = SETTINGS.adapt[0].model_copy(update={"optimizer": "adamw", "epochs": 1, "lr": 0.01})
    (score_first,) = make_method(SETTINGS.model_copy(update={"adapt": (adapt,)}), 2).adapt
    network = Bigram()
    adapted = score_first.score(network, TOKENS[:14], sliding_groups(14, 4, 3, "every_token"), Scorer(2))[1]
    moved = (adapted.bias - network.bias).abs().detach().numpy()  # two chunks: one step
    assert moved == pytest.approx(np.full(12, 0.01), rel=1e-3)


def test_its_chunks_are_told_as_they_are_done(monkeypatch):
    """Those of a chunk are over before a line of theirs is due."""
    done = []

    def watched(chunks, what, unit):
        for number, chunk in enumerate(chunks, 1):
            yield chunk
            done.append((number, len(chunks), what, unit))

    monkeypatch.setattr("tritgolf.evaluate.score_first.progress", watched)
    method().score(Bigram(), TOKENS, "test")
    assert done == [(number, 6, "test", "chunks") for number in range(1, 7)]
