import pytest
import torch

from tests.artifact.conftest import honest_storage, random_state, small_model
from tritgolf.artifact.rounding import round_trits
from tritgolf.artifact.storage import reloaded_masters, restore, store
from tritgolf.config.model import TernaryConfig
from tritgolf.config.storage import TritsConfig
from tritgolf.errors import InputError
from tritgolf.evaluate.load import trained_network
from tritgolf.model.build import build_network
from tritgolf.model.specs import parameters_of
from tritgolf.model.unet_parameters import described
from tritgolf.quantize.base import dequantize, quantize
from tritgolf.quantize.formats import round_to
from tritgolf.quantize.plan import quantize_all, quantizer_of, quantizers
from tritgolf.quantize.ternary import ternarize

MATRIX = "blocks.1.mlp.fc.weight"


def forward(state, model):
    """The matrices as the training forward pass has them."""
    return quantize_all(state, quantizers(model, parameters_of(model)))


def test_forward_trits_and_scales_are_those_of_the_training_forward_pass(model, state):
    stored = store(state, model, honest_storage("float32").by_role(model))
    trained = forward(state, model)
    assert list(stored.quantized) == list(trained)
    for name, (q, scale) in trained.items():
        assert torch.equal(stored.quantized[name].codes, q)
        assert torch.equal(stored.quantized[name].scale, scale)


def test_every_tensor_is_kept_once_in_state_dict_order(model, state):
    stored = store(state, model, honest_storage().by_role(model))
    assert list(stored.specs) == list(state)
    assert set(stored.quantized) == {name for name in state if described(name).is_quantized}
    assert set(stored.tensors) == set(state) - set(stored.quantized)
    for name, tensor in stored.tensors.items():
        assert torch.equal(tensor, round_to(state[name], stored.specs[name].format))


def test_stored_scales_are_rounded_once(model, state):
    exact = store(state, model, honest_storage("float32").by_role(model)).quantized[MATRIX].scale
    for number_format in ("bfloat16", "float16", "e4m3", "e5m2"):
        scale = store(state, model, honest_storage(number_format).by_role(model)).quantized[MATRIX].scale
        assert torch.equal(scale, round_to(exact, number_format))
        assert not torch.equal(scale, exact)


def test_scales_rounded_to_fp16_decide_the_forward_passs_trits_and_are_not_stored():
    # mean|w| is 1.0078125 - 2⁻¹², which FP16 rounds up to 1.0078125: twice the first weight, whose trit becomes a tie.
    group = torch.tensor([0.50390625] + [1.0] * 14 + [1.6171875])
    quantizer = TernaryConfig(group_size=16, estimator="absmean", arithmetic="bf16_weight")
    exact, rounded = (
        round_trits(group[None], TritsConfig(quantizer=quantizer, scales="float32", rounding=rounding))
        for rounding in ("forward", "forward_float16")
    )
    assert exact.scale.item() == rounded.scale.item() == 1.0078125 - 2**-12
    assert (exact.codes[0, 0].item(), rounded.codes[0, 0].item()) == (1, 0)
    assert torch.equal(exact.codes[0, 1:], rounded.codes[0, 1:])


@pytest.mark.parametrize("estimator", ["absmean", "rms"])
def test_quantized_weights_quantized_again_have_the_same_trits_and_smaller_scales(estimator):
    quantizer = TernaryConfig(group_size=16, estimator=estimator)
    weight = torch.randn(4, 32, generator=torch.Generator().manual_seed(1))
    once, twice = (
        round_trits(weight, TritsConfig(quantizer=quantizer, scales="float32", rounding=rounding))
        for rounding in ("forward", "requantized")
    )
    assert torch.equal(twice.codes, once.codes)
    share = once.codes.float().abs().reshape(4, 2, 16).mean(-1)
    expected = once.scale * (share if estimator == "absmean" else share.sqrt())
    assert torch.allclose(twice.scale, expected, rtol=1e-6) and (share < 1).all()


def test_master_decides_trits_with_the_rounded_scale_and_stores_the_exact_one():
    # mean|w| is 1.0009766: in FP16 (steps of 1/1024 above 1) that is exact, in BF16 (steps of 1/128) it is 1.
    # 0.5004 / 1.0009766 rounds to 0, 0.5004 / 1 rounds to 1.
    group = torch.tensor([0.5004] + [1.0] * 14)
    last = 16 * 1.0009765625 - group.sum()
    state = random_state(small_model(), 0) | {"blocks.0.attn.proj.weight": torch.cat([group, last[None]]).repeat(32, 2)}
    quantizer = TernaryConfig(group_size=16, estimator="absmean", arithmetic="bf16_weight")
    model, trits = small_model(quantizer=quantizer), {}
    for decide_scale in ("float16", "bfloat16"):
        stored = store(state, model, honest_storage("float32", decide="master").by_role(model, decide_scale))
        q, scale = stored.quantized["blocks.0.attn.proj.weight"]
        assert scale[0, 0].item() == pytest.approx(1.0009765625, abs=1e-6)
        trits[decide_scale] = q[0, 0].item()
    assert trits == {"float16": 0, "bfloat16": 1}


