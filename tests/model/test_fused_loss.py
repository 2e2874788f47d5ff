import math

import pytest
import torch
from torch.testing import assert_close

from tests.model.interpreter import INTERPRETED, interpreted
from tests.model.test_loss import inputs
from tritgolf.model import fused_loss
from tritgolf.model.fused_loss import SLOPES, fused_training_loss, nats_and_gradient
from tritgolf.model.loss import SOFTCAPS, training_loss

if INTERPRETED:
    from tritgolf.model.fused_loss_kernel import nats_and_gradient_on_gpu


def losses_and_gradients(loss, tensors, targets, z_loss, weight=1.0):
    leaves = [tensor.detach().clone().requires_grad_(True) for tensor in tensors]
    total, cross_entropy = loss(*leaves, targets, 10.0, z_loss)
    return [total.detach(), cross_entropy, *torch.autograd.grad(weight * total, leaves)]


def tanh_of(loss):
    """``loss`` of a head with the true tanh and a constant that its logits are multiplied with."""
    return lambda *arguments: loss(*arguments, "tanh", torch.tensor(1.25))


@pytest.mark.parametrize("softcap_of", [lambda loss: loss, tanh_of])
@pytest.mark.parametrize("chunk", [1, 3, 7, 36, 37, 1000])
@pytest.mark.parametrize("spread", [0.5, 12.0])  # the second pushes many logits past both clamps
def test_chunks_compute_the_plain_loss_and_its_gradients(monkeypatch, chunk, spread, softcap_of):
    monkeypatch.setattr(fused_loss, "CHUNK_TOKENS", chunk)
    *tensors, targets = inputs(tokens=37, vocabulary=53, width=6, spread=spread, dtype=torch.float32)
    found = losses_and_gradients(softcap_of(fused_training_loss), tensors, targets, 1e-2)
    wanted = losses_and_gradients(softcap_of(training_loss), [tensor.double() for tensor in tensors], targets, 1e-2)
    for ours, reference in zip(found, wanted, strict=True):
        assert ours.dtype == torch.float32
        assert_close(ours.double(), reference.double(), rtol=1e-5, atol=1e-5)


def test_the_gradient_is_scaled_by_what_comes_from_above():
    *tensors, targets = inputs(tokens=10, dtype=torch.float32)
    whole = losses_and_gradients(fused_training_loss, tensors, targets, 1e-4)[2:]
    quarter = losses_and_gradients(fused_training_loss, tensors, targets, 1e-4, weight=0.25)[2:]
    for full, part in zip(whole, quarter, strict=True):
        assert_close(part, full / 4)


def test_the_published_dtypes(monkeypatch):
    """Hidden states and table BF16, bias FP32: gradients in the dtypes of their tensors, near the plain ones."""
    monkeypatch.setattr(fused_loss, "CHUNK_TOKENS", 16)
    hidden, table, bias, targets = inputs(tokens=50, vocabulary=64, width=32, spread=0.5, dtype=torch.float32)
    tensors = [hidden.bfloat16(), table.bfloat16(), bias]
    found = losses_and_gradients(fused_training_loss, tensors, targets, 1e-4)
    wanted = losses_and_gradients(training_loss, [t.detach().double() for t in tensors], targets, 1e-4)
    assert [t.dtype for t in found[2:]] == [torch.bfloat16, torch.bfloat16, torch.float32]
    assert_close(torch.stack(found[:2]).double(), torch.stack(wanted[:2]), rtol=2e-3, atol=0)
    for ours, reference in zip(found[2:], wanted[2:], strict=True):
        assert float((ours.double() - reference).norm() / reference.norm()) < 0.01


def test_a_head_without_a_bias_has_the_loss_of_one_that_is_zero(monkeypatch):
    monkeypatch.setattr(fused_loss, "CHUNK_TOKENS", 4)
    hidden, table, bias, targets = inputs(tokens=9, dtype=torch.float32)
    without = [fused_training_loss(hidden, table, None, targets, 10.0, 1e-2, kind) for kind in SLOPES]
    with_zeros = [fused_training_loss(hidden, table, 0 * bias, targets, 10.0, 1e-2, kind) for kind in SLOPES]
    for (ours, _), (reference, _) in zip(without, with_zeros, strict=True):
        assert torch.equal(ours, reference)
        found, wanted = (torch.autograd.grad(loss, (hidden, table)) for loss in (ours, reference))
        assert all(map(torch.equal, found, wanted))


