"""Steps before the clock starts: they compile, and record CUDA graphs; then everything is put back."""

import time
from collections.abc import Callable

from torch import Tensor

from tritgolf.cuda_graph import EAGER_CALLS
from tritgolf.model.phase import Phase
from tritgolf.train.schedule import phases
from tritgolf.train.trainer import Trainer


def warm_up(trainer: Trainer, batch: Callable[[int], list[Tensor]]) -> float:
    """Do ``compile_steps`` steps in each phase of the run; returns their seconds, which are no training time.

    ``batch``: inputs and targets by step. Weights, optimizers and averages are put back, gradients that nothing clears
    are not, as published (#1716): where there are any, a CPU does these steps too, though it compiles nothing.
    """
    began = time.perf_counter()
    count, on_gpu = trainer.train.compile_steps, trainer.ranks.device.type == "cuda"
    if count and (on_gpu or trainer.untrained):
        before = _copy(trainer.state())
        order = phases(trainer.train)
        for number, phase in enumerate(order):
            _do_steps(trainer, phase, count, batch, first=number * count)
        leftover = _copy(trainer.leftover_gradients())
        if on_gpu and len(order) > 1:  # the recording of the first phase gave way to that of the next
            _do_steps(trainer, order[0], EAGER_CALLS + 1, batch)
        trainer.enter(order[0])
        trainer.load_state(before | leftover)
        trainer.ranks.synchronize()
    trainer.ranks.wait()
    return time.perf_counter() - began


def _do_steps(trainer: Trainer, phase: Phase, count: int, batch: Callable[[int], list[Tensor]], first: int = 0) -> None:
    """``count`` steps in ``phase`` with the rates of the run's first ones, on the batches from ``first`` on."""
    trainer.enter(phase)
    for index in range(count):
        trainer.step(index, 1.0, *batch(first + index))


def _copy(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tensors.items()}
