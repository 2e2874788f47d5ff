"""The transformer's own behaviour; tests/parity holds its numbers to the published code."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from functorch.compile import aot_module, make_boxed_func, min_cut_rematerialization_partition
from torch.testing import assert_close

from tests.comparing import relative
from tests.small import random_tokens, random_transformer, small_transformer
from tritgolf.config.evaluate import SlidingSettings
from tritgolf.evaluate.methods import make_method
from tritgolf.evaluate.probe import probe
from tritgolf.evaluate.score import score_windows
from tritgolf.evaluate.windows import chunked_windows, sliding_windows
from tritgolf.model.attention import sdpa_attention
from tritgolf.model.initialize import initialize
from tritgolf.model.network import device_of
from tritgolf.model.parts.recurrence import runs_of
from tritgolf.model.phase import Phase
from tritgolf.model.specs import network_class
from tritgolf.model.transformer import Transformer

OFF, ON = Phase(), Phase(recurrence=True)
ROUNDING = {
    "rtol": 0,
    "atol": 2e-3,
}  # of sums in another order, through five layers at random; hidden states are near 1
PLAIN = {"recurrence": None, "parallel_from": None, "xsa_layers": 0, "bigram": None, "gates": {}}


def hidden_of(network, tokens, phase=ON, tail=None):
    network.enter(phase)
    with torch.no_grad():
        return network(tokens, tail)


def record_runs(recurrence: bool):
    return runs_of(small_transformer(layers=11, recurrence={"layers": (3, 5), "loops": 2}), recurrence)


def test_repeated_layers_run_again_and_skips_change_partners():
    """The table of sp8192-spec: decoder block ← output of, in the order of the skips' rows."""
    off, on = record_runs(False), record_runs(True)
    assert [*zip(off.decoder, reversed(off.encoder), strict=False)] == [(5, 4), (6, 3), (7, 2), (8, 1), (9, 0)]
    pairs = [(5, 4), (3, 3), (4, 5), (5, 4), (6, 3), (7, 2), (8, 1), (9, 0)]
    assert [*zip(on.decoder, reversed(on.encoder), strict=False)] == pairs
    assert (off.decoder[-1], on.decoder[-1]) == (10, 10)
    assert [len(runs.encoder) + len(runs.decoder) for runs in (off, on)] == [11, 17]


def test_a_single_layer_repeats_in_place():
    model = small_transformer(layers=2, recurrence={"layers": (0, 0), "loops": 1}, parallel_from=1, xsa_layers=2)
    assert [list(part) for part in runs_of(model, recurrence=True)] == [[0], [0, 1]]


def test_a_phase_changes_what_is_computed_until_the_next():
    network, tokens = random_transformer(small_transformer()), random_tokens(small_transformer())
    with torch.no_grad():
        first = network(tokens)
    assert torch.equal(first, hidden_of(network, tokens, OFF))
    assert not torch.allclose(first, hidden_of(network, tokens, ON), atol=0.1)
    assert torch.equal(first, hidden_of(network, tokens, OFF))


def test_without_repeated_layers_all_phases_are_the_same():
    model = small_transformer(recurrence=None)
    network, tokens = random_transformer(model), random_tokens(model)
    assert torch.equal(hidden_of(network, tokens, OFF), hidden_of(network, tokens, ON))


@pytest.mark.parametrize("settings", [{}, PLAIN, {"recurrence": {"layers": (3, 4), "loops": 1}}])
@pytest.mark.parametrize("tail", [1, 5, 16])
def test_the_tail_is_that_of_all_positions(settings, tail):
    model = small_transformer(**settings)
    network, tokens = random_transformer(model, attend=sdpa_attention), random_tokens(model)
    for phase in (OFF, ON):
        whole = hidden_of(network, tokens, phase)
        assert_close(hidden_of(network, tokens, phase, tail), whole[:, -tail:], **ROUNDING)


@pytest.mark.parametrize("position", [1, 7, 15])
def test_no_position_sees_a_later_one_and_all_see_an_earlier_one(position):
    network, tokens = random_transformer(small_transformer()), random_tokens(small_transformer(), batch=1)
    changed = tokens.clone()
    changed[0, position] = (changed[0, position] + 1) % small_transformer().vocab_size
    before, after = hidden_of(network, tokens), hidden_of(network, changed)
    assert torch.equal(before[:, :position], after[:, :position])
    assert (before[:, position:] != after[:, position:]).any(-1).all()


def test_shorter_texts_are_prefixes():
    network, tokens = random_transformer(small_transformer()), random_tokens(small_transformer())
    assert_close(hidden_of(network, tokens[:, :9]), hidden_of(network, tokens)[:, :9], **ROUNDING)


@pytest.fixture
def repeating():
    """Two layers, of which the first runs twice."""
    return small_transformer(layers=2, recurrence={"layers": (0, 0), "loops": 1}, parallel_from=1, xsa_layers=1)


