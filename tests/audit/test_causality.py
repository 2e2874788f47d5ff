import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tritgolf.evaluate.causality import later_tokens, own_token
from tritgolf.outcome import Verdict

VOCABULARY = 7
BIGRAM = np.random.default_rng(1).normal(size=(VOCABULARY, VOCABULARY))
TEXT = np.random.default_rng(2).integers(0, VOCABULARY, size=60)


def nats_of(tokens, bias):
    """Score of every token but the first by a bigram model with a bias, (n − 1,)."""
    logits = BIGRAM[tokens[:-1]] + bias
    return np.log(np.exp(logits).sum(1)) - logits[np.arange(len(tokens) - 1), tokens[1:]]


def trained(bias, tokens, steps=5, rate=0.5):
    """The bias after a few gradient steps on the scores of ``tokens``."""
    for _ in range(steps):
        logits = BIGRAM[tokens[:-1]] + bias
        probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        bias = bias - rate * (probabilities - np.eye(VOCABULARY)[tokens[1:]]).mean(0)
    return bias


def adapting(chunk, score_first):
    """A scoring function that trains its bias on each chunk of ``chunk`` tokens, after or before scoring it."""

    def score(tokens):
        bias, nats = np.zeros(VOCABULARY), []
        for start in range(0, len(tokens) - 1, chunk):
            piece = tokens[start : start + chunk + 1]
            if score_first:
                nats.append(nats_of(piece, bias))
            bias = trained(bias, piece)
            if not score_first:
                nats.append(nats_of(piece, bias))
        return np.concatenate(nats)

    return score


def static(tokens):
    return nats_of(tokens, 0.0)


def later(score, **options):
    return later_tokens(score, TEXT, VOCABULARY, **options).outcome


def test_a_model_without_adaptation_passes_both_probes():
    assert later(static).verdict is Verdict.HOLDS
    assert own_token(static, TEXT[:5], VOCABULARY).verdict is Verdict.HOLDS


@given(chunk=st.integers(1, 59))
@settings(max_examples=15, deadline=None)
def test_score_first_adaptation_passes_at_any_chunk_length(chunk):
    assert later(adapting(chunk, score_first=True)).verdict is Verdict.HOLDS


@given(chunk=st.integers(2, 59))
@settings(max_examples=15, deadline=None)
def test_adaptation_on_the_tokens_it_then_scores_is_flagged_at_any_chunk_length(chunk):
    verdict, evidence = later(adapting(chunk, score_first=False))
    assert verdict is Verdict.CONTRADICTED
    assert "moved the score" in evidence


def test_adaptation_on_each_token_before_scoring_it_looks_causal_but_is_flagged_by_its_probabilities():
    peeking = adapting(1, score_first=False)
    assert later(peeking).verdict is Verdict.HOLDS
    verdict, evidence = own_token(peeking, TEXT[:5], VOCABULARY)
    assert verdict is Verdict.CONTRADICTED
    assert "add up to" in evidence


def test_score_first_adaptation_has_probabilities():
    assert own_token(adapting(1, score_first=True), TEXT[:5], VOCABULARY).verdict is Verdict.HOLDS


def test_the_best_of_two_passes_over_the_text_is_flagged():
    def best_of_two(tokens):
        return np.minimum(nats_of(tokens, 0.0), nats_of(tokens, trained(np.zeros(VOCABULARY), tokens)))

    assert later(best_of_two).verdict is Verdict.CONTRADICTED


def test_looking_one_token_ahead_is_flagged_and_placed():
    def ahead(tokens):
        return static(tokens) + 0.001 * np.append(tokens[2:], 0)

    probe = later_tokens(ahead, TEXT, VOCABULARY, changes=100)
    assert probe.leak.changed - probe.leak.moved == 1


def test_tolerance_forgives_rounding_and_no_more():
    def noisy(tokens):
        return static(tokens) + 1e-9 * tokens.sum()

    assert later(noisy).verdict is Verdict.CONTRADICTED
    assert later(noisy, tolerance=1e-6).verdict is Verdict.HOLDS


def test_scores_that_differ_from_call_to_call_decide_nothing():
    generator = np.random.default_rng(0)
    assert later(lambda tokens: generator.random(len(tokens) - 1)).verdict is Verdict.CANT_TELL


@pytest.mark.parametrize("many", [False, True])
def test_nobody_is_accused_whose_scores_were_alike_twice_by_chance(many):
    """Two scorings of the text are the same here, all others are not: without a third that was a leak."""
    calls = iter(range(10_000))

    def score(tokens):
        return nats_of(tokens, np.zeros(VOCABULARY)) * (1 + max(0, next(calls) - 1))

    of_all = (lambda texts: np.stack([score(text) for text in texts])) if many else score
    assert later_tokens(of_all, TEXT, VOCABULARY, many=many).outcome.verdict is Verdict.CANT_TELL


def test_a_leak_is_told_of_a_function_of_many_texts_too():
    def score(texts):
        return np.stack([adapting(16, score_first=False)(text) for text in texts])

    assert later_tokens(score, TEXT, VOCABULARY, many=True).leak is not None


def test_a_token_that_comes_to_be_scored_has_moved():
    def skips(tokens):
        nats = static(tokens)
        nats[: 3 + tokens[-1] % 2] = np.nan
        return nats

    assert later(skips).verdict is Verdict.CONTRADICTED


def test_the_probe_does_not_change_the_callers_tokens():
    tokens = TEXT.copy()
    later_tokens(static, tokens, VOCABULARY)
    assert np.array_equal(tokens, TEXT)


@pytest.mark.parametrize(("tokens", "vocabulary"), [([1, 2], 5), ([1, 2, 3], 1), ([[1, 2, 3]], 5)])
def test_too_little_to_probe_is_refused(tokens, vocabulary):
    with pytest.raises(ValueError, match="three tokens"):
        later_tokens(static, tokens, vocabulary)


def test_a_function_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="60 tokens; want 59"):
        later_tokens(lambda tokens: np.zeros(len(tokens)), TEXT, VOCABULARY)
