"""Rounding against PyTorch's casts of eager code, on every kind of number that could round wrongly."""

import pytest
import torch
from functorch.compile import make_boxed_func
from torch._dynamo.backends.common import aot_autograd

from tests.model.reference import all_e4m3, e4m3
from tritgolf.quantize.rounding import DTYPES, rounded, rounded_once, rounded_through

NARROW = (torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2)


def numbers_of(dtype: torch.dtype) -> torch.Tensor:
    """Every finite number of ``dtype``, in FP32, in order."""
    bits = torch.arange(1 << 8 * dtype.itemsize, dtype=torch.int32)
    every = bits.to(torch.uint8 if dtype.itemsize == 1 else torch.int16).view(dtype).float()
    return every[every.isfinite()].unique()


def neighbours(x: torch.Tensor) -> torch.Tensor:
    infinity = torch.tensor(torch.inf)
    return torch.cat((x, torch.nextafter(x, infinity), torch.nextafter(x, -infinity)))


@pytest.mark.parametrize("dtype", NARROW)
def test_every_number_of_a_format_stays_and_every_half_goes_to_the_even_one(dtype):
    every = numbers_of(dtype)
    assert torch.equal(rounded(every, dtype), every)
    halves = (every[1:].double() + every[:-1].double()).div(2).float()
    exact = neighbours(halves)[neighbours(halves).abs() <= torch.finfo(dtype).max]
    assert torch.equal(rounded(exact, dtype), exact.to(dtype).float())


@pytest.mark.parametrize("dtype", NARROW)
def test_rounding_is_the_cast_there_and_back_on_any_bits(dtype):
    bits = torch.randint(-(2**31), 2**31, (200_000,), generator=torch.Generator().manual_seed(0))
    x = bits.to(torch.int32).view(torch.float32)
    largest = torch.finfo(dtype).max
    wanted = x.clamp(-largest, largest).to(dtype).float()
    found = rounded(x, dtype)
    assert x.isnan().any()
    assert torch.equal(found.view(torch.int32)[~x.isnan()], wanted.view(torch.int32)[~x.isnan()])  # −0 is not 0 here
    assert torch.equal(found.isnan(), x.isnan())


def test_fp32_stays_as_it_is():
    x = torch.randn(1000)
    assert rounded(x, torch.float32) is x
    assert rounded(x.bfloat16(), torch.float32).dtype == torch.float32


@pytest.mark.parametrize("name", ["bfloat16", "float16", "e4m3", "e5m2"])
@pytest.mark.parametrize("own", [torch.float32, torch.bfloat16])
def test_the_gradient_passes_straight_through(name, own):
    x = torch.tensor([0.3, -17.0, 1e6], dtype=own, requires_grad=True)
    upstream = torch.tensor([1.0, -2.0, 3.0], dtype=own)
    found = rounded_through(x, name)
    assert found.dtype == own
    assert torch.equal(found, rounded(x, DTYPES[name]).to(own))
    assert torch.equal(torch.autograd.grad(found, x, upstream)[0], upstream)


def test_e4m3_rounds_every_number_as_the_format_says():
    table = all_e4m3()
    between = (table[1:] + table[:-1]) / 2
    numbers = torch.cat((table, between, between * 0.999, between * 1.001, torch.tensor([449.0, 480.0, 1e6])))
    numbers = torch.cat((numbers, -numbers)).double()
    assert torch.equal(rounded(numbers, torch.float8_e4m3fn).double(), e4m3(numbers))


@pytest.mark.parametrize(
    ("value", "wanted"), [(0.3, 0.3125), (17.0, 16.0), (19.0, 20.0), (500.0, 448.0), (-1e9, -448.0), (2**-10, 0.0)]
)
def test_e4m3_by_hand(value, wanted):
    assert rounded(torch.tensor(value), torch.float8_e4m3fn).item() == wanted


def test_rounding_once_is_rounding():
    x = torch.linspace(-3, 3, 41).requires_grad_()
    found = rounded_once(x, "bfloat16")
    assert torch.equal(found, rounded_through(x, "bfloat16"))
    (gradient,) = torch.autograd.grad(found, x, 2 * torch.ones_like(x))
    assert torch.equal(gradient, 2 * torch.ones_like(x))
    assert rounded_once(x, "float32") is x


def test_compiled_code_keeps_what_is_rounded_once():
    """One operator that the compiler can't look into, in the forward pass alone."""
    graphs = []

    def keep(graph, _):
        graphs.append([str(node.target) for node in graph.graph.nodes if node.op == "call_function"])
        return make_boxed_func(graph.forward)

    compiler = aot_autograd(fw_compiler=keep, bw_compiler=keep)
    x, rows = torch.linspace(-3, 3, 5).requires_grad_(), torch.ones(7, 5)
    torch.compile(lambda x: rows * rounded_once(x, "bfloat16"), backend=compiler)(x).sum().backward()
    assert [graph.count("tritgolf.kept.default") for graph in graphs] == [1, 0]
    assert torch.equal(x.grad, torch.full((5,), 7.0))
