"""The Triton kernel of ``streams``: its way back, which makes u and its RMS again out of the streams.

A program takes every so many-th tile of tokens and adds up, in registers, what the weights' gradients are sums of; one
sum in a fixed order over programs ends them.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritgolf.model.layers import RMS_EPSILON
from tritgolf.model.masked import load, store

ROWS, WARPS, PROGRAMS = 2, 4, 4  # tokens of a tile; programs of a multiprocessor


@triton.jit
def _upstream(of_n, of_channels, again, rows, columns, known, WIDTH: tl.constexpr, CHANNELS: tl.constexpr):  # type: ignore[no-untyped-def]
    """The gradient of n: from all who read it."""
    found = load(of_n + rows * WIDTH + columns, known)
    if again is not None:
        found += load(again + rows * WIDTH + columns, known)
    if of_channels is not None:
        found += load(of_channels + rows * CHANNELS + columns, known & (columns < CHANNELS))
    return found


@triton.jit
def _backward_kernel(  # type: ignore[no-untyped-def]
    of_u, of_n, of_channels, again, x, x0, skip, a, b, c, of_x, of_x0, of_skip, shares, tokens, scale, epsilon,
    WIDTH: tl.constexpr, COLUMNS: tl.constexpr, CHANNELS: tl.constexpr, ROWS: tl.constexpr,
    TURNS: tl.constexpr,
):  # fmt: skip
    """``of_channels``, ``again`` and ``skip`` (with ``c``) may be None, which is a compile-time choice."""
    columns = tl.arange(0, COLUMNS)[None, :]
    inside = columns < WIDTH
    of_a, of_b = tl.zeros((ROWS, COLUMNS), tl.float32), tl.zeros((ROWS, COLUMNS), tl.float32)
    of_c = tl.zeros((ROWS, COLUMNS), tl.float32)
    weight_x, weight_x0 = load(a + columns, inside), load(b + columns, inside)
    if skip is not None:
        weight_skip = load(c + columns, inside)
    for turn in tl.range(0, TURNS):
        tile = tl.program_id(0) + turn * tl.num_programs(0)
        rows = (tile * ROWS + tl.arange(0, ROWS))[:, None].to(tl.int64)
        known = (rows < tokens) & inside
        at = rows * WIDTH + columns
        from_x, from_x0 = load(x + at, known), load(x0 + at, known)
        u = weight_x * from_x + weight_x0 * from_x0
        if skip is not None:
            from_skip = load(skip + at, known)
            u += weight_skip * from_skip
        inverse = tl.rsqrt(tl.sum(u * u, 1) / WIDTH + epsilon)[:, None]
        n, upstream = u * inverse, _upstream(of_n, of_channels, again, rows, columns, known, WIDTH, CHANNELS)
        mean = (tl.sum(upstream * n, 1) / WIDTH)[:, None]
        gradient = load(of_u + at, known) + scale * inverse * (upstream - n * mean)
        store(of_x + at, weight_x * gradient, known)
        store(of_x0 + at, weight_x0 * gradient, known)
        of_a += gradient * from_x
        of_b += gradient * from_x0
        if skip is not None:
            store(of_skip + at, weight_skip * gradient, known)
            of_c += gradient * from_skip
    share = shares + tl.program_id(0) * WIDTH + columns
    step = tl.num_programs(0) * WIDTH
    tl.store(share, tl.sum(of_a, 0)[None, :], mask=inside)
    tl.store(share + step, tl.sum(of_b, 0)[None, :], mask=inside)
    if skip is not None:
        tl.store(share + 2 * step, tl.sum(of_c, 0)[None, :], mask=inside)


def _programs(tokens: int, device: torch.device) -> int:
    if device.type != "cuda":
        return 3  # interpreted: few, so that each has turns
    return min(triton.cdiv(tokens, ROWS), PROGRAMS * torch.cuda.get_device_properties(device).multi_processor_count)


@torch.library.custom_op("tritgolf::streams_backward", mutates_args=())
def streams_backward_on_gpu(
    of_u: Tensor, of_n: Tensor, of_channels: Tensor | None, again: Tensor | None, x: Tensor, x0: Tensor,
    skip: Tensor | None, a: Tensor, b: Tensor, c: Tensor | None, scale: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """``streams.streams_backward`` on a GPU: same arguments, same results; gradients in BF16 are rounded once."""
    width, tokens = x.shape[-1], x.numel() // x.shape[-1]
    of_x, of_x0 = x.new_empty(x.shape), x.new_empty(x.shape)
    of_skip = x.new_empty(0 if skip is None else x.shape)
    programs = _programs(tokens, x.device)
    shares = torch.empty((2 + (skip is not None), programs, width), dtype=torch.float32, device=x.device)
    tensors = (t if t is None else t.contiguous() for t in (of_u, of_n, of_channels, again, x, x0, skip, a, b, c))
    channels, turns = 0 if of_channels is None else of_channels.shape[-1], triton.cdiv(tokens, ROWS * programs)
    _backward_kernel[(programs,)](
        *tensors, of_x, of_x0, None if skip is None else of_skip, shares, tokens, scale, RMS_EPSILON, WIDTH=width,
        COLUMNS=triton.next_power_of_2(width), CHANNELS=channels, ROWS=ROWS, TURNS=turns, num_warps=WARPS,
    )  # fmt: skip
    return of_x, of_x0, of_skip, shares.sum(1)


@streams_backward_on_gpu.register_fake
def _(
    of_u: Tensor, of_n: Tensor, of_channels: Tensor | None, again: Tensor | None, x: Tensor, x0: Tensor,
    skip: Tensor | None, a: Tensor, b: Tensor, c: Tensor | None, scale: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    of_skip = x.new_empty(0 if skip is None else x.shape)
    sums = x.new_empty((2 + (skip is not None), x.shape[-1]), dtype=torch.float32)
    return x.new_empty(x.shape), x.new_empty(x.shape), of_skip, sums
