"""An operator that the compiler is told of before it meets it."""

import pytest
import torch
from torch._inductor.lowering import lowerings

from tritgolf.model.known_operator import make_known


@torch.library.custom_op("tritgolf_tests::doubled", mutates_args=())
def doubled(numbers: list[torch.Tensor]) -> torch.Tensor:
    return 2 * torch.stack(numbers).sum(0)


@doubled.register_fake
def _(numbers):
    return numbers[0].new_empty(numbers[0].shape)


@pytest.mark.parametrize(("version", "told"), [("2.13.0+cpu", False), ("2.11.0+cu130", True)])
def test_what_is_compiled_calls_it_as_it_is(version, told, monkeypatch):
    operator = torch.ops.tritgolf_tests.doubled.default
    lowerings.pop(operator, None)
    monkeypatch.setattr(torch, "__version__", version)
    make_known(operator)
    assert (operator in lowerings) == told
    monkeypatch.undo()
    torch._dynamo.reset()
    x = torch.arange(6.0)
    assert torch.equal(torch.compile(lambda x: doubled([x, x]))(x), 4 * x)
