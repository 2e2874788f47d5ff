"""The causality probe on methods: what it passes, and every way to peek that it must flag, through the stage too."""

import copy
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from tests.evaluate.test_stages import evaluate, evaluation
from tests.small import random_network, small_model
from tritgolf.config.evaluate import ChunkedSettings, ScoreFirstSettings, SlidingSettings
from tritgolf.evaluate import methods, probe
from tritgolf.evaluate.causality import sampled_own_token
from tritgolf.evaluate.methods import make_method
from tritgolf.evaluate.probe import next_token, repeatable
from tritgolf.evaluate.windowed import Adaptation, Windowed, joined
from tritgolf.evaluate.windows import Windows
from tritgolf.model.attention import math_attention
from tritgolf.model.network import Head
from tritgolf.outcome import TWICE, Verdict, mark_of
from tritgolf.report.evaluation_schemas import EvaluateMetrics
from tritgolf.stages import evaluate as evaluate_stages

TOKENS = np.random.default_rng(0).integers(300, size=75).astype(np.uint16)
SLIDING = SlidingSettings(kind="sliding", stride=5, rule="every_token")


@pytest.fixture
def network():
    return random_network(small_model(smear=True)).eval()


def probed(method, network, **options):
    return probe.probe(method, network, TOKENS, method.score(network, TOKENS, "test"), **options)


@pytest.mark.parametrize("rule", ["drop_tail", "every_token"])
def test_sliding_windows_are_causal(network, rule):
    found = probed(make_method(SLIDING.model_copy(update={"rule": rule}), 4), network)
    assert found.causal, found.reason
    assert found.later_tokens.changes == 16
    assert [own.total for own in found.own_token] == pytest.approx([1, 1], abs=1e-4)
    assert found.as_dict()["scored_again"] == 0


def test_chunks_are_causal_and_their_probabilities_add_up_exactly(network):
    found = probed(make_method(ChunkedSettings(kind="chunked"), 4), network)
    assert found.causal, found.reason
    assert [own.total for own in found.own_token] == pytest.approx([1, 1], abs=1e-5)


def test_the_last_targets_scored_again_are_flagged(network):
    found = probed(make_method(SLIDING.model_copy(update={"rule": "repeat_tail"}), 4), network)
    assert found.causal  # no score depends on a later token, and yet they count some targets more than once
    assert found.scored_once.verdict is Verdict.CONTRADICTED
    # N = 64: the last whole window scores up to 60; those from 50, 55 and 60 score 59 to 63, 59 to 63, 60 to 63
    assert found.reason.endswith("; 11 scores are of targets that had one")
    assert found.as_dict()["scored_again"] == 11


def test_a_network_that_looks_past_its_target_is_flagged(network):
    causal = network.forward
    network.forward = lambda tokens, most: (causal(tokens) + 0.01 * causal(tokens).roll(-2, 1))[:, -most:]
    found = probed(make_method(SLIDING, 4), network)
    assert "moved the score" in found.reason
    assert found.own_token == []


def test_a_network_that_mixes_in_later_positions_is_flagged(network):
    causal = network.forward
    network.forward = lambda tokens, most: (causal(tokens) + 0.01 * causal(tokens).mean(1, keepdim=True))[:, -most:]
    assert probed(make_method(SLIDING, 4), network).causal is False


def test_scores_that_differ_from_call_to_call_decide_nothing(network):
    causal, generator = network.forward, torch.Generator().manual_seed(0)
    network.forward = lambda tokens, most: causal(tokens, most) * (1 + 0.1 * torch.rand((), generator=generator))
    found = probed(make_method(SLIDING, 4), network)
    assert found.causal is None
    assert "different scores" in found.reason


