"""Text that a network writes itself: a first token of all alike, then what its logits at a temperature say."""

import pytest
import torch

from tests.small import random_network, random_transformer, small_model, small_transformer
from tritgolf.model.own_text import own_text


@pytest.fixture(scope="module")
def network():
    return random_transformer(small_transformer(vocab_size=40))


def drawn_with_all_logits(network, count, length, temperature, seed, at_a_time):
    """The same by the logits of every position, and one generator through all batches."""
    generator, text = torch.Generator().manual_seed(seed), []
    for start in range(0, count, at_a_time):
        tokens = torch.randint(0, 40, (min(at_a_time, count - start), 1), generator=generator)
        while tokens.shape[1] < length:
            logits = network.head().logits(network(tokens).flatten(0, 1)).view(*tokens.shape, -1)
            chances = torch.softmax(logits[:, -1] / temperature, -1)
            tokens = torch.cat((tokens, torch.multinomial(chances, 1, generator=generator)), 1)
        text.append(tokens)
    return torch.cat(text)


@torch.no_grad()
def test_every_token_is_drawn_after_all_before_it(network):
    found = own_text(network, 5, 9, 0.8, seed=42, at_a_time=2)
    assert (found.shape, found.dtype) == ((5, 9), torch.int64)
    assert torch.equal(found, drawn_with_all_logits(network, 5, 9, 0.8, 42, 2))
    assert not torch.equal(found, own_text(network, 5, 9, 0.8, seed=43, at_a_time=2))


def test_a_cold_text_is_of_the_likeliest_tokens(network):
    text = own_text(network, 3, 8, 1e-4, seed=1)
    with torch.no_grad():
        logits = network.head().logits(network(text[:, :-1]).flatten(0, 1))
    assert torch.equal(logits.argmax(-1).view(3, 7), text[:, 1:])


def test_the_first_token_is_uniform(network):
    counts = own_text(network, 4000, 1, 0.8, seed=3, at_a_time=4000).flatten().bincount(minlength=40)
    assert ((counts - 100).square() / 100).sum() < 73  # chi square of 39 degrees: 0.1% are above


def test_a_ternary_network_writes_too():
    text = own_text(random_network(small_model()).eval(), 2, 6, 0.8, seed=1)
    assert text.shape == (2, 6) and text.max() < small_model().vocab_size
