"""Three ranks train by both forms of several ranks: three_ranks.py FOLDER writes FOLDER/found.json.

One process that splits, so that what it imports is imported once. With four layers or two, three ranks have equal or
unequal parts of a stack of matrices, or none.
"""

import os
import sys
from pathlib import Path

import torch
import torch._dynamo  # what an operator of ours imports when it is first called
import torch.distributed as dist

from tests.parity.training_1716 import training_1716
from tests.small import small_model, small_training, small_transformer
from tests.train.test_trainer import sequences
from tritgolf.files import write_json
from tritgolf.ranks import Ranks
from tritgolf.train.trainer import Trainer

WORLD = 3
CASES = {
    "four layers": (small_model(layers=4), small_training(micro_batch_sequences=6)),
    "two layers, clipped each": (small_model(), small_training(clip_norm=0.1, clip_each_rank=True)),
    "repeated layers": (small_transformer(), training_1716(micro_batch_sequences=12, clip_norm=0.1)),
}


def apart(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found.double() - wanted.double()).norm() / wanted.double().norm().clamp_min(1e-30))


def compared(case: str, ranks: Ranks) -> dict[str, object]:
    """How far gradients of a step are apart, and its weights of how far they moved; whether all ranks have the same."""
    model, train = CASES[case]
    plain, shared = (Trainer(model, train, 1, ranks, shared=how) for how in (False, True))
    before = {name: weight.clone() for name, weight in plain.weights().items()}
    for step in range(2):
        same = {name: tensor.clone() for name, tensor in plain.state().items()}
        for trainer in (plain, shared):
            trainer.load_state(same)
            trainer.enter(trainer.phase._replace(recurrence=step > 0))
            trainer.step(step, 1.0, *sequences(model, 12, seed=10 * step + ranks.rank))
    shared.muon.gather(shared.stacks.stacks)
    ours, wanted = shared.state(), plain.state()
    moved = {name: torch.stack([weights[name] - before[name] for weights in (shared.weights(), plain.weights())])
             for name in before if wanted[f"weight.{name}"].ne(before[name]).any()}  # fmt: skip
    sums = ranks.gather([float(tensor.double().sum()) for tensor in ours.values()])
    return {
        "equal": all(torch.equal(ours[name], wanted[name]) for name in wanted),
        "momenta": max(apart(ours[name], wanted[name]) for name in wanted if name.startswith("muon.")),
        "moved": max(apart(*both) for both in moved.values()),
        "ranks agree": all(each == sums[0] for each in sums),
    }


def main(folder: Path) -> None:
    children: list[int] = []
    rank = 0
    for number in range(1, WORLD):
        child = os.fork()
        if not child:
            rank = number
            break
        children.append(child)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=WORLD)
    ranks = Ranks(rank, WORLD, torch.device("cpu"))
    found = {case: compared(case, ranks) for case in CASES}
    dist.destroy_process_group()
    if rank:
        return
    for child in children:
        os.waitpid(child, 0)
    write_json(folder / "found.json", found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