class Bigram(nn.Module):
    """The smallest network: the logits depend on the last token alone. Four tokens of context, twelve pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.model = SimpleNamespace(context=4, vocab_size=12)
        self.table = nn.Parameter(torch.randn(12, 8, generator=torch.Generator().manual_seed(0)))
        self.bias = nn.Parameter(torch.zeros(12))

    def forward(self, tokens, tail=None):
        return self.table[tokens.long()][:, -(tail or 0) :]

    def head(self):
        return Head(self.table, self.bias, 10.0)

    def linears(self):
        return iter(())


BIGRAM = SlidingSettings(kind="sliding", stride=3, rule="every_token")


def probed_bigram(method, network=None):
    tokens, network = TOKENS % 12, network or Bigram()
    return probe.probe(method, network, tokens, method.score(network, tokens, "test"))


def test_a_network_that_has_learned_to_look_at_its_target_is_flagged_by_probabilities():
    """No earlier score moves: where the next token is in its window, it gives this one a large logit."""
    network = Bigram()
    network.forward = lambda tokens, most: network.table[tokens.roll(-1, 1).long()][:, -most:]
    found = probed_bigram(make_method(BIGRAM, 4), network)
    assert found.later_tokens.leak is None
    assert found.causal is False
    assert found.own_token[0].total > 2


class Trains(Adaptation):
    """An adaptation of the head's bias, a window at a time: before or after it scores the window."""

    kind = "trains"

    def __init__(self, before: bool) -> None:
        self.before = before

    def for_probe(self, context):
        return self

    def score(self, network, tokens, groups, scorer):
        adapted = copy.deepcopy(network)
        parts = []
        for windows in groups:
            for start, first in zip(windows.starts, windows.firsts, strict=True):
                window = Windows(np.array([start]), np.array([first]), windows.length, 0)
                targets = torch.from_numpy(tokens[first + 1 : start + windows.length + 1].astype(np.int64))
                parts += [] if self.before else [scorer(adapted, tokens, window)]
                bias = adapted.head().bias.data
                bias += 0.5 * torch.bincount(targets, minlength=len(bias))
                parts += [scorer(adapted, tokens, window)] if self.before else []
        return joined(parts), adapted


def adapting(settings, before: bool, **changes) -> Windowed:
    return replace(make_method(settings, 4), adapt=(Trains(before),), **changes)


@pytest.mark.parametrize("before", [False, True])
def test_adaptation_after_scoring_passes_and_before_it_is_flagged(before):
    found = probed_bigram(adapting(BIGRAM, before))
    assert found.causal is not before, found.reason
    assert ("moved the score" in found.reason) == before


def test_adaptation_to_each_token_alone_before_it_is_scored_is_flagged_by_probabilities():
    """With one target a window no earlier score moves: only what all tokens add up to tells."""
    found = probed_bigram(replace(adapting(BIGRAM, before=True), groups=lambda tokens, _: (single_targets(tokens),)))
    assert found.later_tokens.leak is None
    assert found.causal is False
    assert "add up to" in found.reason
    assert [own.drawn for own in found.own_token] == [12, 12]
    assert all(own.total > 1.001 for own in found.own_token), found.own_token


def single_targets(tokens: int) -> Windows:
    starts = np.arange(tokens - 4)
    return Windows(starts, starts + 3, 4, 3)


def test_a_chain_scores_with_the_network_that_the_one_before_it_left(network):
    scored_with = []

    class Looks(Trains):
        def score(self, network, tokens, groups, scorer):
            scored_with.append(network)
            return joined([scorer(network, tokens, windows) for windows in groups]), network

    chain = replace(make_method(SLIDING, 4), adapt=(Trains(False), Looks(False)))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    chained = chain.score(network, TOKENS, "chain")
    assert scored_with[0] is not network
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in before.items())
    assert (chained.nats != make_method(SLIDING, 4).score(network, TOKENS, "plain").nats).any()
    assert chain.facts(16) == {"stride": 5, "window": 16, "rule": "every_token", "adapt": ["trains", "trains"]}


@pytest.fixture
def briefly(finished, dataset, tmp_path, monkeypatch):
    """The evaluation stage on a short text with a small probe: settings → blocks of the methods, and temperature."""
    monkeypatch.setattr("tritgolf.evaluate.text.validation_tokens", lambda *_: TOKENS)
    monkeypatch.setattr(evaluate_stages, "probe", partial(probe.probe, changes=2, draws=3))

    def run(**settings):
        chosen = evaluation(apply_temperature=False, batch_sequences=64, **settings)
        metrics = evaluate(finished, dataset, tmp_path, settings=chosen)["metrics"]
        return metrics["methods"], metrics["temperature"]

    return run


def test_the_stage_scores_by_the_records_methods(briefly):
    adapt = [{"kind": "score_first", "chunk_tokens": 32, "epochs": 1, "lr": 0.1}]
    plain = {"kind": "sliding", "stride": 5, "rule": "every_token"}
    named = {"plain": plain, "ttt": plain | {"adapt": adapt}, "twice": plain | {"rule": "repeat_tail"}}
    methods, temperature = briefly(methods=named, temperatures=())
    assert temperature is None
    assert list(methods) == ["plain", "ttt", "twice"]
    assert [facts["causality"]["causal"] for facts in methods.values()] == [True, True, True]
    assert [mark_of(facts) for facts in methods.values()] == ["", "", TWICE]
    assert "scores are of targets that had one" in methods["twice"]["causality"]["reason"]
    assert methods["ttt"]["adapt"] == ["score_first"]
    assert methods["ttt"]["bpb"] != methods["plain"]["bpb"]
    read = EvaluateMetrics.model_validate({"methods": methods, "storage": "", "unigram_entropy_bpb": 1.0})
    assert (read.headline.mark, read.sliding.bpb) == (TWICE, methods["plain"]["bpb"])


