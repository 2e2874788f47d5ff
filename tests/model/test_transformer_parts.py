"""Each mechanism by itself, by hand and against numbers of the specifications, "Exact numbers"."""

import pytest
import torch
from torch.testing import assert_close

from tests.small import small_transformer
from tritgolf.model.attention import math_attention
from tritgolf.model.leaky_mlp import leaky_relu2
from tritgolf.model.parts.bigram import bigram_rows
from tritgolf.model.parts.gates import blend_skip, gate_heads
from tritgolf.model.parts.rotary import (
    in_precision,
    plain_frequencies,
    position_tables,
    rotate,
    rotate_first,
    stretched_base,
    tables_of_call,
)
from tritgolf.model.parts.smear import BlendPrevious, add_previous
from tritgolf.model.parts.value_embedding import ValueEmbedding
from tritgolf.model.parts.xsa import without_own_value
from tritgolf.model.transformer_block import Block


@pytest.mark.parametrize(("x", "expected"), [(2.0, 4.0), (-2.0, 1.0), (-1.0, 0.25), (-0.5, 0.0625), (0.0, 0.0)])
def test_leaky_relu2(x, expected):
    assert leaky_relu2(torch.tensor(x), 0.5).item() == expected


@pytest.mark.parametrize(("gate", "expected"), [(0.0, 3.0), (1.0, 2.537883), (30.0, 2.0), (-30.0, 4.0)])
def test_a_skip_is_blended_in(gate, expected):
    found = blend_skip(torch.tensor([2.0]), torch.tensor([4.0]), torch.tensor([gate]))
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_xsa_takes_out_the_direction_of_the_own_value():
    of_trinity_spec = (torch.tensor([1.0, 2, 3]).view(1, 1, 1, 3), torch.tensor([0.0, 3, 4]).view(1, 1, 1, 3))
    assert_close(without_own_value(*of_trinity_spec).flatten(), torch.tensor([1, -0.16, 0.12]))
    y = torch.tensor([[1.0, 1.0], [2.0, -1.0]])
    v = torch.tensor([3.0, 4.0]).view(1, 1, 1, 2)
    found = without_own_value(y.view(1, 1, 2, 2), v)
    assert_close(found.view(2, 2), torch.tensor([[0.16, -0.12], [1.76, -1.32]]))
    assert torch.equal(without_own_value(y.view(1, 1, 2, 2), 0 * v).view(2, 2), y)


