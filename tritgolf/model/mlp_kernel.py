"""The two products of ``mlp`` with an epilogue, as Triton kernels.

A program makes several tiles of the result one after the other, so that a tile's epilogue overlaps the next one's
loads; its last may lie past the end, where loads give zeros and stores do nothing. Tiles go by bands of rows, so that
the programs running side by side share what they read. Operands come as tensor descriptors (Hopper's bulk copies).

The kernels are operators that torch.compile leaves whole and CUDA graphs can record.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

ROWS, COLUMNS, DEPTH = 128, 256, 64  # a tile, and how much of the common dimension is loaded at a time
BAND = 8  # tiles high
SETTINGS = {"num_warps": 8, "num_stages": 3}  # of 20 measured on an H200 at 65,536 tokens, 768 and 3072 wide


@triton.jit
def tile_of(turn, tokens, WIDTH: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, BAND: tl.constexpr):  # type: ignore[no-untyped-def]
    """First row and column of a program's tile in its ``turn``."""
    tile = tl.program_id(0) + turn * tl.num_programs(0)
    across: tl.constexpr = (WIDTH + COLUMNS - 1) // COLUMNS
    first = tile // (BAND * across) * BAND
    high = tl.maximum(tl.minimum(tl.cdiv(tokens, ROWS) - first, BAND), 1)
    within = tile % (BAND * across)
    return (first + within % high) * ROWS, within // high * COLUMNS


@triton.jit
def _relu_kernel(  # type: ignore[no-untyped-def]
    x, weight, activated, squares, tokens,
    COMMON: tl.constexpr, WIDTH: tl.constexpr, TURNS: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr, BAND: tl.constexpr,
):  # fmt: skip
    across: tl.constexpr = (WIDTH + COLUMNS - 1) // COLUMNS
    for turn in tl.range(0, TURNS, flatten=True):
        row, column = tile_of(turn, tokens, WIDTH, ROWS, COLUMNS, BAND)
        product = tl.zeros((ROWS, COLUMNS), tl.float32)
        for k in tl.range(0, COMMON, DEPTH):
            product = tl.dot(x.load([row, k]), weight.load([column, k]).T, product, input_precision="ieee")
        positive = tl.maximum(product, 0.0, tl.PropagateNan.ALL)
        stored = (positive * positive).to(activated.dtype)
        activated.store([row, column], stored)
        seen = stored.to(tl.float32)
        rows = row + tl.arange(0, ROWS)
        known = (rows < tokens) & (column < WIDTH)
        tl.store(squares + rows.to(tl.int64) * across + column // COLUMNS, tl.sum(seen * seen, 1), mask=known)


@triton.jit
def _slope(product, activated, along):  # type: ignore[no-untyped-def]
    a = activated.to(tl.float32)
    return (2.0 * tl.sqrt(a) * (product - along * a)).to(activated.dtype)


@triton.jit
def _slope_kernel(  # type: ignore[no-untyped-def]
    upstream, weight, activated, along, gradient, tokens,
    COMMON: tl.constexpr, WIDTH: tl.constexpr, TURNS: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr, BAND: tl.constexpr,
):  # fmt: skip
    HALF: tl.constexpr = COLUMNS // 2  # two halves in turn: both whole tiles would not fit into shared memory
    for turn in tl.range(0, TURNS, flatten=True):
        row, column = tile_of(turn, tokens, WIDTH, ROWS, COLUMNS, BAND)
        product = tl.zeros((ROWS, COLUMNS), tl.float32)
        for k in tl.range(0, COMMON, DEPTH):
            product = tl.dot(upstream.load([row, k]), weight.load([k, column]), product, input_precision="ieee")
        rows = row + tl.arange(0, ROWS)
        factor = tl.load(along + rows, mask=rows < tokens, other=0.0)[:, None]
        left, right = tl.split(tl.permute(tl.reshape(product, (ROWS, 2, HALF)), (0, 2, 1)))
        gradient.store([row, column], _slope(left, activated.load([row, column]), factor))
        gradient.store([row, column + HALF], _slope(right, activated.load([row, column + HALF]), factor))


def launch(tokens: int, common: int, width: int, device: torch.device) -> tuple[int, dict[str, int]]:
    """How many programs, and what else a kernel is told."""
    tiles = triton.cdiv(tokens, ROWS) * triton.cdiv(width, COLUMNS)
    on_gpu = device.type == "cuda"  # interpreted: few programs, so that each has turns
    programs = min(tiles, torch.cuda.get_device_properties(device).multi_processor_count if on_gpu else 3)
    sizes = {"COMMON": common, "WIDTH": width, "TURNS": triton.cdiv(tiles, programs)}
    return programs, {**sizes, "ROWS": ROWS, "COLUMNS": COLUMNS, "DEPTH": DEPTH, "BAND": BAND, **SETTINGS}


def described(tensor: Tensor, rows: int, columns: int) -> TensorDescriptor:
    """``tensor`` to be read or written by tiles of that size."""
    return TensorDescriptor.from_tensor(tensor, [rows, columns])


def _parts(x: Tensor, weight: Tensor) -> Tensor:
    return x.new_empty((x.shape[0], -(-weight.shape[0] // COLUMNS)), dtype=torch.float32)


@torch.library.custom_op("tritgolf::relu_product", mutates_args=())
def relu_product_on_gpu(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """``mlp.relu_product`` on a GPU: same arguments, same results in BF16, rounded once."""
    tokens, common = x.shape
    width = weight.shape[0]
    activated, squares = x.new_empty((tokens, width)), _parts(x, weight)
    programs, settings = launch(tokens, common, width, x.device)
    _relu_kernel[(programs,)](
        described(x.contiguous(), ROWS, DEPTH),
        described(weight.contiguous(), COLUMNS, DEPTH),
        described(activated, ROWS, COLUMNS),
        squares,
        tokens,
        **settings,
    )
    return activated, squares


@relu_product_on_gpu.register_fake
def _(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    return x.new_empty((x.shape[0], weight.shape[0])), _parts(x, weight)


@torch.library.custom_op("tritgolf::slope_product", mutates_args=())
def slope_product_on_gpu(upstream: Tensor, weight: Tensor, activated: Tensor, along: Tensor) -> Tensor:
    """``mlp.slope_product`` on a GPU: same arguments, the same result in BF16, rounded once."""
    tokens, common = upstream.shape
    gradient = activated.new_empty(activated.shape)
    programs, settings = launch(tokens, common, weight.shape[1], upstream.device)
    _slope_kernel[(programs,)](
        described(upstream.contiguous(), ROWS, DEPTH),
        described(weight.contiguous(), DEPTH, COLUMNS),
        described(activated.contiguous(), ROWS, COLUMNS // 2),
        along.contiguous(),
        described(gradient, ROWS, COLUMNS // 2),
        tokens,
        **settings,
    )
    return gradient


@slope_product_on_gpu.register_fake
def _(upstream: Tensor, weight: Tensor, activated: Tensor, along: Tensor) -> Tensor:
    return activated.new_empty(activated.shape)
