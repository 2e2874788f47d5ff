"""The two products of ``leaky_mlp`` with an epilogue, as Triton kernels, made as those of ``mlp_kernel`` are.

A tile's epilogue goes by halves, in turn: both whole tiles would not fit into shared memory.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritgolf.model.mlp_kernel import COLUMNS, DEPTH, ROWS, described, launch, tile_of


@triton.jit
def _halves(product, ROWS: tl.constexpr, COLUMNS: tl.constexpr):  # type: ignore[no-untyped-def]
    return tl.split(tl.permute(tl.reshape(product, (ROWS, 2, COLUMNS // 2)), (0, 2, 1)))


@triton.jit
def _write_activated(product, hidden, activated, row, column, SLOPE: tl.constexpr):  # type: ignore[no-untyped-def]
    stored = product.to(hidden.dtype)
    hidden.store([row, column], stored)
    seen = stored.to(tl.float32)
    leaky = tl.where(seen > 0, seen, SLOPE * seen)
    activated.store([row, column], (leaky * leaky).to(activated.dtype))


@triton.jit
def _leaky_kernel(  # type: ignore[no-untyped-def]
    x, weight, hidden, activated, tokens, SLOPE: tl.constexpr,
    COMMON: tl.constexpr, WIDTH: tl.constexpr, TURNS: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr, BAND: tl.constexpr,
):  # fmt: skip
    for turn in tl.range(0, TURNS, flatten=True):
        row, column = tile_of(turn, tokens, WIDTH, ROWS, COLUMNS, BAND)
        product = tl.zeros((ROWS, COLUMNS), tl.float32)
        for k in tl.range(0, COMMON, DEPTH):
            product = tl.dot(x.load([row, k]), weight.load([column, k]).T, product, input_precision="ieee")
        left, right = _halves(product, ROWS, COLUMNS)
        _write_activated(left, hidden, activated, row, column, SLOPE)
        _write_activated(right, hidden, activated, row, column + COLUMNS // 2, SLOPE)


@triton.jit
def _sloped(product, hidden, factor, SLOPE: tl.constexpr, NORMED: tl.constexpr):  # type: ignore[no-untyped-def]
    h = hidden.to(tl.float32)
    if NORMED:
        leaky = tl.where(h > 0, h, SLOPE * h)
        product -= factor * leaky * leaky
    return (product * tl.where(h > 0, 2.0 * h, 2.0 * SLOPE * SLOPE * h)).to(hidden.dtype)


@triton.jit
def _slope_kernel(  # type: ignore[no-untyped-def]
    upstream, weight, hidden, along, gradient, tokens, SLOPE: tl.constexpr, NORMED: tl.constexpr,
    COMMON: tl.constexpr, WIDTH: tl.constexpr, TURNS: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr, BAND: tl.constexpr,
):  # fmt: skip
    for turn in tl.range(0, TURNS, flatten=True):
        row, column = tile_of(turn, tokens, WIDTH, ROWS, COLUMNS, BAND)
        product = tl.zeros((ROWS, COLUMNS), tl.float32)
        for k in tl.range(0, COMMON, DEPTH):
            product = tl.dot(upstream.load([row, k]), weight.load([k, column]), product, input_precision="ieee")
        factor = 0.0
        if NORMED:
            rows = row + tl.arange(0, ROWS)
            factor = tl.load(along + rows, mask=rows < tokens, other=0.0)[:, None]
        left, right = _halves(product, ROWS, COLUMNS)
        gradient.store([row, column], _sloped(left, hidden.load([row, column]), factor, SLOPE, NORMED))
        far = column + COLUMNS // 2
        gradient.store([row, far], _sloped(right, hidden.load([row, far]), factor, SLOPE, NORMED))


@torch.library.custom_op("tritgolf::leaky_product", mutates_args=())
def leaky_product_on_gpu(x: Tensor, weight: Tensor, slope: float) -> tuple[Tensor, Tensor]:
    """``leaky_mlp.leaky_product`` on a GPU: same arguments, same results in BF16, rounded once each."""
    tokens, common = x.shape
    hidden, activated = (x.new_empty((tokens, weight.shape[0])) for _ in range(2))
    programs, settings = launch(tokens, common, weight.shape[0], x.device)
    _leaky_kernel[(programs,)](
        described(x.contiguous(), ROWS, DEPTH),
        described(weight.contiguous(), COLUMNS, DEPTH),
        described(hidden, ROWS, COLUMNS // 2),
        described(activated, ROWS, COLUMNS // 2),
        tokens,
        SLOPE=slope,
        **settings,
    )
    return hidden, activated


@leaky_product_on_gpu.register_fake
def _(x: Tensor, weight: Tensor, slope: float) -> tuple[Tensor, Tensor]:
    shape = (x.shape[0], weight.shape[0])
    return x.new_empty(shape), x.new_empty(shape)


@torch.library.custom_op("tritgolf::leaky_slope_product", mutates_args=())
def leaky_slope_product_on_gpu(
    upstream: Tensor, weight: Tensor, hidden: Tensor, slope: float, along: Tensor | None
) -> Tensor:
    """``leaky_mlp.leaky_slope_product`` on a GPU: same arguments, the same result in BF16, rounded once."""
    tokens, common = upstream.shape
    gradient = hidden.new_empty(hidden.shape)
    programs, settings = launch(tokens, common, weight.shape[1], upstream.device)
    _slope_kernel[(programs,)](
        described(upstream.contiguous(), ROWS, DEPTH),
        described(weight.contiguous(), DEPTH, COLUMNS),
        described(hidden.contiguous(), ROWS, COLUMNS // 2),
        None if along is None else along.contiguous(),
        described(gradient, ROWS, COLUMNS // 2),
        tokens,
        SLOPE=slope,
        NORMED=along is not None,
        **settings,
    )
    return gradient


@leaky_slope_product_on_gpu.register_fake
def _(upstream: Tensor, weight: Tensor, hidden: Tensor, slope: float, along: Tensor | None) -> Tensor:
    return hidden.new_empty(hidden.shape)