def loss_of(network, tokens):
    return network.head().loss(network(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten(), 0.0)[0]


def test_it_compiles_with_its_loss_into_one_graph_a_phase(repeating):
    network, tokens = random_transformer(repeating), random_tokens(repeating)
    compiled = torch.compile(lambda: loss_of(network, tokens), backend="eager", fullgraph=True, dynamic=False)
    for phase in (OFF, ON, OFF):
        network.enter(phase)
        losses = compiled(), loss_of(network, tokens)
        assert torch.equal(*losses)
        assert all(map(torch.equal, *(torch.autograd.grad(loss, list(network.parameters())) for loss in losses)))


def test_a_layer_that_runs_again_is_cast_once(repeating):
    """Compiled, in BF16, both ways: equal casts of a layer's runs become one of a micro-batch."""
    model = small_transformer(**PLAIN | {"layers": 2, "recurrence": repeating.recurrence, "compute": "bfloat16"})
    network, tokens, graphs = random_transformer(model), random_tokens(model), []

    def keep(graph, _):
        graphs.append(graph)
        return make_boxed_func(graph)

    network.enter(ON)
    aot_module(network, keep, keep, partition_fn=min_cut_rematerialization_partition)(tokens).sum().backward()
    forward, back = (
        Counter(node.args[0] for node in graph.graph.nodes if node.target == torch.ops.aten._to_copy.default)
        for graph in graphs
    )
    masters = {name for name, p in network.named_parameters() if p.dtype == torch.float32}
    cast_whole = masters - {"skip_weights"}  # of which each run takes a row
    assert len([source for source in forward if source.op == "placeholder"]) == len(cast_whole)
    assert {casts[source] for casts in (forward, back) for source in casts if source.op == "placeholder"} == {1}


def test_gradients_of_a_layer_s_runs_add_up_in_fp32(repeating):
    """As published: each is a BF16 product, and their sum has bits that BF16 lacks."""
    network = random_transformer(repeating.model_copy(update={"compute": "bfloat16"}))
    network.enter(ON)
    loss_of(network, random_tokens(repeating)).backward()
    gradients = {name: layer.weight.grad for name, layer in network.linears()}
    wider = {name for name, gradient in gradients.items() if not torch.equal(gradient, gradient.bfloat16().float())}
    assert wider == {name for name in gradients if name.startswith("blocks.0.")}


def test_hooks_see_every_input_of_every_quantized_matrix():
    """As Hessians are collected: a repeated layer's inputs of all its runs."""
    network, tokens = random_transformer(small_transformer()), random_tokens(small_transformer())
    calls = dict.fromkeys((name for name, _ in network.linears()), 0)

    def count(name, layer):
        def hook(_, inputs):
            assert inputs[0].shape[-1] == layer.weight.shape[1]
            calls[name] += 1

        return layer.register_forward_pre_hook(hook)

    handles = [count(name, layer) for name, layer in network.linears()]
    hidden_of(network, tokens, ON)
    for handle in handles:
        handle.remove()
    assert len(calls) == 5 * 6
    assert {name for name, times in calls.items() if times == 3} == {
        name for name in calls if name.startswith(("blocks.1.", "blocks.2."))
    }
    assert set(calls.values()) == {1, 3}


@pytest.fixture(scope="module")
def initialized():
    network = Transformer(small_transformer(width=64, vocab_size=1200))
    initialize(network, 42)
    return network


def test_matrices_start_orthogonal_and_outputs_at_zero(initialized):
    weights = {name: parameter.detach() for name, parameter in initialized.named_parameters()}
    for name in ("attn.c_q", "attn.c_k", "attn.c_v", "mlp.fc"):
        weight = weights[f"blocks.2.{name}.weight"]
        gram = weight @ weight.T if weight.shape[0] <= weight.shape[1] else weight.T @ weight
        assert_close(gram, torch.eye(len(gram)), rtol=0, atol=0.01)
    for name in (
        "blocks.1.attn.proj",
        "blocks.1.mlp.proj",
        "blocks.1.attn.attn_gate_proj",
        "smear_gate",
        "bigram.embed",
    ):
        assert not weights[f"{name}.weight"].any()
    assert float(weights["tok_emb.weight"].std()) == pytest.approx(0.005, rel=0.02)


def test_vectors_start_where_the_specification_says(initialized):
    weights = {name: parameter.detach() for name, parameter in initialized.named_parameters()}
    assert weights["bigram.scale"].item() == 0.050048828125  # 0.05 in BF16
    assert not weights["smear_lambda"].any()
    assert not weights["skip_gates"].any()
    for name in ("skip_weights", "blocks.4.attn_scale", "blocks.4.mlp_scale"):
        assert weights[name].eq(1).all()
    assert weights["blocks.0.attn.q_gain"].eq(5).all()
    assert weights["blocks.0.resid_mix"].tolist() == [[1.0] * 64, [0.0] * 64]
    assert all(torch.equal(weight, weight.bfloat16().float()) for weight in weights.values())


def test_the_seed_alone_decides(initialized):
    torch.manual_seed(7)
    networks = [Transformer(initialized.model) for _ in range(2)]
    for network, seed in zip(networks, (42, 43), strict=True):
        initialize(network, seed)
    again, other = (dict(network.named_parameters()) for network in networks)
    assert all(torch.equal(parameter, again[name]) for name, parameter in initialized.named_parameters())
    assert not torch.equal(other["blocks.0.attn.c_q.weight"], again["blocks.0.attn.c_q.weight"])


def test_at_first_every_token_is_as_likely_and_the_bigram_learns_through_its_table_alone(initialized):
    """As sp8192-spec says: with the table at 0 its matrix and its scalar have no gradient."""
    tokens = random_tokens(initialized.model)
    hidden = initialized(tokens[:, :-1]).flatten(0, 1)
    loss, _ = initialized.head().loss(hidden, tokens[:, 1:].flatten(), 0.0)
    assert loss.item() == pytest.approx(math.log(1200), abs=0.01)
    loss.backward()
    assert initialized.bigram.embed.weight.grad.any()
    assert not initialized.bigram.proj.weight.grad.any()
    assert not initialized.bigram.scale.grad.any()


def test_in_bf16_masters_are_fp32_and_the_tables_bf16():
    model = small_transformer(compute="bfloat16")
    network = random_transformer(model)
    hidden = hidden_of(network, random_tokens(model))
    assert (hidden.dtype, network.head().logits(hidden[0]).dtype) == (torch.bfloat16, torch.float32)
    narrow = {name for name, tensor in network.state_dict().items() if tensor.dtype == torch.bfloat16}
    assert narrow == {"tok_emb.weight", "bigram.embed.weight", "logit_temp"}


def test_the_saved_constant_multiplies_capped_logits():
    network = random_transformer(small_transformer())
    hidden = hidden_of(network, random_tokens(network.model))[0]
    plain = network.head().logits(hidden)
    network.load_state_dict(network.state_dict() | {"logit_temp": torch.tensor(0.5)})
    assert_close(network.head().logits(hidden), plain / 2)


def test_the_scorer_takes_it_and_finds_it_causal():
    model = small_transformer()
    network = random_transformer(model)
    network.enter(ON)
    tokens = np.random.default_rng(1).integers(model.vocab_size, size=53).astype(np.uint16)
    assert device_of(network).type == "cpu"
    chunked = score_windows(network, tokens, chunked_windows(len(tokens), 16), batch=2).nats
    ids = torch.from_numpy(tokens.astype(np.int64))
    for start, nats in zip(range(0, 48, 16), chunked, strict=False):
        logits = network.head().logits(hidden_of(network, ids[None, start : start + 16])[0])
        wanted = torch.nn.functional.cross_entropy(logits, ids[start + 1 : start + 17], reduction="sum")
        assert float(nats) == pytest.approx(wanted.item(), rel=1e-5)
    windows = sliding_windows(len(tokens), 16, 4, "every_token")
    sliding = score_windows(network, tokens, windows, batch=4).nats
    assert math.isfinite(sliding.sum())
    assert sliding.sum() < 52 * 4 * math.log(model.vocab_size)
    method = make_method(SlidingSettings(kind="sliding", stride=4, rule="every_token"), batch=4)
    assert probe(method, network, tokens, method.score(network, tokens, "sliding"), changes=4).causal


@pytest.mark.parametrize("phase", [OFF, ON])
def test_it_learns_a_text_as_the_trainer_builds_and_asks_it(phase):
    model = small_transformer(vocab_size=40)
    network = network_class(model)(attend=sdpa_attention, model=model, fused=True)
    initialize(network, 1)
    network.enter(phase)
    ids = (torch.arange(4 * 17).view(4, 17) * 7) % 40
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss, nats = network.head().loss(network(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), 1e-4)
        loss.backward()
        optimizer.step()
        losses.append(nats.item())
    assert losses[0] == pytest.approx(math.log(40), abs=0.01)
    assert losses[-1] < 0.5 * losses[0]


def check_gradients(model, phase, call):
    """Those of the network in the forms for a GPU, called by ``call``, are the plain one's."""
    plain, tokens = random_transformer(model), random_tokens(model)
    fused = Transformer(model, fused=True)
    fused.load_state_dict(plain.state_dict())
    for network, called in ((plain, plain), (fused, call(fused))):
        network.enter(phase)
        hidden = called(tokens)
        (hidden * torch.linspace(-1, 1, hidden.numel()).view_as(hidden)).mean().backward()
    for (name, parameter), ours in zip(plain.named_parameters(), fused.parameters(), strict=True):
        assert relative(ours.grad, parameter.grad) < 1e-3, name  # of sums in another order, as ROUNDING


@pytest.mark.parametrize("phase", [OFF, ON])
@pytest.mark.parametrize("lacking", [{}, {"parallel_from": None}, {"gates": {}, "xsa_layers": 2}])
def test_the_forms_for_a_gpu_have_the_plain_gradients(phase, lacking):
    check_gradients(small_transformer(**lacking), phase, lambda network: network)


def test_the_forms_for_a_gpu_compile_to_one_graph():
    model = small_transformer(layers=3, recurrence=None, parallel_from=1, xsa_layers=2)
    torch._dynamo.reset()
    check_gradients(model, OFF, lambda network: torch.compile(network, backend="aot_eager", fullgraph=True))
