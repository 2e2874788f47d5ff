"""The transformer against the published code of #1722 (to the bit that of #1019) on shared weights."""

import pytest
import torch
from torch.testing import assert_close

from tests.parity.of_1716 import facts, tensors
from tests.parity.of_1722 import model_1722
from tritgolf.model.attention import math_attention, sdpa_attention
from tritgolf.model.hessians import collect_hessians
from tritgolf.model.parts.bigram import bigram_rows
from tritgolf.model.parts.rotary import eager_tables, plain_frequencies
from tritgolf.model.transformer import Transformer
from tritgolf.model.transformer_parameters import transformer_parameters
from tritgolf.quantize.gptq import damped

FACTS = facts("net_1722")


@pytest.fixture(scope="module")
def io():
    return tensors("net_1722_io")


@pytest.fixture(scope="module")
def weights():
    return tensors("net_1722_weights")


def loaded(weights, attend=sdpa_attention, fused=False, **settings) -> Transformer:
    network = Transformer(model_1722(FACTS["config"], **settings), attend, fused=fused)
    network.load_state_dict(weights)
    return network


@pytest.mark.parametrize("attend", [math_attention, sdpa_attention])
def test_hidden_states_and_logits_are_the_published_ones(io, weights, attend):
    network = loaded(weights, attend)
    with torch.no_grad():
        hidden = network(io["ids"][:, :-1])
        assert_close(hidden, io["hidden"], rtol=0, atol=2e-5)
        assert_close(network.head().logits(hidden), io["logits"], rtol=0, atol=2e-5)


@pytest.mark.parametrize("length", [2048, 1500])
def test_the_rotary_base_grows_with_the_length_of_the_call(io, weights, length):
    network = loaded(weights)
    with torch.no_grad():
        logits = network.head().logits(network(io["ids_2048"][:, :length], tail=16))
    assert_close(logits, io[f"logits_{length}_last16"], rtol=0, atol=2e-5)


def test_of_the_context_it_is_one_base_for_all_lengths(io, weights):
    network = loaded(weights, rotary_stretch={"from_length": 1024, "of": "context"})
    ids = io["ids_2048"]
    with torch.no_grad():
        assert_close(network(ids[:, :64]), network(ids)[:, :64], rtol=0, atol=2e-5)
        longest = network.head().logits(network(ids, tail=16))
    assert_close(longest, io["logits_2048_last16"], rtol=0, atol=2e-5)


@pytest.mark.parametrize("fused", [False, True])
def test_loss_and_gradients_are_the_published_ones(io, weights, fused):
    network, ids = loaded(weights, fused=fused), io["ids"].long()
    loss, _ = network.head().loss(network(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), 0.0)
    assert loss.item() == pytest.approx(FACTS["loss"], abs=2e-6)
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    assert gradients.keys() == FACTS["gradient_norms"].keys()
    for name, norm in FACTS["gradient_norms"].items():
        assert float(gradients[name].norm()) == pytest.approx(norm, rel=1e-3 if norm < 1e-4 else 1e-4), name
    wanted = tensors("net_1722_grads")
    assert len(wanted) > 30
    for name, gradient in wanted.items():
        apart = float((gradients[name] - gradient).norm() / gradient.norm())
        assert apart < (1e-3 if name == "ve_layer_scales.1" else 1e-4), name


def test_names_and_shapes_are_the_published_ones(weights):
    table = transformer_parameters(model_1722(FACTS["config"]))
    assert {name: row.shape for name, row in table.items()} == {n: tuple(t.shape) for n, t in weights.items()}


def test_the_bigram_s_rows_are_the_published_ones(io):
    rows = bigram_rows(io["ids"][:1, :-1], FACTS["config"]["bigram_vocab_size"])
    assert rows[0].tolist() == FACTS["bigram_rows_of_first_sequence"]


def test_generation_s_tables_are_those_of_eager_code_in_bf16():
    published = tensors("rotary_1716")  # of the same class
    positions = published["positions"]
    tables = eager_tables(plain_frequencies(16, 10_000.0), 2048, torch.bfloat16)
    for table, name in zip(tables, ("cos", "sin"), strict=True):
        assert torch.equal(table[positions], published[f"{name}_bf16_eager"])


def test_hessians_are_those_that_1019_collects_and_damps(weights):
    published, ids = tensors("hessians"), tensors("hessians")["ids"].long()
    collected = collect_hessians(loaded(weights), ids.reshape(4, 1, 64)[..., :63])
    found = {name: damped(hessian, 0.01, 1e-6) for name, hessian in collected.items()}
    traces = facts("hessians")["traces_1019"]
    assert found.keys() - traces.keys() == {"tok_emb.weight"}  # which #1716 alone rounds by GPTQ
    assert traces.keys() - found.keys() == {"bigram.proj.weight", "ve_shared.proj.weight"}  # of no use
    for name in found.keys() & traces.keys():
        assert found[name].trace().item() == pytest.approx(traces[name], rel=1e-5), name
    wanted = {name.removeprefix("1019/"): h for name, h in published.items() if name.startswith("1019/")}
    assert len(wanted) == 5
    for name, hessian in wanted.items():
        assert float((found[name] - hessian).norm() / hessian.norm()) < 1e-5, name