@pytest.mark.parametrize("kind", SLOPES)
def test_the_slope_is_the_derivative_of_the_softcap(kind):
    logits = torch.linspace(-30, 30, 997, dtype=torch.float64).requires_grad_(True)
    (gradient,) = torch.autograd.grad(SOFTCAPS[kind](logits, 10.0).sum(), logits)
    assert_close(SLOPES[kind](logits.detach(), 10.0)[1], gradient)


@pytest.mark.parametrize("kind", SLOPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_softcap_with_its_slope_is_the_softcap_to_the_bit(kind, dtype):
    beyond = [
        0.0,
        -0.0,
        20.0,
        -20.0,
        1e30,
        -1e30,
        torch.inf,
        -torch.inf,
        torch.nan,
    ]  # of both clamps, and of the square
    logits = torch.cat([torch.linspace(-30, 30, 99991, dtype=dtype), torch.tensor(beyond, dtype=dtype)])
    assert torch.equal(SLOPES[kind](logits, 10.0)[0].nan_to_num(7.0), SOFTCAPS[kind](logits, 10.0).nan_to_num(7.0))


def test_only_the_minimized_loss_has_a_gradient():
    *tensors, targets = inputs(dtype=torch.float32)
    total, cross_entropy = fused_training_loss(*tensors, targets, 10.0, 1e-4)
    assert total.requires_grad
    assert not cross_entropy.requires_grad


HEADS = {
    "polynomial, with a bias": {},
    "polynomial, scaled": {"scale": torch.tensor(1.25)},
    "tanh, with a bias": {"kind": "tanh"},
    "tanh, scaled": {"kind": "tanh", "scale": torch.tensor(1.25, dtype=torch.bfloat16), "bias": False},
}


def drawn(tokens, vocabulary, spread, bias=True, **head):
    """Logits, and the other arguments of ``nats_and_gradient`` by name."""
    generator = torch.Generator().manual_seed(vocabulary)
    logits = spread * torch.randn(tokens, vocabulary, generator=generator)
    biases = torch.randn(vocabulary, generator=generator)
    targets = torch.randint(vocabulary, (tokens,), generator=generator)
    settings = {"cap": 10.0, "z_loss": 1e-2, "weight": 0.25}
    return logits, {"bias": biases if bias else None, "targets": targets, **settings, **head}


@interpreted
@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize(("tokens", "vocabulary"), [(5, 64), (11, 53), (1, 1000), (16, 32)])
@pytest.mark.parametrize("spread", [1.0, 30.0])  # the second pushes many logits past both clamps
def test_the_kernel_overwrites_logits_as_the_plain_function_does(tokens, vocabulary, spread, head):
    logits, arguments = drawn(tokens, vocabulary, spread, **head)
    ours, plain = logits.clone(), logits.clone()
    found = nats_and_gradient_on_gpu(ours, **arguments)
    wanted = nats_and_gradient(plain, **arguments)
    for nats, reference in zip(found, wanted, strict=True):
        assert_close(nats, reference, rtol=1e-5, atol=1e-5)
    assert_close(ours, plain, rtol=1e-5, atol=1e-6)
    assert not torch.equal(ours, logits)


@interpreted
@pytest.mark.filterwarnings("ignore:overflow encountered in exp2")  # which makes the infinity that is meant
def test_by_the_kernel_a_tanh_that_is_full_has_no_slope_and_no_nan():
    logits, arguments = drawn(3, 32, 1.0, bias=False, kind="tanh")
    logits[0], logits[1, ::2], logits[1, 1::2], logits[2, 5] = 1e4, 1e30, -1e30, torch.nan
    nats, lse = nats_and_gradient_on_gpu(logits, **arguments)
    assert_close(lse[:2], torch.tensor([10 + math.log(32), 10 + math.log(16)]))
    assert not logits[:2].any()
    assert nats.isnan().tolist() == lse.isnan().tolist() == logits.isnan().all(1).tolist() == [False, False, True]
