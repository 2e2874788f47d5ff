"""The Triton kernel of ``fp8_boundary``: between two blocks, from the later one's gradients to those of the earlier.

A program takes a tile of tokens twice, as those of ``fp8_stream_kernel``.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritgolf.model.fp8_kernel import (
    empty_codes,
    empty_fp32,
    pairs_of_tokens,
    power_and_seen,
    power_of,
    settings_of,
    store_both,
)
from tritgolf.model.fp8_stream_kernel import taken_off
from tritgolf.model.known_operator import make_known
from tritgolf.model.masked import load
from tritgolf.model.shared_input_kernel import input_gradients_on_gpu

TILE = (64, 64, 8)  # as those of ``fp8_kernel``; not yet chosen by time
make_known(input_gradients_on_gpu._opoverload)


@triton.jit
def _tokens_part(  # type: ignore[no-untyped-def]
    of_u, of_normed, u, of_x, y, product, skip, of_shared, above, of_skip, at, known, inverse, taken_off, by_row,
    mix, skip_weight, scale,
):  # fmt: skip
    """One of each pair of tokens: the product's gradient over its row's factor, and what sums over tokens take."""
    gradient = load(of_u + at, known) + inverse * load(of_normed + at, known) - taken_off * load(u + at, known)
    tl.store(of_shared + at, gradient.to(of_shared.dtype.element_ty), mask=known)
    to_x = mix * gradient
    of_weight = gradient * 0.0
    if skip is not None:
        tl.store(of_skip + at, (skip_weight * to_x).to(of_skip.dtype.element_ty), mask=known)
        of_weight = gradient * load(skip + at, known)
    if of_x is not None:
        to_x += load(of_x + at, known)
    tl.store(above + at, to_x.to(above.dtype.element_ty), mask=known)
    scaled = by_row * load(product + at, known)
    of_mix = gradient * (load(y + at, known) + scale * scaled)
    return by_row * to_x, of_mix, of_weight, to_x * scaled


@triton.jit
def _store_shares(  # type: ignore[no-untyped-def]
    shares, columns, inside, skip, of_mix, of_scale, of_weight, WIDTH: tl.constexpr
):
    """Of a program: sums over its tokens."""
    share = shares + tl.program_id(0) * 3 * WIDTH + columns
    tl.store(share, tl.sum(of_mix, 0, keep_dims=True), mask=inside)
    tl.store(share + WIDTH, tl.sum(of_scale, 0, keep_dims=True), mask=inside)
    if skip is not None:
        tl.store(share + 2 * WIDTH, tl.sum(of_weight, 0, keep_dims=True), mask=inside)


@triton.jit
def _boundary_kernel(  # type: ignore[no-untyped-def]
    of_u, of_normed, u, u_inverses, of_x, y, product, by_rows, skip, mixes, skip_weights, scales, before, largest,
    of_shared, above, of_skip, codes, turned, alongs, shares, seen, power_used, tokens, hidden,
    WIDTH: tl.constexpr, TOKENS: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    """``of_x``, and ``skip`` with what belongs to it, may be None, which is a compile-time choice."""
    pair, low, high = pairs_of_tokens(TOKENS)
    power, inverse_power = power_of(tl.load(largest + 1))
    tl.store(power_used, power)
    tl.store(seen, tl.load(before))
    inverse_low, inverse_high, off_low, off_high = taken_off(
        of_normed, u, u_inverses, low, high, tokens, WIDTH, TOKENS, CHUNK
    )
    row_low, row_high = load(by_rows + low, low < tokens), load(by_rows + high, low < tokens)
    along_low, along_high = tl.zeros((TOKENS // 2, 1), tl.float32), tl.zeros((TOKENS // 2, 1), tl.float32)
    peak = tl.zeros((TOKENS // 2, 1), tl.float32)
    for start in tl.range(0, WIDTH, CHUNK):
        columns = (start + tl.arange(0, CHUNK))[None, :]
        inside = columns < WIDTH
        known = (low < tokens) & inside
        mix, scale = load(mixes + columns, inside), load(scales + columns, inside)
        skip_weight = load(skip_weights + columns, inside) if skip is not None else mix
        first, mix_a, weight_a, scale_a = _tokens_part(
            of_u, of_normed, u, of_x, y, product, skip, of_shared, above, of_skip, low * WIDTH + columns, known,
            inverse_low, off_low, row_low, mix, skip_weight, scale,
        )  # fmt: skip
        second, mix_b, weight_b, scale_b = _tokens_part(
            of_u, of_normed, u, of_x, y, product, skip, of_shared, above, of_skip, high * WIDTH + columns, known,
            inverse_high, off_high, row_high, mix, skip_weight, scale,
        )  # fmt: skip
        of_mix, of_scale, of_weight = mix_a + mix_b, scale_a + scale_b, weight_a + weight_b
        _store_shares(shares, columns, inside, skip, of_mix, of_scale, of_weight, WIDTH)
        along_low += tl.sum(scale_a * scale, 1, keep_dims=True)
        along_high += tl.sum(scale_b * scale, 1, keep_dims=True)
        first, second = first * scale * inverse_power, second * scale * inverse_power
        peak = tl.maximum(peak, tl.max(tl.maximum(tl.abs(first), tl.abs(second)), 1, keep_dims=True))
        store_both(codes, turned, first, second, pair, low, columns, known, tokens, WIDTH)
    tl.store(alongs + low, along_low * row_low * row_low / hidden, mask=low < tokens)
    tl.store(alongs + high, along_high * row_high * row_high / hidden, mask=low < tokens)
    tl.atomic_max(seen + 1, power * tl.max(tl.max(peak, 1), 0))


@torch.library.custom_op("tritgolf::boundary_codes", mutates_args=())
def boundary_codes_on_gpu(
    of_u: Tensor, of_normed: Tensor, u: Tensor, u_inverse: Tensor, of_x: Tensor | None, y: Tensor, product: Tensor,
    by_row: Tensor, skip: Tensor | None, mix: Tensor, skip_weight: Tensor | None, scale: Tensor, before: Tensor,
    largest: Tensor, hidden: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """``fp8_operands.boundary_codes`` on a GPU: same arguments, same results."""
    tokens, width = u.shape
    codes, turned = empty_codes(u.shape, u.device)
    power, seen = power_and_seen(u.device)
    of_shared, above = u.new_empty(u.shape), u.new_empty(u.shape)
    of_skip = u.new_empty(0 if skip is None else u.shape)
    programs, settings = settings_of(u, TILE)
    shares, along = empty_fp32(programs, 3, width, device=u.device), empty_fp32(tokens, 1, device=u.device)
    read = (of_u, of_normed, u, u_inverse, of_x, y, product, by_row, skip, mix, skip_weight, scale, before, largest)
    tensors = (tensor if tensor is None else tensor.contiguous() for tensor in read)
    written = (of_shared, above, None if skip is None else of_skip, codes, turned.view(torch.int16))
    _boundary_kernel[(programs,)](*tensors, *written, along, shares, seen, power, tokens, hidden, **settings)
    return codes, turned, power, seen, along, shares, of_shared, above, of_skip


@boundary_codes_on_gpu.register_fake
def _(
    of_u: Tensor, of_normed: Tensor, u: Tensor, u_inverse: Tensor, of_x: Tensor | None, y: Tensor, product: Tensor,
    by_row: Tensor, skip: Tensor | None, mix: Tensor, skip_weight: Tensor | None, scale: Tensor, before: Tensor,
    largest: Tensor, hidden: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    (tokens, width), device = u.shape, u.device
    shares, along = empty_fp32(settings_of(u, TILE)[0], 3, width, device=device), empty_fp32(tokens, 1, device=device)
    of_skip = u.new_empty(0 if skip is None else u.shape)
    streams = u.new_empty(u.shape), u.new_empty(u.shape), of_skip
    return *empty_codes(u.shape, device), *power_and_seen(device), along, shares, *streams