def test_master_looks_at_the_fp32_weights_and_forward_at_the_bf16_ones(state):
    model = small_model(quantizer=TernaryConfig(group_size=16, estimator="rms", arithmetic="bf16_weight"))
    master = store(state, model, honest_storage("float32", decide="master").by_role(model)).quantized[MATRIX]
    expected = ternarize(state[MATRIX], group_size=16, estimator="rms", arithmetic="float32")
    assert torch.equal(master.codes, expected.codes)
    assert torch.equal(master.scale, expected.scale)
    forward = store(state, model, honest_storage("float32").by_role(model)).quantized[MATRIX]
    assert not torch.equal(forward.scale, master.scale)


def test_honest_reload_gives_the_stored_trits_and_scales(model, state):
    storage = honest_storage()
    stored = store(state, model, storage.by_role(model))
    restored = restore(stored, model, storage.by_role(model))
    assert set(restored.tensors) == set(stored.tensors)
    for name, (q, scale) in stored.quantized.items():
        assert torch.equal(restored.quantized[name].codes, q)
        assert torch.equal(restored.quantized[name].scale, scale)


@pytest.mark.parametrize("estimator", ["absmean", "rms"])
def test_the_shrinkage_correction_survives_the_second_quantization(estimator):
    quantizer = TernaryConfig(group_size=16, estimator=estimator, arithmetic="bf16_weight")
    model = small_model(quantizer=quantizer)
    state = random_state(model, 3)
    storage = honest_storage(decide="master", shrinkage=True, reload_dtype="bfloat16")
    stored = store(state, model, storage.by_role(model))
    masters = reloaded_masters(stored, estimator, "bfloat16")
    restored = restore(stored, model, storage.by_role(model))
    assert restored.weights().keys() == state.keys()
    numbers = [*masters.values(), *restored.tensors.values()]
    assert all(torch.equal(tensor, tensor.bfloat16().float()) for tensor in numbers)
    assert list(restored.quantized) == list(masters)
    for name, again in restored.quantized.items():
        assert torch.equal(again.scale, quantize(masters[name], quantizer_of(quantizer)).scale)
        assert torch.equal(again.codes, stored.quantized[name].codes)
        torch.testing.assert_close(again.scale, stored.quantized[name].scale, rtol=2**-8, atol=0)


def test_reload_dtype_rounds_scales_and_tensors(model, state):
    storage = honest_storage("float32", vectors="float32", reload_dtype="bfloat16")
    restored = restore(store(state, model, storage.by_role(model)), model, storage.by_role(model))
    exact = forward(state, model)[MATRIX]
    assert torch.equal(restored.quantized[MATRIX].scale, round_to(exact.scale, "bfloat16"))
    assert torch.equal(restored.tensors["vocab_bias"], round_to(state["vocab_bias"], "bfloat16"))


def test_a_storage_that_loses_nothing_reloads_the_forward_pass_exactly(model, state):
    exact = dict.fromkeys(("table", "projections", "mixes", "vectors"), "float32")
    storage = honest_storage("float32", **exact)
    restored = restore(store(state, model, storage.by_role(model)), model, storage.by_role(model))
    for name, trained in forward(state, model).items():
        assert torch.equal(dequantize(restored.quantized[name]), dequantize(trained))
    assert all(torch.equal(tensor, state[name]) for name, tensor in restored.tensors.items())


def test_the_digest_follows_the_numbers_alone(model, state):
    storage = honest_storage()
    digest = store(state, model, storage.by_role(model)).payload_digest
    assert store(state, model, storage.by_role(model)).payload_digest == digest
    for name in state:
        changed = {other: tensor.clone() for other, tensor in state.items()}
        changed[name].view(-1)[0] = 3.0 - changed[name].view(-1)[0].sign()
        assert store(changed, model, storage.by_role(model)).payload_digest != digest, name
    assert store(state, model, honest_storage(vectors="float16").by_role(model)).payload_digest != digest


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_diverged_state_is_refused(model, state, bad):
    with pytest.raises(InputError, match="'vocab_bias': holds NaN or infinity"):
        store({**state, "vocab_bias": torch.full((48,), bad)}, model, honest_storage().by_role(model))


def test_an_open_storage_choice_is_a_bug(model):
    with pytest.raises(ValueError, match="leaves 'reload_dtype' open"):
        honest_storage(reload_dtype=None).by_role(model)


@pytest.mark.parametrize("arithmetic", ["float64", "bf16_weight"])
def test_a_storage_that_loses_nothing_gives_the_trained_model_s_hidden_states_to_the_bit(arithmetic):
    model = small_model(quantizer={"group_size": 16, "estimator": "absmean", "arithmetic": arithmetic})
    state = random_state(model, 5)
    state["tok_emb.weight"] = state["tok_emb.weight"].bfloat16()
    storage = honest_storage("float32", table="bfloat16", projections="float32", mixes="float32", vectors="float32")
    restored = restore(store(state, model, storage.by_role(model)), model, storage.by_role(model))
    trained = trained_network(model, state)
    reloaded = build_network(model, restored.weights())
    tokens = torch.arange(40).reshape(2, 20)
    with torch.no_grad():
        assert torch.equal(reloaded(tokens), trained(tokens))
