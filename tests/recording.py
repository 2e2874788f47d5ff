"""A CUDA graph's stand-in on a CPU: what a recording does to memory, so that a forgotten copy is seen without a GPU."""

from typing import Any, ClassVar

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from tritgolf.cuda_graph import EAGER_CALLS


class Operations(TorchDispatchMode):
    """``calls``: every operation, with the memory that it read and wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        assert operation is not torch.ops.aten._local_scalar_dense.default, "a recording can't wait for a number"
        found = operation(*args, **(kwargs or {}))
        self.calls.append((operation, *tree_map_only(torch.Tensor, torch.Tensor.detach, (args, kwargs or {}, found))))
        return found


class RecordedOnCpu:
    """``Replay`` of the same calls on a CPU. Between calls, all that they left behind in new memory is poisoned."""

    made: ClassVar[list["RecordedOnCpu"]] = []

    def __init__(self, function, device, after=None) -> None:
        self.function, self.calls, self.closed, self.replays = function, 0, False, 0
        self._operations: list[tuple[Any, Any, Any, Any]] = []
        self.made.append(self)

    def __call__(self) -> None:
        self.calls += 1
        if self.calls <= EAGER_CALLS:
            self.function()
            return
        if not self._operations:
            with Operations() as recorded:
                self.function()
            self._operations = recorded.calls
        self._replay()

    def close(self) -> None:
        self.closed, self._operations = True, []

    @torch.no_grad()
    def _replay(self) -> None:
        self.replays += 1
        writing = [call for call in self._operations if _in_new_memory(call[0])]
        for *_, found in writing:
            for tensor in tree_leaves(found):
                tensor.fill_(float("nan") if tensor.is_floating_point() else 1)
        for operation, args, kwargs, found in self._operations:
            if _is_view(operation):
                continue
            again = operation(*args, **kwargs)
            if _in_new_memory(operation):
                for kept, new in zip(tree_leaves(found), tree_leaves(again), strict=True):
                    kept.copy_(new)


def _in_new_memory(operation: Any) -> bool:
    return all(returned.alias_info is None for returned in operation._schema.returns)


def _is_view(operation: Any) -> bool:
    aliases = [returned.alias_info for returned in operation._schema.returns]
    return any(alias is not None and not alias.is_write for alias in aliases)
