import pytest
import torch
from torch.testing import assert_close

from tests.model.reference import capped_logits as reference_logits
from tests.model.reference import yarn_frequencies
from tests.small import matrices_of, quantizer, random_network, random_tokens, small_model, stacks_of
from tritgolf.model.attention import sdpa_attention
from tritgolf.model.heads import make_heads, make_heads_fast
from tritgolf.model.joined import add_both, add_both_fused
from tritgolf.model.loss import capped_logits
from tritgolf.model.network import use_quantizers
from tritgolf.model.rotary import inverse_frequencies
from tritgolf.model.unet import UNet
from tritgolf.quantize.base import dequantize

TRAINED_AS_STORED = {"head_table": "e4m3", "mixes": "e4m3", "vectors": "bfloat16"}
SYSTEMS = {
    "honest": {},
    "as written": {
        "rotary_frequencies": "bfloat16",
        "quantizer": quantizer(arithmetic="bf16_weight"),
    },
    "absmean": {"quantizer": quantizer(estimator="absmean", group_size=16)},
    "smear, six layers": {"smear": True, "layers": 6},
    "odd layers": {"layers": 5, "smear": True},
    "trained as stored": {**TRAINED_AS_STORED, "smear": True, "layers": 4},
    "one key head": {"heads": 2, "kv_heads": 1, "fp8_embedding": False},
}


def logits(network: UNet, tokens: torch.Tensor) -> torch.Tensor:
    hidden = network(tokens)
    return capped_logits(hidden, *network.head())


@pytest.mark.parametrize("fused", [False, True], ids=["plain", "fused"])
@pytest.mark.parametrize("name", SYSTEMS)
def test_the_forward_pass_and_all_gradients_against_the_specification_in_float64(name, fused):
    model = small_model(**SYSTEMS[name])
    network = random_network(model, attend=sdpa_attention, fused=fused)
    tokens = random_tokens(model, batch=1)
    if model.rotary_frequencies == "float32":
        frequencies = yarn_frequencies(model.head_dim, model.rotary_base, model.context, model.yarn_max)
    else:
        frequencies = inverse_frequencies(model)
    weights = dict(network.named_parameters())
    found = logits(network, tokens)[0]
    wanted = reference_logits(model, weights, tokens[0], frequencies)
    assert_close(found.double(), wanted, rtol=1e-4, atol=2e-4)

    upstream = torch.randn_like(found) / found.numel() ** 0.5
    gradients = torch.autograd.grad(found, list(weights.values()), upstream)
    references = torch.autograd.grad(wanted, list(weights.values()), upstream.double())
    for parameter, ours, reference in zip(weights, gradients, references, strict=True):
        assert reference.norm() > 0, parameter
        allowed = 2e-2 if parameter == "tok_emb.weight" else 1e-3  # the table's gradient is BF16, as the table
        assert float((ours.double() - reference).norm() / reference.norm()) < allowed, parameter


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("tail", [1, 5, 16])
def test_the_last_positions_alone_are_those_of_the_whole_pass(name, tail):
    model = small_model(**SYSTEMS[name])
    network, tokens = random_network(model, attend=sdpa_attention), random_tokens(model)
    with torch.no_grad():
        assert_close(network(tokens, tail), network(tokens)[:, -tail:], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("smear", [False, True])
@pytest.mark.parametrize("compute", ["float32", "bfloat16"])
def test_changing_a_token_changes_no_logit_before_it(smear, compute):
    model = small_model(smear=smear, compute=compute, layers=4)
    network = random_network(model, attend=sdpa_attention)
    tokens = random_tokens(model, batch=1)
    with torch.no_grad():
        before = logits(network, tokens)[0]
        for t in range(model.context):
            changed = tokens.clone()
            changed[0, t] = (changed[0, t] + 1) % model.vocab_size
            after = logits(network, changed)[0]
            assert torch.equal(after[:t], before[:t]), t
            assert not torch.equal(after[t], before[t]), t


def test_sequences_of_a_batch_do_not_see_each_other():
    model = small_model(smear=True)
    network = random_network(model)
    tokens = random_tokens(model, batch=3)
    with torch.no_grad():
        together = network(tokens)
        for index in range(3):
            assert_close(network(tokens[index : index + 1])[0], together[index])


def test_a_shorter_text_is_the_beginning_of_a_longer_one():
    model = small_model()
    network = random_network(model)
    tokens = random_tokens(model)
    with torch.no_grad():
        assert_close(network(tokens[:, :5]), network(tokens)[:, :5])


def test_bf16_compute_is_near_fp32_compute():
    narrow, wide = (random_network(small_model(compute=compute)) for compute in ("bfloat16", "float32"))
    tokens = random_tokens(wide.model)
    with torch.no_grad():
        rough, exact = narrow(tokens), wide(tokens)
    assert rough.dtype == torch.bfloat16
    assert float((rough.float() - exact).norm() / exact.norm()) < 0.1


def test_masters_are_fp32_and_the_table_bf16():
    for name, parameter in UNet(small_model(smear=True, compute="bfloat16")).named_parameters():
        assert parameter.dtype == (torch.bfloat16 if name == "tok_emb.weight" else torch.float32), name


def test_a_plain_network_of_the_quantized_weights_computes_the_same():
    network = random_network(small_model())
    tokens = random_tokens(network.model)
    with torch.no_grad():
        before = network(tokens)
        for name, matrix in matrices_of(network).items():
            network.get_parameter(name).copy_(dequantize(matrix))
        use_quantizers(network, {})
        assert torch.equal(network(tokens), before)


@pytest.mark.parametrize("fused", [False, True], ids=["plain", "fused"])
@pytest.mark.parametrize("stacked", [False, True], ids=["quantizes", "quantized"])
def test_the_compiler_takes_the_network_as_one_graph(fused, stacked):
    """The benchmarks' plain path (quantizing in every forward pass) as well as training's."""
    network, tokens = random_network(small_model(), fused=fused), random_tokens(small_model())
    if stacked:
        stacks_of(network).requantize()
    torch._dynamo.reset()
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
    assert_close(compiled(tokens), network(tokens))


def test_gradients_of_matrices_quantized_once_a_step_are_the_same_by_either_form():
    """Through the leaves that collect them (``Stacks``), as training on a GPU has it."""
    found = []
    for fused in (False, True):
        network = random_network(small_model(layers=4, smear=True), fused=fused)
        stacks = stacks_of(network)
        stacks.requantize()
        (network(random_tokens(small_model())) * 0.1).square().sum().backward()
        found.append({name: parameter.grad for name, parameter in network.named_parameters()})
    plain, fused = found
    assert {name for name, gradient in plain.items() if gradient is None} <= {"vocab_bias"}
    for name, gradient in plain.items():
        if gradient is not None:
            assert gradient.norm() > 0 or name == "vocab_bias", name
            allowed = 2**-8 if gradient.dtype == torch.bfloat16 else 1e-4
            assert (fused[name].double() - gradient.double()).norm() <= allowed * gradient.double().norm(), name


@pytest.mark.parametrize("fused", [False, True])
def test_fused_chooses_every_form(fused):
    for block in random_network(small_model(), fused=fused).blocks:
        forms = (block.add_both, block.attn.make_heads)
        assert forms == ((add_both_fused, make_heads_fast) if fused else (add_both, make_heads))
