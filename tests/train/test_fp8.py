"""Training with FP8 products: on the weights of the artifact, near FP32's course, and resumable to the bit."""

import dataclasses

import pytest
import torch

from tests.small import matrices_of, quantizer, small_model, small_training
from tests.train.test_loop import digests, kill, without_times
from tests.train.test_trainer import sequences
from tritgolf import checkpoint
from tritgolf.model.fp8 import GRADIENTS, INPUTS
from tritgolf.quantize.base import dequantize
from tritgolf.ranks import Ranks
from tritgolf.train.fp8_stacks import FIRST_INPUT
from tritgolf.train.loop import run
from tritgolf.train.trainer import Trainer
from tritgolf.train.training_log import read_curve

ALONE = Ranks(0, 1, torch.device("cpu"))
MODEL = small_model(quantizer=quantizer(scale_dtype="e4m3"), smear=True)
TRAIN = small_training(products="fp8")
MLP_PROJ = "fp8.blocks.0.mlp.proj.weight"


def in_fp8(plan, live):
    live.mkdir()
    return dataclasses.replace(plan, model=MODEL, train=TRAIN, live=live)


def test_a_killed_run_resumes_to_the_bit_and_goes_the_way_of_fp32(plan, tmp_path, monkeypatch):
    through, stopped, wide = (in_fp8(plan, tmp_path / name) for name in ("through", "stopped", "wide"))
    run(through, ALONE)
    kill(monkeypatch, stopped, ALONE, at=6)
    state = checkpoint.load(checkpoint.live_path(stopped.live, 4)).tensors
    assert 0 < state[MLP_PROJ][INPUTS] != FIRST_INPUT
    run(stopped, ALONE)
    assert digests(stopped.live) == digests(through.live)
    assert without_times(stopped.live) == without_times(through.live)
    run(dataclasses.replace(wide, train=small_training()), ALONE)
    ours, theirs = ([line["loss"] for line in read_curve(p.live / "metrics.jsonl")] for p in (through, wide))
    assert ours == pytest.approx(theirs, abs=0.03)  # how far rounding leads them apart depends on the CPU's kind
    assert ours[-1] != theirs[-1]


def test_products_read_the_matrices_that_are_stored():
    trainer = Trainer(MODEL, TRAIN, 0, ALONE)
    trainer.step(0, 1.0, *sequences(MODEL))  # until then two matrices of a block are zero
    trainer.stacks.requantize()
    quantized = matrices_of(trainer.network)
    for number, block in enumerate(trainer.network.blocks):
        names = ("attn.c_qkv", "attn.proj", "mlp.fc", "mlp.proj")
        for name, weight in zip(names, block.weights, strict=True):
            matrix = dequantize(quantized[f"blocks.{number}.{name}.weight"])
            assert matrix.any()
            assert torch.equal(weight.codes.float() * weight.power, matrix)
            assert torch.equal(weight.turned.float(), weight.codes.float().T)


def test_a_step_expects_what_the_last_that_had_any_saw_of_all_its_micro_batches():
    """Two halves of a batch, whose sum of gradients is the whole's: each half's are seen, the larger is expected."""
    trainer = Trainer(MODEL, small_training(products="fp8", micro_batch_sequences=8), 0, ALONE)
    before = {name: tensor.clone() for name, tensor in trainer.state().items()}
    inputs, targets = sequences(MODEL)
    trainer.step(0, 1.0, inputs, targets)
    found = {name: tensor.clone() for name, tensor in trainer.state().items() if name.startswith("fp8.")}
    seen = []
    for half in (slice(8), slice(8, 16)):
        trainer.load_state(before)
        trainer.step(0, 1.0, inputs[half], targets[half])
        seen.append(trainer.state()[MLP_PROJ].clone())
    assert found[MLP_PROJ][INPUTS] == max(of_half[INPUTS] for of_half in seen)
    assert found[MLP_PROJ][GRADIENTS] == max(of_half[GRADIENTS] / 2 for of_half in seen)  # of the mean of two
    nothing = "fp8.blocks.0.mlp.fc.weight"  # no gradient comes through zeros
    assert torch.equal(found[nothing], before[nothing])


def test_ranks_expect_the_largest_of_all(monkeypatch):
    """The other rank has seen thrice as much."""
    trainer = Trainer(MODEL, TRAIN, 0, ALONE)
    trainer._take(*sequences(MODEL))
    trainer.compute_gradients()
    own = [one.seen.clone() for one in trainer.stacks.on_grid]

    def of_both(tensor, operation, group):
        assert operation == torch.distributed.ReduceOp.MAX
        tensor.mul_(3)

    monkeypatch.setattr(torch.distributed, "all_reduce", of_both)
    trainer.stacks.after_gradients(Ranks(0, 2, torch.device("cpu")))
    for one, seen in zip(trainer.stacks.on_grid, own, strict=True):
        assert torch.equal(one.largest[seen > 0], 3 * seen[seen > 0])
        assert not one.seen.any()
