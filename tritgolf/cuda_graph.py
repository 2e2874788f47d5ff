"""A fixed sequence of GPU work, recorded once as a CUDA graph and replayed: no launch gaps, no Python in a step."""

import functools
from collections.abc import Callable

import torch

EAGER_CALLS = 2  # the first compiles, the second finds every library's workspace made: only then can it be recorded
# The stream of a device that is recorded. There is one, as memory is lent on its stream alone, and as cuBLAS keeps a
# workspace for each that it has seen.
stream_of = functools.cache(torch.cuda.Stream)


class Replay:
    """``function``, called as it is on a CPU; on a GPU, its third call is recorded and every later one replays it.

    It must do the same work on the same memory whenever it is called: read and write tensors that stay, take nothing
    and return nothing. What it allocates and leaves behind (gradients) stays where the recording put it. It uses again
    the memory of what is always replayed before it, ``after``, but for what that leaves behind.
    """

    def __init__(self, function: Callable[[], None], device: torch.device, after: "Replay | None" = None) -> None:
        self.function, self._after = function, after
        self._stream: torch.cuda.Stream | None = stream_of(device) if device.type == "cuda" else None
        self._eager_calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        """Do the work once."""
        if self._stream is None:
            self.function()
        elif self._eager_calls < EAGER_CALLS:
            self._eager_calls += 1
            self._on_the_side(self.function)
        else:
            if self._graph is None:
                self._graph = self._recorded()
            self._graph.replay()

    def _recorded(self) -> torch.cuda.CUDAGraph:
        torch.cuda.empty_cache()  # the recording has memory of its own; what eager calls used would lie idle beside it
        graph = torch.cuda.CUDAGraph()
        lender = self._after._graph if self._after else None
        pool = lender.pool() if lender else None
        # thread_local: NCCL's watchdog asks for events from a thread of its own while this one records.
        with torch.cuda.graph(graph, pool=pool, stream=self._stream, capture_error_mode="thread_local"):
            self.function()
        return graph

    def close(self) -> None:
        """Let go of the recording."""
        if self._graph is not None:
            self._graph.reset()
        self._graph = None

    def _on_the_side(self, function: Callable[[], None]) -> None:
        """On the stream that is recorded later: autograd keeps the stream on which it first saw a parameter."""
        assert self._stream is not None
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            function()
        torch.cuda.current_stream().wait_stream(self._stream)
