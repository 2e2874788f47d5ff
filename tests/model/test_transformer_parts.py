"""Each mechanism by itself, by hand and against numbers of the specification (sp8192-spec, "Exact numbers")."""

import pytest
import torch
from torch.testing import assert_close

from tests.small import small_transformer
from tritgolf.model.attention import math_attention
from tritgolf.model.leaky_mlp import leaky_relu2
from tritgolf.model.parts.bigram import bigram_rows
from tritgolf.model.parts.gates import blend_skip, gate_heads
from tritgolf.model.parts.rotary import in_precision, plain_frequencies, position_tables, rotate, rotate_first
from tritgolf.model.parts.smear import add_previous
from tritgolf.model.parts.xsa import without_own_value
from tritgolf.model.transformer_block import Block


@pytest.mark.parametrize(("x", "expected"), [(2.0, 4.0), (-2.0, 1.0), (-1.0, 0.25), (0.0, 0.0)])
def test_leaky_relu2(x, expected):
    assert leaky_relu2(torch.tensor(x)).item() == expected


@pytest.mark.parametrize(("gate", "expected"), [(0.0, 3.0), (1.0, 2.537883), (30.0, 2.0), (-30.0, 4.0)])
def test_a_skip_is_blended_in(gate, expected):
    found = blend_skip(torch.tensor([2.0]), torch.tensor([4.0]), torch.tensor([gate]))
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_xsa_takes_out_the_direction_of_the_own_value():
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


@pytest.mark.parametrize(
    ("previous", "current", "row"),
    [(0, 0, 0), (1, 2, 12682), (2, 1, 6584), (1, 5, 12052), (5, 8191, 2071), (8191, 8191, 7139), (8191, 0, 10979),
     (1000, 2000, 8371), (4096, 4095, 11297)],
)  # fmt: skip
def test_the_hash_of_two_tokens(previous, current, row):
    assert bigram_rows(torch.tensor([[previous, current]]), 16384).tolist() == [[16383, row]]


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
