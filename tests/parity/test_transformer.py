"""The transformer against the published code of #1716 on shared weights, with recurrence and without."""

import pytest
import torch
from torch.testing import assert_close

from tests.parity.of_1716 import facts, published_model, tensors
from tritgolf.model.attention import math_attention, sdpa_attention
from tritgolf.model.loss import training_loss
from tritgolf.model.parts.bigram import bigram_rows
from tritgolf.model.parts.recurrence import runs_of
from tritgolf.model.parts.rotary import in_precision, plain_frequencies, position_tables
from tritgolf.model.phase import Phase
from tritgolf.model.transformer import Transformer
from tritgolf.model.transformer_parameters import transformer_parameters

PHASES = {"off": Phase(), "on": Phase(recurrence=True)}


@pytest.fixture(scope="module")
def published():
    return facts("net_1716")


@pytest.fixture(scope="module")
def io():
    return tensors("net_1716_io")


@pytest.fixture(scope="module")
def weights():
    return tensors("net_1716_weights")


def loaded(published, weights, attend=sdpa_attention, fused=False, **settings) -> Transformer:
    network = Transformer(published_model(published["config"], **settings), attend, fused=fused)
    network.load_state_dict(weights)
    return network


@pytest.fixture(params=PHASES)
def phase(request):
    return request.param


@pytest.mark.parametrize("attend", [math_attention, sdpa_attention])
def test_logits_are_the_published_ones(published, io, weights, phase, attend):
    network = loaded(published, weights, attend)
    network.enter(PHASES[phase])
    with torch.no_grad():
        logits = network.head().logits(network(io["ids"][:, :-1]))
    assert_close(logits, io[f"logits_{phase}"], rtol=0, atol=2e-5)


@pytest.mark.parametrize("fused", [True, False])
def test_losses_and_gradients_are_the_published_ones(published, io, weights, phase, fused):
    network, ids = loaded(published, weights, fused=fused), io["ids"].long()
    network.enter(PHASES[phase])
    hidden, targets = network(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()
    head = network.head()
    plain = (hidden, head.table, head.bias, targets, head.cap, 0.0, head.kind, head.scale)
    loss, cross_entropy = head.loss(hidden, targets, 0.0) if fused else training_loss(*plain)
    assert loss.item() == pytest.approx(published[f"loss_{phase}"], abs=2e-6)
    assert cross_entropy.item() == loss.item()
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    norms = published[f"gradient_norms_{phase}"]
    assert gradients.keys() == norms.keys()
    for name, norm in norms.items():
        assert float(gradients[name].norm()) == pytest.approx(norm, rel=1e-4), name
    wanted = {name: each for name, each in tensors("net_1716_grads").items() if name.startswith(f"{phase}/")}
    assert len(wanted) > 70
    for name, gradient in wanted.items():
        apart = gradients[name.removeprefix(f"{phase}/")] - gradient
        assert float(apart.norm() / gradient.norm()) < 1e-4, name


def test_in_bf16_they_are_near(published, io, weights, phase):
    """Of the eager published code, which rounds positions too; it is itself 0.12 off FP32 at most."""
    network = loaded(published, weights, compute="bfloat16", rotary_frequencies="bfloat16")
    network.enter(PHASES[phase])
    with torch.no_grad():
        hidden = network(io["ids"][:, :-1])
        logits = network.head().logits(hidden)
    assert (hidden.dtype, logits.dtype) == (torch.bfloat16, torch.float32)
    for wanted in (io[f"logits_{phase}"], io[f"logits_bf16_eager_{phase}"].float()):
        assert float((logits - wanted).abs().max()) < 0.2
        assert float((logits - wanted).square().mean().sqrt()) < 0.03


def test_names_shapes_and_runs_are_the_published_ones(published, weights):
    model = published_model(published["config"])
    assert {name: row.shape for name, row in transformer_parameters(model).items()} == {
        name: tuple(tensor.shape) for name, tensor in weights.items()
    }
    assert list(runs_of(model, recurrence=True)) == [published["encoder_on"], published["decoder_on"]]


def test_the_bigram_s_rows_are_the_published_ones(published, io):
    rows = bigram_rows(io["ids"][:1, :-1], published["config"]["bigram_vocab_size"])
    assert rows[0].tolist() == published["bigram_rows_of_first_sequence"]


def test_rotary_tables_are_exact_ones_of_the_published_frequencies():
    published = tensors("rotary_1716")
    exact, rounded = (in_precision(plain_frequencies(16, 10_000.0), kind) for kind in ("float32", "bfloat16"))
    assert_close(exact, published["inv_freq_float32"], rtol=2e-7, atol=0)
    assert torch.equal(rounded, published["inv_freq_bf16"].float())
    positions = published["positions"]
    for table, name in zip(position_tables(exact, 2048, torch.float32), ("cos", "sin"), strict=True):
        assert_close(table[positions], published[f"{name}_float32_exact"], rtol=0, atol=2e-4)


def test_the_published_rounding_of_frequencies_moves_the_tables_but_not_their_first_positions():
    exact, rounded = (in_precision(plain_frequencies(16, 10_000.0), kind) for kind in ("float32", "bfloat16"))
    (cos, _), (cos_rounded, _) = (position_tables(each, 2048, torch.bfloat16) for each in (exact, rounded))
    assert torch.equal(cos[:2], cos_rounded[:2])
    assert float((cos.float() - cos_rounded.float()).abs().max()) > 0.3
