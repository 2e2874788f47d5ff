import pytest
import torch

from tests.small import random_network, random_tokens, random_transformer, small_model, small_transformer
from tritgolf.model.network import use_quantizers
from tritgolf.model.phase import Phase
from tritgolf.model.training_form import training_form

BUILT = {"unet": lambda: random_network(small_model()), "transformer": lambda: random_transformer(small_transformer())}


def gradients(network, tokens):
    """Of a loss that scorers train by, as they train it."""
    loss, _ = network.head().loss(network(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten(), 0.0)
    loss.backward()
    return loss.item(), {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("kind", BUILT)
def test_it_is_the_same_function_of_the_same_parameters(kind):
    network = BUILT[kind]()
    network.enter(Phase(recurrence=True))
    use_quantizers(network, {})
    for name, parameter in network.named_parameters():
        parameter.requires_grad_("blocks.0." not in name)
    form = training_form(network)
    own = dict(network.named_parameters())
    assert {name: id(parameter) for name, parameter in form.named_parameters()} == {n: id(p) for n, p in own.items()}
    assert {name: id(b) for name, b in form.named_buffers()} == {name: id(b) for name, b in network.named_buffers()}
    tokens = random_tokens(network.model)
    loss, wanted = gradients(network, tokens)
    for parameter in own.values():
        parameter.grad = None
    found_loss, found = gradients(form, tokens)
    assert found_loss == pytest.approx(loss, rel=1e-6)
    assert found.keys() == wanted.keys()
    assert not any("blocks.0." in name for name in found)
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=0, atol=1e-3 * float(gradient.abs().max()), msg=name)
