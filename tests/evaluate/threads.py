"""Ranks that are threads of this process."""

import threading

import torch

from tritgolf.ranks import Ranks


class Threads(Ranks):
    """One of them: it finds on the shelf what the others gathered."""

    def __init__(self, rank, world, barrier, shelf):
        super().__init__(rank, world, torch.device("cpu"))
        self.barrier, self.shelf = barrier, shelf

    def gather(self, value):
        self.shelf[self.rank] = value
        self.barrier.wait()
        found = [self.shelf[rank] for rank in range(self.world)]
        self.barrier.wait()
        return found

    def average_(self, tensors):
        of_ranks = self.gather([tensor.clone() for tensor in tensors])
        for tensor, *others in zip(tensors, *of_ranks, strict=True):
            tensor.copy_(sum(others) / self.world)


def on_threads(world, work):
    """What ``work(ranks)`` returns on each of ``world`` ranks, in rank order."""
    barrier, shelf, found = threading.Barrier(world, timeout=60), {}, {}

    def run(rank):
        try:
            found[rank] = work(Threads(rank, world, barrier, shelf))
        except BaseException:
            barrier.abort()
            raise

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(world)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[rank] for rank in range(world)]
