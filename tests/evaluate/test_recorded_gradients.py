"""Test-time training by a recording of its gradients, replayed by a stand-in, against plain calls: to the bit."""

import numpy as np
import pytest
import torch

from tests.evaluate.test_probe import Bigram
from tests.evaluate.test_score_first import TOKENS, method, probed
from tests.evaluate.threads import on_threads
from tests.recording import RecordedOnCpu
from tests.small import random_transformer, small_transformer
from tritgolf.config.evaluate import SlidingSettings
from tritgolf.evaluate.methods import make_method
from tritgolf.evaluate.score_first import Gradients, mean_nats

OF_1722 = {"optimizer": "adamw", "frozen_blocks": 1, "freezes": "vectors", "matrix_dtype": "bfloat16"}


@pytest.fixture
def recordings(monkeypatch):
    """All recordings, as they are made."""
    monkeypatch.setattr("tritgolf.evaluate.score_first.Replay", RecordedOnCpu)
    monkeypatch.setattr(RecordedOnCpu, "made", [])
    return RecordedOnCpu.made


def adapted_by(adaptation, network, text):
    """Scores, and the network that it ends with."""
    adapt = ({"kind": "score_first", "chunk_tokens": 64, "epochs": 3, "lr": 0.01} | adaptation,)
    made = make_method(SlidingSettings(kind="sliding", stride=16, rule="every_token", adapt=adapt), 4)
    return made.adapt[0].score(network, text, made.groups(len(text), network.model.context), made.scorer)


@pytest.mark.parametrize("adaptation", [{}, OF_1722], ids=["1716", "1722"])
def test_one_recording_serves_all_chunks_and_is_let_go(request, adaptation):
    network = random_transformer(small_transformer(compute="bfloat16"))
    text = np.random.default_rng(0).integers(network.model.vocab_size, size=200).astype(np.uint16)
    plain, weights = adapted_by(adaptation, network, text)
    recordings = request.getfixturevalue("recordings")
    found, recorded_weights = adapted_by(adaptation, network, text)
    (recording,) = recordings
    assert (recording.calls, recording.replays, recording.closed) == (9, 7, True)  # three chunks of four, three epochs
    assert (found.nats == plain.nats).all()
    for name, weight in weights.named_parameters():
        assert torch.equal(recorded_weights.get_parameter(name), weight), name
        assert recorded_weights.get_parameter(name).grad is None  # else the recording's memory would stay


@pytest.mark.parametrize("world", [2, 3])
def test_ranks_average_what_each_recorded(recordings, world):
    """Three ranks for two sequences: one of them has none."""
    found = on_threads(world, lambda ranks: method(ranks=ranks).score(Bigram(), TOKENS, "test"))
    assert [recording.replays for recording in recordings] == [8] * world
    alone = method().score(Bigram(), TOKENS, "test")
    for scores in found:
        assert scores.nats == pytest.approx(alone.nats, abs=2e-5)


def batch(seed, sequences):
    ids = np.random.default_rng(seed).integers(12, size=(2, sequences, 4))
    return torch.from_numpy(ids[0]), torch.from_numpy(ids[1])


def gradients_of(gradients, inputs, targets, weight, calls):
    gradients.take(inputs, targets, weight)
    for _ in range(calls):
        gradients()
    return [parameter.grad.clone() for parameter in gradients.form.parameters()]


def plain_gradients(network, inputs, targets, weight):
    return torch.autograd.grad(weight * mean_nats(network, inputs, targets), list(network.parameters()))


@pytest.mark.parametrize(("sequences", "weight"), [(1, 1.0), (2, 0.5)])
def test_another_shape_or_weight_is_recorded_anew(recordings, sequences, weight):
    network = Bigram()
    gradients = Gradients(network)
    for seed, wanted in enumerate([(2, 1.0), (2, 1.0), (sequences, weight)]):
        inputs, targets = batch(seed, wanted[0])
        found = gradients_of(gradients, inputs, targets, wanted[1], calls=4)
        for own, of_plain in zip(found, plain_gradients(network, inputs, targets, wanted[1]), strict=True):
            assert torch.equal(own, of_plain)
    assert [(recording.calls, recording.closed) for recording in recordings] == [(8, True), (4, False)]


class WithoutCopy(Gradients):
    """The batch lies elsewhere each time."""

    def take(self, inputs, targets, weight):
        if self._batch is None:
            super().take(inputs, targets, weight)
        self._batch = (inputs, targets)


def test_a_recording_reads_the_memory_that_it_was_made_on(recordings):
    """What the tests above would miss if the stand-in just called."""
    network = Bigram()
    gradients = WithoutCopy(network)
    first, second = (gradients_of(gradients, *batch(seed, 2), 1.0, calls=4) for seed in (0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(second[0], plain_gradients(network, *batch(1, 2), 1.0)[0])


def test_the_probe_s_few_steps_are_plain_calls(recordings):
    found = probed(method(epochs=3))
    assert found.causal, found.reason
    (recording,) = recordings  # of the text's own score
    assert recording.closed
