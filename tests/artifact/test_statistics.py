import pytest
import torch

from tests.artifact.conftest import honest_storage
from tritgolf.artifact.statistics import difference, scale_range, stored_trits
from tritgolf.artifact.storage import store
from tritgolf.model.unet_parameters import described
from tritgolf.model.zeros import record_zero_fraction, zero_fractions
from tritgolf.quantize.base import Quantized


def table_of(state):
    return {name: described(name, tuple(tensor.shape)) for name, tensor in state.items()}


def test_zero_fractions_by_layer_type_and_over_all():
    trits = {
        "blocks.0.attn.c_qkv.weight": torch.tensor([[0, 1, -1, 0]]),
        "blocks.1.attn.c_qkv.weight": torch.tensor([[1, 1, 1, 1]]),
        "blocks.0.mlp.proj.weight": torch.tensor([[0, 0, 0, 1], [0, 0, 0, 0]]),
    }
    assert zero_fractions(trits, table_of(trits)) == {"attn.qkv": 2 / 8, "mlp.proj": 7 / 8, "all": 9 / 16}


def test_the_record_s_count_by_hand():
    # Groups of 4 of the flattened matrix, absmean rule: |w| < half the group's mean |w| counts as zero.
    quarter_zero = torch.tensor([1.0, 1.0, 1.0, 0.1])  # mean 0.775
    state = {
        "tok_emb.weight": quarter_zero.repeat(4).reshape(8, 2),  # 4 of 16; a row of 2 is half a group
        "embed_proj.weight": torch.ones(4, 2),  # 0 of 8
        "blocks.0.mlp.fc.weight": quarter_zero.repeat(2, 2),  # 4 of 16
        "blocks.0.resid_mix": torch.zeros(2, 4),  # no "weight" in its name
        "vocab_bias": torch.zeros(8),  # not 2-D
        "skip_weights": torch.ones(1, 4),  # 0 of 4
    }
    unused = 8 * 4
    assert record_zero_fraction(state, table_of(state), 4) == 8 / (16 + 8 + 16 + 4 + unused)


def test_the_record_leaves_out_what_no_whole_number_of_groups_fills():
    state = {"tok_emb.weight": torch.zeros(3, 1), "embed_proj.weight": torch.ones(4, 1)}
    assert record_zero_fraction(state, table_of(state), 4) == 0 / (4 + 12)
    state["embed_proj.weight"] = torch.tensor([[1.0], [1], [1], [0]])
    assert record_zero_fraction(state, table_of(state), 4) == 1 / (4 + 12)


def test_difference_counts_trits_and_finds_the_largest_error():
    ours = {"a": Quantized(torch.tensor([[1, 0, -1, 0]], dtype=torch.int8), torch.tensor([[1.0, 2.0]]))}
    theirs = {"a": Quantized(torch.tensor([[1, 1, -1, 0]], dtype=torch.int8), torch.tensor([[0.5, 1.25]]))}
    assert difference(ours, ours) == (0, 0.0)
    assert difference(ours, theirs) == (1, 0.75)
    assert difference(ours, ours, {"b": torch.tensor([1.0, 2])}, {"b": torch.tensor([1.0, -1])}) == (0, 3.0)


def test_codes_of_another_grid_are_no_trits_that_changed():
    trits = Quantized(torch.tensor([[1, 0, -1, 0]], dtype=torch.int8), torch.tensor([[1.0]]))
    codes = Quantized(torch.tensor([[31, 0, -30, 2]], dtype=torch.int8), torch.tensor([[1 / 31]]))
    assert difference({"a": trits}, {"a": codes}).trits_changed is None  # none are left
    assert difference({"a": codes}, {"a": codes}) == (0, 0.0)
    assert difference({"a": trits, "b": codes}, {"a": trits, "b": trits}).trits_changed == 0


def test_scale_range_and_trits_of_a_store(model, state):
    stored = store(state, model, honest_storage("float32").by_role(model))
    scales = torch.cat([ternary.scale.reshape(-1) for ternary in stored.quantized.values()])
    assert scale_range(stored) == {
        "min": scales.min().item(),
        "median": scales.median().item(),
        "max": scales.max().item(),
    }
    fractions = zero_fractions(stored_trits(stored), table_of(state))
    assert list(fractions) == ["attn.qkv", "attn.proj", "mlp.fc", "mlp.proj", "all"]
    # Gaussian weights under the rms rule: P(|w| < rms/2) = 0.383
    assert fractions["all"] == pytest.approx(0.383, abs=0.02)
