"""The Triton kernels of ``fp8_operands`` where a stream is added to: passes as those of ``fp8_kernel``.

Where the sum's RMS, or what its norm takes off the gradient, is of whole rows, a tile is gone through twice; what the
second time reads comes out of the cache.
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
)  # fmt: skip
from tritgolf.model.layers import RMS_EPSILON
from tritgolf.model.masked import load

ADDED, ADDED_GRADIENT, OUTER = (32, 256, 8), (64, 128, 8), (64, 64, 4)  # as those of ``fp8_kernel``


@triton.jit
def _sum_of(residual, product, scale, at, known):  # type: ignore[no-untyped-def]
    """As it is stored."""
    found = load(residual + at, known) + scale * load(product + at, known)
    return found.to(residual.dtype.element_ty)


@triton.jit
def _added_kernel(  # type: ignore[no-untyped-def]
    residual, product, scales, added, codes, turned, inverses, power_used, tokens, power, epsilon,
    WIDTH: tl.constexpr, TOKENS: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    pair, low, high = pairs_of_tokens(TOKENS)
    squares_low, squares_high = tl.zeros((TOKENS // 2, 1), tl.float32), tl.zeros((TOKENS // 2, 1), tl.float32)
    for start in tl.range(0, WIDTH, CHUNK):
        columns = (start + tl.arange(0, CHUNK))[None, :]
        known = (low < tokens) & (columns < WIDTH)
        scale = load(scales + columns, columns < WIDTH)
        first = _sum_of(residual, product, scale, low * WIDTH + columns, known)
        second = _sum_of(residual, product, scale, high * WIDTH + columns, known)
        tl.store(added + low * WIDTH + columns, first, mask=known)
        tl.store(added + high * WIDTH + columns, second, mask=known)
        first, second = first.to(tl.float32), second.to(tl.float32)
        squares_low += tl.sum(first * first, 1, keep_dims=True)
        squares_high += tl.sum(second * second, 1, keep_dims=True)
    inverse_low, inverse_high = tl.rsqrt(squares_low / WIDTH + epsilon), tl.rsqrt(squares_high / WIDTH + epsilon)
    tl.store(inverses + low, inverse_low, mask=low < tokens)
    tl.store(inverses + high, inverse_high, mask=low < tokens)
    tl.store(power_used, power)
    inverse_power = 1.0 / power
    for start in tl.range(0, WIDTH, CHUNK):
        columns = (start + tl.arange(0, CHUNK))[None, :]
        known = (low < tokens) & (columns < WIDTH)
        scale = load(scales + columns, columns < WIDTH)
        first = _sum_of(residual, product, scale, low * WIDTH + columns, known).to(tl.float32)
        second = _sum_of(residual, product, scale, high * WIDTH + columns, known).to(tl.float32)
        first, second = first * inverse_low * inverse_power, second * inverse_high * inverse_power
        store_both(codes, turned, first, second, pair, low, columns, known, tokens, WIDTH)


@triton.jit
def _gradient_of(above, of_normed, x, inverse, taken_off, at, known):  # type: ignore[no-untyped-def]
    return load(above + at, known) + inverse * load(of_normed + at, known) - taken_off * load(x + at, known)


@triton.jit
def taken_off(  # type: ignore[no-untyped-def]
    of_normed, x, inverses, low, high, tokens, WIDTH: tl.constexpr, TOKENS: tl.constexpr, CHUNK: tl.constexpr
):
    """Of both tokens of each pair: one over x's RMS, and what of x comes off the gradient that its norm is given."""
    off_low, off_high = tl.zeros((TOKENS // 2, 1), tl.float32), tl.zeros((TOKENS // 2, 1), tl.float32)
    for start in tl.range(0, WIDTH, CHUNK):
        columns = (start + tl.arange(0, CHUNK))[None, :]
        known = (low < tokens) & (columns < WIDTH)
        at_low, at_high = low * WIDTH + columns, high * WIDTH + columns
        off_low += tl.sum(load(of_normed + at_low, known) * load(x + at_low, known), 1, keep_dims=True)
        off_high += tl.sum(load(of_normed + at_high, known) * load(x + at_high, known), 1, keep_dims=True)
    inverse_low, inverse_high = load(inverses + low, low < tokens), load(inverses + high, low < tokens)
    off_low *= inverse_low * inverse_low * inverse_low / WIDTH
    off_high *= inverse_high * inverse_high * inverse_high / WIDTH
    return inverse_low, inverse_high, off_low, off_high


@triton.jit
def _added_gradient_kernel(  # type: ignore[no-untyped-def]
    above, of_normed, x, inverses, scales, largest, of_x, codes, turned, seen, power_used, tokens,
    WIDTH: tl.constexpr, TOKENS: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    pair, low, high = pairs_of_tokens(TOKENS)
    power, inverse_power = power_of(tl.load(largest + 1))
    tl.store(power_used, power)
    inverse_low, inverse_high, off_low, off_high = taken_off(
        of_normed, x, inverses, low, high, tokens, WIDTH, TOKENS, CHUNK
    )
    peak = tl.zeros((TOKENS // 2, 1), tl.float32)
    for start in tl.range(0, WIDTH, CHUNK):
        columns = (start + tl.arange(0, CHUNK))[None, :]
        known = (low < tokens) & (columns < WIDTH)
        at_low, at_high = low * WIDTH + columns, high * WIDTH + columns
        first = _gradient_of(above, of_normed, x, inverse_low, off_low, at_low, known)
        second = _gradient_of(above, of_normed, x, inverse_high, off_high, at_high, known)
        tl.store(of_x + at_low, first.to(of_x.dtype.element_ty), mask=known)
        tl.store(of_x + at_high, second.to(of_x.dtype.element_ty), mask=known)
        scale = load(scales + columns, columns < WIDTH)
        first, second = first * scale, second * scale
        peak = tl.maximum(peak, tl.max(tl.maximum(tl.abs(first), tl.abs(second)), 1, keep_dims=True))
        first, second = first * inverse_power, second * inverse_power
        store_both(codes, turned, first, second, pair, low, columns, known, tokens, WIDTH)
    tl.atomic_max(seen + 1, tl.max(tl.max(peak, 1), 0))


@triton.jit
def _outer_kernel(  # type: ignore[no-untyped-def]
    above, product, scales, inverses, before, largest, codes, turned, alongs, shares, seen, power_used, tokens, hidden,
    WIDTH: tl.constexpr, TOKENS: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    pair, low, high = pairs_of_tokens(TOKENS)
    power, inverse_power = power_of(tl.load(largest + 1))
    tl.store(power_used, power)
    tl.store(seen, tl.load(before))
    inverse_low, inverse_high = load(inverses + low, low < tokens), load(inverses + high, low < tokens)
    along_low, along_high = tl.zeros((TOKENS // 2, 1), tl.float32), tl.zeros((TOKENS // 2, 1), tl.float32)
    peak = tl.zeros((TOKENS // 2, 1), tl.float32)
    for start in tl.range(0, WIDTH, CHUNK):
        columns = (start + tl.arange(0, CHUNK))[None, :]
        known = (low < tokens) & (columns < WIDTH)
        at_low, at_high = low * WIDTH + columns, high * WIDTH + columns
        first, second = load(above + at_low, known) * inverse_low, load(above + at_high, known) * inverse_high
        with_first, with_second = first * load(product + at_low, known), second * load(product + at_high, known)
        share = tl.sum(with_first + with_second, 0, keep_dims=True)
        tl.store(shares + tl.program_id(0) * WIDTH + columns, share, mask=columns < WIDTH)
        scale = load(scales + columns, columns < WIDTH)
        along_low += tl.sum(with_first * scale, 1, keep_dims=True)
        along_high += tl.sum(with_second * scale, 1, keep_dims=True)
        first, second = first * scale, second * scale
        peak = tl.maximum(peak, tl.max(tl.maximum(tl.abs(first), tl.abs(second)), 1, keep_dims=True))
        first, second = first * inverse_power, second * inverse_power
        store_both(codes, turned, first, second, pair, low, columns, known, tokens, WIDTH)
    along_low *= inverse_low * inverse_low / hidden
    along_high *= inverse_high * inverse_high / hidden
    tl.store(alongs + low, along_low, mask=low < tokens)
    tl.store(alongs + high, along_high, mask=low < tokens)
    tl.atomic_max(seen + 1, tl.max(tl.max(peak, 1), 0))


@torch.library.custom_op("tritgolf::added_codes", mutates_args=())
def added_codes_on_gpu(
    residual: Tensor, scale: Tensor, product: Tensor, power: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """``fp8_operands.added_codes`` on a GPU: same results; ``power``: that of normalized rows."""
    tokens, width = residual.shape
    codes, turned = empty_codes((tokens, width), residual.device)
    added, inverses = residual.new_empty(tokens, width), empty_fp32(tokens, 1, device=residual.device)
    power_used = empty_fp32(device=residual.device)
    programs, settings = settings_of(residual, ADDED)
    tensors = (residual.contiguous(), product.contiguous(), scale.contiguous(), added, codes, turned.view(torch.int16))
    _added_kernel[(programs,)](*tensors, inverses, power_used, tokens, power, RMS_EPSILON, **settings)
    return added, codes, turned, power_used, inverses


@added_codes_on_gpu.register_fake
def _(residual: Tensor, scale: Tensor, product: Tensor, power: float) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    codes = empty_codes(residual.shape, residual.device)
    inverses = empty_fp32(residual.shape[0], 1, device=residual.device)
    return residual.new_empty(residual.shape), *codes, empty_fp32(device=residual.device), inverses


@torch.library.custom_op("tritgolf::added_gradient_codes", mutates_args=())
def added_gradient_codes_on_gpu(
    above: Tensor, of_normed: Tensor, x: Tensor, inverse: Tensor, scale: Tensor, largest: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """``fp8_operands.added_gradient_codes`` on a GPU: same arguments, same results."""
    tokens, width = x.shape
    codes, turned = empty_codes((tokens, width), x.device)
    power, seen = power_and_seen(x.device)
    of_x = x.new_empty(tokens, width)
    programs, settings = settings_of(x, ADDED_GRADIENT)
    tensors = (tensor.contiguous() for tensor in (above, of_normed, x, inverse, scale, largest))
    _added_gradient_kernel[(programs,)](
        *tensors, of_x, codes, turned.view(torch.int16), seen, power, tokens, **settings
    )
    return of_x, codes, turned, power, seen


@added_gradient_codes_on_gpu.register_fake
def _(
    above: Tensor, of_normed: Tensor, x: Tensor, inverse: Tensor, scale: Tensor, largest: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    return x.new_empty(x.shape), *empty_codes(x.shape, x.device), *power_and_seen(x.device)


@torch.library.custom_op("tritgolf::outer_gradient_codes", mutates_args=())
def outer_gradient_codes_on_gpu(
    above: Tensor, product: Tensor, scale: Tensor, inverse: Tensor, before: Tensor, largest: Tensor, hidden: int
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """``fp8_operands.outer_gradient_codes`` on a GPU: same arguments, same results."""
    tokens, width = above.shape
    codes, turned = empty_codes((tokens, width), above.device)
    power, seen = power_and_seen(above.device)
    programs, settings = settings_of(above, OUTER)
    shares, along = empty_fp32(programs, width, device=above.device), empty_fp32(tokens, 1, device=above.device)
    tensors = (tensor.contiguous() for tensor in (above, product, scale, inverse, before, largest))
    _outer_kernel[(programs,)](
        *tensors, codes, turned.view(torch.int16), along, shares, seen, power, tokens, hidden, **settings
    )
    return codes, turned, power, seen, along, shares


@outer_gradient_codes_on_gpu.register_fake
def _(
    above: Tensor, product: Tensor, scale: Tensor, inverse: Tensor, before: Tensor, largest: Tensor, hidden: int
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    device, (tokens, width) = above.device, above.shape
    shares, along = empty_fp32(settings_of(above, OUTER)[0], width, device=device), empty_fp32(tokens, 1, device=device)
    return *empty_codes((tokens, width), device), *power_and_seen(device), along, shares
