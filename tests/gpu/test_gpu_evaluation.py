"""Scoring by kernels, and compiled, against the definition, at the records' size, on a GPU."""

import numpy as np
import pytest
import torch

from tests.small import random_network, random_transformer, record_model, small_transformer
from tritgolf.config.evaluate import SlidingSettings
from tritgolf.evaluate import score
from tritgolf.evaluate.load import trained_network
from tritgolf.evaluate.methods import make_method
from tritgolf.evaluate.probe import probe
from tritgolf.evaluate.score import score_tokens, score_windows
from tritgolf.evaluate.window_sums import plain_window_sums
from tritgolf.evaluate.windows import chunked_windows, sliding_windows
from tritgolf.model.build import build_network

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

WINDOWS = {
    "sliding": sliding_windows(5000, 1024, 16, "every_token"),
    "chunked": chunked_windows(40_000, 1024),
}


@pytest.mark.parametrize("record", ["ternary_v2", "ternary_100k"])
@pytest.mark.parametrize("name", WINDOWS)
def test_the_fast_path_is_the_definition_within_bf16(monkeypatch, record, name):
    monkeypatch.setitem(score.COMPILE_FROM, "cuda", 0)
    model, windows = record_model(record), WINDOWS[name]
    weights = {n: p.detach() for n, p in random_network(model).named_parameters()}
    text = np.random.default_rng(0).integers(model.vocab_size, size=40_000).astype(np.uint16)
    fast = score_windows(trained_network(model, weights), text, windows, 16)
    again = score_windows(trained_network(model, weights), text, windows, 16)
    assert (fast.nats == again.nats).all()
    (sums,), each = score_tokens(trained_network(model, weights), text, windows, 16, (1.0,))
    assert (sums.nats == fast.nats).all()
    assert each.sum() == pytest.approx(fast.nats.sum())
    plain = score_windows(trained_network(model, weights), text, windows, 16, sums=plain_window_sums)
    exact_model = model.model_copy(update={"compute": "float32"})
    exact = score_windows(trained_network(exact_model, weights), text, windows, 16, sums=plain_window_sums)
    rounding = np.linalg.norm(plain.nats - exact.nats)
    assert 0 < rounding < 0.05 * np.linalg.norm(exact.nats)
    assert np.linalg.norm(fast.nats - exact.nats) < 1.5 * rounding
    assert fast.nats.sum() == pytest.approx(plain.nats.sum(), rel=1e-3)


def test_the_probe_can_tell_of_training_on_the_text():
    """#1716's test-time training at full size once differed too much from call to call for any verdict."""
    model = small_transformer(vocab_size=512, width=128, context=256, compute="bfloat16")
    network = trained_network(model, random_transformer(model).state_dict())
    text = np.random.default_rng(0).integers(model.vocab_size, size=4_000).astype(np.uint16)
    adapt = [{"kind": "score_first", "chunk_tokens": 512, "epochs": 3, "lr": 0.005}]
    method = make_method(SlidingSettings(kind="sliding", stride=64, rule="every_token", adapt=adapt), batch=16)
    verdict = probe(method, network, text, method.score(network, text, "test"))
    assert verdict.causal, verdict.reason


@pytest.mark.parametrize("fits", ["scored", "context"])
def test_slot_on_a_gpu_scores_as_on_a_cpu_and_is_judged(fits):
    model = small_transformer(context=64)
    weights = random_transformer(model).state_dict()
    text = np.random.default_rng(0).integers(model.vocab_size, size=600).astype(np.uint16)
    slot = {"kind": "slot", "fits": fits}
    method = make_method(SlidingSettings(kind="sliding", stride=16, rule="every_token", adapt=(slot,)), batch=16)
    on_gpu, on_cpu = trained_network(model, weights), build_network(model, weights, device=torch.device("cpu"))
    scores = method.score(on_gpu, text, "test")
    assert scores.nats == pytest.approx(method.score(on_cpu, text, "test").nats, abs=0.01)
    assert probe(method, on_gpu, text, scores).causal is (fits == "context")
