import pytest
import torch

from tests.small import quantizer, random_network, random_tokens, small_model, stacks_of
from tritgolf.model.loss import training_loss
from tritgolf.model.unet_parameters import described

MODELS = {
    "honest": {"smear": True},
    "as written": {"quantizer": quantizer(arithmetic="bf16_weight"), "layers": 3},
    "bf16": {"compute": "bfloat16"},
    "a power of two of each matrix": {"quantizer": quantizer(scale_dtype="e4m3")},
}


def backward(network, tokens) -> None:
    hidden = network(tokens[:, :-1]).flatten(0, 1)
    arguments = (network.tok_emb.weight, network.vocab_bias, tokens[:, 1:].flatten())
    training_loss(hidden, *arguments, network.model.softcap, 1e-4)[0].backward()


@pytest.mark.parametrize("name", MODELS)
def test_quantizing_once_a_step_gives_the_gradients_of_quantizing_in_every_forward(name):
    model = small_model(**MODELS[name])
    plain, stacked = random_network(model), random_network(model)
    stacks = stacks_of(stacked)
    tokens = random_tokens(model)
    stacks.requantize()
    for network in (plain, stacked):
        backward(network, tokens)
    for (parameter, ours), reference in zip(stacked.named_parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours.grad, reference.grad), parameter
        assert reference.grad.any(), parameter


def test_micro_batches_add_up():
    network = random_network(small_model())
    stacks = stacks_of(network)
    tokens = random_tokens(network.model)
    stacks.requantize()
    backward(network, tokens)
    once = [stack.gradient.clone() for stack in stacks.stacks]
    backward(network, tokens)
    for gradient, stack in zip(once, stacks.stacks, strict=True):
        assert torch.equal(stack.gradient, 2 * gradient)


def test_stacks_hold_every_ternary_matrix_and_both_projections_once():
    network = random_network(small_model(layers=4))
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    stacks = stacks_of(network)
    names = [name for stack in stacks.stacks for name in stack.names]
    assert sorted(names) == sorted(
        n for n in before if described(n).is_quantized or n in ("embed_proj.weight", "embed_proj_rev.weight")
    )
    assert sorted(stacks.momenta()) == sorted(names)
    for stack in stacks.stacks:
        assert (stack.effective is not None) == all(described(name).is_quantized for name in stack.names)
        for index, name in enumerate(stack.names):
            assert torch.equal(stack.weight[index], before[name])
            stack.weight[index] += 1  # the network's parameter is a view of it
            assert torch.equal(network.get_parameter(name), before[name] + 1)


def test_projections_of_the_shape_of_a_ternary_matrix_are_not_quantized():
    network = random_network(small_model(embed_dim=32))  # both projections are 32 × 32, as attn.proj
    stacks = stacks_of(network)
    quantized = {name for stack in stacks.stacks if stack.effective is not None for name in stack.names}
    assert quantized == {name for name, _ in network.linears()}


def test_the_forward_pass_follows_the_masters_only_when_asked():
    network = random_network(small_model())
    stacks, tokens = stacks_of(network), random_tokens(network.model)
    with torch.no_grad():
        stacks.requantize()
        before = network(tokens)
        for stack in stacks.stacks:
            if stack.effective is not None:
                stack.weight.neg_()
        assert torch.equal(network(tokens), before)
        stacks.requantize()
        assert not torch.equal(network(tokens), before)
