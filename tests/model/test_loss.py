import math

import pytest
import torch
from torch.testing import assert_close

from tests.model.reference import softcapped
from tests.small import random_tokens, small_model
from tritgolf.model.initialize import initialize
from tritgolf.model.loss import capped_logits, nats_of, softcap, tanh_softcap, training_loss
from tritgolf.model.unet import UNet


def inputs(tokens=7, vocabulary=11, width=5, spread=3.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(3)
    hidden = spread * torch.randn(tokens, width, dtype=dtype, generator=generator)
    table = torch.randn(vocabulary, width, dtype=dtype, generator=generator)
    bias = torch.randn(vocabulary, dtype=dtype, generator=generator)
    targets = torch.randint(vocabulary, (tokens,), generator=generator)
    return hidden.requires_grad_(True), table.requires_grad_(True), bias.requires_grad_(True), targets


@pytest.mark.parametrize(
    ("logit", "expected"),
    [
        (0.0, 0.0),
        (5.0, 10 * 0.5 * (1 - 0.25 / 3 + 0.0625 / 15)),
        (-10.0, -10 * (1 - 1 / 3 + 1 / 15)),
        (20.0, 10.0),  # the polynomial is 22/15 there, cut to 1
        (1e6, 10.0),
        (-1e6, -10.0),
    ],
)
def test_softcap_by_hand(logit, expected):
    assert softcap(torch.tensor(logit, dtype=torch.float64), 10.0).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("logit", "expected"),
    [(1, 0.9996298), (10, 9.645382), (15, 13.8635147), (-30, -22.847825), (100, 29.923739), (0, 0)],
)
def test_the_true_tanh_by_hand(logit, expected):
    assert tanh_softcap(torch.tensor(logit, dtype=torch.float64), 30.0).item() == pytest.approx(expected, abs=1e-6)


def test_softcap_and_its_gradient_against_the_definition():
    logits = torch.linspace(-35, 35, 1401, dtype=torch.float64).requires_grad_(True)
    upstream = torch.randn_like(logits)
    found, wanted = softcap(logits, 10.0), softcapped(logits, 10.0)
    assert_close(found, wanted)
    (gradient,) = torch.autograd.grad(found, logits, upstream)
    z = (logits / 10).detach()
    polynomial = z * (1 - z**2 / 3 + z**4 / 15)
    slope = torch.where((z.abs() <= 2) & (polynomial.abs() <= 1), 1 - z**2 + z**4 / 3, 0)
    assert_close(gradient, upstream * slope)
    assert torch.autograd.gradcheck(lambda x: softcap(x, 10.0), (logits[::37],))


def test_logits_are_the_tied_product_with_its_bias():
    hidden, table, bias, _ = inputs()
    wanted = softcapped(torch.einsum("te,ve->tv", hidden, table) + bias, 10.0)
    assert_close(capped_logits(hidden, table, bias, 10.0), wanted)
    assert capped_logits(hidden.bfloat16(), table.bfloat16(), bias.float(), 10.0).dtype == torch.float32


@pytest.mark.parametrize("temperature", [1.0, 0.9, 2.0])
def test_nats_against_plain_probabilities(temperature):
    hidden, table, bias, targets = inputs()
    nats, lse = nats_of(capped_logits(hidden, table, bias, 10.0) / temperature, targets)
    exponentials = (capped_logits(hidden, table, bias, 10.0) / temperature).exp()
    probabilities = exponentials / exponentials.sum(1, keepdim=True)
    assert_close(nats, -torch.stack([probabilities[t, target].log() for t, target in enumerate(targets)]))
    assert_close(lse, exponentials.sum(1).log())


def test_the_minimized_loss_adds_the_z_term():
    hidden, table, bias, targets = inputs()
    total, cross_entropy = training_loss(hidden, table, bias, targets, 10.0, 0.25)
    logits = softcapped(hidden @ table.T + bias, 10.0)
    mean = torch.nn.functional.cross_entropy(logits, targets)
    assert_close(cross_entropy, mean.detach())
    assert_close(total, mean + 0.25 * logits.logsumexp(1).square().mean())
    assert total.requires_grad
    assert not cross_entropy.requires_grad


def test_before_training_the_loss_is_that_of_a_uniform_guess_and_its_z_term():
    """As the published logs begin: ln 8192 plus the z-loss is #923's 9.02."""
    model = small_model()
    network = UNet(model)
    initialize(network, 1)
    tokens = random_tokens(model)
    with torch.no_grad():
        hidden = network(tokens[:, :-1]).flatten(0, 1)
    arguments = (network.tok_emb.weight, network.vocab_bias, tokens[:, 1:].flatten(), model.softcap)
    with torch.no_grad():
        total, cross_entropy = training_loss(hidden, *arguments, 1e-4)
    uniform = math.log(model.vocab_size)
    assert float(cross_entropy) == pytest.approx(uniform, abs=0.01)
    assert float(total - cross_entropy) == pytest.approx(1e-4 * uniform**2, rel=0.01)