@pytest.mark.parametrize("leak", [False, True])
def test_the_stage_marks_a_method_that_leaks(briefly, monkeypatch, leak):
    stub = methods.METHODS["sliding"]
    leaking = lambda *rest: replace(stub(*rest), adapt=(Trains(leak),))  # noqa: E731
    monkeypatch.setitem(methods.METHODS, "sliding", leaking)
    scored, _ = briefly()
    assert scored["chunked"]["causality"]["causal"] is True
    causality = scored["sliding"]["causality"]
    assert causality["causal"] is not leak
    assert ("moved the score" in causality["reason"]) == leak


def test_the_probabilities_of_all_tokens_by_hand():
    """A function that gives each token the same 1/4 in a vocabulary of 4, or a little more."""
    tokens, even = np.array([0, 1, 2, 3, 0]), np.full(4, 0.25)

    def scores(p):
        return lambda text: np.full(len(text) - 1, -np.log(p))

    exact = sampled_own_token(scores(0.25), tokens, 4, even)
    assert (exact.total, exact.standard_error, exact.drawn) == (1.0, 0.0, 4)
    assert sampled_own_token(scores(0.26), tokens, 4, even).outcome.verdict is Verdict.CONTRADICTED
    drawn = sampled_own_token(scores(0.26), tokens, 4, even, draws=3)
    assert (drawn.total, drawn.standard_error, drawn.drawn) == (pytest.approx(1.04), pytest.approx(0), 3)
    assert drawn.outcome.verdict is Verdict.CONTRADICTED
    unscored = sampled_own_token(lambda text: np.full(len(text) - 1, np.nan), tokens, 4, even)
    assert unscored.outcome.verdict is Verdict.CANT_TELL


def test_an_estimate_by_another_distribution_is_unbiased():
    """p is not what tokens are drawn by: the mean of many estimates is 1, and each is within its error."""
    generator = np.random.default_rng(0)
    p, q = (generator.dirichlet(np.full(300, 0.5)) for _ in range(2))
    found = [sampled_own_token(lambda t: -np.log(p[t[1:]]), [0, 1, 2], 2, q, seed=seed) for seed in range(200)]
    totals = np.array([each.total for each in found])
    assert abs(totals.mean() - 1) < 4 * totals.std() / np.sqrt(200)
    assert sum(each.outcome.verdict is Verdict.HOLDS for each in found) >= 199


def test_the_next_token_is_what_the_network_says(network):
    found = next_token(network, TOKENS[:40].astype(np.int64))
    nats = make_method(SLIDING, 4).score(network, TOKENS[:41], "one").token_nats(41)
    assert found.sum() == pytest.approx(1)
    assert -np.log(found[TOKENS[40]]) == pytest.approx(nats[39], rel=1e-4)


@pytest.mark.parametrize(("device", "asked"), [("cuda", [True, False]), ("cpu", [])])
def test_on_a_gpu_the_probe_asks_for_sums_that_repeat_and_gives_all_back(monkeypatch, network, device, asked):
    calls, fast = [], [module.attend for module in network.modules() if hasattr(module, "attend")]
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda mode, warn_only: calls.append(mode))
    with pytest.raises(KeyError), repeatable(network, torch.device(device)):
        raise KeyError
    assert calls == asked
    assert len(fast) == 2
    assert [module.attend for module in network.modules() if hasattr(module, "attend")] == fast


class AtomicSums(torch.autograd.Function):
    """Attention whose gradients differ from call to call, as those of the fast kernels on a GPU do."""

    @staticmethod
    def forward(ctx, q, k, v):
        ctx.save_for_backward(q, k, v)
        return math_attention(q, k, v)

    @staticmethod
    def backward(ctx, gradient):
        with torch.enable_grad():
            inputs = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
            math_attention(*inputs).backward(gradient)
        return tuple(tensor.grad * (1 + 0.3 * torch.randn_like(tensor.grad)) for tensor in inputs)


@pytest.mark.parametrize(("device", "causal"), [("cuda", True), ("cpu", None)])
def test_a_gpus_gradients_that_differ_from_call_to_call_leave_no_verdict_open(monkeypatch, device, causal):
    """#1716's test-time training on two H200s: by ``cpu`` it is probed as it was there."""
    monkeypatch.setattr(probe, "repeatable", lambda network, _: repeatable(network, torch.device(device)))
    adapt = {"kind": "score_first", "chunk_tokens": 32, "epochs": 3, "lr": 0.5}
    method = make_method(SLIDING.model_copy(update={"adapt": (ScoreFirstSettings(**adapt),)}), 4)
    network = random_network(small_model(smear=True), attend=AtomicSums.apply).eval()
    found = probed(method, network, changes=2, draws=3)
    assert found.causal is causal, found.reason
