import pytest
import torch
from safetensors.torch import load_file

from tests.small import REPOSITORY
from tests.train.reference import Muon, orthogonalized
from tritgolf.train.muon import muon_step, orthogonalize


def apart(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found.double() - wanted.double()).norm() / wanted.double().norm())


def gradients(count: int, rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, rows, columns, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("rows", "columns"), [(24, 24), (16, 40), (40, 16), (1, 8), (8, 1)])
@pytest.mark.parametrize("size", [1.0, 1e-4])  # at 1e-4 the epsilon of the row norm counts
@pytest.mark.parametrize(("wide", "tolerance"), [(False, 0.05), (True, 1e-5)])
def test_a_stack_against_single_matrices_in_float64(rows, columns, size, wide, tolerance, monkeypatch):
    stack = size * gradients(3, rows, columns)
    stack[:, 0] *= 100  # a loud row is made as quiet as the others
    if wide:
        monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.double)  # the same algebra without the rounding
    found = orthogonalize(stack, 3)
    assert found.dtype == (torch.float64 if wide else torch.bfloat16)
    for ours, gradient in zip(found, stack, strict=True):
        assert apart(ours, orthogonalized(gradient)) < tolerance


def test_one_number_by_hand(monkeypatch):
    # x → 3.4445·x − 4.7750·x³ + 2.0315·x⁵ from 1
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.double)
    for iterations, value in ((1, 0.7010), (2, 1.1136), (3, 0.7207)):
        assert orthogonalize(torch.full((1, 1, 1), 5.0), iterations).item() == pytest.approx(value, abs=1e-4)


def test_tall_matrices_are_scaled_by_the_root_of_their_ratio():
    wide = orthogonalize(gradients(1, 16, 64), 3)
    tall = orthogonalize(gradients(1, 64, 16), 3)
    assert float(wide.float().norm()) == pytest.approx(16**0.5, rel=0.3)  # 16 singular values near 1
    assert float(tall.float().norm()) == pytest.approx(2 * 16**0.5, rel=0.3)


def test_a_gradient_of_zeros_moves_nothing():
    weight, before = gradients(2, 4, 8), gradients(2, 4, 8)
    muon_step(
        weight,
        torch.zeros(2, 4, 8),
        torch.zeros(2, 4, 8),
        lr=torch.tensor(0.04),
        momentum=torch.tensor(0.9),
        iterations=3,
    )
    assert torch.equal(weight, before)


def test_steps_with_momentum_against_the_reference():
    weight, buffer = gradients(2, 12, 8, seed=9), torch.zeros(2, 12, 8)
    wanted = weight.double()
    references = [Muon(), Muon()]
    for step, momentum in enumerate((0.85, 0.9, 0.95)):
        gradient = gradients(2, 12, 8, seed=step)
        kept = gradient.clone()
        muon_step(weight, gradient, buffer, lr=torch.tensor(0.04), momentum=torch.tensor(momentum), iterations=3)
        assert torch.equal(gradient, kept)
        for matrix, (reference, of_matrix) in enumerate(zip(references, kept, strict=True)):
            reference.step(wanted[matrix], of_matrix, 0.04, momentum)
            torch.testing.assert_close(buffer[matrix].double(), reference.buffer, rtol=1e-5, atol=1e-6)
    start = gradients(2, 12, 8, seed=9)
    assert apart(weight - start, wanted - start.double()) < 0.02


@pytest.mark.parametrize("shape", ["row", "wide", "tall", "square"])
def test_rows_by_their_l2_norm_as_the_code_of_1716_has_it(shape, monkeypatch):
    """ "MuonEq-R": the published result for the same matrix, rows normalized, five iterations."""
    published = load_file(REPOSITORY / "tests" / "parity" / "newton_schulz.safetensors")
    gradient = published[f"{shape}/in"][None]
    found = orthogonalize(gradient, 5, "l2")[0]
    assert found.dtype == torch.bfloat16
    factor = max(1, gradient.shape[1] / gradient.shape[2]) ** 0.5
    assert (found.float() / factor - published[f"{shape}/row_normalized_bf16"].float()).abs().max() < 0.01
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.float)
    found = orthogonalize(gradient, 5, "l2")[0]
    torch.testing.assert_close(found / factor, published[f"{shape}/row_normalized_float32"], rtol=0, atol=5e-6)


@pytest.mark.parametrize("shape", ["row", "wide", "tall", "square"])
def test_without_row_normalization_as_the_code_of_1019_has_it(shape, monkeypatch):
    published = load_file(REPOSITORY / "tests" / "parity" / "newton_schulz.safetensors")
    gradient = published[f"{shape}/in"][None]
    factor = max(1, gradient.shape[1] / gradient.shape[2]) ** 0.5
    found = orthogonalize(gradient, 5, "none")[0]
    assert (found / factor - published[f"{shape}/bf16_1019"].float()).abs().max() < 0.03
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.float)
    found = orthogonalize(gradient, 5, "none")[0]
    torch.testing.assert_close(found / factor, published[f"{shape}/float32"], rtol=0, atol=5e-6)


def test_a_bf16_momentum_rounds_gradient_and_buffer_and_nothing_else():
    weight, buffer = gradients(2, 4, 8), torch.zeros(2, 4, 8, dtype=torch.bfloat16)
    gradient = gradients(2, 4, 8, seed=1)
    rates = {"lr": torch.tensor(0.025), "momentum": torch.tensor(0.92), "iterations": 5, "rows": "none"}
    muon_step(weight, gradient, buffer, **rates)
    muon_step(weight, gradient, buffer, **rates)
    rounded = gradient.bfloat16()
    assert torch.equal(buffer, rounded * 0.92 + rounded)
    assert (weight.dtype, buffer.dtype) == (torch.float32, torch.bfloat16)


@pytest.mark.parametrize("size", [1.0, 1e-5])  # of gradients after clipping: RMSNorm's ε would leave rows unequal
def test_small_rows_by_their_l2_norm_count_as_much_as_large_ones(size, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.float)
    stack = size * gradients(2, 16, 40)
    loud = stack.clone()
    loud[:, 0] *= 100
    torch.testing.assert_close(orthogonalize(loud, 5, "l2"), orthogonalize(stack, 5, "l2"), rtol=0, atol=1e-5)
    assert not orthogonalize(torch.zeros(1, 3, 4), 5, "l2").any()


def test_weights_decay_before_the_update_whatever_the_gradient():
    weight, before = gradients(2, 4, 8), gradients(2, 4, 8)
    rates = {"lr": torch.tensor(0.022), "momentum": torch.tensor(0.9)}
    muon_step(weight, torch.zeros(2, 4, 8), torch.zeros(2, 4, 8), **rates, iterations=5, weight_decay=0.095)
    torch.testing.assert_close(weight, before * (1 - 0.022 * 0.095))