def test_xsa_takes_the_value_of_the_same_position_s_key_head():
    generator = torch.Generator().manual_seed(1)
    y, v = (torch.randn(2, 3, heads, 5, generator=generator) for heads in (6, 2))
    found = without_own_value(y, v)
    for head in range(6):
        along = (found[:, :, head] * v[:, :, head // 3]).sum(-1)
        assert_close(along, torch.zeros_like(along), rtol=0, atol=1e-5)


def test_a_head_s_gate_is_open_at_zero_and_a_head_s_own():
    mixed = torch.arange(1.0, 13.0).view(1, 2, 2, 3)
    assert torch.equal(gate_heads(mixed, torch.zeros(1, 2, 2)), mixed)
    found = gate_heads(mixed, torch.tensor([[[100.0, -100.0], [0.0, 100.0]]]))
    assert_close(found, mixed * torch.tensor([[2.0, 0.0], [1.0, 2.0]])[None, :, :, None])


def test_the_smear_adds_a_share_of_the_token_before():
    x = torch.tensor([[[1.0, 2.0], [3.0, 5.0], [7.0, 11.0]]])
    gate = torch.tensor([[[0.0], [0.0], [100.0]]])
    found = add_previous(x, gate, torch.tensor([0.5]))
    assert found.tolist() == [[[1.0, 2.0], [3.25, 5.5], [8.5, 13.5]]]
    assert torch.equal(add_previous(x, gate, torch.zeros(1)), x)


def test_the_smear_of_1019_blends_each_channel_with_the_token_before():
    smear = BlendPrevious(2)
    x = torch.tensor([[[1.0, 2.0], [3.0, 5.0]]])
    assert smear(x).tolist() == [[[0.5, 1.0], [2.0, 3.5]]]  # a half at first
    with torch.no_grad():
        smear.gate.copy_(torch.tensor([100.0, -100.0]))
    assert smear(x).tolist() == [[[0.0, 2.0], [1.0, 5.0]]]


def test_the_value_embedding_is_a_tenth_of_its_projected_row_at_first():
    embedding = ValueEmbedding(5, 2, 3, torch.float32)
    with torch.no_grad():
        embedding.proj.weight.copy_(torch.tensor([[1.0, 0], [0, 1], [1, 1]]))
        embedding.embed.weight[3] = torch.tensor([10.0, 20])
    assert_close(embedding(torch.tensor([[3]])), torch.tensor([[[1.0, 2, 3]]]))


@pytest.mark.parametrize(
    ("previous", "current", "row"),
    [(0, 0, 0), (1, 2, 12682), (2, 1, 6584), (1, 5, 12052), (5, 8191, 2071), (8191, 8191, 7139), (8191, 0, 10979),
     (1000, 2000, 8371), (4096, 4095, 11297)],
)  # fmt: skip
def test_the_hash_of_two_tokens(previous, current, row):
    assert bigram_rows(torch.tensor([[previous, current]]), 16384).tolist() == [[16383, row]]


@pytest.mark.parametrize(
    ("buckets", "rows"),
    [(3072, (1025, 2467, 1470, 2561, 2231, 1537, 448, 301)), (2048, (11, 435, 450, 546, 28, 632, 557, 977))],
)
def test_the_hash_with_the_buckets_of_1019_and_1722(buckets, rows):
    pairs = [(1, 1), (1, 2), (2, 1), (3, 4), (10, 500), (500, 10), (259, 871), (1023, 1023)]
    assert tuple(bigram_rows(torch.tensor(pairs), buckets)[:, 1].tolist()) == rows
    text = torch.tensor([[1, 5, 9, 1000, 42, 42, 7]])
    wanted = {3072: [3071, 835, 70, 1646, 1042, 1311, 2932], 2048: [2047, 1887, 144, 389, 1148, 353, 59]}
    assert bigram_rows(text, buckets)[0].tolist() == wanted[buckets]


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_the_first_position_has_a_row_that_nothing_else_reaches(dtype):
    rows = bigram_rows(torch.tensor([[1, 2, 1, 5, 8191, 8191, 0, 0]], dtype=dtype), 16384)
    assert rows.tolist() == [[16383, 12682, 6584, 12052, 2071, 7139, 10979, 0]]
    largest = bigram_rows(torch.tensor([[65535, 65535]], dtype=dtype), 16384)  # beyond what INT32 products hold
    assert largest[0, 1].item() == ((36313 * 65535) ^ (27191 * 65535)) % 16383


def test_the_published_frequencies():
    wanted = [1, 0.31640625, 0.10009765625, 0.03173828125, 0.010009765625]
    found = in_precision(plain_frequencies(16, 10_000.0), "bfloat16").tolist()
    assert found[:5] == wanted
    assert found[5:] == [0.0031585693359375, 0.00099945068359375, 0.000316619873046875]


@pytest.mark.parametrize(
    ("length", "base"), [(1024, 10_000), (1025, 10_011.1615), (2047, 22_069.4683), (2048, 22_081.7903)]
)
def test_the_stretched_base_by_length(length, base):
    assert stretched_base(10_000, 16, length, 1024) == pytest.approx(base, abs=1e-4)


def test_the_stretched_frequencies():
    wanted = [1, 0.28641497, 0.082033536, 0.023495633, 0.006729501, 0.0019274298, 0.00055204476, 0.00015811388]
    assert plain_frequencies(16, stretched_base(10_000, 16, 2048, 1024)).tolist() == pytest.approx(wanted, rel=1e-6)


def test_tables_are_those_of_the_length_of_the_call_or_of_the_context():
    """Rounded to BF16 up to ``from_length`` alone, where published code runs eagerly."""
    stretch = {"from_length": 8, "of": "call"}
    by_call = small_transformer(rotary_stretch=stretch, rotary_frequencies="bfloat16")
    of_context = small_transformer(rotary_stretch={**stretch, "of": "context"}, rotary_frequencies="bfloat16")
    exact = {base: position_tables(plain_frequencies(4, base), 16, torch.float32)[0] for base in (1e4, 4e4, 225e2)}
    assert torch.equal(tables_of_call(by_call, 16, torch.float32)[0], exact[4e4])
    assert torch.equal(tables_of_call(by_call, 12, torch.float32)[0], exact[225e2][:12])
    rounded = tables_of_call(by_call, 8, torch.float32)[0]
    assert torch.equal(rounded, rounded.bfloat16().float())
    assert_close(rounded, exact[1e4][:8], rtol=0, atol=0.02)
    for length in (8, 12, 16):
        assert torch.equal(tables_of_call(of_context, length, torch.float32)[0], exact[4e4][:length])


def test_only_the_first_channels_turn():
    x = torch.randn(2, 6, 3, 10, generator=torch.Generator().manual_seed(1))
    cos, sin = position_tables(plain_frequencies(4, 100.0), 6, torch.float32)
    found = rotate_first(x, cos, sin)
    assert torch.equal(found[..., 4:], x[..., 4:])
    assert torch.equal(found[..., :4], rotate(x[..., :4], cos, sin))
    assert torch.equal(found[:, 0], x[:, 0])
    assert not torch.allclose(found[:, 1, :, :4], x[:, 1, :, :4])


def test_a_block_s_norms_are_scaled_by_its_depth():
    scales = [Block(small_transformer(), layer, math_attention).norm_scale for layer in range(11)]
    assert scales == pytest.approx(
        [1, 0.707107, 0.57735, 0.5, 0.447214, 0.408248, 0.377964, 0.353553, 0.333333, 0.316228, 0.301511], abs=1e-6
    )


def test_a_parallel_block_s_mlp_does_not_see_its_attention():
    """With the attention's scale at 0 and not, what the MLP adds is equal in a parallel block alone."""
    model = small_transformer()
    x = torch.randn(1, 8, 32, generator=torch.Generator().manual_seed(2))
    cos, sin = position_tables(plain_frequencies(4, 10_000.0), 8, torch.float32)
    added = {}
    for layer in (2, 3):
        block = Block(model, layer, math_attention)
        generator = torch.Generator().manual_seed(layer)
        with torch.no_grad():
            for parameter in block.parameters():
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
            block.resid_mix.copy_(torch.tensor([[1.0], [0.0]]).expand(2, 32))
            attention = block.attn(block.norm_scale * torch.nn.functional.rms_norm(x, (32,)), cos, sin)
            with_attention = block(x, x, cos, sin) - block.attn_scale * block.attn.proj(attention)
            block.attn_scale.zero_()
            added[layer] = float((with_attention - block(x, x, cos, sin)).abs().max())
    assert added[3] < 1e-5
    assert added[2] > 0.01
